/* SPDX-License-Identifier: MIT */
/* Plain threads in the runtime: see visit.c. */
#ifndef GT_SCHED_VISIT_H
#define GT_SCHED_VISIT_H

/*
 * A plain thread is in the runtime, but for its sleeps: the end of a run waits for it
 * before it frees what such a thread may be using, and it for the end. After gt_visit() it
 * looks at the phase, if it needs a runtime. These do not nest.
 */
void gt_visit(void);
void gt_visit_end(void);

/* Wait for those that came before the phase was what it is. */
void gt_visits_wait(void);
/* In the child of a fork() there are none. */
void gt_visits_forget(void);

#endif /* GT_SCHED_VISIT_H */
