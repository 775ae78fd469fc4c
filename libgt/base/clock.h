/* SPDX-License-Identifier: MIT */
/* The clock of all deadlines, as the scheduler reads it. */
#ifndef GT_BASE_CLOCK_H
#define GT_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC, whatever time the calling task lives in. */
int64_t gt_clock(void);

#endif /* GT_BASE_CLOCK_H */
