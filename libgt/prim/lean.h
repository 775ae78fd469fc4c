/* SPDX-License-Identifier: MIT */
/*
 * A word that leans to one P: a mutex's.
 *
 * Who locks and unlocks what nobody else uses pays for two compare-and-swaps, and for
 * little else. After GT_LEAN_AFTER takes in a row by one P the word is that P's: its Ms
 * change it with a load and a store. Others may read it. The first who wants to change
 * it from elsewhere straightens it for good, which costs a heavy barrier (14 us); the
 * P's own Ms do so for nothing, and it may lean again. A bias.h for what is held over
 * parks, by a task that comes and goes: it is the change that is the P's, not the lock.
 *
 *	M of the P that is named	another
 *	inside = true, and has the P
 *	word: LEANS, and P's number
 *	busy = true			revoked = true
 *	(A) light barrier		(B) heavy barrier
 *	if (!revoked) change the word	wait while busy
 *	busy = false			clear LEANS by compare-and-swap,
 *	inside = false			   set SHARED
 *
 * By (B) either M sees that it is revoked, or the other sees busy and waits: then it sees
 * the change. While the word does not lean, all change it by compare-and-swap, and the
 * bits that say so are in what they compare: so nobody who saw it upright changes it
 * after it has begun to lean, whoever made it do so.
 *
 * One M at a time is busy. To be so it has seen its P's number in the word, inside, so
 * that it keeps the P. Only that M, or the end of leaning for good, changes the number.
 * An M that is preempted or blocked is outside, so that busy lasts some instructions.
 *
 * What M touches last is busy, which comes after the word. Nobody frees the word in
 * between: the tasks of its P do not run before it is outside, and all others wait for
 * busy. Of the P only the number is used, so a word may outlive it.
 *
 * Source: Kawachiya, Koseki and Onodera, "Lock Reservation"; Dice, Huang and Yang.
 */
#ifndef GT_PRIM_LEAN_H
#define GT_PRIM_LEAN_H

#include "gt/sync.h"
#include "sched/park.h"

#define GT_LEAN_AFTER 1024	/* takes in a row until it leans to their P */

/* In the word; the bits below are the user's. */
#define GT_LEANS 0x100u
#define GT_LEAN_SHARED 0x200u	/* it has been taken from a P, and will not lean again */
#define GT_LEAN_SHIFT 16	/* here is the number of the P of the last take, or 0 */

/* A struct gt_mutex as it is used. */
struct gt_lean {
	_Atomic uint32_t word;
	union {
		_Atomic uint16_t streak;	/* takes in a row. Who has taken it; any reads */
		_Atomic uint16_t backoff;	/* once SHARED, instead: see backoff.h */
	};
	_Atomic bool busy;		/* M of the named P changes the word, or looks */
	_Atomic bool revoked;		/* nobody may any more */
};

_Static_assert(sizeof(struct gt_lean) == sizeof(struct gt_mutex), "the same");

/* Inside the runtime: end its leaning. Returns the word, which may lean again by now. */
uint32_t gt_lean_straighten(struct gt_lean *lean);

/*
 * From a task's code: change the user's bits of a word that leans to the caller's P. False:
 * it does not, or has others than these, or something else wants to be looked at.
 */
static inline bool gt_lean_store(struct gt_lean *lean, uint32_t from, uint32_t to)
{
	struct gt_m *m = gt_m_self();
	uint32_t base;
	bool done = false;

	if (gt_unlikely(!m))
		return false;
	gt_store(&m->inside, true);
	gt_barrier_light();						/* (A) of handoff.c */
	base = GT_LEANS | m->p_number << GT_LEAN_SHIFT;
	if (gt_likely(gt_load(gt_take(m)) == GT_TAKE_NONE) &&
	    gt_likely(gt_load_acquire(&lean->word) == (base | from))) {
		GT_WINDOW("lean.looked");
		gt_store(&lean->busy, true);
		gt_barrier_light();					/* (A) */
		if (gt_likely(!gt_load(&lean->revoked))) {
			GT_WINDOW("lean.busy");
			gt_store_release(&lean->word, base | to);
			done = true;
		}
		gt_store_release(&lean->busy, false);
	}
	gt_store_release(&m->inside, false);
	return done;
}

/*
 * From anywhere: set bits of an upright word, which was seen to be old, and count for
 * whom. False: it is another now.
 */
static inline bool gt_lean_take(struct gt_lean *lean, uint32_t old, uint32_t set)
{
	uint32_t to = old | set, number, streak = 0;
	struct gt_m *m;

	if (old & GT_LEAN_SHARED)
		return atomic_compare_exchange_strong_explicit(&lean->word, &old, to,
							       memory_order_acquire,
							       memory_order_relaxed);
	/* It may be out of date, and then it leans to a P that does not come. */
	m = gt_m_self();
	number = m ? m->p_number : 0;
	if (m && old >> GT_LEAN_SHIFT == number) {
		streak = gt_load(&lean->streak) + 1;
		if (streak == GT_LEAN_AFTER) {
			to |= GT_LEANS;
			streak = 0;
		}
	} else {
		to = (to & UINT16_MAX) | number << GT_LEAN_SHIFT;
	}
	if (!atomic_compare_exchange_strong_explicit(&lean->word, &old, to, memory_order_acquire,
						     memory_order_relaxed))
		return false;
	gt_store(&lean->streak, streak);
	return true;
}

#endif /* GT_PRIM_LEAN_H */
