/* SPDX-License-Identifier: MIT */
/*
 * Park and ready: the only door through which a task changes state.
 *
 *	       launch          run            park
 *	IDLE ---------> RUNNABLE ----> RUNNING ----> WAITING
 *	  ^               ^  ^          |  |            |
 *	  |               |  +----------+  |            |
 *	  |               |    requeue     |            |
 *	DEAD <----- end --|----------------+            |
 *	                  +-----------------------------+ ready
 *
 * A parked task must not run before its context is saved, and must be known to
 * its waker before anybody stops looking after it. So a switch has two halves:
 * the one that leaves notes in its M who it was and what to commit, and the one
 * that arrives, on another stack of the same M, commits that first of all
 * (gt_switched). What the leaver wrote to its G before the switch is ordered
 * before whatever the next runner does by the queue or lock that carries the G.
 *
 * A task is switched to straight from another if one is at hand (pick): the
 * scheduler's own stack is a detour for the cases that need a decision.
 *
 * errno is the task's: saved and restored around the switch by its address in the
 * M, since a compiler takes errno's own address for constant in a function. So is what
 * the C++ runtime, if there is one, notes of exceptions: a task may suspend in a
 * handler, or in a destructor that an exception runs. That is nearly never, so it is
 * moved only where there is something.
 */
#include <errno.h>

#include "sched/bound.h"
#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/timer.h"

static __thread struct gt_g thread_g;

struct gt_g *gt_g_self(void)
{
	struct gt_m *m = gt_m_self();

	if (gt_likely(m))
		return m->g;
	thread_g.thread = true;
	return &thread_g;
}

void gt_enter_thread(void)
{
	thread_g.visiting = true;
	gt_visit();
}

void gt_leave_thread(void)
{
	gt_visit_end();
	thread_g.visiting = false;
}

void gt_leave_if_inside(void)
{
	struct gt_m *m = gt_m_self();

	if (m ? gt_load(&m->inside) : thread_g.visiting)
		gt_leave();
}

__attribute__((__noinline__)) int gt_errno_get(void)
{
	return errno;
}

__attribute__((__noinline__)) void gt_errno_set(int value)
{
	errno = value;
}

/* Of libstdc++ and libc++abi. */
__attribute__((__weak__)) void *__cxa_get_globals(void);

struct gt_eh *gt_eh_here(void)
{
	static struct gt_eh none;

	return __cxa_get_globals ? __cxa_get_globals() : &none;
}

static inline bool eh_any(const struct gt_eh *eh)
{
	return (uintptr_t)eh->caught | eh->uncaught;
}

static __attribute__((__noinline__)) void eh_leave(struct gt_m *m, struct gt_g *g)
{
	g->saved_eh = *m->eh_at;
	g->has_eh = true;
	*m->eh_at = (struct gt_eh){ 0 };
}

static __attribute__((__noinline__)) void eh_arrive(struct gt_m *m, struct gt_g *g)
{
	*m->eh_at = g->saved_eh;
	g->has_eh = false;
}

void gt_eh_clear(void)
{
	struct gt_eh *eh = gt_m_self()->eh_at;

	if (eh_any(eh))
		*eh = (struct gt_eh){ 0 };
}

static inline struct gt_m *switched(void)
{
	struct gt_m *m = gt_m_self();
	bool (*commit)(struct gt_g *g, void *arg) = m->commit;
	struct gt_g *prev = m->prev;

	if (!commit)
		return m;
	GT_WINDOW("park.left");
	m->commit = NULL;
	if (gt_unlikely(!commit(prev, m->commit_arg))) {
		gt_store(&prev->state, GT_RUNNABLE);
		if (gt_unlikely(prev->bound))
			gt_bound_put(prev);
		else
			gt_runq_put_next(m->p, prev);
	}
	return m;
}

void gt_switched(void)
{
	switched();
}

/* A task of m's own queue, if taking it straight is fair to all others. */
static inline __attribute__((__always_inline__)) struct gt_g *pick(struct gt_m *m)
{
	struct gt_p *p = m->pick;

	if (gt_unlikely(!p || gt_load(&gt_sched.slow)))
		return NULL;
	if (gt_unlikely((uint32_t)gt_load(&p->tick) % GT_QUEUE_TICK == 0) &&
	    gt_load(&gt_sched.queue_count))
		return NULL;
	if (gt_unlikely(gt_timers_due(p)))
		return NULL;
	return gt_runq_get(p);
}

