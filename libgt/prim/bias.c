/* SPDX-License-Identifier: MIT */
/* The ordinary path of a lock that may lean to a P. The argument is in bias.h. */
#include "base/backoff.h"
#include "base/relax.h"
#include "base/window.h"
#include "prim/bias.h"

/* The owner's M is in for some instructions, unless the kernel runs another. */
static void take_from_owner(struct gt_bias *bias)
{
	gt_store(&bias->owner, GT_BIAS_NEVER);
	GT_WINDOW("bias.taken");
	gt_barrier_heavy();						/* (B) */
	for (int i = 0; gt_load_acquire(&bias->busy); i++)
		gt_relax(i);
	bias->leaning = false;
}

void gt_bias_lock_contended(struct gt_bias *bias)
{
	gt_backoff(&bias->backoff, &bias->lock.held, 1);
	gt_lock(&bias->lock);
}

void gt_bias_lock_slow(struct gt_bias *bias, struct gt_p *p)
{
	struct gt_p *owner;

	gt_lock(&bias->lock);
	owner = gt_load(&bias->owner);
	if (owner == GT_BIAS_NEVER)
		return;
	if (gt_unlikely(owner)) {
		take_from_owner(bias);
	} else if (bias->last != p) {
		bias->last = p;
		bias->streak = 0;
	} else if (p && ++bias->streak == GT_BIAS_AFTER) {
		gt_store(&bias->owner, p);
	}
}
