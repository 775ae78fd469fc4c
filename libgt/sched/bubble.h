/* SPDX-License-Identifier: MIT */
/* The membership of tasks in bubbles of virtual time; see bubble.c. */
#ifndef GT_SCHED_BUBBLE_H
#define GT_SCHED_BUBBLE_H

#include "sched/types.h"

/* There has been one. Until then nothing can belong to one. */
extern _Atomic bool gt_bubbles_used;

/* One gt_bubble_run(). */
struct gt_bubble {
	struct gt_timers timers;	/* of its tasks, on its clock */
	struct gt_lock lock;
	uint64_t id;			/* never used twice; not 0. Constant */
	_Atomic int64_t now;		/* its clock. Written by the root while none is active */
	_Atomic uint32_t refs;		/* the root's, and one of each timer made inside */
	size_t tasks;			/* lock: alive */
	size_t active;			/* lock: of these, and the root, not durably blocked */
	bool main_ended;		/* lock: time stands still */
	struct gt_g *waiter;		/* lock: parked in gt_bubble_wait() */
	struct gt_g *root;		/* lock: parked in gt_bubble_run() */
};

/* What gt_park() is asked to do for a task inside; on its stack. */
struct gt_bubble_park {
	bool (*commit)(struct gt_g *g, void *arg);
	void *arg;
};

/* The commit of such a park. arg: its gt_bubble_park. */
bool gt_bubble_commit(struct gt_g *g, void *arg);

/* A task inside is about to wait for that reason: is it one that only others end? */
bool gt_bubble_is_durable(struct gt_g *g, enum gt_reason reason);

/* A task inside that waited is made ready. */
void gt_bubble_ready(struct gt_g *g);

/* A task is about to be one of its tasks; it has ended. */
void gt_bubble_join(struct gt_bubble *bubble);
void gt_bubble_leave(struct gt_bubble *bubble);

/* The root, who counts as active, waits until nobody is. */
void gt_bubble_idle(struct gt_bubble *bubble);

/* A task inside waits until all others are durably blocked. False: one does already. */
bool gt_bubble_settle(struct gt_bubble *bubble);

struct gt_bubble *gt_bubble_get(struct gt_bubble *bubble);
void gt_bubble_put(struct gt_bubble *bubble);

/* The bubble that the caller is in, or NULL; and its id, or 0. */
static inline struct gt_bubble *gt_bubble_self(void)
{
	struct gt_m *m = gt_m_self();

	return m ? m->g->bubble : NULL;
}

static inline uint64_t gt_bubble_id(void)
{
	struct gt_bubble *bubble = gt_bubble_self();

	return gt_unlikely(bubble) ? bubble->id : 0;
}

#endif /* GT_SCHED_BUBBLE_H */
