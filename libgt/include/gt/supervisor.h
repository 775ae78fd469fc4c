/* SPDX-License-Identifier: MIT */
/*
 * Supervisors: tasks that are started again when they end.
 *
 *	struct gt_supervisor *sup = gt_supervisor_make(NULL);
 *
 *	gt_supervisor_add(sup, &(struct gt_child){ .name = "feed", .fn = read_feed });
 *	gt_supervisor_add(sup, &(struct gt_child){ .name = "web", .fn = serve });
 *	error = gt_supervisor_run(sup, ctx);	(until ctx is done, or too much goes wrong)
 *	gt_supervisor_free(sup);
 *
 * A child fails if it returns anything but 0, calls gt_exit(), or panics: that panic ends
 * there, and is told to the log. What it is replaced by starts with nothing of its
 * state but arg, so state that others share, or locks that it may have held, must not be
 * left in pieces: deferred calls (GT_DEFER()) see to that.
 *
 * Source: Erlang/OTP's supervisor.
 */
#ifndef GT_SUPERVISOR_H
#define GT_SUPERVISOR_H

#include <stdint.h>

#include <gt/context.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * enum gt_restart - when a child is started again
 * @GT_RESTART_ALWAYS: whenever it has ended.
 * @GT_RESTART_FAILED: when it has failed.
 * @GT_RESTART_NEVER: never.
 */
enum gt_restart {
	GT_RESTART_ALWAYS,
	GT_RESTART_FAILED,
	GT_RESTART_NEVER
};

/**
 * enum gt_strategy - which children are started again with one
 * @GT_ONE_FOR_ONE: no others.
 * @GT_ONE_FOR_ALL: all: the others are stopped before.
 * @GT_REST_FOR_ONE: those that were added after it.
 */
enum gt_strategy {
	GT_ONE_FOR_ONE,
	GT_ONE_FOR_ALL,
	GT_REST_FOR_ONE
};

/**
 * struct gt_child - what a child is to be; zeroed members are the default
 * @name: for the log. Not copied: it must outlive the supervisor.
 * @fn: its body. It is to return, soon, when @ctx is done.
 * @arg: passed to @fn.
 * @restart: when it is started again.
 */
struct gt_child {
	const char *name;
	int (*fn)(struct gt_context *ctx, void *arg);
	void *arg;
	enum gt_restart restart;
};

/**
 * enum gt_child_end - how a child has ended
 * @GT_CHILD_RETURNED: it returned.
 * @GT_CHILD_EXITED: it called gt_exit().
 * @GT_CHILD_PANICKED: it panicked.
 */
enum gt_child_end {
	GT_CHILD_RETURNED,
	GT_CHILD_EXITED,
	GT_CHILD_PANICKED
};

/**
 * struct gt_supervisor_attr - how to supervise; zeroed members are the default
 * @strategy: which children are started again with one.
 * @intensity: how many restarts within @period are too many: one more ends the
 *	supervisor. 0 is 3; negative: none is too many.
 * @period: nanoseconds; 0 is 5 seconds.
 * @backoff: the pause before the first restart of a period, in nanoseconds; it doubles
 *	with each restart within @period. 0: none.
 * @backoff_max: the longest pause; 0 is @period.
 * @shutdown: how long a child that is to stop is waited for; 0 is 5 seconds, negative is
 *	for ever.
 * @log: told of each end but those that were asked for, in the supervisor's task; NULL:
 *	nobody is. @result is what it returned, @panic the message of its panic or NULL.
 * @log_arg: passed to @log.
 */
struct gt_supervisor_attr {
	enum gt_strategy strategy;
	int intensity;
	int64_t period;
	int64_t backoff;
	int64_t backoff_max;
	int64_t shutdown;
	void (*log)(void *log_arg, const char *name, enum gt_child_end how, int result,
		    const char *panic);
	void *log_arg;
};

struct gt_supervisor;

/**
 * gt_supervisor_make - make a supervisor
 * @attr: how to supervise, copied; or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the supervisor, to be freed by gt_supervisor_free(); NULL if there is no
 * memory.
 */
struct gt_supervisor *gt_supervisor_make(const struct gt_supervisor_attr *attr);

/**
 * gt_supervisor_add - add a child
 * @sup: a supervisor that does not run.
 * @child: what it is to be, copied.
 *
 * Children are started in the order in which they were added, and stopped in the
 * opposite one, each when the one after it has ended.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: 0; -ENOMEM; -EINVAL if it has no function; -EBUSY if @sup runs.
 */
int gt_supervisor_add(struct gt_supervisor *sup, const struct gt_child *child);

/**
 * gt_supervisor_run - start the children, and see to them
 * @sup: the supervisor.
 * @ctx: when it is done the children are stopped. Their contexts have its values, and are
 *	done one by one, each when it is that child's turn to stop.
 *
 * Returns when no child is left: because @ctx is done, none was to be started again, or
 * too many were. A child that does not stop in time (attr.shutdown) is left alone, and
 * may still be at work afterwards. Supervisors may be children of others.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread, while the runtime
 * runs. Signal-safe: no.
 * Return: 0 if all children have ended and none was to be started again; gt_context_err()
 * of @ctx; -ELOOP if there were too many restarts; -EBUSY if it runs already; -ETIMEDOUT
 * after any of these if a child did not stop in time; -ENOMEM, -ESRCH as gt_go() if the
 * first start failed. A restart that fails for want of memory counts as a failure of the
 * child.
 */
int gt_supervisor_run(struct gt_supervisor *sup, struct gt_context *ctx);

/**
 * gt_supervisor_restarts - how many times children were started again
 * @sup: the supervisor.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the count, in all.
 */
uint64_t gt_supervisor_restarts(const struct gt_supervisor *sup);

/**
 * gt_supervisor_free - free a supervisor
 * @sup: one that does not run, or NULL. What children that did not stop in time need
 *	goes with the last of them.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 */
void gt_supervisor_free(struct gt_supervisor *sup);

GT_END_DECLS

#endif /* GT_SUPERVISOR_H */