/* m begins to run g, which nobody else can reach. */
static inline void state_running(struct gt_m *m, struct gt_g *g)
{
	m->g = g;
	g->last_m = m;
	gt_store(&g->state, GT_RUNNING);
	gt_begun(m);
}

/*
 * Note what has to happen to g, which m is about to leave: commit(g, arg). Returns
 * whom to switch to: another task that is at hand, or the scheduler.
 */
static inline __attribute__((__always_inline__)) struct gt_g *
leave_for(struct gt_m *m, struct gt_g *g, bool (*commit)(struct gt_g *g, void *arg), void *arg)
{
	struct gt_g *next = pick(m);

	m->prev = g;
	m->commit = commit;
	m->commit_arg = arg;
	if (next) {
		state_running(m, next);
	} else {
		next = &m->g0;
		m->g = next;
	}
	return next;
}

/* Leave the calling task; commit(g, arg) is what then has to happen to it. */
static inline __attribute__((__always_inline__)) void
switch_away(struct gt_m *m, struct gt_g *g, bool (*commit)(struct gt_g *g, void *arg),
	    void *arg)
{
	struct gt_g *next = leave_for(m, g, commit, arg);

	g->saved_errno = *m->errno_at;
	if (gt_unlikely(eh_any(m->eh_at)))
		eh_leave(m, g);
	gt_fiber_leave(&g->fiber, &next->fiber, 0);
	gt_switch(&g->sp, next->sp);
	gt_fiber_enter(&g->fiber);
	m = switched();
	*m->errno_at = g->saved_errno;
	if (gt_unlikely(g->has_eh))
		eh_arrive(m, g);
}

void gt_run_loop(struct gt_m *m)
{
	struct gt_g *g;

	while (!m->ending && (g = m->locked ? gt_bound_find(m) : gt_find(m))) {
		state_running(m, g);
		gt_fiber_leave(&m->g0.fiber, &g->fiber, 0);
		gt_switch(&m->g0.sp, g->sp);
		gt_fiber_enter(&m->g0.fiber);
		switched();
	}
}

/*
 * A plain thread commits first and then sleeps: nobody else runs on its stack,
 * and wake remembers a gt_ready() that comes in between.
 */
void gt_park_thread(bool (*commit)(struct gt_g *g, void *arg), void *arg, int64_t deadline,
		    bool (*give_up)(void *arg), void *give_up_arg)
{
	struct gt_g *g = gt_g_self();
	int saved = errno;

	gt_store(&g->wake, 0);
	if (commit(g, arg)) {
		gt_visit_end();
		while (!gt_load_acquire(&g->wake)) {
			if (gt_futex_wait(&g->wake, 0, deadline))
				continue;
			if (give_up(give_up_arg))
				break;
			deadline = GT_FOREVER;
		}
		gt_visit();
	}
	errno = saved;
}

void gt_park(bool (*commit)(struct gt_g *g, void *arg), void *arg, enum gt_reason reason)
{
	struct gt_g *g = gt_g_self();
	struct gt_bubble_park inside;

	g->reason = reason;
	if (gt_unlikely(g->thread)) {
		gt_park_thread(commit, arg, GT_FOREVER, NULL, NULL);
		return;
	}
	if (gt_unlikely(g->bubble)) {
		g->durable = gt_bubble_is_durable(g, reason);
		inside = (struct gt_bubble_park){ commit, arg };
		commit = gt_bubble_commit;
		arg = &inside;
	}
	gt_store(&g->state, GT_WAITING);
	switch_away(gt_m_self(), g, commit, arg);
}

/* From waiting to runnable. False: it was a plain thread, and is awake. */
static inline bool state_runnable(struct gt_g *g)
{
	if (gt_unlikely(g->thread)) {
		/* g is on the stack of a thread that may end now: only its address. */
		gt_store_release(&g->wake, 1);
		gt_futex_wake(&g->wake, 1);
		return false;
	}
	if (gt_unlikely(g->bubble))
		gt_bubble_ready(g);
	gt_store(&g->state, GT_RUNNABLE);
	return true;
}

