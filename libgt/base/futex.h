/* SPDX-License-Identifier: MIT */
/* Sleeping on a word of memory, the bottom of all blocking in user space. */
#ifndef GT_BASE_FUTEX_H
#define GT_BASE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A deadline that never comes; the same as the module's GT_DEADLINE_NONE. */
#define GT_FOREVER INT64_C(-1)

/*
 * Sleep while *word is value, until woken or the absolute CLOCK_MONOTONIC
 * deadline. May return early for no reason; the caller looks at the word again.
 * Returns false if the deadline has passed.
 */
static inline bool gt_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	struct timespec ts, *timeout = NULL;

	if (deadline != GT_FOREVER) {
		ts.tv_sec = deadline / 1000000000;
		ts.tv_nsec = deadline % 1000000000;
		timeout = &ts;
	}
	return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, timeout, NULL,
		       FUTEX_BITSET_MATCH_ANY) == 0 || errno != ETIMEDOUT;
}

/* Wake up to count sleepers. The word's memory may be gone: it is only a name. */
static inline void gt_futex_wake(_Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

#endif /* GT_BASE_FUTEX_H */
