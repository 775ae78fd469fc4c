/* SPDX-License-Identifier: MIT */
/*
 * Sleeping: an alarm on the sleeper's stack that readies it.
 *
 * The alarm's heap is let go by park's commit, so it cannot fire before the sleeper's
 * context is saved. Without memory for it the task sleeps in the kernel, which hands
 * its P on like any other undeclared block.
 */
#include <errno.h>
#include <time.h>

#include "gt/panic.h"
#include "gt/time.h"
#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/task.h"
#include "sched/timer.h"

struct sleeper {
	struct gt_alarm alarm;	/* first: fire() finds the sleeper by it */
	struct gt_g *g;
};

static void fire(struct gt_alarm *alarm, int64_t when)
{
	(void)when;
	gt_ready_last(((struct sleeper *)alarm)->g);
}

static bool commit_let_go(struct gt_g *g, void *arg)
{
	(void)g;
	gt_alarm_let_go(arg);
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
	struct sleeper sleeper = { .alarm.fire = fire };

	if (deadline <= gt_now()) {
		gt_task_yield();
		return;
	}
	if (!gt_m_self()) {
		sleep_in_kernel(deadline);
		return;
	}
	gt_enter();
	sleeper.g = gt_g_self();
	if (!gt_alarm_hold(&sleeper.alarm, deadline)) {
		gt_park(commit_let_go, &sleeper.alarm, GT_REASON_SLEEP);
		gt_leave();
	} else {
		gt_leave();
		if (gt_bubble_self())
			gt_panic("no memory to sleep in a bubble");
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
