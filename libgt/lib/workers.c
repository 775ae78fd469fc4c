/* SPDX-License-Identifier: MIT */
/*
 * Worker pools: a ring of jobs, and a semaphore that says how many may be in the pool.
 *
 * The semaphore has a unit for each job that waits and for each that is carried out, so
 * the ring never overflows, and submits wait where deadlines, contexts and order are dealt
 * with already. A job keeps its unit until it is over.
 *
 * Locking: the pool's lock protects the ring and stopping; the semaphore is taken before it
 * and given back after it. Once stopping is set nothing enters the ring; those that wait
 * for a unit get one as jobs end or are dropped, see it, and hand it on.
 *
 * A worker that is left by gt_exit() in a job does not come back to its loop; it starts
 * another in its place, by a deferred call.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "gt/panic.h"
#include "gt/semaphore.h"
#include "gt/sync.h"
#include "gt/task.h"
#include "gt/workers.h"

struct job {
	void (*fn)(void *arg);
	void *arg;
};

struct gt_workers {
	struct gt_semaphore room;
	struct gt_mutex lock;
	struct gt_cond work;		/* the ring is not empty, or stopping */
	bool stopping;			/* lock */
	size_t first, count, size;	/* lock: the ring's */
	struct gt_context *ctx;		/* constant, like dropped */
	void (*dropped)(void (*fn)(void *arg), void *arg);
	struct gt_wg alive;		/* workers */
	struct job ring[];		/* lock */
};

/* The next job; false: there will be none. */
static bool take(struct gt_workers *workers, struct job *job)
{
	bool some;

	gt_mutex_lock(&workers->lock);
	while (!workers->count && !workers->stopping)
		gt_cond_wait(&workers->work, &workers->lock);
	some = workers->count;
	if (some) {
		*job = workers->ring[workers->first];
		workers->first = (workers->first + 1) % workers->size;
		workers->count--;
	}
	gt_mutex_unlock(&workers->lock);
	return some;
}

static void work(void *arg);

struct worker {
	struct gt_workers *workers;
	bool ended;		/* it has left its loop as it should */
};

static void replace(void *arg)
{
	struct worker *worker = arg;
	const struct gt_panic_info *panic = worker->ended ? NULL : gt_recover();

	if (panic)
		gt_panic_again(panic);
	if (!worker->ended) {
		gt_semaphore_release(&worker->workers->room, 1);
		if (!gt_go(work, worker->workers))
			return;		/* it counts in this one's place */
	}
	gt_wg_done(&worker->workers->alive);
}

static void work(void *arg)
{
	struct worker worker = { .workers = arg };
	struct job job;

	GT_DEFER(replace, &worker);
	while (take(arg, &job)) {
		job.fn(job.arg);
		gt_semaphore_release(&worker.workers->room, 1);
	}
	worker.ended = true;
}

/* The caller has a unit. */
static int put(struct gt_workers *workers, void (*fn)(void *arg), void *arg)
{
	bool stopping;

	gt_mutex_lock(&workers->lock);
	stopping = workers->stopping;
	if (!stopping) {
		workers->ring[(workers->first + workers->count) % workers->size] =
			(struct job){ fn, arg };
		workers->count++;
		gt_cond_signal(&workers->work);
	}
	gt_mutex_unlock(&workers->lock);
	if (!stopping)
		return 0;
	gt_semaphore_release(&workers->room, 1);
	return -ECANCELED;
}

static bool is_stopping(struct gt_workers *workers)
{
	bool stopping;

	gt_mutex_lock(&workers->lock);
	stopping = workers->stopping;
	gt_mutex_unlock(&workers->lock);
	return stopping;
}

struct gt_workers *gt_workers_make(const struct gt_workers_attr *attr)
{
	static const struct gt_workers_attr none;
	size_t count, size;
	struct gt_workers *workers;

	attr = attr ? attr : &none;
	count = attr->workers ? attr->workers : 1;
	if (__builtin_add_overflow(count, attr->queue, &size) ||
	    size > (SIZE_MAX - sizeof(*workers)) / sizeof(workers->ring[0]))
		return NULL;
	workers = calloc(1, sizeof(*workers) + size * sizeof(workers->ring[0]));
	if (!workers)
		return NULL;
	workers->size = size;
	workers->dropped = attr->dropped;
	gt_semaphore_init(&workers->room, size);
	workers->ctx = gt_context_with_cancel(attr->parent ? attr->parent :
							     gt_context_background());
	if (!workers->ctx) {
		free(workers);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		gt_wg_add(&workers->alive, 1);
		if (gt_go(work, workers)) {
			gt_wg_done(&workers->alive);
			gt_workers_stop(workers, GT_WORKERS_CANCEL, GT_NO_DEADLINE);
			gt_workers_free(workers);
			return NULL;
		}
	}
	return workers;
}

int gt_workers_submit_until(struct gt_workers *workers, void (*fn)(void *arg), void *arg,
			    int64_t deadline)
{
	int error = gt_semaphore_acquire_until(&workers->room, 1, deadline);

	return error ? error : put(workers, fn, arg);
}

int gt_workers_submit(struct gt_workers *workers, void (*fn)(void *arg), void *arg)
{
	return gt_workers_submit_until(workers, fn, arg, GT_NO_DEADLINE);
}

int gt_workers_submit_ctx(struct gt_workers *workers, void (*fn)(void *arg), void *arg,
			  struct gt_context *ctx)
{
	int error = gt_semaphore_acquire_ctx(&workers->room, 1, ctx);

	return error ? error : put(workers, fn, arg);
}

int gt_workers_try_submit(struct gt_workers *workers, void (*fn)(void *arg), void *arg)
{
	int error = gt_semaphore_try_acquire(&workers->room, 1);

	/* Full, but for ever: it must not be tried again. */
	if (error && is_stopping(workers))
		return -ECANCELED;
	return error ? error : put(workers, fn, arg);
}

struct gt_context *gt_workers_context(struct gt_workers *workers)
{
	return workers->ctx;
}

int gt_workers_stop(struct gt_workers *workers, enum gt_workers_end how, int64_t deadline)
{
	size_t dropped = 0;
	struct job job;
	int error;

	gt_mutex_lock(&workers->lock);
	workers->stopping = true;
	gt_cond_broadcast(&workers->work);
	gt_mutex_unlock(&workers->lock);

	if (how == GT_WORKERS_CANCEL) {
		/* Before the workers are free to take them. */
		for (; take(workers, &job); dropped++)
			if (workers->dropped)
				workers->dropped(job.fn, job.arg);
		gt_context_cancel(workers->ctx);
		gt_semaphore_release(&workers->room, dropped);
	}
	error = gt_wg_wait_until(&workers->alive, deadline);
	if (!error)
		gt_context_cancel(workers->ctx);
	return error;
}

void gt_workers_free(struct gt_workers *workers)
{
	if (!workers)
		return;
	if (!workers->stopping || gt_wg_wait_until(&workers->alive, 0))
		gt_panic("gt_workers_free() of a pool that has not been stopped");
	gt_context_put(workers->ctx);
	free(workers);
}
