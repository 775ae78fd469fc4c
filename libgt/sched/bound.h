/* SPDX-License-Identifier: MIT */
/* Tasks that one M alone can go on with. See bound.c. */
#ifndef GT_SCHED_BOUND_H
#define GT_SCHED_BOUND_H

#include "sched/sched.h"

/* g is runnable, and its M waits, or will: queue it behind all in the global queue. */
void gt_bound_put_locked(struct gt_g *g);
/* The same, with barrier (A) of sched.c; gt_wake_p() is up to the caller. */
void gt_bound_put(struct gt_g *g);

bool gt_bound_has_turn_locked(void);
/* The first, if its turn has come; the caller then owes it a gt_bound_grant(). */
struct gt_g *gt_bound_get_locked(void);
/* The same, if p has nothing else to do first: so that it goes there straight. */
struct gt_g *gt_bound_get_for_locked(struct gt_p *p);
bool gt_bound_is_next_locked(struct gt_p *p);
/* The first that preemption holds, turn or not. */
struct gt_g *gt_bound_get_preempted_locked(void);

/* Give p, which the caller no longer holds, to g's M. */
void gt_bound_grant(struct gt_g *g, struct gt_p *p);
/* The same, but for the wake: returns whom the backend is to wake. */
struct gt_m *gt_bound_give(struct gt_g *g, struct gt_p *p);
/* Let m, which waits, go on without a P. */
void gt_bound_loose(struct gt_m *m);

/* Wake other, if any, and wait for a P. False: go on without one. */
bool gt_bound_wait(struct gt_m *m, struct gt_m *other);

/* For the M of a locked task: wait until that may run. NULL: the run ends. */
struct gt_g *gt_bound_find(struct gt_m *m);

/* The run ends, phase says so: who waits, or would, goes on without a P. */
void gt_bound_end(void);

#endif /* GT_SCHED_BOUND_H */
