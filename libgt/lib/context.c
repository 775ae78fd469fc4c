/* SPDX-License-Identifier: MIT */
/*
 * Contexts: a tree of references upwards, and of ends downwards.
 *
 * Each context keeps its parent. Only some can be cancelled; every context knows the
 * nearest of those, itself or an ancestor, whose end is its own (gt_context.end). Such
 * a one has a list of what ends with it: contexts right below it (skipping those that
 * only carry values), functions to start, and hooks of waiters. The list holds no
 * references. Invariants:
 *
 * - a context is linked in the list of the one above until it is cancelled or freed;
 * - err, once not 0, never changes; cause and text are written before it; nothing is
 *   linked any more when it is seen under the lock, but what cancel_all() is yet to take;
 * - done, once made, is closed if and only if err is not 0.
 *
 * Locking: each has a lock; one above is taken before one below. cancel_all() walks down
 * with the locks of the whole path held, so that whoever is told "it was cancelled
 * already" by the lock knows that all below is cancelled too. It goes back up by the
 * link to the one above, and needs no more stack for a deep tree than for a flat one.
 *
 * A child may be freed at the same time, and nobody counts for cancel_all(). Both meet at
 * the lock of the one above:
 *
 *	cancel_all(above)			last put of the child
 *	lock above, unlink the child		if (!child->detached)
 *	cancel the child and all below			lock above, unlink it if
 *	child->detached = true		(A)			linked, unlock
 *	unlock above				free the child	(B)
 *
 * As long as (A) has not happened the putter takes the lock of the one above, and gets
 * it only after the walk has left the child; from (A) on, a release that (B)'s acquire
 * pairs with, the walk does not touch it. The child's parent, and so the one above, is
 * kept by the child.
 *
 * A deadline is a function that the clock starts in a task of its own (gt_after_func()), which
 * needs the context: refs says so by TIMED, beside the count. Who stops the timer clears that,
 * else the function does. The last user stops the timer before he gives his reference back, so
 * that a context lives no longer than its users; if he is too late, the function frees it.
 * Without a runtime there is no timer: then the deadline is watched by those who ask. A context
 * whose deadline, or that of one above, nobody watches points to that one (unwatched).
 *
 * Memory model: err is written with release after the caller's own acts, and read with
 * acquire; the channel's close, the start of a function and the lock do the same for
 * those who learn it so.
 *
 * Rejected: one lock a tree, which all requests of a server would share through its root;
 * recursion, as a task's stack is small; a reference from the list to the child, since
 * a child that was put uncancelled would stay for as long as its parent.
 *
 * Source: Go's context.go.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gt/panic.h"
#include "gt/sync.h"
#include "gt/task.h"
#include "gt/time.h"
#include "lib/context.h"

struct cancellable;

struct gt_context {
	/* All but refs are constant. */
	enum { BACKGROUND, CANCELLABLE, VALUE, WITHOUT_CANCEL } kind;
	_Atomic uint32_t refs;		/* not BACKGROUND's; may have TIMED */
	struct gt_context *parent;	/* with a reference */
	struct cancellable *end;	/* whose end is its own, or NULL */
};

struct cancellable {
	struct gt_context ctx;
	struct gt_mutex lock;
	_Atomic int err;		/* written under the lock */
	int cause;			/* lock; constant once err is set */
	const char *text;		/* lock; constant once err is set */
	_Atomic(struct gt_chan *) done;	/* or NULL. Written under the lock */
	struct gt_context_link list;	/* lock: its ring's head */

	struct cancellable *above;	/* constant; the parent's end */
	struct gt_context_link link;	/* above->lock: in above's list */
	_Atomic bool detached;		/* above will not look here again */

	/* Constant, like the rest. */
	int64_t deadline;		/* or GT_NO_DEADLINE */
	int late_cause;			/* what the deadline gives as cause */
	const char *late_text;
	struct gt_timer *timer;		/* or NULL */
	struct cancellable *unwatched;	/* whose deadline nobody watches, or NULL */
};

struct value {
	struct gt_context ctx;
	const struct gt_context_key *key;
	void *value;
};

