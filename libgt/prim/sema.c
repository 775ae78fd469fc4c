/* SPDX-License-Identifier: MIT */
/*
 * Waiting on an address.
 *
 * A hash table of buckets, each a lock and a queue in order of arrival. Waiters
 * stand on their own stacks. Unrelated addresses may share a bucket, which costs a
 * walk past them, and no more.
 *
 *	waiter				waker
 *	lock the bucket			make still() false
 *	if (!still()) unlock, return	lock the bucket
 *	enqueue, park; commit unlocks	take waiters out, unlock, ready them
 *
 * The lock orders the two: the waiter sees what the waker wrote, or is in the
 * queue when the waker looks. It is let go by park's commit, when the waiter's
 * context is saved, so that it is never readied too early.
 *
 * Source: Go's semaphore table (sema.go) and WebKit's ParkingLot.
 */
#include "prim/sema.h"

#define GT_BUCKETS 256		/* a power of two */

static struct gt_sema_bucket {
	_Alignas(GT_CACHELINE) struct gt_lock lock;
	struct gt_sema_waiter *head;	/* lock */
	struct gt_sema_waiter **tail;	/* lock: NULL is &head */
} buckets[GT_BUCKETS];

static struct gt_sema_bucket *bucket_of(const void *address)
{
	/* Fibonacci hashing; objects are aligned, so the low bits say little. */
	return &buckets[((uintptr_t)address >> 3) * 0x9e3779b97f4a7c15u >> 56];
}

static bool commit_unlock(struct gt_g *g, void *arg)
{
	(void)g;
	gt_unlock(arg);
	return true;
}

struct gt_sema_bucket *gt_sema_lock(const void *address)
{
	struct gt_sema_bucket *bucket = bucket_of(address);

	gt_lock(&bucket->lock);
	return bucket;
}

void gt_sema_unlock(struct gt_sema_bucket *bucket)
{
	gt_unlock(&bucket->lock);
}

void gt_sema_queue_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter,
			  const void *address, bool front)
{
	struct gt_sema_waiter **link;

	waiter->address = address;
	waiter->g = gt_g_self();
	if (!bucket->tail)
		bucket->tail = &bucket->head;
	link = front ? &bucket->head : bucket->tail;
	waiter->next = *link;
	*link = waiter;
	if (bucket->tail == link)
		bucket->tail = &waiter->next;
}

void gt_sema_park_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter,
			 const void *address, bool front, enum gt_reason reason)
{
	gt_sema_queue_locked(bucket, waiter, address, front);
	gt_park(commit_unlock, &bucket->lock, reason);
}

static struct gt_sema_waiter **find_locked(struct gt_sema_bucket *bucket, const void *address)
{
	struct gt_sema_waiter **link = &bucket->head;

	while (*link && (*link)->address != address)
		link = &(*link)->next;
	return link;
}

struct gt_sema_waiter *gt_sema_first_locked(struct gt_sema_bucket *bucket, const void *address)
{
	return *find_locked(bucket, address);
}

static struct gt_sema_waiter *take_locked(struct gt_sema_bucket *bucket,
					  struct gt_sema_waiter **link)
{
	struct gt_sema_waiter *waiter = *link;

	*link = waiter->next;
	if (bucket->tail == &waiter->next)
		bucket->tail = link;
	waiter->next = NULL;
	return waiter;
}

struct gt_sema_waiter *gt_sema_take_locked(struct gt_sema_bucket *bucket, const void *address)
{
	struct gt_sema_waiter **link = find_locked(bucket, address);

	return *link ? take_locked(bucket, link) : NULL;
}

void gt_sema_wait(const void *address, bool (*still)(void *arg), void *arg,
		  enum gt_reason reason)
{
	struct gt_sema_bucket *bucket = gt_sema_lock(address);
	struct gt_sema_waiter waiter;

	if (still(arg))
		gt_sema_park_locked(bucket, &waiter, address, false, reason);
	else
		gt_sema_unlock(bucket);
}

bool gt_sema_wake(const void *address, size_t count, bool (*change)(void *arg), void *arg)
{
	struct gt_sema_bucket *bucket = gt_sema_lock(address);
	struct gt_sema_waiter *woken = NULL, **end = &woken, **link, *waiter;
	bool many;

	if (change && !change(arg)) {
		gt_sema_unlock(bucket);
		return false;
	}
	link = &bucket->head;
	while (count && (waiter = *link)) {
		if (waiter->address != address) {
			link = &waiter->next;
			continue;
		}
		*end = take_locked(bucket, link);
		end = &waiter->next;
		count--;
	}
	gt_sema_unlock(bucket);
	many = woken && woken->next;
	while ((waiter = woken)) {
		/* Readied, its stack is its own again. */
		woken = waiter->next;
		if (many)
			gt_ready_last(waiter->g);
		else
			gt_ready(waiter->g);
	}
	return true;
}
