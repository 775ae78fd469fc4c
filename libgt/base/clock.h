/* SPDX-License-Identifier: MIT */
/* The clock of all deadlines, as the scheduler reads it. */
#ifndef GT_BASE_CLOCK_H
#define GT_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC, whatever time the calling task lives in. */
int64_t gt_clock(void);

/* Nanoseconds that a thread of this process has been on a CPU, or -1: it has gone. */
int64_t gt_thread_clock(int tid);

#endif /* GT_BASE_CLOCK_H */
