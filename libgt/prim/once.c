/* SPDX-License-Identifier: MIT */
/*
 * Doing something once: a word that says it is done, and a mutex under which it is.
 *
 *	first				later
 *	lock; fn(arg)			if (done) (A) return
 *	done = 1, release (B)		lock: waits for the first; done; unlock
 *	unlock
 *
 * (A) is an acquire load that pairs with (B): whoever skips the mutex sees all that
 * fn did. Setting done before fn with a compare-and-swap would be simpler, and
 * wrong: the losers would return while fn still runs.
 *
 * Source: Go's sync/once.go, sync/oncefunc.go.
 */
#include "gt/sync.h"
#include "sched/types.h"

static _Atomic uint32_t *done_of(struct gt_once *once)
{
	return (_Atomic uint32_t *)&once->gt_done;
}

static void once_slow(struct gt_once *once, void (*fn)(void *arg), void *arg)
{
	gt_mutex_lock(&once->gt_lock);
	if (!gt_load(done_of(once))) {
		fn(arg);
		gt_store_release(done_of(once), 1);				/* (B) */
	}
	gt_mutex_unlock(&once->gt_lock);
}

void gt_once_do(struct gt_once *once, void (*fn)(void *arg), void *arg)
{
	if (gt_unlikely(!gt_load_acquire(done_of(once))))			/* (A) */
		once_slow(once, fn, arg);
}
