/* SPDX-License-Identifier: MIT */
/*
 * The asymmetric barrier: Dekker's store-then-load, where one side runs all the
 * time and the other rarely. The light half is a compiler barrier; the heavy half
 * makes every thread of the process execute a full one (membarrier(2), Linux 4.14,
 * about 14 us). So if the heavy side's store comes before its barrier and its load
 * after it, one of the two sides sees the other's store.
 *
 * Where the kernel or a seccomp filter refuses it, gt_barrier_strict makes both
 * halves full fences.
 *
 * Source: Dice, Huang, Yang, "Asymmetric Dekker Synchronization"; liburcu.
 */
#ifndef GT_BASE_BARRIER_H
#define GT_BASE_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>

/* Set before main(). */
extern bool gt_barrier_strict;

void gt_barrier_heavy(void);

static inline void gt_barrier_light(void)
{
	if (__builtin_expect(gt_barrier_strict, 0))
		atomic_thread_fence(memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst);
}

#endif /* GT_BASE_BARRIER_H */
