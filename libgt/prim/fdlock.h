/* SPDX-License-Identifier: MIT */
/*
 * The lock of a descriptor: a reader's turn, a writer's turn, and its life. Called between
 * gt_enter() and gt_leave().
 */
#ifndef GT_PRIM_FDLOCK_H
#define GT_PRIM_FDLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gt_fdlock {
	_Atomic uint64_t state;
	_Atomic uint64_t threads;	/* what of state is plain threads', but for the close */
};

enum gt_side { GT_SIDE_READ, GT_SIDE_WRITE };

/*
 * Take a side's turn, with a reference; may park. False: closed, nothing is held;
 * then *last says whether this gave back the last reference.
 */
bool gt_fdlock_lock(struct gt_fdlock *lock, enum gt_side side, bool *last);

/* Give both back. True: it is closed and this was the last reference. */
bool gt_fdlock_unlock(struct gt_fdlock *lock, enum gt_side side);

/*
 * Close it, with a reference. Those that wait for a turn are sent away; those that
 * have one keep it until they unlock. False: it is closed already.
 */
bool gt_fdlock_close(struct gt_fdlock *lock);

/* Give a reference back. True: it is closed and this was the last one. */
bool gt_fdlock_put(struct gt_fdlock *lock);

/*
 * Tasks are gone, nobody has entered: take back what they had. Threads that wait for a turn
 * try again. True: it is closed and there are no other references.
 */
bool gt_fdlock_end(struct gt_fdlock *lock);

#endif /* GT_PRIM_FDLOCK_H */
