/* SPDX-License-Identifier: MIT */
/*
 * sysmon: a thread without a P that looks after what nobody else sees.
 *
 * - A thread that is blocked undeclared, for backends that do not report it. A P
 *   whose tick stands still since the last look has run one task all the while;
 *   then the state of its thread is worth reading.
 * - A thread that is in a declared system call since the last look, if there is work
 *   for its P; after 10 ms in any case, since its timers and descriptors are work.
 * - Descriptors, if no M has polled for 10 ms since all are busy.
 * - Timers of Ps that are busy with one long task.
 * - The default of GOMAXPROCS, and what is left of Ps that retired.
 * - Queued work beside an idle P, as after a failure to start a thread.
 * - Memory of free stacks, which goes back to the kernel.
 *
 * It sleeps 20 us between looks while it finds something to do, after 1 ms without
 * it doubles the pause up to 10 ms, and it sleeps without a limit while all Ps are
 * idle, but for such memory: then only the poller can bring work, and gt_p_idle_get_locked() wakes us.
 * That sleep misses no wake: asleep is set under the lock that guards the idle Ps.
 *
 * Source: Go's runtime, proc.go (sysmon, retake).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/futex.h"
#include "base/window.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/timer.h"

#define GT_PAUSE_MIN 20000
#define GT_PAUSE_MAX 10000000
#define GT_PAUSE_LOOKS 50
#define GT_POLL_EVERY 10000000
#define GT_OVERDUE 20000000
#define GT_RECHECK_MIN 10000000
#define GT_RECHECK_MAX 1000000000
#define GT_SYSCALL_IDLE 10000000

static struct {
	pthread_t thread;
	_Atomic uint32_t stop;		/* futex: 1 to end */
	bool running;			/* gt_run()'s caller's */
} sysmon;

/* Is there anything that p could do, if its M let go of it? A snapshot. */
static bool has_work(struct gt_p *p, int64_t now)
{
	return !gt_runq_empty(p) || gt_load(&gt_sched.queue_count) ||
	       gt_load(&p->timers->first) <= now;
}

/* Take p from m if it is in the same declared system call as at the last look. */
static struct gt_p *retake_declared(struct gt_p *p, struct gt_m *m, uint32_t take, int64_t now)
{
	if (now - p->seen_at < GT_GRACE_NS ||
	    (now - p->seen_at < GT_SYSCALL_IDLE && !has_work(p, now)))
		return NULL;
	return gt_handoff_take_declared(m, take);
}

/*
 * Take the Ps of blocked Ms. Returns whether looking on closely pays: a P was taken,
 * or, after a long pause, an M is in a block that is younger than the pause. Without
 * the latter, blocks that are always shorter than the pause would never be met twice.
 */
static bool retake(int64_t now, int64_t pause)
{
	bool any = false;

	gt_for_each_p(p) {
		struct gt_m *m = gt_load_acquire(&p->m);
		uint64_t tick = gt_load(&p->tick);
		struct gt_p *taken;
		uint32_t take;
		bool declared;

		if (!m)
			continue;
		take = gt_load_acquire(&m->take);
		declared = GT_TAKE_STATE(take) == GT_TAKE_SYSCALL;
		if (tick != p->seen_tick || (declared && take != p->seen_take)) {
			p->seen_tick = tick;
			p->seen_take = take;
			p->seen_at = now;
			any |= pause > GT_PAUSE_MIN && declared;
			any |= pause > GT_PAUSE_MIN && gt_load(&m->slot) < 0 &&
			       !gt_load(&m->inside) && gt_sched.backend->blocked(m);
			continue;
		}
		if (declared)
			taken = retake_declared(p, m, take, now);
		/* With a slot, its blocks are reported. */
		else if (gt_load(&m->slot) >= 0 || now - p->seen_at < GT_GRACE_NS ||
			 gt_load(&m->inside))
			continue;
		else
			taken = gt_handoff_take(m);
		if (taken) {
			any = true;
			gt_thread_start(taken, false);
		}
	}
	return any;
}

static void poll_overdue(int64_t now)
{
	int64_t polled = atomic_load(&gt_sched.polled);
	struct gt_list list = { 0 };

	if (!gt_load(&gt_sched.poll_waiters) || !polled || now - polled < GT_POLL_EVERY)
		return;
	if (!atomic_compare_exchange_strong(&gt_sched.polled, &polled, now))
		return;
	gt_sched.poller->poll(&list, 0);
	gt_inject(&list);
}

