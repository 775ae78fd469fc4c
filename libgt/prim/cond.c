/* SPDX-License-Identifier: MIT */
/*
 * Conditions: a queue in the table of sema.c, and a count of who is in it.
 *
 * A waiter queues before it unlocks the mutex, so that whoever changes the condition
 * under the mutex after that finds it in the queue. Between the two it is not parked
 * yet and must not be readied: the waker, who takes it out under the bucket's lock,
 * reads there whether it has got that far.
 *
 *	waiter				waker
 *	lock the bucket, queue, unlock
 *	unlock the mutex
 *	lock the bucket			lock the bucket
 *	if (taken out) unlock, go on	take it out; if (parked) ready it
 *	parked = true			unlock the bucket
 *	park; commit unlocks
 *
 * One of the two critical sections is first: the waker sees parked, or the waiter
 * that it was taken out. After its section the waker touches neither the waiter, if
 * it is not parked, nor the condition, which the last waiter may free. A deadline is
 * set with the last step, and takes the waiter out itself: a signal goes to one who
 * still waits.
 *
 * Rejected: Go's tickets, which let the waiter queue after the unlock; with
 * deadlines, a signal could go to the ticket of one who has given up.
 *
 * Source: Go's sync/cond.go for what it does.
 */
#include <errno.h>

#include "gt/panic.h"
#include "gt/sync.h"
#include "prim/mutex.h"
#include "prim/sema.h"

struct waiter {
	struct gt_sema_waiter sema;	/* first: found by it */
	bool parked;			/* the bucket's lock */
};

static _Atomic uint32_t *waiters_of(struct gt_cond *cond)
{
	return (_Atomic uint32_t *)&cond->gt_waiters;
}

/* The queue goes by the address, so a copy would be another condition. */
static void check_copy(struct gt_cond *cond)
{
	_Atomic uintptr_t *self = (_Atomic uintptr_t *)&cond->gt_self;
	uintptr_t first = gt_load(self);

	if (gt_likely(first == (uintptr_t)cond))
		return;
	if (first || (!atomic_compare_exchange_strong(self, &first, (uintptr_t)cond) &&
		      first != (uintptr_t)cond))
		gt_panic("sync.Cond is copied");
}

static void count_out(struct gt_cond *cond)
{
	gt_store(waiters_of(cond), gt_load(waiters_of(cond)) - 1);
}

static bool leave(void *cond)
{
	count_out(cond);
	return true;
}

int gt_cond_wait_until(struct gt_cond *cond, struct gt_mutex *mutex, int64_t deadline)
{
	struct waiter waiter = { .parked = false };
	struct gt_sema_bucket *bucket;
	int error = 0;

	check_copy(cond);
	/* Not when it stands in the queue: a panic may be recovered. */
	if (gt_unlikely(!gt_mutex_locked(mutex)))
		gt_panic("sync: unlock of unlocked mutex");
	gt_enter();
	bucket = gt_sema_lock(cond);
	gt_count(waiters_of(cond));
	gt_sema_queue_locked(bucket, &waiter.sema, cond, false);
	gt_sema_unlock(bucket);
	gt_leave();

	gt_mutex_unlock(mutex);

	gt_enter();
	bucket = gt_sema_lock(cond);
	if (waiter.sema.link) {
		waiter.parked = true;
		error = gt_sema_park_until_locked(bucket, &waiter.sema, leave, cond, deadline,
						  GT_REASON_COND);
	} else {
		gt_sema_unlock(bucket);
	}
	gt_leave();
	gt_mutex_lock(mutex);
	return error;
}

void gt_cond_wait(struct gt_cond *cond, struct gt_mutex *mutex)
{
	gt_cond_wait_until(cond, mutex, GT_NO_DEADLINE);
}

static void wake(struct gt_cond *cond, size_t count)
{
	struct gt_sema_bucket *bucket;
	struct gt_sema_waiter *list = NULL, **end = &list, *taken;
	bool many;

	check_copy(cond);
	if (!gt_load(waiters_of(cond)))
		return;
	gt_enter();
	bucket = gt_sema_lock(cond);
	while (count-- && (taken = gt_sema_take_locked(bucket, cond))) {
		struct waiter *waiter = (struct waiter *)taken;

		count_out(cond);
		if (waiter->parked) {
			*end = taken;
			end = &taken->next;
		}
	}
	gt_sema_unlock(bucket);
	many = list && list->next;
	while ((taken = list)) {
		/* Readied, its stack is its own again. */
		list = taken->next;
		if (many)
			gt_ready_last(taken->g);
		else
			gt_ready(taken->g);
	}
	gt_leave();
}

void gt_cond_signal(struct gt_cond *cond)
{
	wake(cond, 1);
}

void gt_cond_broadcast(struct gt_cond *cond)
{
	wake(cond, SIZE_MAX);
}
