/* SPDX-License-Identifier: MIT */
/* The rare paths of the run queue: overflow and theft. See runq.h. */
#include "sched/runq.h"
#include "sched/sched.h"

/* Take up to count tasks at the head of p's ring into out. Returns how many. */
static uint32_t runq_grab(struct gt_p *p, struct gt_g **out, uint32_t at_least)
{
	uint32_t head = gt_load_acquire(&p->head);

	for (;;) {
		uint32_t size = gt_load_acquire(&p->tail) - head;
		uint32_t count = size - size / 2;

		/* head and tail were not read at one time: look again. */
		if (size > GT_RING) {
			head = gt_load_acquire(&p->head);
			continue;
		}
		if (count < at_least || !count)
			return 0;
		for (uint32_t i = 0; i < count; i++)
			out[i] = gt_load(&p->ring[(head + i) % GT_RING]);
		if (atomic_compare_exchange_weak_explicit(&p->head, &head, head + count,
							  memory_order_acq_rel,
							  memory_order_acquire))
			return count;
	}
}

void gt_runq_overflow(struct gt_p *p, struct gt_g *g)
{
	struct gt_g *batch[GT_RING];
	struct gt_list list = { 0 };
	uint32_t count = runq_grab(p, batch, GT_RING / 2);

	if (!count) {
		/* Thieves made room meanwhile. */
		gt_runq_put_tail(p, g);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		gt_list_push(&list, batch[i]);
	gt_list_push(&list, g);
	gt_queue_put(&list);
}

struct gt_g *gt_runq_steal(struct gt_p *p, struct gt_p *victim)
{
	struct gt_g *batch[GT_RING];
	uint32_t count = runq_grab(victim, batch, 1);
	uint32_t tail = gt_load(&p->tail);

	if (!count)
		return NULL;
	/* The last one runs now; there is room for the rest: p's ring was empty. */
	for (uint32_t i = 0; i < count - 1; i++)
		gt_store(&p->ring[(tail + i) % GT_RING], batch[i]);
	if (count > 1)
		gt_store_release(&p->tail, tail + count - 1);
	return batch[count - 1];
}
