/* SPDX-License-Identifier: MIT */
/*
 * Bubbles of virtual time: which of their tasks may still do something by themselves.
 *
 * A task belongs to the bubble of the task that starts it. It is durably blocked while
 * it is parked for a reason that only its bubble can end: a channel made inside, a
 * waitgroup, a condition, a sleep. active counts the tasks that are not, and also the
 * root, the caller of gt_bubble_run(), while it is at work. When active comes to zero
 * nothing can happen any more at this time: then, in this order, a gt_bubble_wait()
 * returns; or the root goes on, who lets the time pass, or finds a deadlock, or the end.
 *
 * A park counts its task out after its commit, so that a park that does not come about
 * is never taken for one; the task may have been readied by then:
 *
 *	parker				waker
 *	commit: known to wakers		claim the task
 *	(A) active--			(B) active++, then make it runnable
 *
 * Both are under the lock. If (B) is first, active has been one too high in between,
 * never too low: a bubble is not taken for idle while one of its tasks is awake, and
 * (A) looks again. The bubble is there until (A), since its root waits for active to
 * become zero; the task may not be.
 *
 * Who is woken by idleness counts as active from the moment it was chosen, so that two
 * are not.
 *
 * Source: Go's runtime, synctest.go.
 */
#include <stdlib.h>

#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/timer.h"

_Atomic bool gt_bubbles_used;

bool gt_bubble_is_durable(struct gt_g *g, enum gt_reason reason)
{
	bool outside = g->outside;

	g->outside = false;
	switch (reason) {
	case GT_REASON_CHAN_SEND:
	case GT_REASON_CHAN_RECV:
	case GT_REASON_SELECT:
		return !outside;
	case GT_REASON_CHAN_NIL:
	case GT_REASON_SEMA:
	case GT_REASON_COND:
	case GT_REASON_SLEEP:
	case GT_REASON_BUBBLE_WAIT:
		return true;
	default:
		return false;
	}
}

/* Nobody is active: whom to ready. */
static struct gt_g *wake_locked(struct gt_bubble *bubble)
{
	struct gt_g *g;

	if (bubble->active)
		return NULL;
	g = bubble->waiter;
	bubble->waiter = NULL;
	if (!g) {
		g = bubble->root;
		bubble->root = NULL;
	}
	if (g) {
		g->durable = false;
		bubble->active = 1;
	}
	return g;
}

/* One is not active any more. The bubble may be gone afterwards. */
static void retire(struct gt_bubble *bubble, bool ended)
{
	struct gt_g *g;

	gt_lock(&bubble->lock);
	bubble->tasks -= ended;
	bubble->active--;
	g = wake_locked(bubble);
	gt_unlock(&bubble->lock);
	if (g)
		gt_ready(g);
}

bool gt_bubble_commit(struct gt_g *g, void *arg)
{
	struct gt_bubble_park park = *(struct gt_bubble_park *)arg;
	struct gt_bubble *bubble = g->bubble;
	bool durable = g->durable;

	if (!park.commit(g, park.arg))
		return false;
	if (durable)
		retire(bubble, false);					/* (A) */
	return true;
}

void gt_bubble_ready(struct gt_g *g)
{
	if (!g->durable)
		return;
	g->durable = false;
	gt_lock(&g->bubble->lock);
	g->bubble->active++;						/* (B) */
	gt_unlock(&g->bubble->lock);
}

void gt_bubble_join(struct gt_bubble *bubble)
{
	gt_lock(&bubble->lock);
	bubble->tasks++;
	bubble->active++;
	gt_unlock(&bubble->lock);
}

void gt_bubble_leave(struct gt_bubble *bubble)
{
	retire(bubble, true);
}

static bool commit_unlock(struct gt_g *g, void *arg)
{
	(void)g;
	gt_unlock(arg);
	return true;
}

void gt_bubble_idle(struct gt_bubble *bubble)
{
	struct gt_g *waiter;

	gt_lock(&bubble->lock);
	bubble->active--;
	waiter = wake_locked(bubble);
	if (!bubble->active) {
		bubble->active = 1;
		gt_unlock(&bubble->lock);
		return;
	}
	bubble->root = gt_g_self();
	if (waiter) {
		/* It cannot bring active to zero before the lock is let go. */
		gt_ready(waiter);
	}
	gt_park(commit_unlock, &bubble->lock, GT_REASON_BUBBLE);
}

bool gt_bubble_settle(struct gt_bubble *bubble)
{
	gt_lock(&bubble->lock);
	if (bubble->waiter) {
		gt_unlock(&bubble->lock);
		return false;
	}
	bubble->waiter = gt_g_self();
	gt_park(commit_unlock, &bubble->lock, GT_REASON_BUBBLE_WAIT);
	return true;
}

struct gt_bubble *gt_bubble_get(struct gt_bubble *bubble)
{
	if (bubble)
		atomic_fetch_add_explicit(&bubble->refs, 1, memory_order_relaxed);
	return bubble;
}

void gt_bubble_put(struct gt_bubble *bubble)
{
	if (!bubble || atomic_fetch_sub_explicit(&bubble->refs, 1, memory_order_acq_rel) != 1)
		return;
	gt_timers_free(&bubble->timers);
	free(bubble);
}
