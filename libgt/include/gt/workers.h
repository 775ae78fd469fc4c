/* SPDX-License-Identifier: MIT */
/*
 * Worker pools: a fixed number of tasks that carry out jobs from a bounded queue.
 *
 * Tasks are cheap, so a pool is not for speed. It bounds what is done at once, and how
 * much waits: who has more to do waits (gt_workers_submit()), is refused
 * (gt_workers_try_submit()), or gives up in time.
 */
#ifndef GT_WORKERS_H
#define GT_WORKERS_H

#include <stddef.h>
#include <stdint.h>

#include <gt/context.h>
#include <gt/version.h>

GT_BEGIN_DECLS

struct gt_workers;

/**
 * struct gt_workers_attr - what a pool is to be; zeroed members are the default
 * @workers: how many jobs are carried out at once, 1 by default.
 * @queue: how many more may wait, 0 by default: then a submit waits for a free worker.
 * @parent: the parent of the jobs' context; the background by default.
 * @dropped: called with each job that waits when the pool is cancelled, and so is never
 *	carried out: to free what belongs to it. NULL: forgotten.
 */
struct gt_workers_attr {
	size_t workers;
	size_t queue;
	struct gt_context *parent;
	void (*dropped)(void (*fn)(void *arg), void *arg);
};

/**
 * gt_workers_make - make a pool, and start its workers
 * @attr: what it is to be, or NULL. Not used after the return.
 *
 * Context: Suspends: as gt_context_with_cancel(). Pthread: works, while the runtime runs.
 * Signal-safe: no.
 * Return: the pool, to be ended by gt_workers_stop() and freed by gt_workers_free();
 * NULL if there is no memory, or no runtime.
 */
struct gt_workers *gt_workers_make(const struct gt_workers_attr *attr);

/**
 * gt_workers_submit - have a job carried out, waiting until there is room for it
 * @workers: the pool.
 * @fn: the job, called in a worker's task. One that calls gt_exit() is over, and the pool
 *	goes on; one that panics ends the program, as in any task.
 * @arg: passed to @fn.
 *
 * Those that wait get room in the order in which they came. Jobs begin in the order in
 * which they got it.
 *
 * Memory model: the call happens before @fn.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: 0; -ECANCELED if the pool has been stopped, also while it waits.
 */
int gt_workers_submit(struct gt_workers *workers, void (*fn)(void *arg), void *arg);

/**
 * gt_workers_submit_until - the same, with a deadline
 * @workers: the pool.
 * @fn: as in gt_workers_submit().
 * @arg: as in gt_workers_submit().
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE.
 *
 * Context: as gt_workers_submit().
 * Return: as gt_workers_submit(); -ETIMEDOUT; -ENOMEM if there is no memory for a timer.
 */
int gt_workers_submit_until(struct gt_workers *workers, void (*fn)(void *arg), void *arg,
			    int64_t deadline);

/**
 * gt_workers_submit_ctx - the same, until a context is done
 * @workers: the pool.
 * @fn: as in gt_workers_submit().
 * @arg: as in gt_workers_submit().
 * @ctx: the context. It is about the submit, not the job.
 *
 * Context: as gt_workers_submit().
 * Return: as gt_workers_submit(); gt_context_err().
 */
int gt_workers_submit_ctx(struct gt_workers *workers, void (*fn)(void *arg), void *arg,
			  struct gt_context *ctx);

/**
 * gt_workers_try_submit - have a job carried out, if there is room now
 * @workers: the pool.
 * @fn: as in gt_workers_submit().
 * @arg: as in gt_workers_submit().
 *
 * Context: Suspends: yes, for the pool's lock alone. Migrates: yes. Pthread: works.
 * Signal-safe: no.
 * Return: as gt_workers_submit(); -EAGAIN if there is no room.
 */
int gt_workers_try_submit(struct gt_workers *workers, void (*fn)(void *arg), void *arg);

/**
 * gt_workers_context - the context of a pool's jobs
 * @workers: the pool.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: a context that is done when the pool is cancelled, or has been stopped: the
 * pool's.
 */
struct gt_context *gt_workers_context(struct gt_workers *workers);

/**
 * enum gt_workers_end - how a pool is stopped
 * @GT_WORKERS_DRAIN: what was submitted is carried out.
 * @GT_WORKERS_CANCEL: the jobs' context is cancelled, and what waits is dropped.
 */
enum gt_workers_end {
	GT_WORKERS_DRAIN,
	GT_WORKERS_CANCEL
};

/**
 * gt_workers_stop - take no more jobs, and wait until all are over
 * @workers: the pool. Not called by a job of it.
 * @how: what becomes of those that were taken.
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE.
 *
 * After -ETIMEDOUT it may be called again, also to cancel what was to be drained.
 *
 * Memory model: what the jobs do happens before this returns 0.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: 0; -ETIMEDOUT: the pool still works; -ENOMEM if there is no memory for a timer.
 */
int gt_workers_stop(struct gt_workers *workers, enum gt_workers_end how, int64_t deadline);

/**
 * gt_workers_free - free a pool
 * @workers: a pool that gt_workers_stop() has stopped, and that no call uses; or NULL.
 *	One that still works panics.
 *
 * Context: as gt_context_put().
 */
void gt_workers_free(struct gt_workers *workers);

GT_END_DECLS

#endif /* GT_WORKERS_H */
