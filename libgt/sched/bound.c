/* SPDX-License-Identifier: MIT */
/*
 * Bound tasks: those that one M alone can go on with. A task is bound to its M while
 * it has locked its thread (gt_lock_os_thread), or while that thread is held in the
 * middle of it by preemption (preempt.c).
 *
 * A bound task never stands in the ring of a P: there it would be switched to in
 * place. When it is runnable it is in the list sched.bound, which is one queue with the
 * global one: its ticket is the number of tasks that leave sched.queue before it.
 * gt_find() may return it; then the M that found it gives its P to the task's M, and
 * goes idle. The task's M meanwhile waits in gt_bound_wait(), or is on its way there:
 *
 *	who picks g (gt_bound_grant)	g's M
 *	next_p = its P
 *	grant = GO			grant is NONE?
 *	wake				  sleep, look again
 *					GO: next_p is mine
 *
 * The backend remembers wakes. So one that comes between the look and the sleep ends the
 * sleep, and one that comes later than the look that found the grant ends another in vain.
 *
 * An M that waits there has mostly just given its P to another M, an idle one or one that
 * has its grant. It leaves it to the backend to wake that and sleep (swap): the CPU is
 * passed on with the P. Nothing is lost on the way, as swap is no more than both, in this
 * order, and until then M neither waits for anything nor returns. An M that goes idle
 * after a grant is no such case: it stands by.
 *
 * LOOSE in place of GO says: go on without a P. The end of a run does that to all, and
 * preempt.c to a task whose lock, malloc()'s say, stands in everybody's way.
 *
 * An M that is its task's alone has pick NULL, so that each switch away from the task
 * goes through the scheduler's stack, and there it does not look for tasks but gives
 * up its P and waits (gt_bound_find): to the first of the list, if that has its turn and P
 * nothing else to do, else to an idle M. When such a task ends, so does the thread:
 * whatever the task did to it ends with it, and thread-local variables are destroyed.
 *
 * Deadlock: an M that waits for a task that waits is as idle as one without a task,
 * and is counted in sched.bound_idle, until its task is taken from the list.
 *
 * Rejected: bound tasks in the rings, with a test at each switch.
 *
 * Source: Go's runtime, proc.go (lockOSThread, stoplockedm, startlockedm).
 */
#include "base/window.h"
#include "gt/thread.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/timer.h"

void gt_bound_put_locked(struct gt_g *g)
{
	g->ticket = gt_sched.queue_popped + gt_sched.queue.count;
	gt_list_push(&gt_sched.bound, g);
	gt_queue_counted_locked();
}

void gt_bound_put(struct gt_g *g)
{
	gt_lock(&gt_sched.lock);
	gt_bound_put_locked(g);
	gt_unlock(&gt_sched.lock);
	atomic_thread_fence(memory_order_seq_cst);		/* (A) of sched.c */
}

bool gt_bound_has_turn_locked(void)
{
	struct gt_g *g = gt_sched.bound.head;

	return g && (!gt_sched.queue.head || g->ticket <= gt_sched.queue_popped);
}

/* g has been taken from sched.bound. */
static void took_locked(struct gt_g *g)
{
	if (gt_load(&g->state) != GT_PREEMPTED) {
		gt_sched.bound_idle--;
	} else if (g->bound->returned) {
		g->bound->returned = false;
		gt_store(&gt_sched.returned, gt_load(&gt_sched.returned) - 1);
	} else {
		gt_store(&gt_sched.held, gt_load(&gt_sched.held) - 1);
	}
	gt_queue_counted_locked();
}

struct gt_g *gt_bound_get_locked(void)
{
	struct gt_g *g = NULL;

	if (gt_bound_has_turn_locked()) {
		g = gt_list_pop(&gt_sched.bound);
		took_locked(g);
	}
	return g;
}

bool gt_bound_is_next_locked(struct gt_p *p)
{
	return !(gt_load(&gt_sched.slow) & GT_SLOW_SHED) && gt_runq_empty(p) &&
	       !gt_timers_due(p) && gt_bound_has_turn_locked();
}