struct gt_context_after {
	struct gt_context_link link;	/* of->lock */
	struct cancellable *of;		/* constant; NULL: never done */
	bool stoppable;			/* constant: of is referred to, and a handle is out */
	bool started;			/* of->lock */
	_Atomic uint32_t refs;		/* the list's or the walk's, and the handle's */
	void (*fn)(void *arg);
	void *arg;
	struct gt_context_after *next;	/* the walk's */
};

#define TIMED ((uint32_t)1 << 31)	/* in refs: the timer's function will need it */

static struct gt_context background = { .kind = BACKGROUND };

/* ---------------------------------------------------------------- lists ---- */

static void list_init(struct gt_context_link *head)
{
	head->prev = head->next = head;
}

static void list_add(struct gt_context_link *head, struct gt_context_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
	link->linked = true;
}

static void list_del(struct gt_context_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->linked = false;
}

static struct gt_context_link *list_take(struct gt_context_link *head)
{
	struct gt_context_link *link = head->next;

	if (link == head)
		return NULL;
	list_del(link);
	return link;
}

/* ----------------------------------------------------------- references ---- */

struct gt_context *gt_context_background(void)
{
	return &background;
}

struct gt_context *gt_context_get(struct gt_context *ctx)
{
	if (ctx->kind != BACKGROUND)
		atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

static void after_put(struct gt_context_after *after)
{
	if (atomic_fetch_sub_explicit(&after->refs, 1, memory_order_acq_rel) == 1)
		free(after);
}

/* Take it off the list of the one above, if it is there. */
static void detach(struct cancellable *c)
{
	if (!c->above || atomic_load_explicit(&c->detached, memory_order_acquire))	/* (B) */
		return;
	gt_mutex_lock(&c->above->lock);
	if (c->link.linked)
		list_del(&c->link);
	gt_mutex_unlock(&c->above->lock);
	atomic_store_explicit(&c->detached, true, memory_order_release);
}

/* Nobody refers to it: what is on its list are functions that cannot be stopped. */
static void free_cancellable(struct cancellable *c)
{
	struct gt_context_link *link;

	detach(c);
	while ((link = list_take(&c->list)))
		after_put((struct gt_context_after *)link);
	gt_timer_put(c->timer);
	gt_chan_put(atomic_load_explicit(&c->done, memory_order_relaxed));
	free(c);
}

static void free_value(struct value *v)
{
	if (v->key->release)
		v->key->release(v->value);
	free(v);
}

/* By a user, whose reference keeps it: the function itself may be faster than its maker. */
static void stop_timer(struct cancellable *c)
{
	if (c->timer && gt_timer_stop(c->timer) == 1)
		atomic_fetch_and_explicit(&c->ctx.refs, ~TIMED, memory_order_acq_rel);
}

/* True: that was the last one. */
static bool drop(struct gt_context *ctx)
{
	uint32_t refs = atomic_load_explicit(&ctx->refs, memory_order_relaxed);
	bool stopped = false;

	do {
		if (refs == (TIMED | 1) && !stopped) {
			stop_timer((struct cancellable *)ctx);
			stopped = true;
			refs = atomic_load_explicit(&ctx->refs, memory_order_relaxed);
		}
	} while (!atomic_compare_exchange_weak_explicit(&ctx->refs, &refs, refs - 1,
							memory_order_acq_rel,
							memory_order_relaxed));
	return refs == 1;
}

/* A loop, for a long line of ancestors that nobody else keeps. */
static void free_up(struct gt_context *ctx)
{
	struct gt_context *parent;

	do {
		parent = ctx->parent;
		if (ctx->kind == CANCELLABLE)
			free_cancellable((struct cancellable *)ctx);
		else if (ctx->kind == VALUE)
			free_value((struct value *)ctx);
		else
			free(ctx);
		ctx = parent;
	} while (ctx->kind != BACKGROUND && drop(ctx));
}

void gt_context_put(struct gt_context *ctx)
{
	if (ctx && ctx->kind != BACKGROUND && drop(ctx))
		free_up(ctx);
}

/* --------------------------------------------------------------- ending ---- */

/* Locked. */
static void end_one(struct cancellable *c, int err, int cause, const char *text)
{
	struct gt_chan *done = atomic_load_explicit(&c->done, memory_order_relaxed);

	c->cause = cause;
	c->text = text;
	atomic_store_explicit(&c->err, err, memory_order_release);
	if (done)
		gt_chan_close(done);
}

/* Those for which there is no task are left to the walk's end, when no lock is held. */
static void start_after(struct gt_context_after *after, struct gt_context_after **left)
{
	after->started = true;
	if (!gt_go(after->fn, after->arg)) {
		after_put(after);
		return;
	}
	after->next = *left;
	*left = after;
}

/* The one that ends was locked, and marked. Returns with it and all below unlocked. */
static void end_below(struct cancellable *top, struct gt_context_after **left)
{
	struct cancellable *at = top, *below;
	struct gt_context_link *link;

	for (;;) {
		link = list_take(&at->list);
		if (!link) {
			gt_mutex_unlock(&at->lock);
			if (at == top)
				return;
			below = at;
			at = at->above;
			atomic_store_explicit(&below->detached, true, memory_order_release); /* (A) */
		} else if (link->kind == GT_LINK_FUNCTION) {
			start_after((struct gt_context_after *)link, left);
		} else if (link->kind == GT_LINK_HOOK) {
			struct gt_context_hook *hook = (struct gt_context_hook *)link;

			hook->fn(hook);
		} else {
			below = (struct cancellable *)((char *)link -
						       offsetof(struct cancellable, link));
			gt_mutex_lock(&below->lock);
			/* By itself, at this moment: it is about to detach itself. Its list is empty. */
			if (!atomic_load_explicit(&below->err, memory_order_relaxed))
				end_one(below, atomic_load_explicit(&at->err, memory_order_relaxed),
					at->cause, at->text);
			at = below;
		}
	}
}

static void cancel_all(struct cancellable *c, int err, int cause, const char *text)
{
	struct gt_context_after *left = NULL, *after;

	gt_mutex_lock(&c->lock);
	if (atomic_load_explicit(&c->err, memory_order_relaxed)) {
		gt_mutex_unlock(&c->lock);
		return;
	}
	end_one(c, err, cause, text);
	end_below(c, &left);
	detach(c);
	while ((after = left)) {
		left = after->next;
		after->fn(after->arg);
		after_put(after);
	}
}

void gt_context_cancel_cause(struct gt_context *ctx, int cause, const char *text)
{
	if (ctx->kind != CANCELLABLE)
		gt_panic("cancel of a context that only follows its parent");
	cancel_all((struct cancellable *)ctx, -ECANCELED, cause, text);
	stop_timer((struct cancellable *)ctx);
}

void gt_context_cancel(struct gt_context *ctx)
{
	gt_context_cancel_cause(ctx, 0, NULL);
}

static void expire(struct cancellable *c)
{
	cancel_all(c, -ETIMEDOUT, c->late_cause, c->late_text);
}

/* The timer's function. */
static void fire(void *arg)
{
	struct cancellable *c = arg;

	expire(c);
	if (atomic_fetch_and_explicit(&c->ctx.refs, ~TIMED, memory_order_acq_rel) == TIMED)
		free_up(&c->ctx);
}

/* --------------------------------------------------------------- making ---- */

static void init(struct gt_context *ctx, int kind, struct gt_context *parent,
		 struct cancellable *end)
{
	ctx->kind = kind;
	atomic_store_explicit(&ctx->refs, 1, memory_order_relaxed);
	ctx->parent = gt_context_get(parent);
	ctx->end = end;
}

static void check_parent(const struct gt_context *parent)
{
	if (!parent)
		gt_panic("cannot create context from nil parent");
}

/* It ends with the one above, which may have ended already. */
static void attach(struct cancellable *c)
{
	struct cancellable *above = c->above;

	if (!above)
		return;
	gt_mutex_lock(&above->lock);
	if (atomic_load_explicit(&above->err, memory_order_relaxed)) {
		end_one(c, atomic_load_explicit(&above->err, memory_order_relaxed), above->cause,
			above->text);
		atomic_store_explicit(&c->detached, true, memory_order_relaxed);
	} else {
		list_add(&above->list, &c->link);
	}
	gt_mutex_unlock(&above->lock);
}

static struct cancellable *make(struct gt_context *parent, int64_t deadline, int late_cause,
				const char *late_text)
{
	struct cancellable *c;

	check_parent(parent);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	init(&c->ctx, CANCELLABLE, parent, c);
	list_init(&c->list);
	c->above = parent->end;
	c->link.kind = GT_LINK_CONTEXT;
	c->deadline = deadline;
	c->late_cause = late_cause;
	c->late_text = late_text;
	if (c->above)
		c->unwatched = c->above->unwatched;
	attach(c);
	return c;
}

/* Let the clock end it. False: no memory. */
static bool watch(struct cancellable *c)
{
	int64_t ns = c->deadline - gt_now();

	atomic_fetch_or_explicit(&c->ctx.refs, TIMED, memory_order_relaxed);
	c->timer = gt_after_func(ns, fire, c);
	if (c->timer)
		return true;
	atomic_fetch_and_explicit(&c->ctx.refs, ~TIMED, memory_order_relaxed);
	if (gt_backend_name())
		return false;
	c->unwatched = c;
	return true;
}

static struct gt_context *with_deadline(struct gt_context *parent, int64_t deadline, int cause,
					const char *text)
{
	struct cancellable *c;

	check_parent(parent);
	if (gt_context_deadline(parent) <= deadline)
		return gt_context_with_cancel(parent);
	c = make(parent, deadline, cause, text);
	if (!c)
		return NULL;
	if (deadline <= gt_now()) {
		expire(c);
	} else if (!gt_context_err(&c->ctx) && !watch(c)) {
		gt_context_put(&c->ctx);
		return NULL;
	}
	return &c->ctx;
}

struct gt_context *gt_context_with_deadline(struct gt_context *parent, int64_t deadline)
{
	return with_deadline(parent, deadline, 0, NULL);
}

struct gt_context *gt_context_with_deadline_cause(struct gt_context *parent, int64_t deadline,
						  int cause, const char *text)
{
	return with_deadline(parent, deadline, cause, text);
}

struct gt_context *gt_context_with_timeout_cause(struct gt_context *parent, int64_t ns, int cause,
						 const char *text)
{
	int64_t deadline;

	if (__builtin_add_overflow(gt_now(), ns, &deadline))
		deadline = ns < 0 ? INT64_MIN : GT_NO_DEADLINE;
	return with_deadline(parent, deadline, cause, text);
}

struct gt_context *gt_context_with_timeout(struct gt_context *parent, int64_t ns)
{
	return gt_context_with_timeout_cause(parent, ns, 0, NULL);
}

struct gt_context *gt_context_with_cancel(struct gt_context *parent)
{
	check_parent(parent);
	return (struct gt_context *)make(parent, gt_context_deadline(parent), 0, NULL);
}

struct gt_context *gt_context_with_value(struct gt_context *parent,
					 const struct gt_context_key *key, void *value)
{
	struct value *v;

	check_parent(parent);
	if (!key)
		gt_panic("nil key");
	v = malloc(sizeof(*v));
	if (!v)
		return NULL;
	init(&v->ctx, VALUE, parent, parent->end);
	v->key = key;
	v->value = value;
	return &v->ctx;
}

struct gt_context *gt_context_without_cancel(struct gt_context *parent)
{
	struct gt_context *ctx;

