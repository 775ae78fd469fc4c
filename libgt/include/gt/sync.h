/* SPDX-License-Identifier: MIT */
/* Waiting for a group of tasks. */
#ifndef GT_SYNC_H
#define GT_SYNC_H

#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_wg - waits until a number of things are done; zero bytes are ready
 * @gt_state: libgt's own.
 *
 * It must not be copied after its first use. It may be freed as soon as a
 * gt_wg_wait() on it has returned and no other is under way.
 */
struct gt_wg {
	uint64_t gt_state;
};

/** GT_WG_MAX - the highest counter. */
#define GT_WG_MAX INT32_MAX

/**
 * gt_wg_add - add to the counter
 * @wg: the waitgroup.
 * @delta: how much; may be negative.
 *
 * When the counter reaches zero all waiters go on. A counter below zero or above
 * GT_WG_MAX panics. An add from zero must happen before the wait that is to see it.
 *
 * Memory model: an add that brings the counter to zero happens before the return
 * of each wait that it releases.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_wg_add(struct gt_wg *wg, int delta);

/**
 * gt_wg_done - take one from the counter
 * @wg: the waitgroup.
 *
 * Context: as gt_wg_add().
 */
void gt_wg_done(struct gt_wg *wg);

/**
 * gt_wg_wait - wait until the counter is zero
 * @wg: the waitgroup.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_wg_wait(struct gt_wg *wg);

/**
 * gt_wg_go - start a task that counts
 * @wg: the waitgroup; must outlive the task.
 * @fn: the task's body.
 * @arg: passed to it.
 *
 * Adds one, starts the task, and takes one when @fn returns or the task exits.
 *
 * Context: as gt_go().
 * Return: as gt_go(); the counter is unchanged after an error.
 */
int gt_wg_go(struct gt_wg *wg, void (*fn)(void *arg), void *arg);

GT_END_DECLS

#endif /* GT_SYNC_H */
