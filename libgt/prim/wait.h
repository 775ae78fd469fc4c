/* SPDX-License-Identifier: MIT */
/*
 * A wait that one of several may end: a value, a close, any case of a select, a
 * deadline. See wait.c.
 */
#ifndef GT_PRIM_WAIT_H
#define GT_PRIM_WAIT_H

#include "base/window.h"
#include "gt/time.h"
#include "sched/park.h"
#include "sched/timer.h"

/* Keys of those that end waits. Others are the users' own, from 1 up. */
#define GT_WAIT_WOKEN UINT32_C(1)
#define GT_WAIT_TIMEOUT UINT32_MAX

/* On the waiter's stack. Queue nodes point to it, and have a key each. */
struct gt_wait {
	struct gt_g *g;
	_Atomic uint32_t winner;	/* 0, then the key of who claimed it */
	bool expired;			/* the deadline ended it. fire()'s, then the waiter's */
	/*
	 * How the deadline ends it: true if it did, and nobody else will. NULL: by a
	 * claim. May take the locks that commit releases.
	 */
	bool (*expire)(struct gt_wait *wait);
	bool (*commit)(struct gt_g *g, void *arg);	/* the waiter's, like all below */
	void *arg;
	struct gt_alarm alarm;		/* set up only if there is a deadline */
};

/* The caller is about to wait. */
static inline void gt_wait_begin(struct gt_wait *wait)
{
	wait->g = gt_g_self();
	gt_store(&wait->winner, 0);
	wait->expired = false;
	wait->expire = NULL;
}

/*
 * End it. True: the caller is the one, and has to ready wait->g, exactly once. False:
 * another has ended it; without a lock that its waiter needs, it may be gone now.
 */
static inline bool gt_wait_claim(struct gt_wait *wait, uint32_t key)
{
	uint32_t none = 0;

	if (gt_load(&wait->winner))
		return false;
	GT_WINDOW("wait.claim");
	return atomic_compare_exchange_strong(&wait->winner, &none, key);
}

/*
 * Park the caller, as gt_park() does, until somebody has claimed its wait; at
 * deadline the clock does, with GT_WAIT_TIMEOUT, unless it has an expire() of its own.
 * Returns the winner's key; 0 if nobody has claimed it; -ENOMEM, before commit is
 * called, if there is no room for the deadline: then the caller still has the lock
 * that commit was to release. GT_NO_DEADLINE costs nothing.
 */
int64_t gt_wait_park(struct gt_wait *wait, bool (*commit)(struct gt_g *g, void *arg),
		     void *arg, int64_t deadline, enum gt_reason reason);

/* Has it come? Reads the clock only if it may have. */
static inline bool gt_deadline_passed(int64_t deadline)
{
	return deadline != GT_NO_DEADLINE && (deadline <= 0 || deadline <= gt_now());
}

#endif /* GT_PRIM_WAIT_H */
