/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a P: a ring of GT_RING tasks, and one task before it.
 *
 * Only the owner of the P adds, at the tail, with a release store that publishes
 * the slot. Owner and thieves take at the head, by compare-and-swap: whoever moves
 * head over a slot owns what was in it. head and tail are counters that wrap; a
 * slot is rewritten only when head has passed it, and a thief that read it before
 * loses its compare-and-swap.
 *
 * p->next is the task that was readied last. It runs before the ring, since its
 * data is warm and its partner often waits for it, and it is taken by exchange. To
 * keep two such partners from starving the ring, every GT_NEXT_STREAK-th time the
 * ring goes first; earlier, if sysmon sees the ring stand still for a time slice.
 *
 * What is left of the cost of a yield, a spawn or a wake on one P is mostly these
 * exchanges and compare-and-swaps, 7 ns each; a spawn that is waited for has four of the
 * former. Not done: next changed by its owner alone with plain stores, and taken by others
 * behind a heavy barrier while the owner is outside the runtime. A prototype took a quarter
 * off a ping-pong; but the exchange is also (A) of sched.c, and without it either each M
 * that goes idle pays for a heavy barrier, or a task beside a long one waits for sysmon.
 *
 * Source: Go's runtime (runqput, runqget, runqgrab), after Blumofe and Leiserson.
 */
#ifndef GT_SCHED_RUNQ_H
#define GT_SCHED_RUNQ_H

#include "sched/types.h"

#define GT_NEXT_STREAK 64

/* The ring is full: move half of it and g to the global queue. */
void gt_runq_overflow(struct gt_p *p, struct gt_g *g);

/* Take half of the tasks in victim's ring into p's; return one of them, or NULL. */
struct gt_g *gt_runq_steal(struct gt_p *p, struct gt_p *victim);

/* Take the task before the ring, or NULL. Anybody. */
static inline struct gt_g *gt_runq_steal_next(struct gt_p *victim)
{
	return atomic_exchange_explicit(&victim->next, NULL, memory_order_acquire);
}

/* Is anything in the ring? From anywhere; a snapshot. */
static inline bool gt_runq_ring_empty(struct gt_p *p)
{
	return gt_load_acquire(&p->head) == gt_load_acquire(&p->tail);
}

/* Is anything in it? From anywhere; a snapshot. */
static inline bool gt_runq_empty(struct gt_p *p)
{
	return gt_runq_ring_empty(p) && !gt_load(&p->next);
}

/* Owner. */
static inline void gt_runq_put_tail(struct gt_p *p, struct gt_g *g)
{
	uint32_t head = gt_load_acquire(&p->head);
	uint32_t tail = gt_load(&p->tail);

	if (gt_unlikely(tail - head >= GT_RING)) {
		gt_runq_overflow(p, g);
		return;
	}
	gt_store(&p->ring[tail % GT_RING], g);
	gt_store_release(&p->tail, tail + 1);
}

/*
 * Owner. g runs next; what would have been next goes to the tail. Sequentially
 * consistent: it is barrier (A) of sched.c.
 */
static inline void gt_runq_put_next(struct gt_p *p, struct gt_g *g)
{
	g = atomic_exchange(&p->next, g);
	if (g)
		gt_runq_put_tail(p, g);
}

/* Owner. The next task, or NULL. */
static inline struct gt_g *gt_runq_get(struct gt_p *p)
{
	struct gt_g *g;
	uint32_t head, tail, streak;

	if (gt_load(&p->next)) {
		streak = gt_load(&p->next_streak) + 1;
		gt_store(&p->next_streak, streak);
		if (gt_likely(streak % GT_NEXT_STREAK)) {
			g = atomic_exchange_explicit(&p->next, NULL, memory_order_acquire);
			if (g)
				return g;
		}
	}
	head = gt_load_acquire(&p->head);
	tail = gt_load(&p->tail);
	while (head != tail) {
		g = gt_load(&p->ring[head % GT_RING]);
		if (atomic_compare_exchange_weak_explicit(&p->head, &head, head + 1,
							  memory_order_acq_rel,
							  memory_order_acquire))
			return g;
	}
	if (gt_load(&p->next))
		return atomic_exchange_explicit(&p->next, NULL, memory_order_acquire);
	return NULL;
}

#endif /* GT_SCHED_RUNQ_H */
