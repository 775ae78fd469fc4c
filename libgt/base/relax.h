/* SPDX-License-Identifier: MIT */
/* Waiting for what takes another thread some instructions, unless the kernel runs a third. */
#ifndef GT_BASE_RELAX_H
#define GT_BASE_RELAX_H

#include <sched.h>

#include "arch.h"

#define GT_RELAX_SPINS 100

/* Between two looks; turn counts them. */
static inline void gt_relax(int turn)
{
	if (turn < GT_RELAX_SPINS)
		gt_cpu_relax();
	else
		sched_yield();
}

#endif /* GT_BASE_RELAX_H */
