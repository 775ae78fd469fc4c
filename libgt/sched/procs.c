/* SPDX-License-Identifier: MIT */
/*
 * The Ps, and how many of them there are: GOMAXPROCS, changed while tasks run.
 *
 * All GT_MAXPROCS_MAX stand in one mapping that never moves; a P's memory comes into
 * being when it is first used. Each is in use or retired. One in use is idle, held
 * by an M, or on its way from one to the other, and procs counts these. A retired one
 * is on the list retired_p, and nobody's.
 *
 * The world is not stopped. gt_procs_set() writes how many are wanted, and under the
 * same lock retires idle Ps beyond that, at once, or puts retired ones back. Busy ones
 * beyond it go as their Ms come by: while there are any, GT_SLOW_SHED in slow turns
 * every pick of a task to gt_find(), and each M that gets there with its P retires it,
 * until enough are gone. It does not matter whose P goes; so those of Ms that come
 * often go first, and a long loop holds up nobody but itself. Until then more than
 * wanted may run, but never more than before the call: while procs exceeds wanted,
 * none comes into use, since that happens in gt_procs_set() alone, up to wanted.
 *
 * Nothing that a P has is lost when it goes:
 *
 *   tasks	Its owner moves the ring and p->next to the global queue, under the
 *		lock. Thieves may take some meanwhile, as ever. Nobody adds: only an
 *		owner does, and there is none any more.
 *   dead Gs	Go to the global list, in the same section.
 *   ids	Stay with the P, for its next use.
 *   counts	born and died stay, and are summed over all Ps that ever were.
 *   timers	Move to a P in use, after that section (gt_procs_tidy). If there is no
 *		memory for that they stay, and thieves and sysmon run them.
 *
 * WHO LOOKS AT ALL Ps sees every one that may hold something: the set live has a bit
 * for each, gt_for_each_p() walks it. The bit is set, by a sequentially consistent
 * write, before the P comes into use, so before anything is put there; it is cleared
 * when the P is retired and has no timers left. So who is sure to see a task or a
 * timer in a P, by the barriers of sched.c and timer.c, is sure to see the P's bit.
 *
 * Timers must not be added to a heap after its bit is cleared. Its owner cannot, there
 * is none; one that is being fired may be, but then the bit stays. Others look at retired under the lock of the heap, and take another P:
 *
 *	adds to p, not its owner	retires p
 *	lock p's timers			retired = true, under sched.lock
 *	(A) if (retired) unlock,	lock p's timers
 *	    take another		(B) move all of them out; when
 *	add, unlock			    there are none, clear the bit
 *
 * The heap's lock orders the two: an adder that is first has its timer moved, one that
 * is second sees retired. There always is a P to take, since one is always in use.
 *
 * NO LOST WAKEUP WHEN Ps ARE ADDED. Tasks that were made ready while no P was idle woke
 * nobody. Adding an idle P is like adding a task, and has the same proof:
 *
 *	gt_procs_set			maker of a task, or last spinner
 *	idle_p_count++			add the task, or spinning--
 *	(C) full barrier		(A), (B) of sched.c
 *	if (!spinning) wake an M	if (idle_p_count && !spinning) wake an M
 *
 * Either the maker sees the idle P, or the M that is woken here, or that spins already,
 * sees the task. It wakes the next when it has found one.
 *
 * Unless the user has said how many, sysmon asks once a second what the default is (see
 * gt_config_maxprocs()): affinity masks and quotas change.
 *
 * Rejected: stopping the world, as Go does, which waits for the slowest of all tasks;
 * retiring by number, the highest first, which lets the low ones start tasks while the
 * high ones still run theirs; RCU for the array of Ps, which is not needed where
 * nothing is freed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/window.h"
#include "gt/time.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/timer.h"

#define GT_REFRESH_EVERY 1000000000

static const size_t all_size = GT_MAXPROCS_MAX * sizeof(struct gt_p);

/* Bring a retired P, or one that never was, into use. NULL: all are. */
static struct gt_p *revive_locked(void)
{
	struct gt_p *p = gt_sched.retired_p;
	uint32_t made = gt_load(&gt_sched.procs_made);

	if (p) {
		gt_sched.retired_p = p->idle_next;
	} else {
		if (made == GT_MAXPROCS_MAX)
			return NULL;
		p = &gt_sched.all_p[made];
		p->timers = gt_timers_of(made);
		gt_store_release(&gt_sched.procs_made, made + 1);
	}
	atomic_fetch_or(&gt_sched.live[gt_p_index(p) / 64], UINT64_C(1) << gt_p_index(p) % 64);
	gt_store(&p->retired, false);
	gt_store(&gt_sched.procs, gt_load(&gt_sched.procs) + 1);
	return p;
}

static void slow_locked(void)
{
	if (gt_load(&gt_sched.procs) > gt_load(&gt_sched.procs_wanted))
		gt_slow_set(GT_SLOW_SHED);
	else
		gt_slow_clear(GT_SLOW_SHED);
}

/* p, which the caller owns, goes out of use. Its timers are left to gt_procs_tidy(). */
static void retire_locked(struct gt_p *p)
{
	struct gt_g *g;

	while ((g = gt_runq_get(p)))
		gt_list_push(&gt_sched.queue, g);
	gt_queue_counted_locked();
	gt_stack_share(p, 0);
	gt_store(&p->retired, true);
	p->idle_next = gt_sched.retired_p;
	gt_sched.retired_p = p;
	gt_store(&gt_sched.procs, gt_load(&gt_sched.procs) - 1);
	gt_store(&gt_sched.procs_untidy, true);
	slow_locked();
}

