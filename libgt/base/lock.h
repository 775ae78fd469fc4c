/* SPDX-License-Identifier: MIT */
/*
 * The runtime's own lock: short critical sections, never held over a park.
 *
 * It spins briefly, then sleeps on a futex. Locking is one compare-and-swap and
 * unlocking a plain store and a load, about half of what a futex mutex with an
 * atomic exchange on both sides costs. The unlocker must not miss a sleeper:
 *
 *	unlocker			waiter
 *	held = 0			sleepers++
 *	(A) light barrier		(B) heavy barrier
 *	if (sleepers) wake		if (held) sleep
 *
 * By (B), either the unlocker's load comes after the waiter's increment, or its
 * store comes before the waiter's look at held (futex() compares it again). The
 * waiter is about to sleep, so the 14 us of (B) are its to pay.
 *
 * sleepers is not in the lock but in a static table, by the lock's address: the
 * unlocker must not touch the lock after it has let go, since another may free it
 * at once. Waking an address that is gone, or another lock's sleeper that shares
 * the entry, costs a system call and does no harm. The table is read by all and
 * written only by who sleeps, so it stays in every cache.
 *
 * Rejected: pthread_mutex_t, twice the atomics; a pure spin lock, which wastes a
 * slice when the holder is descheduled.
 */
#ifndef GT_BASE_LOCK_H
#define GT_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/barrier.h"
#include "base/futex.h"
#include "base/window.h"

struct gt_lock {
	_Atomic uint32_t held;		/* 1: locked. Sleepers wait on it */
};

#define GT_LOCK_ENTRIES 64		/* a power of two */

/* Threads that may be asleep on a lock of this entry. */
extern _Atomic uint32_t gt_lock_sleepers[GT_LOCK_ENTRIES];

static inline _Atomic uint32_t *gt_lock_entry(struct gt_lock *lock)
{
	return &gt_lock_sleepers[(uintptr_t)lock / 64 % GT_LOCK_ENTRIES];
}

void gt_lock_slow(struct gt_lock *lock);

static inline bool gt_lock_try(struct gt_lock *lock)
{
	uint32_t unlocked = 0;

	return atomic_compare_exchange_strong_explicit(&lock->held, &unlocked, 1,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static inline void gt_lock(struct gt_lock *lock)
{
	if (__builtin_expect(!gt_lock_try(lock), 0))
		gt_lock_slow(lock);
}

/* The lock's memory may be gone the moment it is unlocked. */
static inline void gt_unlock(struct gt_lock *lock)
{
	_Atomic uint32_t *sleepers = gt_lock_entry(lock);

	atomic_store_explicit(&lock->held, 0, memory_order_release);
	GT_WINDOW("lock.free");
	gt_barrier_light();						/* (A) */
	if (__builtin_expect(atomic_load_explicit(sleepers, memory_order_relaxed), 0))
		gt_futex_wake(&lock->held, 1);
}

#endif /* GT_BASE_LOCK_H */
