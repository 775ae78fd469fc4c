/* SPDX-License-Identifier: MIT */
/* Timers of the scheduler. Each belongs to the heap of a P; see timer.c. */
#ifndef GT_SCHED_TIMER_H
#define GT_SCHED_TIMER_H

#include "gt/time.h"
#include "sched/types.h"

/* In the caller's memory, valid until it has fired. */
struct gt_timer {
	/* Called without a lock by any thread of the runtime. It must not park. */
	void (*fire)(struct gt_timer *timer);
};

/* Make room for one more on the caller's P. False: no memory. */
bool gt_timer_reserve(struct gt_p *p);

/* Start a timer on the caller's P, for which room was reserved. */
void gt_timer_add(struct gt_p *p, struct gt_timer *timer, int64_t when);

/* Fire all of p's that are due by now. Returns when the next is, or INT64_MAX. */
int64_t gt_timer_run(struct gt_p *p, int64_t now);

/* When the first timer of all Ps is due, or INT64_MAX. */
int64_t gt_timer_first(void);

/* Has p a timer that is due? Reads the clock only if it has any. */
static inline bool gt_timer_due(struct gt_p *p)
{
	int64_t first = gt_load(&p->timers.first);

	return gt_unlikely(first != INT64_MAX) && first <= gt_now();
}

#endif /* GT_SCHED_TIMER_H */
