/* SPDX-License-Identifier: MIT */
/*
 * Park and ready: the only door through which a task changes state.
 *
 * Primitives are built on gt_park() and gt_ready() alone, between gt_enter() and
 * gt_leave(). Both work for plain threads too: those block on a futex.
 */
#ifndef GT_SCHED_PARK_H
#define GT_SCHED_PARK_H

#include "base/window.h"
#include "sched/sched.h"
#include "sched/visit.h"

/* The calls of gt_enter() and gt_leave() on a plain thread. */
void gt_enter_thread(void);
void gt_leave_thread(void);

/*
 * The calling task enters the runtime, and leaves it. While inside, its M keeps
 * its P, and takers stay off. Each public call enters once, at its outermost; the
 * M may be another when it leaves. Returns the M that it is now, or NULL on a plain
 * thread. See handoff.c for (A).
 */
static inline struct gt_m *gt_enter(void)
{
	struct gt_m *m = gt_m_self();

	if (gt_unlikely(!m)) {
		gt_enter_thread();
		return NULL;
	}
	gt_store(&m->inside, true);
	GT_WINDOW("enter.inside");
	gt_barrier_light();						/* (A) */
	if (gt_unlikely(gt_load(gt_take(m)) != GT_TAKE_NONE)) {
		gt_regain(m);
		m = gt_m_self();
	}
	return m;
}

static inline void gt_leave(void)
{
	struct gt_m *m = gt_m_self();

	if (gt_likely(m))
		gt_store_release(&m->inside, false);
	else
		gt_leave_thread();
}

/* The caller panics, wherever it is. */
void gt_leave_if_inside(void);

/*
 * errno, for code that may park between a look at it and the next: the compiler
 * must not keep its address.
 */
int gt_errno_get(void);
void gt_errno_set(int value);

/* The calling thread's state of C++ exceptions. */
struct gt_eh *gt_eh_here(void);
/* The calling task leaves nothing of it behind. */
void gt_eh_clear(void);

/* The calling task, or the calling plain thread's stand-in for one. */
struct gt_g *gt_g_self(void);

/*
 * Park the caller until gt_ready(). commit(g, arg) runs once the caller's context
 * is saved, on another stack of the same M with the same P; it makes the caller
 * known to its waker, or releases the lock under which that was done. If commit
 * returns false the caller goes on. commit must not park.
 */
void gt_park(bool (*commit)(struct gt_g *g, void *arg), void *arg, enum gt_reason reason);

/*
 * The same for a plain thread, which may give up: once deadline has passed it asks
 * give_up(), which returns true if nobody will ready the caller any more. If it
 * returns false somebody will, and the caller waits for that.
 */
void gt_park_thread(bool (*commit)(struct gt_g *g, void *arg), void *arg, int64_t deadline,
		    bool (*give_up)(void *arg), void *give_up_arg);

/* Make a parked task runnable. Just once for each park. Any thread. */
void gt_ready(struct gt_g *g);

/* The same, behind all that are runnable here: for several that have an order. */
void gt_ready_last(struct gt_g *g);

/* The same for many at once, by a thread without a P: they are only collected. */
void gt_ready_later(struct gt_g *g, struct gt_list *list);

/* The caller goes to the end of the queue. */
void gt_requeue(void);

/* The caller has had its time slice: it goes to the end of the global queue. */
void gt_requeue_last(void);

/* The caller's P was taken, and none is free: queue the caller for one. */
void gt_requeue_lost(void);

/* Start a new task, whose frame is made. Any thread. */
void gt_launch(struct gt_g *g);

/* The same, behind all that are runnable here. */
void gt_launch_last(struct gt_g *g);

/*
 * The caller, g, is dead. Returns whom to switch to with gt_switch_last(), which the
 * bottom function of the stack has to do itself: see arch.h.
 */
struct gt_g *gt_end(struct gt_g *g);

/* On the scheduler's stack: find and run tasks until M is to end. */
void gt_run_loop(struct gt_m *m);

/* The first act on a stack that was switched to. */
void gt_switched(void);

#endif /* GT_SCHED_PARK_H */
