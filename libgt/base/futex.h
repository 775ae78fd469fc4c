/* SPDX-License-Identifier: MIT */
/* The two system calls under all blocking in user space, as functions. */
#ifndef GT_BASE_FUTEX_H
#define GT_BASE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
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

/*
 * The heavy half of an asymmetric barrier: after it, every thread of the process
 * has executed a full barrier since it was called. The light half is a compiler
 * barrier between a store and a load. Costs about 14 us; needs Linux 4.14.
 */
static inline int gt_barrier_register(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) ?
	       -errno : 0;
}

static inline void gt_barrier_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	atomic_thread_fence(memory_order_seq_cst);
}

static inline void gt_barrier_light(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

#endif /* GT_BASE_FUTEX_H */
