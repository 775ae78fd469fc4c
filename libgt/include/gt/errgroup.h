/* SPDX-License-Identifier: MIT */
/*
 * Error groups: tasks that work on one thing together, which fails if one of them does.
 *
 *	struct gt_errgroup group = { 0 };
 *	struct gt_context *ctx = gt_errgroup_with_context(&group, parent);
 *
 *	for (i = 0; i < n; i++)
 *		gt_errgroup_go(&group, fetch, &pages[i]);
 *	error = gt_errgroup_wait(&group);	(the first of theirs)
 *	gt_context_put(ctx);
 *
 * Source: golang.org/x/sync/errgroup.
 */
#ifndef GT_ERRGROUP_H
#define GT_ERRGROUP_H

#include <gt/context.h>
#include <gt/sync.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_errgroup - a group of tasks; zero bytes are ready to use
 * @gt_tasks: libgt's own.
 * @gt_lock: libgt's own.
 * @gt_room: libgt's own.
 * @gt_limit: libgt's own.
 * @gt_active: libgt's own.
 * @gt_error: libgt's own.
 * @gt_ctx: libgt's own.
 *
 * The memory is the caller's; it may be freed when gt_errgroup_wait() has returned.
 * Without a context it may be used again then, and keeps its first error.
 */
struct gt_errgroup {
	struct gt_wg gt_tasks;
	struct gt_mutex gt_lock;
	struct gt_cond gt_room;
	int gt_limit;
	int gt_active;
	int gt_error;
	struct gt_context *gt_ctx;
};

/**
 * gt_errgroup_with_context - give a group a context
 * @group: a group of zero bytes.
 * @parent: the context's parent.
 *
 * The context is cancelled, with the error as its cause, when a member fails, and at the
 * latest when gt_errgroup_wait() returns; which must be called, so that the group puts
 * its own reference.
 *
 * Context: Suspends: as gt_context_with_cancel(). Pthread: works. Signal-safe: no.
 * Return: the context, a reference for the caller; NULL if there is no memory.
 */
struct gt_context *gt_errgroup_with_context(struct gt_errgroup *group,
					    struct gt_context *parent);

/**
 * gt_errgroup_set_limit - bound how many members work at once
 * @group: the group. If it has a limit already, and members at work, it panics.
 * @n: how many; 0 lets none start; negative means no bound, as without this call.
 *
 * Context: Suspends: yes, for the group's lock alone. Migrates: yes. Pthread: works.
 * Signal-safe: no.
 */
void gt_errgroup_set_limit(struct gt_errgroup *group, int n);

/**
 * gt_errgroup_go - start a member, waiting until the limit admits it
 * @group: the group.
 * @fn: its body. It fails if this returns anything but 0. It counts as well if it calls
 *	gt_exit(); if it panics and nothing recovers, the program ends, before any
 *	gt_errgroup_wait() returns.
 * @arg: passed to @fn.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: as gt_go(). An error here is not one of the group's.
 */
int gt_errgroup_go(struct gt_errgroup *group, int (*fn)(void *arg), void *arg);

/**
 * gt_errgroup_try_go - start a member, if the limit admits it now
 * @group: the group.
 * @fn: as in gt_errgroup_go().
 * @arg: as in gt_errgroup_go().
 *
 * Context: as gt_errgroup_set_limit().
 * Return: as gt_go(); -EAGAIN if as many work as may.
 */
int gt_errgroup_try_go(struct gt_errgroup *group, int (*fn)(void *arg), void *arg);

/**
 * gt_errgroup_wait - wait until all members have ended
 * @group: the group.
 *
 * Memory model: what a member does happens before this returns.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: what the first that failed returned; 0 if none did.
 */
int gt_errgroup_wait(struct gt_errgroup *group);

GT_END_DECLS

#endif /* GT_ERRGROUP_H */
