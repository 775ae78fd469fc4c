/* SPDX-License-Identifier: MIT */
/*
 * Signals: a handler that notes them, a thread that hands them on.
 *
 * All that a handler may do is to set a bit and post a semaphore. The thread, which waits
 * for that, takes the bits and sends on channels and cancels contexts. It exists while
 * there are registrations: the last to go posts it, and it ends when it finds none. It
 * has the signals that are wanted unblocked, and no others, so that they arrive though
 * every other thread blocks them.
 *
 *	handler				thread
 *	pending |= bit			wait for the semaphore
 *	post the semaphore		take pending, all at once
 *
 * A bit that is set after the take is followed by a post, and so by another take.
 *
 * Locking: the registry's lock protects all but pending. What is on its way is sent under
 * it, so that gt_signal_stop(), which hands on first what is pending, is followed by
 * nothing. A context is cancelled without it, since that may run functions of the user's.
 *
 * Rejected: signalfd, for which all threads of the program would have to block the
 * signals before they are made; a task that reads a pipe, which needs the runtime.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gt/signal.h"
#include "gt/sync.h"

#define SIGNALS 64		/* 1 to this, bit n - 1 of a mask */
#define TEXT 64

struct registration {
	struct registration *next;
	struct gt_chan *chan;		/* a reference to one of these */
	struct gt_context *ctx;
	uint64_t mask;
	int cancel;			/* the signal for which to cancel ctx, or 0 */
};

static struct {
	struct gt_mutex lock;
	struct registration *first;		/* lock, as the rest */
	uint64_t caught;			/* our handler is set */
	struct sigaction before[SIGNALS];	/* what was, where it is */
	bool thread;				/* it runs, and has not found that it is not needed */
} registry;

static _Atomic uint64_t pending;
static sem_t posted;

static uint64_t bit(int number)
{
	return (uint64_t)1 << (number - 1);
}

static void handle(int number)
{
	int saved = errno;

	atomic_fetch_or(&pending, bit(number));
	sem_post(&posted);
	errno = saved;
}

/* ----------------------------------------------------------- handing on ---- */

/* Locked. Contexts are only marked. */
static void hand_on(void)
{
	uint64_t taken = atomic_exchange(&pending, 0), hits;
	struct registration *r;

	for (r = registry.first; r; r = r->next) {
		for (hits = r->mask & taken; hits; hits &= hits - 1) {
			int number = __builtin_ctzll(hits) + 1;

			if (r->chan)
				gt_chan_try_send(r->chan, &number);
			else
				r->cancel = number;
		}
	}
}

static const char *text_of(int number)
{
	static char texts[SIGNALS][TEXT];	/* lock, and written once each */
	static struct gt_mutex lock;
	char *text = texts[number - 1];
	const char *name = sigdescr_np(number);

	gt_mutex_lock(&lock);
	if (!*text) {
		if (name)
			snprintf(text, TEXT, "%s signal received", name);
		else
			snprintf(text, TEXT, "signal %d received", number);
		*text = tolower((unsigned char)*text);
	}
	gt_mutex_unlock(&lock);
	return text;
}

/* Locked; not meanwhile. */
static void cancel_marked(void)
{
	struct registration *r = registry.first;
	struct gt_context *ctx;
	int number;

	while (r) {
		number = r->cancel;
		if (!number) {
			r = r->next;
			continue;
		}
		r->cancel = 0;
		ctx = gt_context_get(r->ctx);
		gt_mutex_unlock(&registry.lock);
		gt_context_cancel_cause(ctx, -EINTR, text_of(number));
		gt_context_put(ctx);
		gt_mutex_lock(&registry.lock);
		r = registry.first;
	}
}

