/* SPDX-License-Identifier: MIT */
/*
 * Visits: plain threads in the runtime, and the end of a run that waits for them.
 *
 *	visitor				end of a run
 *	visitors[turn]++		phase = GT_ENDING
 *	(A) look at the phase		(B) visitors[] is 0
 *
 * All are sequentially consistent, so the visitor sees the end, or the end sees it. Who
 * sees the end goes out again, until it is over: so nobody is in while the last of a run
 * is freed. What a visitor has seen of the phase may change while it is in, but not to that.
 *
 * Threads may come all the time, one before the other has gone, so one counter need never
 * be 0. There are two, and the end waits for each after it has sent newcomers to the
 * other. A visitor that looked at turn long ago, and counts itself only now, is one more
 * to wait for, once; or it comes after (B), and then (A) sees the phase. So each of the
 * two waits has an end. Both are needed: such a visitor may be of an earlier run's turn.
 *
 * The counters outlive runs.
 *
 * Source: sleepable RCU of the Linux kernel (McKenney).
 */
#include <errno.h>
#include <sched.h>

#include "base/futex.h"
#include "base/window.h"
#include "sched/types.h"
#include "sched/visit.h"

static _Atomic uint32_t visitors[2], turn;
static __thread uint32_t my_turn;	/* of the visit under way */

void gt_visit(void)
{
	int saved;

	for (;;) {
		my_turn = atomic_load(&turn);
		GT_WINDOW("visit.turn");
		atomic_fetch_add(&visitors[my_turn], 1);
		if (atomic_load(&gt_sched.phase) != GT_ENDING)		/* (A) */
			return;
		atomic_fetch_sub(&visitors[my_turn], 1);
		saved = errno;
		gt_futex_wait(&gt_sched.phase, GT_ENDING, GT_FOREVER);
		errno = saved;
	}
}

void gt_visit_end(void)
{
	GT_WINDOW("visit.end");
	atomic_fetch_sub(&visitors[my_turn], 1);
}

void gt_visits_wait(void)
{
	for (int i = 0; i < 2; i++) {
		uint32_t old = atomic_fetch_xor(&turn, 1);

		GT_WINDOW("visit.turned");
		while (atomic_load(&visitors[old]))			/* (B) */
			sched_yield();
	}
}

void gt_visits_forget(void)
{
	atomic_store(&visitors[0], 0);
	atomic_store(&visitors[1], 0);
}
