/* SPDX-License-Identifier: MIT */
/*
 * sysmon: a thread without a P that looks after what nobody else sees.
 *
 * - A thread that is blocked undeclared, for backends that do not report it; for others
 *   one that has been for 10 ms, and nobody needed its P. A P
 *   whose tick stands still since the last look has run one task all the while;
 *   then the state of its thread is worth reading.
 * - A thread that is in a declared system call since the last look, if there is work
 *   for its P; after 10 ms in any case, since its timers and descriptors are work.
 * - A task that has run for a time slice while others wait, unless the backend sees to
 *   that: see preempt.c. Two that hand on their P to each other, which it does not see.
 * - Descriptors, if no M has polled for 10 ms since all are busy.
 * - Timers of Ps that are busy with one long task.
 * - The default of GOMAXPROCS, and what is left of Ps that retired.
 * - Queued work beside an idle P, as after a failure to start a thread.
 * - Memory of free stacks, which goes back to the kernel.
 *
 * It sleeps 20 us between looks while it finds something to do, after 1 ms without
 * it doubles the pause up to 10 ms, or a sixteenth of a slice while tasks wait for a busy
 * P, so that slices end as much late at most. Where blocks are reported it begins with
 * half a slice and stays there, or at a whole one where the backend ends slices: each look
 * takes the CPU from somebody. It sleeps without a limit while all Ps are idle, but for
 * such memory: then only the poller can bring work, and gt_p_idle_get_locked() wakes us.
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
#include "sched/preempt.h"
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
#define GT_QUIET_MAX 10000000
#define GT_STUCK 10000000

static struct {
	pthread_t thread;
	_Atomic uint32_t stop;		/* futex: 1 to end */
	bool running;			/* gt_run()'s caller's */
} sysmon;

/* Take p from m if it is in the same declared system call as at the last look. */
static struct gt_p *retake_declared(struct gt_p *p, struct gt_m *m, uint64_t take, int64_t now)
{
	if (now - p->seen_at < GT_GRACE_NS ||
	    (now - p->seen_at < GT_SYSCALL_IDLE && !gt_p_has_work(p, now)))
		return NULL;
	return gt_handoff_take_declared(m, take);
}

/* Reports go to nobody, if no M is left to stand by. */
static bool is_reported(struct gt_m *m)
{
	return gt_sched.backend->reports(m) && gt_load(&gt_sched.idle_m_count);
}

/* m is blocked, and has been with one task, since p->seen_at: take its P, or NULL. */
static struct gt_p *retake(struct gt_p *p, struct gt_m *m, uint64_t take, int64_t now)
{
	if (!gt_sched.config.handoff)
		return NULL;
	if (GT_TAKE_STATE(take) == GT_TAKE_SYSCALL)
		return retake_declared(p, m, take, now);
	/* If it was reported, or is quiet, it can wait a little for who is to take it. */
	if (now - p->seen_at < (is_reported(m) ? GT_QUIET_MAX : GT_GRACE_NS) ||
	    gt_load(&m->inside))
		return NULL;
	return gt_handoff_take(m);
}

/* Is m, whose P's tick has just moved, in a block that is younger than the pause? */
static bool has_just_blocked(struct gt_m *m, bool declared)
{
	if (!gt_sched.config.handoff)
		return false;
	return declared || (!gt_sched.backend->reports(m) && !gt_load(&m->inside) &&
			    gt_sched.backend->blocked(m));
}

/* Two tasks that hand on p to each other through p->next have had a slice together. */
static void serve_ring(struct gt_p *p, int64_t now)
{
	uint32_t head = gt_load(&p->head);

	if (head != p->seen_head || head == gt_load(&p->tail)) {
		p->seen_head = head;
		p->head_at = now;
	} else if (now - p->head_at >= gt_sched.config.slice) {
		gt_store(&p->next_streak, GT_NEXT_STREAK - 1);
	}
}

/*
 * Is p, whose tick has stood still since p->seen_at, waiting for a lock of libc's that
 * a held task has: in its M, or for one to be made? Some such locks spin.
 */
static bool is_stuck(struct gt_p *p, struct gt_m *m, int64_t now)
{
	if (now - p->seen_at < GT_STUCK)
		return false;
	if (m ? gt_sched.backend->asleep(m) : gt_maker_has_work())
		return true;
	return now - p->seen_at >= 10 * GT_STUCK && (!m || gt_load(&m->inside));
}

