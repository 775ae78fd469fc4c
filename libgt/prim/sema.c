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

struct waiter {
	struct waiter *next;
	const void *address;
	struct gt_g *g;
};

static struct bucket {
	_Alignas(GT_CACHELINE) struct gt_lock lock;
	struct waiter *head;		/* lock */
	struct waiter **tail;		/* lock: NULL is &head */
} buckets[GT_BUCKETS];

static struct bucket *bucket_of(const void *address)
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

void gt_sema_wait(const void *address, bool (*still)(void *arg), void *arg,
		  enum gt_reason reason)
{
	struct bucket *bucket = bucket_of(address);
	struct waiter waiter = { .address = address, .g = gt_g_self() };

	gt_lock(&bucket->lock);
	if (!still(arg)) {
		gt_unlock(&bucket->lock);
		return;
	}
	if (!bucket->tail)
		bucket->tail = &bucket->head;
	*bucket->tail = &waiter;
	bucket->tail = &waiter.next;
	gt_park(commit_unlock, &bucket->lock, reason);
}

bool gt_sema_wake(const void *address, size_t count, bool (*change)(void *arg), void *arg)
{
	struct bucket *bucket = bucket_of(address);
	struct waiter *woken = NULL, **end = &woken, **link, *waiter;
	bool many;

	gt_lock(&bucket->lock);
	if (change && !change(arg)) {
		gt_unlock(&bucket->lock);
		return false;
	}
	link = &bucket->head;
	while (count && (waiter = *link)) {
		if (waiter->address != address) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		if (bucket->tail == &waiter->next)
			bucket->tail = link;
		waiter->next = NULL;
		*end = waiter;
		end = &waiter->next;
		count--;
	}
	gt_unlock(&bucket->lock);
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
