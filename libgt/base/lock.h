/* SPDX-License-Identifier: MIT */
/*
 * The runtime's own lock: short critical sections, never held over a park.
 *
 * It spins briefly, then sleeps on a futex. Locking is one compare-and-swap and
 * unlocking a plain store and a load, about half of what a futex mutex with an
 * atomic exchange on both sides costs. The unlocker must not miss a sleeper:
 *
 *	unlocker			waiter
 *	held = 0			waiters++
 *	(A) light barrier		(B) heavy barrier
 *	if (waiters) wake		if (held) sleep
 *
 * By (B), either the unlocker's load comes after the waiter's increment, or its
 * store comes before the waiter's look at held (futex() compares it again). The
 * waiter is about to sleep, so the 14 us of (B) are its to pay.
 *
 * The unlocker looks at the lock's memory after it has let go. So a lock must not
 * be in an object that the next holder may free: use sema.h there, or a reference.
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

struct gt_lock {
	_Atomic uint32_t held;		/* 1: locked. Sleepers wait on it. */
	_Atomic uint32_t waiters;	/* threads that may be asleep on held */
};

void gt_lock_slow(struct gt_lock *lock);

static inline bool gt_lock_try(struct gt_lock *lock)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->held, &free, 1,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static inline void gt_lock(struct gt_lock *lock)
{
	if (__builtin_expect(!gt_lock_try(lock), 0))
		gt_lock_slow(lock);
}

static inline void gt_unlock(struct gt_lock *lock)
{
	atomic_store_explicit(&lock->held, 0, memory_order_release);
	gt_barrier_light();						/* (A) */
	if (__builtin_expect(atomic_load_explicit(&lock->waiters, memory_order_relaxed), 0))
		gt_futex_wake(&lock->held, 1);
}

#endif /* GT_BASE_LOCK_H */
