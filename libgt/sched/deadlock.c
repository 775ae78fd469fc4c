/* SPDX-License-Identifier: MIT */
/*
 * Deadlock: no task can ever run again.
 *
 * That is so if every M is idle, no timer is set, nobody waits for a descriptor,
 * and the process has no threads but the runtime's own and gt_run()'s caller: any
 * other might ready a task. A thread inside a blocking call is not idle, and counts
 * as life. There is no false alarm; a deadlock beside a plain thread is not seen.
 *
 * The last M to go idle looks, under sched.lock. sysmon may at that moment hold a
 * task that it has taken from a timer or a descriptor:
 *
 *	M				sysmon
 *	idle, under the lock		busy = false
 *	if (!busy) look			lock; look; unlock
 *
 * Whichever comes second sees the other, and looks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gt/task.h"
#include "sched/sched.h"
#include "sched/timer.h"

static const char *const reasons[] = {
	[GT_REASON_NONE] = "nothing",
	[GT_REASON_CHAN_SEND] = "channel send",
	[GT_REASON_CHAN_RECV] = "channel receive",
	[GT_REASON_CHAN_NIL] = "nil channel",
	[GT_REASON_SELECT] = "select",
	[GT_REASON_SEMA] = "waitgroup",
	[GT_REASON_MUTEX] = "mutex",
	[GT_REASON_RWMUTEX_READ] = "rwmutex for reading",
	[GT_REASON_RWMUTEX_WRITE] = "rwmutex for writing",
	[GT_REASON_COND] = "cond",
	[GT_REASON_SLEEP] = "sleep",
	[GT_REASON_NET_READ] = "readable descriptor",
	[GT_REASON_NET_WRITE] = "writable descriptor",
};

static void dump(struct gt_g *g)
{
	if (gt_load(&g->state) != GT_WAITING)
		return;
	fprintf(stderr, "task %" PRIu64 "%s%s%s: waits for %s", g->id, g->name ? " '" : "",
		g->name ? g->name : "", g->name ? "'" : "", reasons[g->reason]);
	if (g->creator)
		fprintf(stderr, ", created by task %" PRIu64, g->creator);
	fputc('\n', stderr);
}

/* The runtime's: its Ms, sysmon, the maker, and gt_run()'s caller. */
static bool foreign_threads(void)
{
	struct stat st;

	/* A folder has a link for itself, one from above, and one from each below. */
	return stat("/proc/self/task", &st) || st.st_nlink - 2 > gt_sched.threads + 3;
}

void gt_deadlock_check_locked(void)
{
	if (gt_sched.idle_m_count + gt_sched.bound_idle != gt_sched.threads ||
	    gt_sched.queue.head || gt_sched.bound.head ||
	    gt_load(&gt_sched.phase) != GT_ON || gt_load(&gt_sched.sysmon_busy) ||
	    gt_load(&gt_sched.poll_waiters) || gt_timers_first() != INT64_MAX)
		return;
	gt_for_each_p(p)
		if (gt_load(&p->head) != gt_load(&p->tail) || gt_load(&p->next))
			return;
	if (foreign_threads())
		return;
	fflush(stdout);
	fprintf(stderr, "fatal: all tasks are asleep - deadlock!\n\n");
	gt_stack_each(dump);
	_exit(2);
}
