/* SPDX-License-Identifier: MIT */
/*
 * A lock that leans to one P: a channel's.
 *
 * The tasks at both ends of a channel mostly run on one P, and the compare-and-swap of
 * an ordinary lock is then most of what an item costs. After GT_BIAS_AFTER takes in a
 * row by one P the lock is that P's: its Ms take it with a plain store and a load, and
 * let it go with a store. The first to come from elsewhere takes the ordinary lock
 * that is underneath, and takes the lock from the P for good, which costs it a heavy
 * barrier (14 us). So a lock that is shared from the start never leans, and one that
 * is shared later pays once, after it has saved about as much.
 *
 *	M of the owner			another
 *	busy = true			take the lock underneath
 *	(A) light barrier		owner = NEVER
 *	if (owner == P) it is in	(B) heavy barrier
 *	else busy = false,		wait while busy
 *	     take the lock underneath	it is in
 *
 * By (B) either the owner's M sees that the lock is not its P's any more, or the other
 * sees busy. An owner is only made by its own M, which has the lock underneath, while
 * there is none: so who has that lock, and sees no owner, shares with nobody. After
 * NEVER there is none again, and the lock is an ordinary one, but for what backoff.h says
 * of who finds it taken.
 *
 * A P stands for all Ms that hold it, one after the other: who takes and lets go is
 * inside the runtime, and keeps its P meanwhile, park's commit included. A plain
 * thread has no P, and no lock ever leans to it. Of the P only the address is used, so
 * a lock may outlive it, and may lean to one of a later run at the same address.
 *
 * Like gt_unlock(), letting go does not touch the lock's memory after the last store.
 *
 * Source: Kawachiya, Koseki and Onodera, "Lock Reservation"; Dice, Huang and Yang.
 */
#ifndef GT_PRIM_BIAS_H
#define GT_PRIM_BIAS_H

#include "sched/park.h"

#define GT_BIAS_AFTER 1024	/* takes in a row until it leans to their P */
#define GT_BIAS_NEVER ((struct gt_p *)1)	/* the owner of a lock that was taken back */

struct gt_bias {
	struct gt_lock lock;		/* underneath */
	_Atomic bool busy;		/* the owner is in, or looks. Its Ms' */
	_Atomic uint16_t backoff;	/* how long who finds it taken stays away: backoff.h */
	bool leaning;			/* how the holder got in. Holder's, like those below */
	uint32_t streak;		/* takes in a row by last */
	struct gt_p *last;
	_Atomic(struct gt_p *) owner;	/* or NULL, or GT_BIAS_NEVER. Under lock */
};

/* Take the lock underneath, which another has. */
void gt_bias_lock_contended(struct gt_bias *bias);

/* Take the lock underneath; p is the caller's, or NULL. */
void gt_bias_lock_slow(struct gt_bias *bias, struct gt_p *p);

/* Inside the runtime, like all calls here. */
static inline void gt_bias_lock(struct gt_bias *bias)
{
	struct gt_p *owner = gt_load(&bias->owner);
	struct gt_m *m;

	if (owner == GT_BIAS_NEVER) {
		if (gt_unlikely(!gt_lock_try(&bias->lock)))
			gt_bias_lock_contended(bias);
		return;
	}
	m = gt_m_self();
	if (gt_likely(owner && m && m->p == owner)) {
		GT_WINDOW("bias.looked");
		gt_store(&bias->busy, true);
		gt_barrier_light();					/* (A) */
		GT_WINDOW("bias.busy");
		if (gt_likely(gt_load(&bias->owner) == owner)) {
			GT_WINDOW("bias.in");
			bias->leaning = true;
			return;
		}
		gt_store_release(&bias->busy, false);
	}
	gt_bias_lock_slow(bias, m ? m->p : NULL);
}

static inline void gt_bias_unlock(struct gt_bias *bias)
{
	if (bias->leaning)
		gt_store_release(&bias->busy, false);
	else
		gt_unlock(&bias->lock);
}

#endif /* GT_PRIM_BIAS_H */
