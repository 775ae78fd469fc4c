/* SPDX-License-Identifier: MIT */
/*
 * Waits that one of several may end.
 *
 * A waiter stands in any number of queues, by nodes on its stack, and its deadline is
 * in a heap. Who finds a node, under the lock of its queue, claims the wait by a
 * compare-and-swap on winner; one claims it, and that one readies the waiter. Others
 * pass the node by. Once awake, the waiter takes its remaining nodes out, under their
 * locks: until then they, and so the wait, may be looked at.
 *
 *	waiter				waker, or the alarm
 *	lock, queue the nodes
 *	lock the heap, set the alarm
 *	park
 *	   (context saved)
 *	commit: unlock the queue	lock, find a node
 *	(A) let the heap go		(B) claim; unlock
 *					if it won: ready the waiter
 *	awake: cancel the alarm (C), unless it was that
 *	take the other nodes out
 *
 * Nobody claims a wait whose waiter has not saved its context: a waker needs the lock
 * that commit releases, and the alarm cannot fire before (A). Between commit's unlock
 * and (A) a waker may have readied the waiter, which may run elsewhere: it stops at
 * (C), for the heap's lock, so that its frame is there until (A) is done. After (C)
 * fire() is not running, and the frame may go. If commit returns false nothing was
 * made known, and the alarm is taken out before it could fire.
 *
 * A wait in one queue alone needs no claim: its expire() locks the queue, and whoever
 * takes the node out of it ends the wait.
 *
 * A plain thread has no alarm. Its futex gives up at the deadline, and then the thread
 * itself tries (B): if it loses, a waker is on its way, and it goes on waiting for it.
 */
#include "base/window.h"
#include "prim/wait.h"

static bool expire(struct gt_wait *wait)
{
	bool ended;

	GT_WINDOW("wait.expires");
	ended = wait->expire ? wait->expire(wait) :
			       gt_wait_claim(wait, GT_WAIT_TIMEOUT);		/* (B) */
	/* If it has not, it may be gone when the alarm has fired, but not before. */
	if (ended)
		wait->expired = true;
	return ended;
}

static void fire(struct gt_alarm *alarm, int64_t when)
{
	struct gt_wait *wait = (void *)((char *)alarm - offsetof(struct gt_wait, alarm));
	struct gt_g *g = wait->g;

	(void)when;
	if (expire(wait))
		gt_ready_last(g);
}

static bool give_up(void *arg)
{
	return expire(arg);
}

static bool commit_wait(struct gt_g *g, void *arg)
{
	struct gt_wait *wait = arg;

	if (!wait->commit(g, wait->arg)) {
		gt_alarm_drop(&wait->alarm);
		return false;
	}
	GT_WINDOW("wait.committed");
	gt_alarm_let_go(&wait->alarm);					/* (A) */
	return true;
}

int64_t gt_wait_park(struct gt_wait *wait, bool (*commit)(struct gt_g *g, void *arg),
		     void *arg, int64_t deadline, enum gt_reason reason)
{
	int error;

	if (deadline == GT_NO_DEADLINE) {
		gt_park(commit, arg, reason);
	} else if (wait->g->thread) {
		/* A time before the clock began would be refused. */
		gt_park_thread(commit, arg, deadline > 0 ? deadline : 0, give_up, wait);
	} else {
		wait->commit = commit;
		wait->arg = arg;
		wait->alarm = (struct gt_alarm){ .fire = fire };
		error = gt_alarm_hold(&wait->alarm, deadline);
		if (error)
			return error;
		gt_park(commit_wait, wait, reason);
		/* If it was fire(), that is after (A), and it has done with the wait. */
		GT_WINDOW("wait.awake");
		if (!wait->expired)
			gt_alarm_cancel(&wait->alarm);			/* (C) */
	}
	return gt_load(&wait->winner);
}
