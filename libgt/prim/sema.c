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
 * context is saved, so that it is never readied too early. A deadline takes the same
 * lock to take its waiter out, so one that is in the queue has not been timed out.
 *
 * Source: Go's semaphore table (sema.go) and WebKit's ParkingLot.
 */
#include <string.h>

#include "base/window.h"
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
	waiter->link = link;
	*link = waiter;
	if (waiter->next)
		waiter->next->link = &waiter->next;
	else
		bucket->tail = &waiter->next;
}

static void remove_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter)
{
	*waiter->link = waiter->next;
	if (waiter->next)
		waiter->next->link = waiter->link;
	else
		bucket->tail = waiter->link;
	waiter->next = NULL;
	waiter->link = NULL;
}

/* A waiter with a deadline, on its own stack. */
struct timed {
	struct gt_wait wait;		/* first: expire() finds it by this */
	struct gt_sema_bucket *bucket;
	struct gt_sema_waiter *waiter;
	bool (*leave)(void *arg);
	void *arg;
};

static bool leave_locked(struct timed *timed)
{
	if (!timed->waiter->link || (timed->leave && !timed->leave(timed->arg)))
		return false;
	remove_locked(timed->bucket, timed->waiter);
	return true;
}

static bool expire(struct gt_wait *wait)
{
	struct timed *timed = (struct timed *)wait;
	struct gt_sema_bucket *bucket = timed->bucket;
	bool left;

	gt_lock(&bucket->lock);
	left = leave_locked(timed);
	gt_unlock(&bucket->lock);
	return left;
}

int gt_sema_park_until_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter,
			      bool (*leave)(void *arg), void *arg, int64_t deadline,
			      enum gt_reason reason)
{
	struct timed timed;

	if (deadline == GT_NO_DEADLINE) {
		gt_park(commit_unlock, &bucket->lock, reason);
		return 0;
	}
	gt_wait_begin(&timed.wait);
	timed.wait.expire = expire;
	timed.bucket = bucket;
	timed.waiter = waiter;
	timed.leave = leave;
	timed.arg = arg;
	if (gt_wait_park(&timed.wait, commit_unlock, &bucket->lock, deadline, reason) != -ENOMEM)
		return timed.wait.expired ? -ETIMEDOUT : 0;
	if (leave_locked(&timed)) {
		gt_unlock(&bucket->lock);
		return -ENOMEM;
	}
	gt_park(commit_unlock, &bucket->lock, reason);
	return 0;
}

struct gt_sema_waiter *gt_sema_first_locked(struct gt_sema_bucket *bucket, const void *address)
{
	struct gt_sema_waiter *waiter = bucket->head;

	while (waiter && waiter->address != address)
		waiter = waiter->next;
	return waiter;
}

struct gt_sema_waiter *gt_sema_take_locked(struct gt_sema_bucket *bucket, const void *address)
{
	struct gt_sema_waiter *waiter = gt_sema_first_locked(bucket, address);

	if (waiter)
		remove_locked(bucket, waiter);
	return waiter;
}

void gt_sema_wait(const void *address, bool (*still)(void *arg), void *arg,
		  enum gt_reason reason)
{
	gt_sema_wait_until(address, still, NULL, arg, GT_NO_DEADLINE, reason);
}

int gt_sema_wait_until(const void *address, bool (*still)(void *arg), bool (*leave)(void *arg),
		       void *arg, int64_t deadline, enum gt_reason reason)
{
	struct gt_sema_bucket *bucket;
	struct gt_sema_waiter waiter;

	GT_WINDOW("sema.wait");
	bucket = gt_sema_lock(address);
	if (!still(arg)) {
		gt_sema_unlock(bucket);
		return 0;
	}
	gt_sema_queue_locked(bucket, &waiter, address, false);
	return gt_sema_park_until_locked(bucket, &waiter, leave, arg, deadline, reason);
}

bool gt_sema_wake(const void *address, size_t count, bool (*change)(void *arg), void *arg)
{
	struct gt_sema_bucket *bucket = gt_sema_lock(address);
	struct gt_sema_waiter *woken = NULL, **end = &woken, *waiter, *next;
	bool many;

	if (change && !change(arg)) {
		gt_sema_unlock(bucket);
		return false;
	}
	for (waiter = bucket->head; count && waiter; waiter = next) {
		next = waiter->next;
		if (waiter->address != address)
			continue;
		remove_locked(bucket, waiter);
		*end = waiter;
		end = &waiter->next;
		count--;
	}
	gt_sema_unlock(bucket);
	GT_WINDOW("sema.taken");
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

void gt_sema_end(void)
{
	for (size_t i = 0; i < GT_BUCKETS; i++) {
		struct gt_sema_bucket *bucket = &buckets[i];
		struct gt_sema_waiter *waiter, *next;

		gt_lock(&bucket->lock);
		for (waiter = bucket->head; waiter; waiter = next) {
			next = waiter->next;
			if (!waiter->g->thread)
				remove_locked(bucket, waiter);
		}
		gt_unlock(&bucket->lock);
	}
}

void gt_sema_forget(void)
{
	memset(buckets, 0, sizeof(buckets));
}