bool gt_procs_retire_locked(struct gt_p *p)
{
	if (gt_likely(gt_load(&gt_sched.procs) <= gt_load(&gt_sched.procs_wanted)))
		return false;
	retire_locked(p);
	return true;
}

bool gt_procs_shed(struct gt_m *m)
{
	bool shed;

	gt_lock(&gt_sched.lock);
	shed = gt_load(&gt_sched.procs) > gt_load(&gt_sched.procs_wanted);
	if (shed)
		retire_locked(gt_p_release(m));
	gt_unlock(&gt_sched.lock);
	if (!shed)
		return false;
	gt_procs_tidy();
	GT_WINDOW("procs.shed");
	atomic_thread_fence(memory_order_seq_cst);		/* (A) of sched.c */
	gt_wake_p();
	return true;
}

/* Move p's timers to some P in use. False: there is no memory. */
static bool move_timers(struct gt_p *p)
{
	for (;;) {
		gt_for_each_p(to) {
			int error;

			if (to == p || gt_load(&to->retired))
				continue;
			error = gt_timers_move(to, p->timers);
			if (error != -ESTALE)
				return !error;
		}
		/* All that were in use are retired, and others in their place. */
		if (!gt_load(&p->retired))
			return true;
	}
}

void gt_procs_tidy(void)
{
	if (!gt_load(&gt_sched.procs_untidy))
		return;
	gt_store(&gt_sched.procs_untidy, false);
	gt_for_each_p(p) {
		_Atomic uint64_t *live = &gt_sched.live[gt_p_index(p) / 64];

		if (!gt_load(&p->retired))
			continue;
		if (!move_timers(p))
			gt_store(&gt_sched.procs_untidy, true);
		GT_WINDOW("procs.moved");
		gt_lock(&p->timers->lock);
		gt_lock(&gt_sched.lock);
		if (gt_load(&p->retired) && gt_timers_empty_locked(p->timers))	/* (B) */
			atomic_fetch_and(live, ~(UINT64_C(1) << gt_p_index(p) % 64));
		gt_unlock(&gt_sched.lock);
		gt_unlock(&p->timers->lock);
	}
}

enum chooser { USER, DEFAULT, REFRESH };

/* Returns what was wanted before. thread: for DEFAULT, whose affinity mask counts. */
static uint32_t set(uint32_t n, enum chooser by, pid_t thread)
{
	struct gt_p *p;
	bool grown = false;
	uint32_t old;

	gt_lock(&gt_sched.lock);
	old = gt_load(&gt_sched.procs_wanted);
	if (by == REFRESH && gt_load(&gt_sched.procs_fixed))
		n = old;
	else
		gt_store(&gt_sched.procs_fixed, by == USER);
	if (by == DEFAULT)
		gt_sched.procs_thread = thread;
	gt_store(&gt_sched.procs_wanted, n);
	while (gt_load(&gt_sched.procs) > n && (p = gt_p_idle_get_locked()))
		retire_locked(p);
	while (gt_load(&gt_sched.procs) < n && (p = revive_locked())) {
		gt_p_idle_put_locked(p);
		grown = true;
	}
	slow_locked();
	gt_unlock(&gt_sched.lock);

	gt_procs_tidy();
	if (grown) {
		GT_WINDOW("procs.grown");
		atomic_thread_fence(memory_order_seq_cst);		/* (C) */
		gt_wake_p();
	}
	return old;
}

int gt_procs_set(int n)
{
	return (int)set(n, USER, 0);
}

int gt_procs_set_default(void)
{
	return (int)set(gt_config_maxprocs(0), DEFAULT, (pid_t)syscall(SYS_gettid));
}

void gt_procs_refresh(int64_t now)
{
	uint32_t n;
	pid_t thread;

	if (gt_load(&gt_sched.procs_fixed) ||
	    now - gt_sched.procs_refreshed < GT_REFRESH_EVERY)
		return;
	gt_sched.procs_refreshed = now;
	gt_lock(&gt_sched.lock);
	thread = gt_sched.procs_thread;
	gt_unlock(&gt_sched.lock);
	n = gt_config_maxprocs(thread);
	if (n != gt_load(&gt_sched.procs_wanted))
		set(n, REFRESH, 0);
}

int gt_procs_start(int n, bool fixed)
{
	gt_sched.all_p = mmap(NULL, all_size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (gt_sched.all_p == MAP_FAILED) {
		gt_sched.all_p = NULL;
		return -ENOMEM;
	}
	gt_store(&gt_sched.procs_fixed, fixed);
	gt_sched.procs_thread = (pid_t)syscall(SYS_gettid);
	gt_sched.procs_refreshed = gt_clock();
	gt_store(&gt_sched.procs_wanted, n);
	gt_lock(&gt_sched.lock);
	/* The first is the first M's. */
	revive_locked();
	while (--n)
		gt_p_idle_put_locked(revive_locked());
	gt_unlock(&gt_sched.lock);
	return 0;
}

void gt_procs_end(void)
{
	gt_timers_end();
	munmap(gt_sched.all_p, all_size);
	gt_sched.all_p = NULL;
	for (int i = 0; i < GT_MAXPROCS_MAX / 64; i++)
		atomic_store(&gt_sched.live[i], 0);
	gt_sched.idle_p = NULL;
	gt_store(&gt_sched.idle_p_count, 0);
}