/* What a look at all Ps has found. */
struct finding {
	bool any;		/* a P was taken, or might be soon: looking closely pays */
	bool waiting;		/* a P is busy, and something waits for it */
	bool unsliced;		/* the same, and the end of its slice is ours to see */
	bool stuck;		/* all Ps are */
};

/*
 * Take the Ps of blocked Ms, and those of tasks that have had their slice. A block that
 * is younger than a long pause counts: without that, blocks that are always shorter than
 * the pause would never be met twice.
 */
static struct finding look(int64_t now, int64_t pause)
{
	struct finding found = {
		.stuck = gt_load(&gt_sched.held) || gt_load(&gt_sched.returned),
	};

	gt_for_each_p(p) {
		struct gt_m *m = gt_load_acquire(&p->m);
		uint64_t tick = gt_load(&p->tick);
		uint64_t take = m ? gt_load_acquire(gt_take(m)) : GT_TAKE_NONE;
		bool declared = GT_TAKE_STATE(take) == GT_TAKE_SYSCALL, waiting;
		struct gt_p *taken;

		if (tick != p->seen_tick || (declared && take != p->seen_take)) {
			p->seen_tick = tick;
			p->seen_take = take;
			p->seen_at = now;
			found.stuck = false;
			found.any |= m && pause > GT_PAUSE_MIN && has_just_blocked(m, declared);
		}
		if (!m) {
			found.stuck = found.stuck && is_stuck(p, m, now);
			continue;
		}
		waiting = gt_sched.config.preempt && gt_preempt_waiting(p, now);
		found.waiting |= waiting;
		found.unsliced |= waiting && !gt_preempt_is_sliced(m);
		if (waiting)
			serve_ring(p, now);
		if (p->seen_at == now)
			continue;
		taken = retake(p, m, take, now);
		if (taken) {
			found.stuck = false;
			if (is_reported(m)) {
				gt_p_idle_give(taken);
				continue;
			}
			found.any = true;
			gt_thread_start(taken, false);
			continue;
		}
		if (waiting)
			found.any |= gt_preempt_look(p, m, now);
		found.stuck = found.stuck && is_stuck(p, m, now);
	}
	return found;
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
 * and fire them in an order that fits their queues: see fire_due() in find.c.
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
	bool reported = gt_sched.backend->standby;
	int64_t slice_look = gt_sched.config.slice / (reported ? 2 : 16), first, pause;
	struct finding found;
	int quiet = 0;

	if (slice_look < GT_PAUSE_MIN)
		slice_look = GT_PAUSE_MIN;
	first = reported ? slice_look : GT_PAUSE_MIN;
	pause = first;
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!gt_load(&sysmon.stop)) {
		int64_t now;

		if (gt_load(&gt_sched.idle_p_count) == gt_load(&gt_sched.procs) &&
		    sleep_while_idle()) {
			pause = first;
			quiet = 0;
		}
		gt_futex_wait(&sysmon.stop, 0, gt_clock() + pause);
		GT_WINDOW("sysmon.look");
		now = gt_clock();
		atomic_store(&gt_sched.sysmon_busy, true);
		poll_overdue(now);
		/* These may allocate, and a held task may own malloc()'s lock. */
		if (gt_preempt_hold_off()) {
			fire_overdue(now);
			gt_procs_tidy();
			gt_procs_refresh(now);
			gt_stack_trim(now);
			gt_preempt_hold_on();
		}
		if (gt_load(&gt_sched.queue_count))
			gt_wake_p();
		look_for_deadlock();
		found = look(now, pause);
		gt_preempt_look_loose(now);
		/* An idle P is of no use without an M. */
		if (found.stuck && (!gt_load(&gt_sched.idle_p_count) || gt_maker_has_work())) {
			gt_preempt_rescue();
			found.any = true;
		}
		if (found.any) {
			pause = GT_PAUSE_MIN;
			quiet = 0;
		} else if (++quiet > GT_PAUSE_LOOKS && pause < GT_PAUSE_MAX) {
			pause = pause * 2 < GT_PAUSE_MAX ? pause * 2 : GT_PAUSE_MAX;
		}
		if (found.unsliced && pause > slice_look)
			pause = slice_look;
		if (found.waiting && pause > gt_sched.config.slice)
			pause = gt_sched.config.slice;
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
