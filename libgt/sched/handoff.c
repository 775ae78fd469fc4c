/* SPDX-License-Identifier: MIT */
/*
 * Hand-off: taking the P of an M that is blocked in user code, undeclared.
 *
 * A task may call anything, and M does not say so: its thread just sleeps in the
 * kernel. The backend, or sysmon, notices; but M may wake at any moment and walk
 * into the runtime, where it uses its P without a lock. So a taker has to be let in
 * by a protocol that costs M nothing atomic:
 *
 *	M, entering (gt_enter)		taker (gt_handoff_take)
 *	inside = true			take: NONE -> WANTED
 *	(A) light barrier		(B) heavy barrier
 *	if (take != NONE) regain	if (inside) refuse: WANTED -> NONE
 *					else take: WANTED -> TAKEN
 *
 * By (B), if the taker reads inside as false, M's next store to it comes after the
 * barrier, and M's load of take then sees WANTED or what came of it. If M sees
 * WANTED, it and the taker race by compare-and-swap on take: M to NONE keeps the
 * P, the taker to TAKEN has it. Either way both know. (B) is membarrier(); it
 * costs the taker some 14 us, next to a thread wake-up of twice that. Each WANTED
 * has a number, so that a taker that is late does not decide another's look.
 *
 * With the module the look and the barrier are not needed. take is then a word that the
 * kernel shares (uapi/linux/gt.h): as M goes to sleep with its P, the kernel makes it
 * BLOCKED with the number of that block, and as M comes back, NONE. So one compare-and-
 * swap decides, as proved in kmod/word.c:
 *
 *	M, entering (gt_enter)		taker
 *	inside = true			take == BLOCKED n, and the grace is over ?
 *	if (take != NONE) regain	if (inside) refuse
 *					take: BLOCKED n -> TAKEN
 *
 * inside and held are M's, which sleeps from before the first line of the taker to after
 * its last, if that succeeds: they are of one moment. M need not be fast to look: until it
 * looks, nobody changes what it will see.
 *
 * M leaves by a release store to inside, which the taker's load acquires: whatever
 * M did to its P inside is done. Who loses a P is stopped before it is back in user
 * code, where the backend can (gt_preempt_returned); else it runs on without, up to its
 * next entry. This gap is measured where the backend can (gap_ns).
 *
 * A declared system call (syscall.c) needs neither: M itself has set take to SYSCALL
 * with the call's number, and will not touch its P before it has set it back, by
 * compare-and-swap. So the taker's from that word to TAKEN decides, and held, read
 * between its look at the word and that, is what M held all the while.
 *
 * A P is taken even if it has no work: its timers, and descriptors if it was the
 * last to look at them, must not wait for a thread that sleeps. It is idle then.
 *
 * QUIET BLOCKS. To take it is not urgent while another P is idle, somebody waits in the
 * poller if there is anything to wait for, and its own queue is empty: who makes work ready
 * finds the other, and the poller's M waits for the timers of all. So the module wakes
 * nobody for it (ONLY IF THERE IS WORK in linux/gt.h). It is as if the M were busy with a
 * long task, with one difference, when the other P goes: then the blocked M's has to be
 * idle in its place, before makers of work see that there is none.
 *
 *	takes the last idle P		the module, for M
 *	(under sched.lock)
 *	spare = false			M is uncovered, quiet++
 *	(C) full barrier		full barrier
 *	if (quiet) take one of those	if (!spare) report
 *	  that are uncovered: idle
 *	idle_p_count--
 *
 * One of the two sees the other. So if no P is idle, each M that is blocked with its P for
 * longer than the grace was reported, or was in the runtime; and idle_p_count has not been 0
 * in between, so (A) and (B) of sched.c hold as they are.
 *
 * If that never happens sysmon takes the P after 10 ms, without waking anybody: all are
 * idle then and sysmon may sleep, as may those who count them.
 *
 * Source: the asymmetric barrier is Dekker's with membarrier(2), as in liburcu.
 */
#include "base/window.h"
#include "sched/park.h"
#include "sched/preempt.h"

/* p was m's, and m finds TAKEN. */
static struct gt_p *taken(struct gt_p *p, _Atomic uint64_t *counter)
{
	gt_store_release(&p->m, NULL);
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	return p;
}

static struct gt_p *refused(void)
{
	atomic_fetch_add_explicit(&gt_sched.nr_refused, 1, memory_order_relaxed);
	return NULL;
}

struct gt_p *gt_handoff_take_declared(struct gt_m *m, uint64_t word)
{
	struct gt_p *p = gt_load(&m->held);