struct gt_g *gt_bound_get_for_locked(struct gt_p *p)
{
	return gt_bound_is_next_locked(p) ? gt_bound_get_locked() : NULL;
}

struct gt_g *gt_bound_get_preempted_locked(void)
{
	struct gt_g **link = &gt_sched.bound.head, *last = NULL, *g;

	while ((g = *link) && gt_load(&g->state) != GT_PREEMPTED) {
		last = g;
		link = &g->next;
	}
	if (!g)
		return NULL;
	*link = g->next;
	if (gt_sched.bound.tail == g)
		gt_sched.bound.tail = last;
	gt_sched.bound.count--;
	took_locked(g);
	return g;
}

/*
 * m is to be woken then. It may have ended by the time that it is: then it is woken for
 * nothing, if at all.
 */
static void grant(struct gt_m *m, enum gt_grant what)
{
	gt_store_release(&m->grant, what);
	GT_WINDOW("bound.granted");
}

struct gt_m *gt_bound_give(struct gt_g *g, struct gt_p *p)
{
	struct gt_m *m = g->bound;

	m->next_p = p;
	grant(m, GT_GRANT_GO);
	return m;
}

void gt_bound_grant(struct gt_g *g, struct gt_p *p)
{
	gt_sched.backend->wake(gt_bound_give(g, p));
}

void gt_bound_loose(struct gt_m *m)
{
	grant(m, GT_GRANT_LOOSE);
	gt_sched.backend->wake(m);
}

bool gt_bound_wait(struct gt_m *m, struct gt_m *other)
{
	struct gt_p *p;

	GT_WINDOW("bound.wait");
	if (other) {
		GT_WINDOW("bound.sleep");
		gt_sched.backend->swap(m, other);
	}
	while (gt_load_acquire(&m->grant) == GT_GRANT_NONE) {
		GT_WINDOW("bound.sleep");
		gt_sched.backend->park(m, false);
	}
	if (gt_load(&m->grant) == GT_GRANT_LOOSE) {
		if (gt_load_acquire(&gt_sched.phase) != GT_STOPPING)
			gt_store(&m->grant, GT_GRANT_NONE);
		return false;
	}
	gt_store(&m->grant, GT_GRANT_NONE);
	p = m->next_p;
	m->next_p = NULL;
	gt_p_acquire(m, p);
	return true;
}

struct gt_g *gt_bound_find(struct gt_m *m)
{
	struct gt_g *g = m->locked, *next;
	struct gt_m *other = NULL;
	struct gt_p *p;

	gt_lock(&gt_sched.lock);
	gt_sched.bound_idle++;
	if (m->p) {
		p = gt_p_release(m);
		next = gt_bound_get_for_locked(p);
		other = next ? gt_bound_give(next, p) : gt_thread_give_locked(p, false);
	}
	gt_deadlock_check_locked();
	gt_unlock(&gt_sched.lock);
	if (other == m)
		other = NULL;		/* its task is the next */
	if (gt_load_acquire(&gt_sched.phase) == GT_STOPPING) {
		if (other)
			gt_sched.backend->wake(other);
		return NULL;
	}
	return gt_bound_wait(m, other) ? g : NULL;
}

void gt_bound_end(void)
{
	gt_lock(&gt_sched.lock);
	for (struct gt_m *m = gt_sched.all_m; m; m = m->all_next)
		gt_bound_loose(m);
	gt_unlock(&gt_sched.lock);
}

void gt_lock_os_thread(void)
{
	struct gt_m *m;
	struct gt_g *g;

	gt_enter();
	m = gt_m_self();
	if (m) {
		g = m->g;
		if (!g->lock_depth++) {
			m->locked = g;
			m->pick = NULL;
			g->bound = m;
		}
	}
	gt_leave();
}

void gt_unlock_os_thread(void)
{
	struct gt_m *m;
	struct gt_g *g;

	gt_enter();
	m = gt_m_self();
	if (m) {
		g = m->g;
		if (g->lock_depth && !--g->lock_depth) {
			m->locked = NULL;
			m->pick = m->p;
			g->bound = NULL;
		}
	}
	gt_leave();
}
