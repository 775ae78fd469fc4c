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
 * The first's last steps are deferred: a function that panics or exits is done, too.
 * A value's function is called by gt_try(), so that its panic can be raised again.
 *
 * Source: Go's sync/once.go, sync/oncefunc.go.
 */
#include "base/window.h"
#include "gt/panic.h"
#include "gt/sync.h"
#include "gt/task.h"
#include "sched/types.h"

static _Atomic uint32_t *done_of(struct gt_once *once)
{
	return (_Atomic uint32_t *)&once->gt_done;
}

static void finish(void *arg)
{
	struct gt_once *once = arg;

	gt_store_release(done_of(once), 1);					/* (B) */
	gt_mutex_unlock(&once->gt_lock);
}

static __attribute__((__noinline__)) void once_slow(struct gt_once *once, void (*fn)(void *arg),
						    void *arg)
{
	GT_WINDOW("once.looked");
	gt_mutex_lock(&once->gt_lock);
	if (gt_load(done_of(once))) {
		gt_mutex_unlock(&once->gt_lock);
		return;
	}
	GT_DEFER(finish, once);
	fn(arg);
}

void gt_once_do(struct gt_once *once, void (*fn)(void *arg), void *arg)
{
	if (gt_unlikely(!gt_load_acquire(done_of(once))))			/* (A) */
		once_slow(once, fn, arg);
}

/* The call that makes a value, and what it is made by: one of the two functions. */
struct making {
	struct gt_once_value *once;
	void *(*value_fn)(void *arg);
	void (*fn)(void *arg);
	void *arg;
};

static void call(void *arg)
{
	struct making *making = arg;

	if (making->value_fn)
		making->once->gt_value = making->value_fn(making->arg);
	else
		making->fn(making->arg);
}

static void make(void *arg)
{
	struct making *making = arg;
	struct gt_once_value *once = making->once;

	once->gt_outcome = (uint32_t)gt_try(call, making, &once->gt_panic);
	if (once->gt_outcome == GT_EXITED)
		gt_exit();
}

static void *once_value(struct gt_once_value *once, struct making *making)
{
	gt_once_do(&once->gt_once, make, making);
	if (gt_likely(once->gt_outcome == GT_RETURNED))
		return once->gt_value;
	if (once->gt_outcome == GT_EXITED)
		gt_panic("gt_once_value: the function called gt_exit()");
	gt_panic_again(&once->gt_panic);
}

void *gt_once_value(struct gt_once_value *once, void *(*fn)(void *arg), void *arg)
{
	struct making making = { .once = once, .value_fn = fn, .arg = arg };

	return once_value(once, &making);
}

void gt_once_func(struct gt_once_value *once, void (*fn)(void *arg), void *arg)
{
	struct making making = { .once = once, .fn = fn, .arg = arg };

	once_value(once, &making);
}
