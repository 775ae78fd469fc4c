/* SPDX-License-Identifier: MIT */
/*
 * Sleeping: a timer on the sleeper's stack that readies it.
 *
 * The timer is started by park's commit, so it cannot fire before the sleeper's
 * context is saved. Room for it is made before, while an error can still be met:
 * without memory the task sleeps in the kernel, which hands its P on like any other
 * undeclared block.
 */
#include <errno.h>
#include <time.h>

#include "gt/time.h"
#include "sched/park.h"
#include "sched/task.h"
#include "sched/timer.h"

struct sleeper {
	struct gt_timer timer;	/* first: fire() finds the sleeper by it */
	struct gt_g *g;
	int64_t deadline;
};

static void fire(struct gt_timer *timer)
{
	gt_ready_last(((struct sleeper *)timer)->g);
}

static bool commit_start(struct gt_g *g, void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->g = g;
	gt_timer_add(gt_m_self()->p, &sleeper->timer, sleeper->deadline);
	return true;
}

static void sleep_in_kernel(int64_t deadline)
{
	struct timespec ts = { deadline / GT_SECOND, deadline % GT_SECOND };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

void gt_sleep_until(int64_t deadline)
{
	struct sleeper sleeper = { .timer.fire = fire };

	if (deadline == INT64_MAX)
		deadline--;		/* to the heap that is "no timer" */
	sleeper.deadline = deadline;
	if (deadline <= gt_now()) {
		gt_task_yield();
		return;
	}
	if (!gt_m_self()) {
		sleep_in_kernel(deadline);
		return;
	}
	gt_enter();
	if (gt_timer_reserve(gt_m_self()->p)) {
		gt_park(commit_start, &sleeper, GT_REASON_SLEEP);
		gt_leave();
	} else {
		gt_leave();
		sleep_in_kernel(deadline);
	}
}

void gt_sleep(int64_t ns)
{
	int64_t deadline;

	if (__builtin_add_overflow(gt_now(), ns, &deadline))
		deadline = INT64_MAX;	/* in 292 years */
	gt_sleep_until(deadline);
}
