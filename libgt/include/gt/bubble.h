/* SPDX-License-Identifier: MIT */
/*
 * Bubbles of virtual time, for tests: hours pass in no time, and always in the same
 * order.
 *
 * Inside a bubble gt_now(), sleeps, timers, tickers and deadlines use a clock of its
 * own. It stands still while any of the bubble's tasks can run, and jumps to the next
 * timer when all of them are durably blocked: that is, until another task of the bubble
 * or its clock wakes them. So tests of timeouts need not be slow, nor hope that the
 * machine is fast.
 *
 * Durably blocks: sending and receiving on channels made inside the bubble, and a
 * gt_select() whose channels all are; a NULL channel; gt_wg_wait(), gt_cond_wait(),
 * gt_sleep(), gt_bubble_wait(). Does not: a mutex, a descriptor, a system call, a
 * channel made outside: those may be ended from outside the bubble. A waitgroup or a
 * condition that tasks outside take part in is taken for the bubble's all the same.
 *
 * Channels, timers and tickers made inside are for the bubble's tasks; using them
 * outside panics. A timer made outside must not be reset inside.
 */
#ifndef GT_BUBBLE_H
#define GT_BUBBLE_H

#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/** GT_BUBBLE_START - gt_now() at the start of a bubble: the year 2000, UTC, in ns. */
#define GT_BUBBLE_START INT64_C(946684800000000000)

/**
 * gt_bubble_run - run a function in a new bubble of virtual time
 * @fn: body of the bubble's first task.
 * @arg: passed to it.
 *
 * Tasks that tasks of the bubble start, and functions of its timers, belong to it too.
 * Returns when all have ended; timers that are set then never fire. When the first task
 * has ended the clock stands still.
 *
 * Panics if all are durably blocked and no timer is set, or the first has ended; and if
 * it is called inside a bubble.
 *
 * Memory model: what the bubble's tasks do happens before gt_bubble_run() returns.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: 0; -ENOMEM; -ESRCH on a plain thread without a runtime.
 */
int gt_bubble_run(void (*fn)(void *arg), void *arg);

/**
 * gt_bubble_wait - wait until all other tasks of the bubble are durably blocked
 *
 * The clock stands still meanwhile. Panics outside of a bubble, and if another task of
 * the bubble is waiting so.
 *
 * Memory model: what the others did before they blocked happens before it returns.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: panics. Signal-safe: no.
 */
void gt_bubble_wait(void);

GT_END_DECLS

#endif /* GT_BUBBLE_H */
