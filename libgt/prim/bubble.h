/* SPDX-License-Identifier: MIT */
/* What is made in a bubble is for its tasks alone. */
#ifndef GT_PRIM_BUBBLE_H
#define GT_PRIM_BUBBLE_H

#include "sched/bubble.h"

/* Outside the runtime: the caller has to be in the bubble with that id, or it panics. */
void gt_bubble_check(uint64_t id, const char *what);

#endif /* GT_PRIM_BUBBLE_H */
