/* SPDX-License-Identifier: MIT */
/*
 * Reading without a lock: liburcu, as gt's structures use it.
 *
 * Between gt_rcu_read_lock() and gt_rcu_read_unlock() whatever was reachable stays in
 * memory. What has been made unreachable is given to gt_rcu_retire(), and is freed
 * after a grace period, which outlasts all who were reading. See rcu.c.
 */
#ifndef GT_PRIM_RCU_H
#define GT_PRIM_RCU_H

#include <urcu/urcu-bp.h>

#include "base/sanitize.h"
#include "sched/park.h"

/* In what is to be freed. */
struct gt_rcu_head {
	struct gt_rcu_head *next;
	void (*free)(struct gt_rcu_head *head);
};

/* What waits to be freed, of one structure. Zero bytes are ready to use. */
struct gt_rcu_batch {
	_Atomic(struct gt_rcu_head *) head;
	_Atomic uint32_t count;
};

/* What ThreadSanitizer knows grace periods by. */
extern char gt_rcu_periods;

/* Nothing may park, and no user's function may be called that could. */
static inline void gt_rcu_read_lock(void)
{
	gt_enter();
	urcu_bp_read_lock();
}

static inline void gt_rcu_read_unlock(void)
{
#ifdef GT_TSAN
	/* To gt_rcu_wait(). */
	__tsan_release(&gt_rcu_periods);
#endif
	urcu_bp_read_unlock();
	gt_leave();
}

/*
 * liburcu is not instrumented: ThreadSanitizer is told of what it publishes. Before
 * something is made reachable, and after it was reached.
 */
static inline void gt_rcu_publish(void *object)
{
#ifdef GT_TSAN
	__tsan_release(object);
#endif
	(void)object;
}

static inline void gt_rcu_reach(void *object)
{
#ifdef GT_TSAN
	__tsan_acquire(object);
#endif
	(void)object;
}

/* Wait until all who are reading now have ended. Not inside the runtime. */
void gt_rcu_wait(void);

/*
 * Free something that nobody can reach any more, by its free(), later: then, and
 * now, that of others is called here. Outside the runtime, and outside of reading.
 */
void gt_rcu_retire(struct gt_rcu_batch *batch, struct gt_rcu_head *head,
		   void (*free)(struct gt_rcu_head *head));

/* Free all of it. */
void gt_rcu_flush(struct gt_rcu_batch *batch);

/* Before the first use of what forks must leave whole. Any number of times. */
void gt_rcu_init(void);

#endif /* GT_PRIM_RCU_H */
