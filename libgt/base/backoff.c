/* SPDX-License-Identifier: MIT */
/* Stepping back from a lock. What for is in backoff.h. */
#include <stdbool.h>

#include "base/backoff.h"
#include "base/relax.h"

void gt_backoff(_Atomic uint16_t *backoff, _Atomic uint32_t *held, uint32_t bits)
{
	uint16_t span = atomic_load_explicit(backoff, memory_order_relaxed);
	int64_t until;
	bool free;

	if (span < GT_BACKOFF_MIN)
		span = GT_BACKOFF_MIN;
	gt_relax_for(span);
	until = gt_clock() + span;
	do {
		free = !(atomic_load_explicit(held, memory_order_relaxed) & bits);
		if (free)
			break;
		gt_relax_some();
	} while (gt_clock() < until);
	if (!free)
		span /= 2;
	else if (span < GT_BACKOFF_MAX)
		span *= 2;
	atomic_store_explicit(backoff, span, memory_order_relaxed);
}
