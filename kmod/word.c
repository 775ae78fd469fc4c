// SPDX-License-Identifier: GPL-2.0
/*
 * The shared word: who has what a blocked worker held, decided by one compare-and-swap.
 *
 * The word is in the user area, so anything may stand in it at any time. What follows
 * is for user space that keeps to the ABI; the kernel itself does no more than bounded
 * compare-and-swaps on eight bytes of a page that it owns, whatever is in them.
 *
 * WHO WRITES WHEN
 *
 *	state		who may write, and what
 *	HELD		the worker, in program order; sched_out: BLOCKED n
 *			others, flags only
 *	BLOCKED n	sched_in: HELD; takers: TAKEN; others, flags only
 *	TAKEN, others	user space
 *
 * WHY ONE OF TAKER AND WORKER HAS IT, NEVER BOTH, NEVER NONE
 *
 *	worker				taker
 *
 *	sched_out:
 *	  word: HELD -> BLOCKED n  (A)	  word == BLOCKED n ?
 *					  held = what the worker holds
 *	sched_in:			  word: BLOCKED n -> TAKEN  (C)
 *	  word: BLOCKED n -> HELD  (B)	  it is mine
 *	user code:
 *	  word == HELD ? it is mine
 *
 *  1. (B) and (C) are compare-and-swaps from the same value on the same word: one of them
 *     succeeds. If (B) does the worker finds HELD, and the taker knows that it failed; if
 *     (C) does the worker finds TAKEN. That the worker looks later, and by a plain load, is
 *     no matter: between (B) and its next block nobody else changes the state.
 *
 *  2. A taker that is late meets no other block. n is the slot's number of blocks, which no
 *     two blocks share, nor two workers that have the slot one after the other; so (C)
 *     with an old n fails.
 *
 *  3. held is what the worker holds: the taker has read BLOCKED n before, and (C) finds
 *     BLOCKED n after, and in between the worker was asleep in one block.
 *
 *  4. What the worker did with it before is done: (A) and (B) and (C) are full barriers,
 *     and the taker reads what (A) wrote. What the taker did before (C), the worker that
 *     reads TAKEN sees, since (B) failed on it, and a failed (B) is followed by a barrier.
 *
 *  5. The worker is between two instructions when (A) happens. So it may guard sections in
 *     which nothing is to be taken from it by a plain store before them and one after,
 *     which the taker reads between its look at BLOCKED n and (C): the worker was in the
 *     section for all of that block, or for nothing of it.
 *
 * A block that finds another state than HELD, or is not covered, changes nothing, and its
 * end neither: (B) is tried only from BLOCKED with the number of the block that ends.
 *
 * Who comes back to find TAKEN is made to call its runtime before it runs on (upcall.c),
 * which changes nothing here: the word is user space's by then.
 *
 * tools/model/word.pml has these steps; spin takes them in every order, as they are and
 * with each of them broken.
 *
 * Rejected: a word that the kernel alone writes beside one that the taker alone writes:
 * deciding between the two takes a barrier on both sides and a second look.
 */
#include <linux/atomic.h>
#include <linux/compiler.h>

#include "gt.h"

/* Those who change flags do so a few times at most: who is met more often plays. */
#define GT_WORD_TRIES	8

/*
 * From a state and number to another, with the flags as they are. A full barrier, whether
 * it succeeds, which it returns, or not.
 */
static bool gt_word_change(u64 *word, u64 from, u64 to)
{
	u64 old = READ_ONCE(*word);
	int tries;

	for (tries = 0; tries < GT_WORD_TRIES && (old & ~(u64)GT_USER_FLAGS) == from; tries++) {
		u64 seen = cmpxchg(word, old, to | (old & GT_USER_FLAGS));

		if (seen == old)
			return true;
		old = seen;
	}
	smp_mb();	/* what cmpxchg() would have been: the callers promise one */
	return false;
}

/**
 * gt_word_block - the worker blocks, covered
 * @worker:	of current, in sched_out
 * @number:	of the block
 */
void gt_word_block(struct gt_worker *worker, u64 number)
{
	worker->offered = gt_word_change(&worker->user->word, GT_USER_HELD,
					 number << 8 | GT_USER_BLOCKED);	/* (A) */
}

/**
 * gt_word_return - the worker's block is over
 * @worker:	of current, in sched_in
 * @number:	of the block
 *
 * A full barrier.
 *
 * Return: true if what the worker held was taken in that block.
 */
bool gt_word_return(struct gt_worker *worker, u64 number)
{
	u64 *word = &worker->user->word;
	bool offered = worker->offered;

	worker->offered = false;
	if (gt_word_change(word, number << 8 | GT_USER_BLOCKED, GT_USER_HELD))	/* (B) */
		return false;
	return offered && GT_USER_STATE(READ_ONCE(*word)) == GT_USER_TAKEN;
}
