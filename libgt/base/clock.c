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

int64_t gt_thread_clock(int tid)
{
	/* As pthread_getcpuclockid() makes it: the kernel's CPUCLOCK_PERTHREAD, _SCHED. */
	clockid_t clock = (clockid_t)(~(unsigned int)tid << 3 | 6);
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return -1;
	return ts.tv_sec * GT_SECOND + ts.tv_nsec;
}
