/* SPDX-License-Identifier: MIT */
/*
 * Weighted semaphores: a number of units, of which each takes as many as it needs.
 *
 * Waiters are served strictly in the order in which they came. One that wants much is
 * not overtaken by others that want little, though there were enough for those.
 *
 * Source: golang.org/x/sync/semaphore.
 */
#ifndef GT_SEMAPHORE_H
#define GT_SEMAPHORE_H

#include <stdint.h>

#include <gt/context.h>
#include <gt/sync.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_semaphore - units to take and to give back
 * @gt_lock: libgt's own.
 * @gt_size: libgt's own.
 * @gt_taken: libgt's own.
 * @gt_first: libgt's own.
 * @gt_last: libgt's own.
 *
 * Made by GT_SEMAPHORE_INIT or gt_semaphore_init(); zero bytes are one of no units. The
 * memory is the caller's; it may be freed when nobody waits and no call is under way.
 */
struct gt_semaphore {
	struct gt_mutex gt_lock;
	int64_t gt_size;
	int64_t gt_taken;
	void *gt_first;
	void *gt_last;
};

/**
 * GT_SEMAPHORE_INIT - a semaphore of some units, for a definition
 * @size: how many.
 */
#define GT_SEMAPHORE_INIT(size) { { 0 }, (size), 0, 0, 0 }

/**
 * gt_semaphore_init - make a semaphore
 * @sem: its memory.
 * @size: how many units there are; below 0 panics.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 */
void gt_semaphore_init(struct gt_semaphore *sem, int64_t size);

/**
 * gt_semaphore_acquire - take units, waiting until they are there
 * @sem: the semaphore.
 * @n: how many; below 0 panics. More than there are at all waits for ever, and is not in
 *	the way of others.
 *
 * Memory model: a release happens before the return of each acquire that got one of its
 * units.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 */
void gt_semaphore_acquire(struct gt_semaphore *sem, int64_t n);

/**
 * gt_semaphore_acquire_until - the same, with a deadline
 * @sem: the semaphore.
 * @n: as in gt_semaphore_acquire().
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE. One that has passed
 *	fails though units be there.
 *
 * Context: as gt_semaphore_acquire().
 * Return: 0; -ETIMEDOUT, with nothing taken; -ENOMEM if there is no memory for a timer.
 */
int gt_semaphore_acquire_until(struct gt_semaphore *sem, int64_t n, int64_t deadline);

/**
 * gt_semaphore_acquire_ctx - the same, until a context is done
 * @sem: the semaphore.
 * @n: as in gt_semaphore_acquire().
 * @ctx: the context. If it is done this fails, though units be there.
 *
 * Context: as gt_semaphore_acquire().
 * Return: 0; -ECANCELED or -ETIMEDOUT as gt_context_err(), with nothing taken.
 */
int gt_semaphore_acquire_ctx(struct gt_semaphore *sem, int64_t n, struct gt_context *ctx);

/**
 * gt_semaphore_try_acquire - take units if they are there, and nobody waits
 * @sem: the semaphore.
 * @n: as in gt_semaphore_acquire().
 *
 * Context: Suspends: yes, for the semaphore's lock alone. Migrates: yes. Pthread: works.
 * Signal-safe: no.
 * Return: 0, or -EAGAIN.
 */
int gt_semaphore_try_acquire(struct gt_semaphore *sem, int64_t n);

/**
 * gt_semaphore_release - give units back
 * @sem: the semaphore.
 * @n: how many; below 0, or more than are taken, panics.
 *
 * Context: as gt_semaphore_try_acquire().
 */
void gt_semaphore_release(struct gt_semaphore *sem, int64_t n);

GT_END_DECLS

#endif /* GT_SEMAPHORE_H */
