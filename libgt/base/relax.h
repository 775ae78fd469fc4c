/* SPDX-License-Identifier: MIT */
/* Waiting in user space: for what takes another thread some instructions, or for a while. */
#ifndef GT_BASE_RELAX_H
#define GT_BASE_RELAX_H

#include <sched.h>

#include "arch.h"
#include "base/clock.h"

#define GT_RELAX_SPINS 100
#define GT_RELAX_PAUSES 4	/* between looks at the clock, which take about as long */

/* Between two looks, unless the kernel runs a third; turn counts them. */
static inline void gt_relax(int turn)
{
	if (turn < GT_RELAX_SPINS)
		gt_cpu_relax();
	else
		sched_yield();
}

static inline void gt_relax_some(void)
{
	for (int i = 0; i < GT_RELAX_PAUSES; i++)
		gt_cpu_relax();
}

/* Look at nothing for so many nanoseconds. */
static inline void gt_relax_for(int64_t ns)
{
	int64_t until = gt_clock() + ns;

	do
		gt_relax_some();
	while (gt_clock() < until);
}

#endif /* GT_BASE_RELAX_H */
