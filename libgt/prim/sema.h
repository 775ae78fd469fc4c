/* SPDX-License-Identifier: MIT */
/*
 * Waiting on an address: the queue under primitives that are a word or two.
 *
 * The address is only a name; its memory is not touched. So an object may be freed
 * by the first that it wakes, while its waker is still at work here.
 */
#ifndef GT_PRIM_SEMA_H
#define GT_PRIM_SEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "prim/wait.h"

struct gt_sema_bucket;

/* Who waits, on its own stack. */
struct gt_sema_waiter {
	struct gt_sema_waiter *next;	/* the bucket's lock */
	struct gt_sema_waiter **link;	/* what points to it; NULL: not queued. As next */
	const void *address;
	struct gt_g *g;
};

/*
 * Park the caller until gt_sema_wake(address). still(arg) is asked under the lock
 * that a waker takes: if it returns false the caller does not park. So a waker
 * that first makes still() false, and then wakes, misses nobody.
 */
void gt_sema_wait(const void *address, bool (*still)(void *arg), void *arg,
		  enum gt_reason reason);

/*
 * The same with a deadline. Once it has passed, leave(arg) is asked, under the lock,
 * before the caller is taken out: there it may make the object count one waiter less.
 * If it returns false, a waker is on its way, and the caller stays for it. leave may
 * be NULL. Returns 0 if it was woken or had not to wait, -ETIMEDOUT, or -ENOMEM, as if
 * its time were up.
 */
int gt_sema_wait_until(const void *address, bool (*still)(void *arg), bool (*leave)(void *arg),
		       void *arg, int64_t deadline, enum gt_reason reason);

/*
 * Ready up to count of those that wait on address, the first to come first. If
 * change is given, change(arg) is called first, under the lock: there it may make
 * still() false for exactly those waiters. If it returns false nobody is woken.
 */
bool gt_sema_wake(const void *address, size_t count, bool (*change)(void *arg), void *arg);

/*
 * The parts of these two, for primitives that decide under the bucket's lock who is
 * woken and what is handed to it. A waiter that is in the queue keeps its object
 * alive, so that, found there, the object's memory may be touched.
 */
struct gt_sema_bucket *gt_sema_lock(const void *address);
void gt_sema_unlock(struct gt_sema_bucket *bucket);

/* Queue the caller, before all others if front, to be parked later. */
void gt_sema_queue_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter,
			  const void *address, bool front);

/*
 * Park the caller, who is queued, until it is readied or the deadline has taken it
 * out, as in gt_sema_wait_until(). Unlocks the bucket.
 */
int gt_sema_park_until_locked(struct gt_sema_bucket *bucket, struct gt_sema_waiter *waiter,
			      bool (*leave)(void *arg), void *arg, int64_t deadline,
			      enum gt_reason reason);

/* The first that waits on address, or NULL. */
struct gt_sema_waiter *gt_sema_first_locked(struct gt_sema_bucket *bucket, const void *address);

/* Take the first out of the queue; who does so readies it, without the lock. */
struct gt_sema_waiter *gt_sema_take_locked(struct gt_sema_bucket *bucket, const void *address);

/*
 * Tasks will not run again: take those that wait out of the queues, before the stacks go on
 * which they stand. Threads wait on. Who has just taken one out is still to be waited for.
 */
void gt_sema_end(void);

/* In the child of a fork() nobody waits, and nobody has a bucket's lock. */
void gt_sema_forget(void);

#endif /* GT_PRIM_SEMA_H */
