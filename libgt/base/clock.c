/* SPDX-License-Identifier: MIT */
/* The clock of all deadlines. */
#include <time.h>

#include "base/clock.h"
#include "gt/time.h"

int64_t gt_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * GT_SECOND + ts.tv_nsec;
}
