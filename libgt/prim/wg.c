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
 * Most often one waits, and without a deadline: the first of those stands in the object
 * itself, and DIRECT in the word says so. That saves it and its waker the queue, three
 * of their five read-modify-writes.
 *
 *	waiter's commit			who brings the counter to zero
 *	set DIRECT, while the counter	sees DIRECT
 *	   is not zero
 *	direct = g (A)			wait for direct (B), take it
 *					word = 0; ready g
 *
 * Its context is saved before it sets DIRECT, so from then on it may be readied. (B) waits
 * for some instructions of a commit, which is inside the runtime. The object is there
 * until g is ready: that is still in its wait. A plain store makes the word zero: only a
 * misuse changes it meanwhile, an Add that panics, since it finds DIRECT beside no count.
 *
 * Source: Go's sync/waitgroup.go.
 */
#include "base/relax.h"
#include "base/window.h"
#include "gt/panic.h"
#include "gt/sync.h"
#include "prim/sema.h"
#include "sched/task.h"

#define GT_WG_DIRECT ((uint64_t)1 << 31)	/* one that waits is not in the queue */

static _Atomic uint64_t *state_of(struct gt_wg *wg)
{
	return (_Atomic uint64_t *)&wg->gt_state;
}

static _Atomic(struct gt_g *) *direct_of(struct gt_wg *wg)
{
	return (_Atomic(struct gt_g *) *)&wg->gt_direct;
}

static int32_t counter(uint64_t state)
{
	return (int32_t)(state >> 32);
}

/* Who stands in the object, and DIRECT has been seen. */
static struct gt_g *take_direct(struct gt_wg *wg)
{
	_Atomic(struct gt_g *) *direct = direct_of(wg);
	struct gt_g *g;

	for (int i = 0; !(g = gt_load_acquire(direct)); i++)		/* (B) */
		gt_relax(i);
	gt_store(direct, NULL);
	return g;
}

/* Only waiters may have come since the counter reached zero. */
static bool release_waiters(void *arg)
{
	_Atomic uint64_t *word = state_of(arg);
	uint64_t state = atomic_load(word);
	struct gt_g *g = NULL;

	while (!counter(state)) {
		if (!g && state & GT_WG_DIRECT)
			g = take_direct(arg);
		if (!atomic_compare_exchange_weak(word, &state, 0))
			continue;
		/* It came first. */
		if (g)
			gt_ready_last(g);
		return true;
	}
	if (g)
		gt_store_release(direct_of(arg), g);
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
	if (gt_likely(state == GT_WG_DIRECT)) {
		struct gt_g *g = take_direct(wg);

		gt_store_release(word, 0);
		gt_ready(g);
		return;
	}
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
		if (!((uint32_t)state & ~GT_WG_DIRECT) || atomic_compare_exchange_weak(word, &state, state - 1))
			return true;
	}
	return false;
}

struct direct_wait {
	struct gt_wg *wg;
	bool parked;
};

static bool commit_direct(struct gt_g *g, void *arg)
{
	struct direct_wait *wait = arg;
	_Atomic uint64_t *word = state_of(wait->wg);
	uint64_t state = atomic_load(word);

	while (counter(state) > 0 && !(uint32_t)state) {
		if (atomic_compare_exchange_weak(word, &state, state | GT_WG_DIRECT)) {
			GT_WINDOW("wg.direct");
			wait->parked = true;
			gt_store_release(direct_of(wait->wg), g);	/* (A) */
			return true;
		}
	}
	return false;
}

/* False: another waits already, or there is nothing to wait for any more. */
static bool wait_direct(struct gt_wg *wg)
{
	struct direct_wait wait = { .wg = wg };

	gt_enter();
	gt_park(commit_direct, &wait, GT_REASON_SEMA);
	gt_leave();
	return wait.parked;
}

static int wait_in_queue(struct gt_wg *wg, int64_t deadline)
{
	int error;

	gt_enter();
	error = gt_sema_wait_until(wg, still_counted, count_out, wg, deadline, GT_REASON_SEMA);
	gt_leave();
	return error;
}

int gt_wg_wait_until(struct gt_wg *wg, int64_t deadline)
{
	_Atomic uint64_t *word = state_of(wg);
	uint64_t state = atomic_load(word);
	int error = 0;

	if (counter(state) > 0 && gt_deadline_passed(deadline))
		return -ETIMEDOUT;
	for (;;) {
		if (counter(state) <= 0)
			return 0;
		if (!(uint32_t)state && deadline == GT_NO_DEADLINE) {
			if (wait_direct(wg))
				break;
			state = atomic_load(word);
		} else if (atomic_compare_exchange_weak(word, &state, state + 1)) {
			error = wait_in_queue(wg, deadline);
			break;
		}
	}
	if (gt_unlikely(!error && atomic_load(word)))
		gt_panic("sync: WaitGroup is reused before previous Wait has returned");
	return error;
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
