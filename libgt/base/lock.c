/* SPDX-License-Identifier: MIT */
/* The slow path of the runtime's lock. The argument is in lock.h. */
#include "arch.h"
#include "base/lock.h"
#include "base/window.h"

#define GT_LOCK_SPINS 100

_Atomic uint32_t gt_lock_sleepers[GT_LOCK_ENTRIES];

void gt_lock_slow(struct gt_lock *lock)
{
	int saved = errno;

	for (int i = 0; i < GT_LOCK_SPINS; i++) {
		if (!atomic_load_explicit(&lock->held, memory_order_relaxed) && gt_lock_try(lock))
			return;
		gt_cpu_relax();
	}
	atomic_fetch_add_explicit(gt_lock_entry(lock), 1, memory_order_relaxed);
	GT_WINDOW("lock.counted");
	gt_barrier_heavy();						/* (B) */
	while (!gt_lock_try(lock)) {
		GT_WINDOW("lock.sleep");
		gt_futex_wait(&lock->held, 1, GT_FOREVER);
	}
	atomic_fetch_sub_explicit(gt_lock_entry(lock), 1, memory_order_relaxed);
	errno = saved;
}