static void queue_globally(struct gt_g *g)
{
	struct gt_list list = { 0 };

	gt_list_push(&list, g);
	gt_queue_put(&list);
}

/* A runnable task finds a queue. */
static inline void enqueue(struct gt_g *g, bool last)
{
	struct gt_m *m = gt_m_self();

	if (gt_unlikely(g->bound)) {
		gt_bound_put(g);
	} else if (gt_likely(m && m->p)) {
		if (last) {
			gt_runq_put_tail(m->p, g);
			atomic_thread_fence(memory_order_seq_cst);	/* (A) of sched.c */
		} else {
			gt_runq_put_next(m->p, g);
		}
	} else {
		queue_globally(g);
	}
	gt_wake_p();
}

void gt_ready(struct gt_g *g)
{
	if (state_runnable(g))
		enqueue(g, false);
}

void gt_ready_last(struct gt_g *g)
{
	if (state_runnable(g))
		enqueue(g, true);
}

void gt_ready_later(struct gt_g *g, struct gt_list *list)
{
	if (!state_runnable(g))
		return;
	if (gt_unlikely(g->bound))
		enqueue(g, true);
	else
		gt_list_push(list, g);
}

void gt_launch(struct gt_g *g)
{
	gt_store(&g->state, GT_RUNNABLE);
	enqueue(g, false);
}

void gt_launch_last(struct gt_g *g)
{
	gt_store(&g->state, GT_RUNNABLE);
	enqueue(g, true);
}

/*
 * To the end of the P's queue; but if there is nothing else in it, and something in
 * the global one, to the end of that. A caller that yields until others have run
 * would else be its own successor, and the others get one turn in GT_QUEUE_TICK.
 */
static bool commit_requeue(struct gt_g *g, void *arg)
{
	struct gt_p *p = gt_m_self()->p;

	(void)arg;
	if (gt_unlikely(gt_load(&gt_sched.queue_count)) && gt_runq_empty(p)) {
		queue_globally(g);
	} else {
		gt_runq_put_tail(p, g);
	}
	return true;
}

static bool commit_requeue_bound(struct gt_g *g, void *arg)
{
	(void)arg;
	gt_bound_put(g);
	return true;
}

void gt_requeue(void)
{
	struct gt_m *m = gt_m_self();

	gt_store(&m->g->state, GT_RUNNABLE);
	switch_away(m, m->g, gt_unlikely(m->locked) ? commit_requeue_bound : commit_requeue, NULL);
}

static bool commit_requeue_last(struct gt_g *g, void *arg)
{
	(void)arg;
	queue_globally(g);
	gt_wake_p();
	return true;
}

void gt_requeue_last(void)
{
	struct gt_m *m = gt_m_self();

	gt_store(&m->g->state, GT_RUNNABLE);
	switch_away(m, m->g, m->locked ? commit_requeue_bound : commit_requeue_last, NULL);
}

/*
 * The M has no P, so pick() finds nothing and this runs on its own stack. A P
 * that became idle meanwhile would never be told of g: look again under the lock
 * that guards both.
 */
static bool commit_requeue_lost(struct gt_g *g, void *arg)
{
	struct gt_m *m = gt_m_self();
	struct gt_p *p;

	(void)arg;
	gt_lock(&gt_sched.lock);
	p = gt_p_idle_get_locked();
	if (m->locked) {
		gt_bound_put_locked(g);
	} else if (!p) {
		gt_list_push(&gt_sched.queue, g);
		gt_queue_counted_locked();
	}
	gt_unlock(&gt_sched.lock);
	if (p && m->locked) {
		gt_thread_start(p, false);
	} else if (p) {
		gt_p_acquire(m, p);
		gt_runq_put_next(p, g);
	}
	return true;
}

void gt_requeue_lost(void)
{
	struct gt_m *m = gt_m_self();

	gt_store(&m->g->state, GT_RUNNABLE);
	switch_away(m, m->g, commit_requeue_lost, NULL);
}

static bool commit_end(struct gt_g *g, void *arg)
{
	(void)arg;
	gt_stack_put(gt_m_self()->p, g);
	return true;
}

struct gt_g *gt_end(struct gt_g *g)
{
	struct gt_m *m = gt_m_self();

	gt_store(&g->state, GT_DEAD);
	m->ending = m->locked;
	return leave_for(m, g, commit_end, NULL);
}
