/* SPDX-License-Identifier: MIT */
/*
 * Bubbles of virtual time, as programs run them: the clock, and who moves it.
 *
 * The root waits until none of the bubble's tasks can do anything by itself, moves the
 * clock to the first timer, and fires what is due; see sched/bubble.c for how it knows.
 * Nobody else of the bubble is awake meanwhile, so all timers of an instant fire before
 * any task sees that instant.
 *
 * Source: Go's testing/synctest for what it does.
 */
#include <errno.h>
#include <stdlib.h>

#include "gt/bubble.h"
#include "gt/panic.h"
#include "gt/time.h"
#include "prim/bubble.h"
#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/task.h"
#include "sched/timer.h"

int64_t gt_now(void)
{
	struct gt_bubble *bubble = gt_bubble_self();

	return gt_unlikely(bubble) ? gt_load(&bubble->now) : gt_clock();
}

void gt_bubble_check(uint64_t id, const char *what)
{
	if (id != gt_bubble_id())
		gt_panic("%s from outside bubble", what);
}

static struct gt_bubble *bubble_make(void)
{
	static _Atomic uint64_t last_id;
	struct gt_bubble *bubble = aligned_alloc(_Alignof(struct gt_bubble), sizeof(*bubble));

	if (!bubble)
		return NULL;
	*bubble = (struct gt_bubble){
		.id = atomic_fetch_add(&last_id, 1) + 1,
		.now = GT_BUBBLE_START,
		.timers = { .of_bubble = true, .first = INT64_MAX },
		.refs = 1,
		.active = 1,
	};
	gt_store(&gt_bubbles_used, true);
	return bubble;
}

static void main_has_ended(void *arg)
{
	struct gt_bubble *bubble = arg;

	gt_enter();
	gt_lock(&bubble->lock);
	bubble->main_ended = true;
	gt_unlock(&bubble->lock);
	gt_leave();
}

/* Nobody is active. Returns what is wrong if none of its tasks can ever be again. */
static const char *advance(struct gt_bubble *bubble)
{
	int64_t first = gt_load(&bubble->timers.first);

	if (bubble->main_ended)
		return "deadlock: main bubble goroutine has exited but blocked goroutines remain";
	if (first == INT64_MAX)
		return "deadlock: all goroutines in bubble are blocked";
	/* A timer may have been set for the past. */
	if (first > gt_load(&bubble->now))
		gt_store(&bubble->now, first);
	gt_timers_run(&bubble->timers, gt_load(&bubble->now), SIZE_MAX);
	return NULL;
}

int gt_bubble_run(void (*fn)(void *arg), void *arg)
{
	const char *wrong = NULL;
	struct gt_bubble *bubble;
	int error;

	if (gt_bubble_self())
		gt_panic("synctest.Run called from within a synctest bubble");
	bubble = bubble_make();
	if (!bubble)
		return -ENOMEM;
	gt_enter();
	error = gt_task_start_inside(&(struct gt_task_request){
		.fn = fn,
		.arg = arg,
		.bubble = bubble,
		.done = main_has_ended,
		.done_arg = bubble,
	});
	while (!error && !wrong) {
		gt_bubble_idle(bubble);
		if (!bubble->tasks)
			break;
		wrong = advance(bubble);
	}
	if (!wrong)
		gt_timers_drop(&bubble->timers);
	gt_leave();
	/* The tasks that are left have their bubble still. */
	if (wrong)
		gt_panic("%s", wrong);
	gt_bubble_put(bubble);
	return error;
}

void gt_bubble_wait(void)
{
	struct gt_bubble *bubble = gt_bubble_self();
	bool alone;

	if (!bubble)
		gt_panic("goroutine is not in a bubble");
	gt_enter();
	alone = gt_bubble_settle(bubble);
	gt_leave();
	if (!alone)
		gt_panic("wait already in progress");
}
