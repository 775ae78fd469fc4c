/* SPDX-License-Identifier: MIT */
/* Preemption. See preempt.c. */
#ifndef GT_SCHED_PREEMPT_H
#define GT_SCHED_PREEMPT_H

#include "sched/sched.h"

/* How long a task may run while others wait, in ns, and the most threads held. */
#define GT_SLICE 10000000
#define GT_HELD_MAX 1000

void gt_preempt_start(void);
void gt_preempt_stop(void);

/*
 * For a backend that can make a thread call this in the middle of anything: it was asked
 * to, or M's time slice is over.
 */
void gt_preempt_upcall(bool slice);
/*
 * The same, for the calling thread as it comes from a block in which its P may have been
 * taken, before it is back in user code.
 */
void gt_preempt_returned(void);
/* M ends: what was sent to it comes to nobody. */
void gt_preempt_end(struct gt_m *m);

/* For gt_regain(): m was asked to let go of its P. May park. */
void gt_preempt_asked(struct gt_m *m);
/* m, which was let go without a P, has found its way back. */
void gt_preempt_found(struct gt_m *m);

/* Does the backend end m's slices? Else sysmon looks. Signal-safe. */
bool gt_preempt_is_sliced(struct gt_m *m);
/* Does anybody wait for p, which is busy? */
bool gt_preempt_waiting(struct gt_p *p, int64_t now);

/*
 * For sysmon: m has run one task with p since p->seen_at, and others wait. Returns
 * whether something comes of it soon.
 */
bool gt_preempt_look(struct gt_p *p, struct gt_m *m, int64_t now);
/* Hold those again that have run without a P for a slice. */
void gt_preempt_look_loose(int64_t now);
/* No P makes a step: let one that is held go on without. */
void gt_preempt_rescue(void);
/* May sysmon wait for a lock of libc's? Then no thread is held up to gt_preempt_hold_on(). */
bool gt_preempt_hold_off(void);
void gt_preempt_hold_on(void);

#endif /* GT_SCHED_PREEMPT_H */
