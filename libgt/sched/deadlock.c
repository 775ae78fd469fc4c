/* SPDX-License-Identifier: MIT */
/*
 * Deadlock: no task can ever run again.
 *
 * That is so if every M is idle, nothing is queued, no timer is set, nobody waits for a
 * descriptor, and the process has no threads but the runtime's own and gt_run()'s
 * caller: any other might ready a task. A thread inside a blocking call is not idle, and
 * counts as life, declared or not; so does one that is held with its task, and one that
 * is being made.
 *
 * NO FALSE ALARM. All of this is looked at under sched.lock, under which Ms become idle
 * and cease to be. If all of them are, who could still bring a task?
 *
 *   an M		only when it is woken, under the lock
 *   a plain thread	there is none
 *   the maker		holds no task; an M on its way is counted, and is not idle
 *   sysmon		may hold one that it has taken from a timer or a descriptor:
 *
 *	M				sysmon
 *	idle, under the lock		busy = false
 *	if (!busy) look			lock; look; unlock
 *
 * Whichever comes second sees the other, and looks.
 *
 * NONE IS MISSED. The last M to go idle looks, and sees all that was there. What may
 * end later without an M that goes idle after it:
 *
 *   the last timer, or the last to wait for a descriptor, while an M waits in the poller
 *		for just that: an M that has nothing to wait for kicks it out, (C) in
 *		find.c, or the plain thread that took it away does (gt_deadlock_hint). It
 *		finds nothing, goes idle, and looks.
 *   the last plain thread: nobody tells us. If all else says deadlock, sysmon does not
 *		sleep for ever but looks again, after 10 ms first and then less often, each
 *		second in the end.
 *
 * If no task is left at all the main task has called gt_exit(), and nobody will end the
 * run: that is said in words of its own.
 *
 * Source: Go's runtime, proc.go (checkdead). It gives up on programs with C threads.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/print.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/timer.h"

/* The runtime's that are no M: sysmon, the maker, and gt_run()'s caller. */
#define GT_OTHER_THREADS 3

static bool foreign_threads(void)
{
	struct stat st;

	/* A folder has a link for itself, one from above, and one from each below. */
	return stat("/proc/self/task", &st) ||
	       st.st_nlink - 2 > gt_sched.threads + GT_OTHER_THREADS;
}

bool gt_nothing_awaited(void)
{
	return !atomic_load(&gt_sched.poll_waiters) && gt_timers_first() == INT64_MAX;
}

static bool nothing_queued_locked(void)
{
	gt_for_each_p(p)
		if (!gt_runq_empty(p))
			return false;
	return !gt_sched.queue.head && !gt_sched.bound.head && !gt_sched.starting;
}

static _Noreturn void die(void)
{
	bool none = !gt_task_count();

	gt_print_flush();
	gt_print("fatal: %s - deadlock!\n\n",
		 none ? "no tasks (main called gt_exit)" : "all tasks are asleep");
	gt_dump_tasks();
	_exit(2);
}

void gt_deadlock_check_locked(void)
{
	gt_store(&gt_sched.suspect, false);
	if (gt_load(&gt_sched.idle_m_count) + gt_sched.bound_idle != gt_sched.threads ||
	    gt_load(&gt_sched.phase) != GT_ON || atomic_load(&gt_sched.sysmon_busy) ||
	    !gt_nothing_awaited() || !nothing_queued_locked())
		return;
	if (!foreign_threads())
		die();
	gt_store(&gt_sched.suspect, true);
	if (gt_load(&gt_sched.sysmon_asleep))
		gt_sysmon_wake();
}

void gt_deadlock_hint(void)
{
	if (gt_load(&gt_sched.phase) == GT_ON && !atomic_load(&gt_sched.polled) &&
	    gt_nothing_awaited())
		gt_sched.poller->kick();
}