	if (GT_TAKE_STATE(word) != GT_TAKE_SYSCALL)
		return NULL;
	GT_WINDOW("syscall.take");
	if (!atomic_compare_exchange_strong(gt_take(m), &word, GT_TAKE_TAKEN))
		return NULL;
	return taken(p, &gt_sched.nr_syscalls_taken);
}

/* The kernel has said that m is blocked. */
static struct gt_p *take_blocked(struct gt_m *m, _Atomic uint64_t *take, uint64_t word)
{
	struct gt_p *p = gt_load(&m->held);

	if (gt_load_acquire(&m->inside))
		return NULL;
	GT_WINDOW("take.blocked");
	return atomic_compare_exchange_strong(take, &word, GT_TAKE_TAKEN) ?
	       taken(p, &gt_sched.nr_handoffs) : refused();
}

struct gt_p *gt_handoff_take(struct gt_m *m)
{
	uint64_t block = gt_sched.backend->blocked(m);
	uint64_t expected, wanted;
	_Atomic uint64_t *take;
	struct gt_p *p;

	if (!block || gt_load_acquire(&m->inside))
		return NULL;
	take = gt_take(m);
	expected = gt_load_acquire(take);
	if (GT_TAKE_STATE(expected) == GT_TAKE_SYSCALL)
		return gt_handoff_take_declared(m, expected);
	if (GT_TAKE_STATE(expected) == GT_TAKE_BLOCKED)
		return (expected & ~(uint64_t)GT_TAKE_ASKED) == block ?
		       take_blocked(m, take, expected) : NULL;
	if (GT_TAKE_STATE(expected) != GT_TAKE_NONE || take != &m->own_take)
		return NULL;
	GT_WINDOW("take.seen");
	wanted = GT_TAKE_WORD(GT_TAKE_WANTED, atomic_fetch_add(&gt_sched.takers, 1));
	if (!atomic_compare_exchange_strong(take, &expected, wanted))
		return NULL;
	GT_WINDOW("take.wanted");
	gt_barrier_heavy();						/* (B) */
	p = gt_load(&m->held);
	GT_WINDOW("take.looked");
	expected = wanted;
	if (gt_load_acquire(&m->inside) || gt_sched.backend->blocked(m) != block)
		atomic_compare_exchange_strong(take, &expected, GT_TAKE_NONE);
	else if (atomic_compare_exchange_strong(take, &expected, GT_TAKE_TAKEN))
		/* M was outside all the while, so p is what it held. */
		return taken(p, &gt_sched.nr_handoffs);
	return refused();
}

struct gt_p *gt_handoff_take_quiet(void)
{
	gt_for_each_p(each) {
		struct gt_m *m = gt_load_acquire(&each->m);
		struct gt_p *p = NULL;

		/* Others are sysmon's: to look at them is slow. */
		if (m && gt_sched.backend->reports(m))
			p = gt_handoff_take(m);
		if (p)
			return p;
	}
	return NULL;
}

struct gt_p *gt_handoff_scan(void)
{
	struct gt_p *first = NULL;

	gt_for_each_p(each) {
		struct gt_m *m = gt_load_acquire(&each->m);
		struct gt_p *p;

		p = m ? gt_handoff_take(m) : NULL;
		if (p && first)
			gt_p_idle_give(p);
		else if (p)
			first = p;
	}
	return first;
}

void gt_handoff_forget(struct gt_m *m)
{
	atomic_fetch_add_explicit(&gt_sched.gap_ns, gt_sched.backend->resumed_ago(m),
				  memory_order_relaxed);
	gt_sched.backend->cover(m, false);
	m->p = NULL;
	m->pick = NULL;
	gt_store(&m->held, NULL);
}

void gt_regain(struct gt_m *m)
{
	uint64_t take = gt_load(gt_take(m));
	struct gt_p *p;

	while (take != GT_TAKE_TAKEN) {
		if (take == GT_TAKE_NONE)
			return;
		if (!atomic_compare_exchange_strong(gt_take(m), &take, GT_TAKE_NONE))
			continue;
		if (take & GT_TAKE_ASKED)
			gt_preempt_asked(m);
		return;
	}
	if (gt_load(&m->loose))
		gt_preempt_found(m);
	gt_handoff_forget(m);
	gt_store(gt_take(m), GT_TAKE_NONE);

	p = gt_p_idle_get();
	if (p) {
		gt_p_acquire(m, p);
		atomic_fetch_add_explicit(&gt_sched.nr_regains, 1, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&gt_sched.nr_requeues, 1, memory_order_relaxed);
		gt_requeue_lost();
	}
}