/*
 * Timers of a P that is busy with one long task, or with none. Others look themselves,
 * and fire them in an order that fits their queues: see fire_due() in sched.c.
 */
static void fire_overdue(int64_t now)
{
	gt_for_each_p(p) {
		uint64_t tick = gt_load(&p->tick);

		if (gt_load(&p->timers->first) > now || tick != p->due_tick) {
			p->due_tick = tick;
			p->due_at = now;
		} else if (now - p->due_at >= GT_OVERDUE) {
			gt_timers_run(p->timers, now, SIZE_MAX);
		}
	}
}

/* What sysmon may have held is in a queue now. See deadlock.c. */
static void look_for_deadlock(void)
{
	atomic_store(&gt_sched.sysmon_busy, false);
	if (gt_load(&gt_sched.idle_p_count) != gt_load(&gt_sched.procs))
		return;
	gt_lock(&gt_sched.lock);
	gt_deadlock_check_locked();
	gt_unlock(&gt_sched.lock);
}

/* All Ps are idle: sleep until one is not, or stop. */
static bool sleep_while_idle(void)
{
	int64_t pause = GT_RECHECK_MIN, until;
	bool slept = false;

	gt_lock(&gt_sched.lock);
	while (gt_load(&gt_sched.idle_p_count) == gt_load(&gt_sched.procs) &&
	       !gt_load(&sysmon.stop)) {
		gt_store(&gt_sched.sysmon_asleep, 1);
		gt_unlock(&gt_sched.lock);
		until = gt_stack_trim(gt_clock());
		if (!gt_load(&gt_sched.suspect)) {
			gt_futex_wait(&gt_sched.sysmon_asleep, 1, until);
		} else {
			if (until > gt_clock() + pause)
				until = gt_clock() + pause;
			gt_futex_wait(&gt_sched.sysmon_asleep, 1, until);
			pause = pause * 2 < GT_RECHECK_MAX ? pause * 2 : GT_RECHECK_MAX;
		}
		slept = true;
		gt_lock(&gt_sched.lock);
		if (gt_load(&gt_sched.suspect)) {
			gt_store(&gt_sched.sysmon_asleep, 0);
			gt_deadlock_check_locked();
		}
	}
	gt_store(&gt_sched.sysmon_asleep, 0);
	gt_unlock(&gt_sched.lock);
	return slept;
}

void gt_sysmon_wake(void)
{
	gt_store(&gt_sched.sysmon_asleep, 0);
	gt_futex_wake(&gt_sched.sysmon_asleep, 1);
}

static void *sysmon_main(void *arg)
{
	int64_t pause = GT_PAUSE_MIN;
	int quiet = 0;

	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!gt_load(&sysmon.stop)) {
		int64_t now;

		if (gt_load(&gt_sched.idle_p_count) == gt_load(&gt_sched.procs) &&
		    sleep_while_idle()) {
			pause = GT_PAUSE_MIN;
			quiet = 0;
		}
		gt_futex_wait(&sysmon.stop, 0, gt_clock() + pause);
		GT_WINDOW("sysmon.look");
		now = gt_clock();
		atomic_store(&gt_sched.sysmon_busy, true);
		poll_overdue(now);
		fire_overdue(now);
		gt_procs_tidy();
		gt_procs_refresh(now);
		gt_stack_trim(now);
		if (gt_load(&gt_sched.queue_count))
			gt_wake_p();
		look_for_deadlock();
		if (gt_sched.config.handoff && retake(now, pause)) {
			pause = GT_PAUSE_MIN;
			quiet = 0;
		} else if (++quiet > GT_PAUSE_LOOKS && pause < GT_PAUSE_MAX) {
			pause = pause * 2 < GT_PAUSE_MAX ? pause * 2 : GT_PAUSE_MAX;
		}
	}
	return arg;
}

int gt_sysmon_start(void)
{
	sigset_t all, old;
	int error;

	gt_store(&sysmon.stop, 0);
	/* The program's signals are for threads that run the program. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&sysmon.thread, NULL, sysmon_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sysmon.running = !error;
	return -error;
}

void gt_sysmon_stop(void)
{
	if (!sysmon.running)
		return;
	sysmon.running = false;
	gt_store(&sysmon.stop, 1);
	gt_futex_wake(&sysmon.stop, 1);
	gt_lock(&gt_sched.lock);
	gt_sysmon_wake();
	gt_unlock(&gt_sched.lock);
	pthread_join(sysmon.thread, NULL);
}

void gt_sysmon_forget(void)
{
	sysmon.running = false;
}
