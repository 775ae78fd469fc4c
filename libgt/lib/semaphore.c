/* SPDX-License-Identifier: MIT */
/*
 * Weighted semaphores: a count and a queue under a mutex.
 *
 * Invariant, whenever the lock is free: if somebody waits, the first of them wants more
 * than is left. So nobody who comes later may take anything, and each change that could
 * make it untrue (a release, a first waiter who gives up) serves the queue from its head.
 *
 * A waiter stands on its own stack and waits for a waitgroup of one, which is brought to
 * zero under the lock, just once: by whoever gives it its units, or by its context. It
 * takes the lock afterwards in any case, so its stack stays until the other has let go.
 *
 * A waiter whose context is done by the time that it has its units gives them back: who
 * cancels and then releases must not see it go on.
 *
 * Lock order: a context's lock (its hooks are called with it) -> the semaphore's.
 *
 * Source: golang.org/x/sync/semaphore.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "gt/panic.h"
#include "gt/semaphore.h"
#include "lib/context.h"

struct waiter {
	struct gt_context_hook hook;	/* first: its function finds the waiter by it */
	struct gt_semaphore *sem;	/* constant */
	struct waiter *prev, *next;	/* lock */
	int64_t n;			/* constant */
	bool granted;			/* lock: it has its units, and is in no queue */
	bool woken;			/* lock */
	struct gt_wg wake;
};

/* All of these are called with the lock held, but for those that are the interface. */

static bool fits(const struct gt_semaphore *sem, int64_t n)
{
	return sem->gt_size - sem->gt_taken >= n;
}

static void enqueue(struct gt_semaphore *sem, struct waiter *waiter)
{
	waiter->prev = sem->gt_last;
	if (waiter->prev)
		waiter->prev->next = waiter;
	else
		sem->gt_first = waiter;
	sem->gt_last = waiter;
}

static void dequeue(struct gt_semaphore *sem, struct waiter *waiter)
{
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		sem->gt_first = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		sem->gt_last = waiter->prev;
}

static void wake(struct waiter *waiter)
{
	if (waiter->woken)
		return;
	waiter->woken = true;
	gt_wg_done(&waiter->wake);
}

static void serve(struct gt_semaphore *sem)
{
	struct waiter *waiter;

	while ((waiter = sem->gt_first) && fits(sem, waiter->n)) {
		sem->gt_taken += waiter->n;
		dequeue(sem, waiter);
		waiter->granted = true;
		wake(waiter);
	}
}

static void release(struct gt_semaphore *sem, int64_t n)
{
	/* A panic may be recovered. */
	if (n < 0 || n > sem->gt_taken) {
		gt_mutex_unlock(&sem->gt_lock);
		gt_panic(n < 0 ? "semaphore: negative count" :
				 "semaphore: released more than held");
	}
	sem->gt_taken -= n;
	serve(sem);
}

static void give_up(struct gt_context_hook *hook)
{
	struct waiter *waiter = (struct waiter *)hook;

	gt_mutex_lock(&waiter->sem->gt_lock);
	wake(waiter);
	gt_mutex_unlock(&waiter->sem->gt_lock);
}

/* In a queue, with the lock let go: until it has its units, or a reason to give up. */
static int wait(struct waiter *waiter, int64_t deadline, struct gt_context *ctx)
{
	int error = ctx ? gt_context_hook_add(ctx, &waiter->hook) : 0, ended;

	if (error)
		return error;
	error = gt_wg_wait_until(&waiter->wake, deadline);
	if (!ctx)
		return error;
	gt_context_hook_del(ctx, &waiter->hook);
	ended = gt_context_err(ctx);
	return ended ? ended : error;
}

static int acquire(struct gt_semaphore *sem, int64_t n, int64_t deadline, struct gt_context *ctx)
{
	struct waiter waiter = { .hook.fn = give_up, .sem = sem, .n = n };
	bool possible;
	int error = 0;

	if (n < 0)
		gt_panic("semaphore: negative count");
	if (ctx)
		error = gt_context_err(ctx);
	else if (deadline != GT_NO_DEADLINE && deadline <= gt_now())
		error = -ETIMEDOUT;
	if (error)
		return error;

	gt_mutex_lock(&sem->gt_lock);
	if (!sem->gt_first && fits(sem, n)) {
		sem->gt_taken += n;
		gt_mutex_unlock(&sem->gt_lock);
		return 0;
	}
	possible = n <= sem->gt_size;
	gt_wg_add(&waiter.wake, 1);
	if (possible)
		enqueue(sem, &waiter);
	gt_mutex_unlock(&sem->gt_lock);

	error = wait(&waiter, deadline, ctx);

	gt_mutex_lock(&sem->gt_lock);
	if (error && waiter.granted) {
		release(sem, n);
	} else if (error && possible) {
		dequeue(sem, &waiter);
		serve(sem);
	}
	gt_mutex_unlock(&sem->gt_lock);
	if (!error && !waiter.granted)
		gt_panic("semaphore: woken for no reason");
	return error;
}

void gt_semaphore_init(struct gt_semaphore *sem, int64_t size)
{
	if (size < 0)
		gt_panic("semaphore: negative count");
	*sem = (struct gt_semaphore){ .gt_size = size };
}

void gt_semaphore_acquire(struct gt_semaphore *sem, int64_t n)
{
	acquire(sem, n, GT_NO_DEADLINE, NULL);
}

int gt_semaphore_acquire_until(struct gt_semaphore *sem, int64_t n, int64_t deadline)
{
	return acquire(sem, n, deadline, NULL);
}

int gt_semaphore_acquire_ctx(struct gt_semaphore *sem, int64_t n, struct gt_context *ctx)
{
	return acquire(sem, n, gt_context_unwatched(ctx), ctx);
}

int gt_semaphore_try_acquire(struct gt_semaphore *sem, int64_t n)
{
	int result = -EAGAIN;

	if (n < 0)
		gt_panic("semaphore: negative count");
	gt_mutex_lock(&sem->gt_lock);
	if (!sem->gt_first && fits(sem, n)) {
		sem->gt_taken += n;
		result = 0;
	}
	gt_mutex_unlock(&sem->gt_lock);
	return result;
}

void gt_semaphore_release(struct gt_semaphore *sem, int64_t n)
{
	gt_mutex_lock(&sem->gt_lock);
	release(sem, n);
	gt_mutex_unlock(&sem->gt_lock);
}