/* The thread blocks what is not caught. */
static void set_mask(uint64_t caught)
{
	sigset_t set;

	sigfillset(&set);
	for (int number = 1; number <= SIGNALS; number++)
		if (caught & bit(number))
			sigdelset(&set, number);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void *dispatch(void *arg)
{
	uint64_t caught;
	bool needed = true;

	(void)arg;
	while (needed) {
		gt_mutex_lock(&registry.lock);
		hand_on();
		cancel_marked();
		caught = registry.caught;
		needed = registry.thread = registry.first;
		gt_mutex_unlock(&registry.lock);
		set_mask(caught);
		while (needed && sem_wait(&posted))
			;
	}
	return NULL;
}

/* ----------------------------------------------------------- the registry ---- */

/* Handlers as the registrations want them. Locked. */
static void update(void)
{
	struct sigaction ours = { .sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK };
	struct registration *r;
	uint64_t wanted = 0;

	for (r = registry.first; r; r = r->next)
		wanted |= r->mask;
	sigfillset(&ours.sa_mask);
	for (int number = 1; number <= SIGNALS; number++) {
		if (!((wanted ^ registry.caught) & bit(number)))
			continue;
		if (wanted & bit(number))
			sigaction(number, &ours, &registry.before[number - 1]);
		else
			sigaction(number, &registry.before[number - 1], NULL);
	}
	registry.caught = wanted;
	sem_post(&posted);
}

/* The child of a fork() has no thread, and no use for what is registered. */
static void in_child(void)
{
	for (int number = 1; number <= SIGNALS; number++)
		if (registry.caught & bit(number))
			sigaction(number, &registry.before[number - 1], NULL);
	memset(&registry, 0, sizeof(registry));
	atomic_store(&pending, 0);
	sem_init(&posted, 0, 0);
}

static void init(void *arg)
{
	(void)arg;
	sem_init(&posted, 0, 0);
	pthread_atfork(NULL, NULL, in_child);
}

/* Locked. It is born with everything blocked. */
static int start_thread(void)
{
	sigset_t all, saved;
	pthread_t thread;
	int error;

	if (registry.thread)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	error = pthread_create(&thread, NULL, dispatch, NULL);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (error)
		return -error;
	pthread_detach(thread);
	registry.thread = true;
	return 0;
}

static int mask_of(const int *signals, size_t n, uint64_t *mask)
{
	static const int refused[] = {
		SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGURG,
	};

	*mask = 0;
	for (size_t i = 0; i < n; i++) {
		/* libc's own are between the two ranges, and sigaction() would refuse them. */
		if (signals[i] < 1 || signals[i] > SIGNALS ||
		    (signals[i] >= 32 && signals[i] < SIGRTMIN))
			return -EINVAL;
		for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++)
			if (signals[i] == refused[k])
				return -EINVAL;
		*mask |= bit(signals[i]);
	}
	return *mask ? 0 : -EINVAL;
}

/* Where a registration is linked, or would be. Locked. */
static struct registration **find(const struct gt_chan *chan, const struct gt_context *ctx)
{
	struct registration **link = &registry.first;

	while (*link && ((*link)->chan != chan || (*link)->ctx != ctx))
		link = &(*link)->next;
	return link;
}

static int add(struct gt_chan *chan, struct gt_context *ctx, uint64_t mask)
{
	static struct gt_once once;
	struct registration **link, *r, *fresh = calloc(1, sizeof(*fresh));
	int error;

	if (!fresh)
		return -ENOMEM;
	gt_once_do(&once, init, NULL);
	gt_mutex_lock(&registry.lock);
	error = start_thread();
	if (!error) {
		link = find(chan, ctx);
		r = *link;
		if (!r) {
			r = *link = fresh;
			fresh = NULL;
			r->chan = gt_chan_get(chan);
			r->ctx = ctx ? gt_context_get(ctx) : NULL;
		}
		r->mask |= mask;
		update();
	}
	gt_mutex_unlock(&registry.lock);
	free(fresh);
	return error;
}

static void del(struct gt_chan *chan, struct gt_context *ctx)
{
	struct registration **link, *r;

	gt_mutex_lock(&registry.lock);
	hand_on();
	cancel_marked();
	link = find(chan, ctx);
	r = *link;
	if (r) {
		*link = r->next;
		update();
	}
	gt_mutex_unlock(&registry.lock);
	if (!r)
		return;
	gt_chan_put(r->chan);
	gt_context_put(r->ctx);
	free(r);
}

/* ---------------------------------------------------------- the interface ---- */

int gt_signal_notify(struct gt_chan *chan, const int *signals, size_t n)
{
	uint64_t mask;
	int error = mask_of(signals, n, &mask);

	return error ? error : add(chan, NULL, mask);
}

void gt_signal_stop(struct gt_chan *chan)
{
	del(chan, NULL);
}

int gt_signal_context(struct gt_context *parent, const int *signals, size_t n,
		      struct gt_context **ctx)
{
	uint64_t mask;
	int error = mask_of(signals, n, &mask);

	if (error)
		return error;
	*ctx = gt_context_with_cancel(parent);
	if (!*ctx)
		return -ENOMEM;
	error = add(NULL, *ctx, mask);
	if (error)
		gt_context_put(*ctx);
	return error;
}

void gt_signal_context_stop(struct gt_context *ctx)
{
	del(NULL, ctx);
	gt_context_cancel(ctx);
}
