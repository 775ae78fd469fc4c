/* SPDX-License-Identifier: MIT */
/*
 * The lock of a descriptor: one word, so that the usual case is one
 * compare-and-swap to come in and one to leave.
 *
 *	bit 0		closed
 *	bit 1, 2	a reader, a writer has its turn
 *	bits 3-22	references
 *	bits 23-42	waiting readers
 *	bits 43-62	waiting writers
 *
 * The descriptor itself is closed by whoever gives the last reference back after
 * the close, so its number cannot be reused under a call that is still at work.
 *
 * Waiters park on the address of the word, readers and writers at different bytes
 * of it. A waiter holds a reference, and counts itself in and out: who unlocks
 * while it is counted wakes one, which then tries again. It parks only if, under
 * the queue's lock, the turn is still taken; so the one that has the turn then has
 * still to unlock, and will see the count.
 *
 * A run may end while tasks have turns, references and waits, and plain threads, too. Those
 * of tasks go with them, threads keep theirs. So what threads add to the word is counted
 * beside it as well, and is what is left of it then. A thread changes the two in one visit;
 * so they belong together whenever a run ends (sched/visit.c).
 *
 * Rejected: letting the waker count the woken out. A waiter between its count and
 * its queue is then forgotten, if another takes the turn before it looks.
 *
 * Source: Go's internal/poll/fd_mutex.go.
 */
#include "gt/panic.h"
#include "prim/fdlock.h"
#include "prim/sema.h"

#define CLOSED UINT64_C(1)
#define TURN(side) (UINT64_C(2) << (side))
#define REF (UINT64_C(1) << 3)
#define REF_MASK (((UINT64_C(1) << 20) - 1) << 3)
#define WAITER(side) (UINT64_C(1) << ((side) == GT_SIDE_READ ? 23 : 43))
#define WAITER_MASK(side) (((UINT64_C(1) << 20) - 1) * WAITER(side))

struct turn {
	struct gt_fdlock *lock;
	enum gt_side side;
};

static const void *address_of(struct gt_fdlock *lock, enum gt_side side)
{
	return (const char *)lock + side;
}

static bool still_taken(void *arg)
{
	struct turn *turn = arg;
	uint64_t state = atomic_load(&turn->lock->state);

	return !(state & CLOSED) && (state & TURN(turn->side));
}

static bool is_last(uint64_t state)
{
	return (state & (CLOSED | REF_MASK)) == CLOSED;
}

/* state has been changed by so much: note it, if it is a thread that has done so. */
static void note(struct gt_fdlock *lock, uint64_t by)
{
	if (gt_unlikely(!gt_m_self()))
		atomic_fetch_add(&lock->threads, by);
}

/* Counted in, with a reference: wait for the turn, or the close. */
static bool wait_for_turn(struct gt_fdlock *lock, enum gt_side side, bool *last)
{
	struct turn turn = { lock, side };
	uint64_t state = atomic_load(&lock->state), next;

	for (;;) {
		if (state & CLOSED)
			next = state - WAITER(side) - REF;
		else if (!(state & TURN(side)))
			next = (state | TURN(side)) - WAITER(side);
		else
			next = state;
		if (next == state) {
			gt_sema_wait(address_of(lock, side), still_taken, &turn,
				     side == GT_SIDE_READ ? GT_REASON_NET_READ :
							    GT_REASON_NET_WRITE);
			state = atomic_load(&lock->state);
		} else if (atomic_compare_exchange_weak(&lock->state, &state, next)) {
			note(lock, next - state);
			*last = is_last(next);
			return !(state & CLOSED);
		}
	}
}

bool gt_fdlock_lock(struct gt_fdlock *lock, enum gt_side side, bool *last)
{
	uint64_t state = atomic_load(&lock->state), next;

	*last = false;
	do {
		if (state & CLOSED)
			return false;
		if ((state & REF_MASK) == REF_MASK) {
			gt_leave();
			gt_panic("too many calls at once on one descriptor");
		}
		next = state + REF;
		next += state & TURN(side) ? WAITER(side) : TURN(side);
	} while (!atomic_compare_exchange_weak(&lock->state, &state, next));
	note(lock, next - state);
	return !(state & TURN(side)) || wait_for_turn(lock, side, last);
}

bool gt_fdlock_unlock(struct gt_fdlock *lock, enum gt_side side)
{
	uint64_t state = atomic_fetch_sub(&lock->state, TURN(side) + REF);

	note(lock, -(TURN(side) + REF));
	if (state & WAITER_MASK(side))
		gt_sema_wake(address_of(lock, side), 1, NULL, NULL);
	return is_last(state - TURN(side) - REF);
}

static void wake_waiters(struct gt_fdlock *lock, uint64_t state)
{
	for (enum gt_side side = GT_SIDE_READ; side <= GT_SIDE_WRITE; side++)
		if (state & WAITER_MASK(side))
			gt_sema_wake(address_of(lock, side), SIZE_MAX, NULL, NULL);
}

bool gt_fdlock_close(struct gt_fdlock *lock)
{
	uint64_t state = atomic_load(&lock->state);

	do {
		if (state & CLOSED)
			return false;
	} while (!atomic_compare_exchange_weak(&lock->state, &state, (state | CLOSED) + REF));
	note(lock, REF);
	wake_waiters(lock, state);
	return true;
}

bool gt_fdlock_put(struct gt_fdlock *lock)
{
	uint64_t state = atomic_fetch_sub(&lock->state, REF) - REF;

	note(lock, -REF);
	return is_last(state);
}

bool gt_fdlock_end(struct gt_fdlock *lock)
{
	uint64_t state = atomic_load(&lock->state) & CLOSED;

	state |= atomic_load(&lock->threads);
	atomic_store(&lock->state, state);
	wake_waiters(lock, state);
	return is_last(state);
}
