/* SPDX-License-Identifier: MIT */
/*
 * Waitgroups: a counter in the high half of a word, the number of waiters in the
 * low half, so that both change at once.
 *
 * A waiter counts itself in while the counter is not zero. The one that brings the
 * counter to zero with waiters present swaps the word to zero and takes all waiters
 * out of their queue, both under the queue's lock: a waiter that gets there later
 * finds the word at zero and does not park, and a waiter of the next use of the
 * object comes too late to be taken. After the swap the object may be gone.
 *
 * Source: Go's sync/waitgroup.go.
 */
#include "base/window.h"
#include "gt/panic.h"
#include "gt/sync.h"
#include "prim/sema.h"
#include "sched/task.h"

#define GT_WG_ONE ((uint64_t)1 << 32)

static _Atomic uint64_t *state_of(struct gt_wg *wg)
{
	return (_Atomic uint64_t *)&wg->gt_state;
}

static int32_t counter(uint64_t state)
{
	return (int32_t)(state >> 32);
}

/* Only waiters may have come since the counter reached zero. */
static bool release_waiters(void *arg)
{
	_Atomic uint64_t *word = state_of(arg);
	uint64_t state = atomic_load(word);

	while (!counter(state))
		if (atomic_compare_exchange_weak(word, &state, 0))
			return true;
	return false;
}

/* Inside the runtime. */
static void wg_add(struct gt_wg *wg, int delta)
{
	_Atomic uint64_t *word = state_of(wg);
	uint64_t add = (uint64_t)(uint32_t)delta << 32;
	uint64_t state = atomic_fetch_add(word, add) + add;

	if (gt_unlikely(counter(state) < 0))
		gt_panic(delta < 0 ? "sync: negative WaitGroup counter" :
				     "sync: WaitGroup counter over its maximum");
	if (gt_unlikely(delta > 0 && counter(state) == delta && (uint32_t)state))
		gt_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	if (counter(state) || !(uint32_t)state)
		return;
	GT_WINDOW("wg.zero");
	if (!gt_sema_wake(wg, SIZE_MAX, release_waiters, wg))
		gt_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
}

void gt_wg_add(struct gt_wg *wg, int delta)
{
	gt_enter();
	wg_add(wg, delta);
	gt_leave();
}

void gt_wg_done(struct gt_wg *wg)
{
	gt_wg_add(wg, -1);
}

/*
 * Not "the counter is above zero": a waiter that has been counted may only return
 * after the swap, or its caller could use the object again before it.
 */
static bool still_counted(void *arg)
{
	return atomic_load(state_of(arg)) != 0;
}

/* Its time is up: count it out, unless who brought the counter to zero counts on it. */
static bool count_out(void *arg)
{
	_Atomic uint64_t *word = state_of(arg);
	uint64_t state = atomic_load(word);

	while (counter(state)) {
		/* Its next use began before this wait had ended, a misuse: leave it whole. */
		if (!(uint32_t)state || atomic_compare_exchange_weak(word, &state, state - 1))
			return true;
	}
	return false;
}

int gt_wg_wait_until(struct gt_wg *wg, int64_t deadline)
{
	_Atomic uint64_t *word = state_of(wg);
	uint64_t state = atomic_load(word);
	int error;

	if (counter(state) > 0 && gt_deadline_passed(deadline))
		return -ETIMEDOUT;
	while (counter(state) > 0) {
		if (!atomic_compare_exchange_weak(word, &state, state + 1))
			continue;
		gt_enter();
		error = gt_sema_wait_until(wg, still_counted, count_out, wg, deadline,
					   GT_REASON_SEMA);
		gt_leave();
		if (gt_unlikely(!error && atomic_load(word)))
			gt_panic("sync: WaitGroup is reused before previous Wait has returned");
		return error;
	}
	return 0;
}

void gt_wg_wait(struct gt_wg *wg)
{
	gt_wg_wait_until(wg, GT_NO_DEADLINE);
}

static void done_with(void *wg)
{
	gt_wg_add(wg, -1);
}

int gt_wg_go(struct gt_wg *wg, void (*fn)(void *arg), void *arg)
{
	const struct gt_task_request request = {
		.fn = fn,
		.arg = arg,
		.done = done_with,
		.done_arg = wg,
		.site = GT_SITE,
	};
	int error;

	gt_wg_add(wg, 1);
	error = gt_task_start(&request);
	if (error)
		gt_wg_add(wg, -1);
	return error;
}