	check_parent(parent);
	ctx = malloc(sizeof(*ctx));
	if (ctx)
		init(ctx, WITHOUT_CANCEL, parent, NULL);
	return ctx;
}

/* --------------------------------------------------------------- asking ---- */

int gt_context_err(const struct gt_context *ctx)
{
	struct cancellable *c = ctx->end, *late;
	int err;

	if (!c)
		return 0;
	err = atomic_load_explicit(&c->err, memory_order_acquire);
	late = c->unwatched;
	if (err || !late || late->deadline > gt_now())
		return err;
	expire(late);
	return atomic_load_explicit(&c->err, memory_order_acquire);
}

static const char *err_text(int err)
{
	return err == -ETIMEDOUT ? "context deadline exceeded" :
	       err ? "context canceled" : NULL;
}

const char *gt_context_err_text(const struct gt_context *ctx)
{
	return err_text(gt_context_err(ctx));
}

int gt_context_cause(const struct gt_context *ctx)
{
	int err = gt_context_err(ctx);

	return err && ctx->end->cause ? ctx->end->cause : err;
}

const char *gt_context_cause_text(const struct gt_context *ctx)
{
	int err = gt_context_err(ctx);
	const char *text;

	if (!err)
		return NULL;
	if (ctx->end->text)
		return ctx->end->text;
	if (!ctx->end->cause)
		return err_text(err);
	text = strerrordesc_np(-ctx->end->cause);
	return text ? text : "unknown cause";
}

int64_t gt_context_deadline(const struct gt_context *ctx)
{
	return ctx->end ? ctx->end->deadline : GT_NO_DEADLINE;
}

void *gt_context_value(const struct gt_context *ctx, const struct gt_context_key *key)
{
	for (; ctx; ctx = ctx->parent)
		if (ctx->kind == VALUE && ((const struct value *)ctx)->key == key)
			return ((const struct value *)ctx)->value;
	return NULL;
}

int64_t gt_context_unwatched(const struct gt_context *ctx)
{
	return ctx->end && ctx->end->unwatched ? ctx->end->unwatched->deadline : GT_NO_DEADLINE;
}

bool gt_context_ends(const struct gt_context *ctx)
{
	return ctx->end;
}

struct gt_chan *gt_context_done(struct gt_context *ctx)
{
	struct cancellable *c = ctx->end;
	struct gt_chan *done;

