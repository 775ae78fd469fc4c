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
 * gt_unlock() looks at the lock's memory after it has let go. Who cannot be sure
 * that the object still lives then (a park's commit: the parked task may be running
 * again, and drop the last reference) uses gt_unlock_gone(), which lets go and looks
 * in one atomic step. That is why both stand in one word; they are apart within it,
 * as a load that covers more than the store before it stalls.
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
	union {
		_Atomic uint32_t word;		/* sleepers wait on it */
		struct {
			_Atomic uint8_t held;	/* 1: locked */
			uint8_t unused;
			_Atomic uint16_t waiters;	/* threads that may be asleep */
		};
	};
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GT_LOCK_* name parts of a word");
#define GT_LOCK_HELD 0xffu
#define GT_LOCK_WAITER 0x10000u

void gt_lock_slow(struct gt_lock *lock);

static inline bool gt_lock_try(struct gt_lock *lock)
{
	uint8_t unlocked = 0;

	return atomic_compare_exchange_strong_explicit(&lock->held, &unlocked, 1,
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
		gt_futex_wake(&lock->word, 1);
}

/* Unlock an object that may be gone the moment it is unlocked. */
static inline void gt_unlock_gone(struct gt_lock *lock)
{
	uint32_t old = atomic_fetch_and_explicit(&lock->word, ~GT_LOCK_HELD,
						 memory_order_release);

	if (__builtin_expect(old >= GT_LOCK_WAITER, 0))
		gt_futex_wake(&lock->word, 1);
}

#endif /* GT_BASE_LOCK_H */
