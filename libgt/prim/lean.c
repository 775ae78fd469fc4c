/* SPDX-License-Identifier: MIT */
/* The end of a word's leaning. The argument is in lean.h. */
#include "base/relax.h"
#include "prim/lean.h"

/* The M of the named P is busy for some instructions, unless the kernel runs another. */
static void take_from_owner(struct gt_lean *lean)
{
	gt_store(&lean->revoked, true);
	gt_barrier_heavy();						/* (B) */
	for (int i = 0; gt_load_acquire(&lean->busy); i++)
		gt_relax(i);
}

uint32_t gt_lean_straighten(struct gt_lean *lean)
{
	struct gt_m *m = gt_m_self();
	uint32_t old = gt_load(&lean->word), keep = UINT32_MAX, set = 0;

	if (!(old & GT_LEANS))
		return old;
	if (!m || !m->p || old >> GT_LEAN_SHIFT != m->p_number) {
		take_from_owner(lean);
		keep = UINT16_MAX;
		set = GT_LEAN_SHARED;
		old = gt_load(&lean->word);
	}
	while (!atomic_compare_exchange_weak_explicit(&lean->word, &old,
						      (old & keep & ~GT_LEANS) | set,
						      memory_order_relaxed, memory_order_relaxed))
		;
	return (old & keep & ~GT_LEANS) | set;
}
