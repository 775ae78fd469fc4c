/* SPDX-License-Identifier: MIT */
/* Stepping back from a lock. What for is in backoff.h. */
#include <stdbool.h>

#include "arch.h"
#include "base/backoff.h"
#include "base/clock.h"

/* Between two looks at the clock, which takes about as long. */
#define GT_BACKOFF_PAUSES 4

static void pause_some(void)
{
	for (int i = 0; i < GT_BACKOFF_PAUSES; i++)
		gt_cpu_relax();
}

bool gt_backoff(_Atomic uint16_t *backoff, _Atomic uint32_t *held, uint32_t bits)
{
	uint16_t span = atomic_load_explicit(backoff, memory_order_relaxed);
	int64_t until;
	bool free;

	if (span < GT_BACKOFF_MIN)
		span = GT_BACKOFF_MIN;
	until = gt_clock() + span;
	do
		pause_some();
	while (gt_clock() < until);
	until += span;
	do {
		free = !(atomic_load_explicit(held, memory_order_relaxed) & bits);
		if (free)
			break;
		pause_some();
	} while (gt_clock() < until);
	if (!free)
		span /= 2;
	else if (span < GT_BACKOFF_MAX)
		span *= 2;
	atomic_store_explicit(backoff, span, memory_order_relaxed);
	return free;
}
