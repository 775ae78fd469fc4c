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

#include "sched/park.h"

/*
 * Park the caller until gt_sema_wake(address). still(arg) is asked under the lock
 * that a waker takes: if it returns false the caller does not park. So a waker
 * that first makes still() false, and then wakes, misses nobody.
 */
void gt_sema_wait(const void *address, bool (*still)(void *arg), void *arg,
		  enum gt_reason reason);

/*
 * Ready up to count of those that wait on address, the first to come first. If
 * change is given, change(arg) is called first, under the lock: there it may make
 * still() false for exactly those waiters. If it returns false nobody is woken.
 */
bool gt_sema_wake(const void *address, size_t count, bool (*change)(void *arg), void *arg);

#endif /* GT_PRIM_SEMA_H */
