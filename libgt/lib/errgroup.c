/* SPDX-License-Identifier: MIT */
/*
 * Error groups: a waitgroup, a bound and the first error.
 *
 * A member's frame stands on its own stack (gt_go_copy()), and leaves the group by a
 * deferred call, so that a member that calls gt_exit() leaves it too. One that panics
 * must not: whoever waits would go on, and might end the program well before the panic
 * has. So the deferred call passes a panic on.
 *
 * Members that started without a limit are not counted against one that is set later, as
 * in Go.
 *
 * Rejected: taking the panic to gt_errgroup_wait(). golang.org/x/sync had that for a few
 * releases: it hides the stack that matters, and a deadlock when the others wait for the
 * one that is gone.
 *
 * Source: golang.org/x/sync/errgroup.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "gt/errgroup.h"
#include "gt/panic.h"
#include "gt/task.h"

struct member {
	struct gt_errgroup *group;
	int (*fn)(void *arg);
	void *arg;
	bool counted;		/* against the limit */
	bool returned;
};

static void release_room(struct gt_errgroup *group)
{
	gt_mutex_lock(&group->gt_lock);
	group->gt_active--;
	gt_cond_signal(&group->gt_room);
	gt_mutex_unlock(&group->gt_lock);
}

/* The last act on the group: it may be gone after it. */
static void leave(void *arg)
{
	struct member *member = arg;
	const struct gt_panic_info *panic = member->returned ? NULL : gt_recover();

	if (panic)
		gt_panic_again(panic);
	if (member->counted)
		release_room(member->group);
	gt_wg_done(&member->group->gt_tasks);
}

static void fail(struct gt_errgroup *group, int error)
{
	struct gt_context *ctx = NULL;

	gt_mutex_lock(&group->gt_lock);
	if (!group->gt_error) {
		group->gt_error = error;
		ctx = group->gt_ctx;		/* stays while a member is at work */
	}
	gt_mutex_unlock(&group->gt_lock);
	if (ctx)
		gt_context_cancel_cause(ctx, error, NULL);
}

static void work(void *arg)
{
	struct member *member = arg;
	int error;

	GT_DEFER(leave, member);
	error = member->fn(member->arg);
	member->returned = true;
	if (error)
		fail(member->group, error);
}

/* gt_limit is 0 for none, else the limit + 1: so zero bytes are without. */
static int admit(struct gt_errgroup *group, bool wait, bool *counted)
{
	int error = 0;

	gt_mutex_lock(&group->gt_lock);
	while (group->gt_limit && group->gt_active >= group->gt_limit - 1 && !error) {
		if (wait)
			gt_cond_wait(&group->gt_room, &group->gt_lock);
		else
			error = -EAGAIN;
	}
	*counted = group->gt_limit && !error;
	group->gt_active += *counted;
	gt_mutex_unlock(&group->gt_lock);
	return error;
}

static int start(struct gt_errgroup *group, int (*fn)(void *arg), void *arg, bool wait)
{
	struct member member = { .group = group, .fn = fn, .arg = arg };
	int error = admit(group, wait, &member.counted);

	if (error)
		return error;
	gt_wg_add(&group->gt_tasks, 1);
	error = gt_go_copy(work, &member, sizeof(member));
	if (error) {
		if (member.counted)
			release_room(group);
		gt_wg_done(&group->gt_tasks);
	}
	return error;
}

struct gt_context *gt_errgroup_with_context(struct gt_errgroup *group,
					    struct gt_context *parent)
{
	struct gt_context *ctx = gt_context_with_cancel(parent);

	if (ctx)
		group->gt_ctx = gt_context_get(ctx);
	return ctx;
}

void gt_errgroup_set_limit(struct gt_errgroup *group, int n)
{
	int active;

	gt_mutex_lock(&group->gt_lock);
	active = group->gt_active;
	if (!active)
		group->gt_limit = n < 0 || n == INT32_MAX ? 0 : n + 1;
	gt_mutex_unlock(&group->gt_lock);
	if (active)
		gt_panic("errgroup: modify limit while %d tasks in the group are still active",
			 active);
}

int gt_errgroup_go(struct gt_errgroup *group, int (*fn)(void *arg), void *arg)
{
	return start(group, fn, arg, true);
}

int gt_errgroup_try_go(struct gt_errgroup *group, int (*fn)(void *arg), void *arg)
{
	return start(group, fn, arg, false);
}

int gt_errgroup_wait(struct gt_errgroup *group)
{
	struct gt_context *ctx;
	int error;

	gt_wg_wait(&group->gt_tasks);
	gt_mutex_lock(&group->gt_lock);
	error = group->gt_error;
	ctx = group->gt_ctx;
	group->gt_ctx = NULL;
	gt_mutex_unlock(&group->gt_lock);
	if (ctx) {
		gt_context_cancel_cause(ctx, error, NULL);
		gt_context_put(ctx);
	}
	return error;
}