	if (!c)
		return NULL;
	done = atomic_load_explicit(&c->done, memory_order_acquire);
	if (done)
		return done;
	gt_mutex_lock(&c->lock);
	done = atomic_load_explicit(&c->done, memory_order_relaxed);
	if (!done && (done = gt_chan_make(0, 0))) {
		if (atomic_load_explicit(&c->err, memory_order_relaxed))
			gt_chan_close(done);
		atomic_store_explicit(&c->done, done, memory_order_release);
	}
	gt_mutex_unlock(&c->lock);
	return done;
}

/* ---------------------------------------------------- functions and hooks ---- */

int gt_context_after_func(struct gt_context *ctx, void (*fn)(void *arg), void *arg,
			  struct gt_context_after **handle)
{
	struct gt_context_after *after = calloc(1, sizeof(*after)), *left = NULL;
	struct cancellable *c = ctx->end;

	if (!after)
		return -ENOMEM;
	after->link.kind = GT_LINK_FUNCTION;
	after->of = c;
	after->fn = fn;
	after->arg = arg;
	after->stoppable = handle;
	atomic_store_explicit(&after->refs, 1 + !!handle, memory_order_relaxed);
	if (handle) {
		*handle = after;
		if (c)
			gt_context_get(&c->ctx);
	}
	if (!c) {
		after_put(after);
		return 0;
	}
	gt_mutex_lock(&c->lock);
	if (atomic_load_explicit(&c->err, memory_order_relaxed))
		start_after(after, &left);
	else
		list_add(&c->list, &after->link);
	gt_mutex_unlock(&c->lock);
	if (left) {
		fn(arg);
		after_put(left);
	}
	return 0;
}

bool gt_context_after_stop(struct gt_context_after *after)
{
	struct cancellable *c = after->of;
	bool started = false;

	if (c) {
		gt_mutex_lock(&c->lock);
		started = after->started;
		if (!started) {
			list_del(&after->link);
			after_put(after);
		}
		gt_mutex_unlock(&c->lock);
		gt_context_put(&c->ctx);
	}
	after_put(after);
	return !started;
}

int gt_context_hook_add(struct gt_context *ctx, struct gt_context_hook *hook)
{
	struct cancellable *c = ctx->end;
	int err;

	hook->link.kind = GT_LINK_HOOK;
	hook->link.linked = false;
	if (!c)
		return 0;
	gt_mutex_lock(&c->lock);
	err = atomic_load_explicit(&c->err, memory_order_relaxed);
	if (!err)
		list_add(&c->list, &hook->link);
	gt_mutex_unlock(&c->lock);
	return err;
}

void gt_context_hook_del(struct gt_context *ctx, struct gt_context_hook *hook)
{
	struct cancellable *c = ctx->end;

	if (!c)
		return;
	gt_mutex_lock(&c->lock);
	if (hook->link.linked)
		list_del(&hook->link);
	gt_mutex_unlock(&c->lock);
}
