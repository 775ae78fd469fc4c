/* SPDX-License-Identifier: MIT */
/*
 * Declared system calls: M offers its P to whoever can use it.
 *
 *	task				taker (sysmon)
 *	take: NONE -> SYSCALL n
 *	the call			look: SYSCALL n; 20 us later: still n
 *	take: SYSCALL n -> NONE		take: SYSCALL n -> TAKEN
 *
 * One of the two last compare-and-swaps succeeds. n numbers M's calls, so a look at
 * one call does not take the P in the next. If the taker wins, take is not NONE, and
 * gt_enter() does what it does after an undeclared block: wins a P or queues.
 *
 * The same test catches a call into the runtime from inside the declaration: take is
 * not NONE there, so gt_regain() sets it back, and M has its P for sure. The task's
 * depth stays, and the end finds nothing to give back; also if the task, having
 * parked, is on another M by then.
 *
 * An M that has lost its P in an undeclared block need not win one for a call that
 * wants none: TAKEN is left as it is.
 *
 * Rejected: plain stores and the heavy barrier of handoff.c. It saves two atomics
 * of 11 ns beside a system call, and costs each taking 14 us.
 *
 * Source: Go's runtime, proc.go (reentersyscall, exitsyscall).
 */
#include "base/window.h"
#include "gt/panic.h"
#include "gt/syscall.h"
#include "sched/park.h"

void gt_entersyscall(void)
{
	struct gt_m *m = gt_m_self();
	struct gt_g *g;
	uint64_t take;

	if (gt_unlikely(!m))
		return;
	g = m->g;
	if (g->syscall_depth++)
		return;
	for (;;) {
		take = GT_TAKE_NONE;
		if (gt_likely(atomic_compare_exchange_strong(
			gt_take(m), &take, GT_TAKE_WORD(GT_TAKE_SYSCALL, ++m->syscalls))))
			break;
		if (take == GT_TAKE_TAKEN)
			break;
		gt_enter();
		gt_leave();
		m = gt_m_self();
	}
	gt_store(&g->state, GT_IN_SYSCALL);
}

/* The declaration is over, or the P is taken. */
static __attribute__((__noinline__)) void exit_slow(uint64_t take)
{
	int saved = gt_errno_get();

	if (take == GT_TAKE_NONE)
		return;
	gt_enter();
	gt_leave();
	gt_errno_set(saved);
}

void gt_exitsyscall(void)
{
	struct gt_m *m = gt_m_self();
	struct gt_g *g;
	uint64_t take;

	if (gt_unlikely(!m))
		return;
	g = m->g;
	if (gt_unlikely(!g->syscall_depth))
		gt_panic("gt_exitsyscall() without gt_entersyscall()");
	if (--g->syscall_depth)
		return;
	take = GT_TAKE_WORD(GT_TAKE_SYSCALL, m->syscalls);
	GT_WINDOW("syscall.over");
	if (gt_unlikely(!atomic_compare_exchange_strong(gt_take(m), &take, GT_TAKE_NONE)))
		exit_slow(take);
	gt_store(&g->state, GT_RUNNING);
}
