/* SPDX-License-Identifier: MIT */
/*
 * Supervisors: one task that starts the children, and hears of their ends.
 *
 * All decisions are made by the task in gt_supervisor_run(), so a supervisor needs no lock:
 * a child's end reaches it as a message. Each start of a child is a life of its own: an
 * object that both own, counted, with its context, how it ended, and a channel that is
 * closed at its end. A child that does not stop in time keeps its life, and nothing else
 * of the supervisor; its message finds nobody.
 *
 * A child never waits to say that it has ended: who stops it may wait for it. The message
 * is the life itself, pushed on a stack, which the supervisor takes as a whole and turns
 * round; a bell, with room for one ring, says that there is something. A life that was
 * stopped says nothing there: who stops it waits for the life's own channel. If it had
 * ended by itself, its message is found when another life may be in its place, and
 * means nothing any more.
 *
 *	child's last acts		who stops it
 *	state ENDED, if it was RUNNING	state STOPPING, if it was RUNNING
 *	if so, push the life, ring	if not: its message is on its way, or was read
 *	close over			wait for over: then it is not on its way any more
 *
 * Rejected: messages in a buffered channel. With GT_REST_FOR_ONE those of a child's earlier
 * lives are not bounded by one for each, and a child that waits for room there is waited
 * for by the only one that could make some.
 *
 * Restarts are counted by their times, in a ring of the last intensity ones: one more is
 * too many if the oldest of those is younger than the period.
 *
 * A panic is caught at the child's bottom (gt_try()). Its message is kept, its stack is
 * not.
 *
 * Source: Erlang/OTP's supervisor; Thejerf's suture for the pauses.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gt/panic.h"
#include "gt/select.h"
#include "gt/supervisor.h"
#include "gt/task.h"
#include "gt/time.h"

enum { RUNNING, ENDED, STOPPING };

struct life {
	_Atomic uint32_t refs;		/* the supervisor's, the task's, ends' */
	_Atomic int state;
	struct gt_child child;		/* constant, like the next four */
	size_t index;
	struct gt_context *ctx;
	struct ends *ends;		/* a reference */
	struct life *earlier;		/* link in ends, then in told. Their owner's */
	struct gt_chan *over;		/* closed at the end */
	enum gt_child_end how;		/* the task's, until it is over */
	int result;
	struct gt_panic_info panic;
};

/* Where the children of one run say that they have ended. Outlives it, if they do. */
struct ends {
	_Atomic uint32_t refs;		/* the supervisor's, and its lives' */
	_Atomic(struct life *) last;	/* a stack with a reference to each; or &nobody */
	struct gt_chan *bell;		/* rung after a push */
};

static struct life nobody;		/* reads what is pushed */

struct slot {
	struct gt_child child;
	struct life *life;		/* or NULL: it does not run */
	bool due;			/* it is to be started again */
};

struct gt_supervisor {
	struct gt_supervisor_attr attr;
	struct slot *slots;
	size_t count;
	_Atomic bool running;
	_Atomic uint64_t restarts;
	struct ends *ends;		/* of this run, like the next two */
	struct life *told;		/* taken from there, the first first */
	struct gt_context *base;	/* the children's parent: only the supervisor stops them */
	int64_t *times;			/* of the last restarts: a ring of attr.intensity */
	size_t time_at;
	int64_t pause;			/* before the next restart */
	int64_t last;			/* when the last one was */
	bool late;			/* a child did not stop in time */
};

/* ------------------------------------------------------------------ lives ---- */

static struct ends *ends_make(void)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		return NULL;
	atomic_store_explicit(&ends->refs, 1, memory_order_relaxed);
	ends->bell = gt_chan_make(0, 1);
	if (!ends->bell) {
		free(ends);
		return NULL;
	}
	return ends;
}

static struct ends *ends_get(struct ends *ends)
{
	atomic_fetch_add_explicit(&ends->refs, 1, memory_order_relaxed);
	return ends;
}

static void ends_put(struct ends *ends)
{
	if (!ends || atomic_fetch_sub_explicit(&ends->refs, 1, memory_order_acq_rel) != 1)
		return;
	gt_chan_put(ends->bell);
	free(ends);
}

static void life_put(struct life *life)
{
	if (atomic_fetch_sub_explicit(&life->refs, 1, memory_order_acq_rel) != 1)
		return;
	gt_context_put(life->ctx);
	ends_put(life->ends);
	gt_chan_put(life->over);
	free(life);
}

static void call(void *arg)
{
	struct life *life = arg;

	life->result = life->child.fn(life->ctx, life->child.arg);
}

/* life has ended by itself. */
static void tell(struct life *life)
{
	struct ends *ends = life->ends;
	struct life *last = atomic_load_explicit(&ends->last, memory_order_relaxed);

	atomic_fetch_add_explicit(&life->refs, 1, memory_order_relaxed);
	do {
		if (last == &nobody) {
			life_put(life);
			return;
		}
		life->earlier = last;
	} while (!atomic_compare_exchange_weak(&ends->last, &last, life));
	gt_chan_try_send(ends->bell, NULL);
}

static void live(void *arg)
{
	struct life *life = *(struct life **)arg;
	int running = RUNNING;

	switch (gt_try(call, life, &life->panic)) {
	case GT_RETURNED:
		life->how = GT_CHILD_RETURNED;
		break;
	case GT_EXITED:
		life->how = GT_CHILD_EXITED;
		break;
	default:
		life->how = GT_CHILD_PANICKED;
	}
	if (atomic_compare_exchange_strong(&life->state, &running, ENDED))
		tell(life);
	gt_chan_close(life->over);
	life_put(life);
}

static int start(struct gt_supervisor *sup, size_t index)
{
	struct slot *slot = &sup->slots[index];
	struct life *life = calloc(1, sizeof(*life));
	int error;

	if (!life)
		return -ENOMEM;
	atomic_store_explicit(&life->refs, 2, memory_order_relaxed);
	life->child = slot->child;
	life->index = index;
	life->ends = ends_get(sup->ends);
	life->ctx = gt_context_with_cancel(sup->base);
	life->over = gt_chan_make(0, 0);
	error = life->ctx && life->over ? gt_go_copy(live, &life, sizeof(life)) : -ENOMEM;
	if (error) {
		life_put(life);
		life_put(life);
		return error;
	}
	slot->life = life;
	slot->due = false;
	return 0;
}

static int64_t after(int64_t ns)
{
	int64_t until;

	return ns < 0 || __builtin_add_overflow(gt_now(), ns, &until) ? GT_NO_DEADLINE : until;
}

/* It is not to be started again by its end; but the slot may be due for other reasons. */
static void stop(struct gt_supervisor *sup, struct slot *slot)
{
	struct life *life = slot->life;
	int running = RUNNING;

	if (!life)
		return;
	slot->life = NULL;
	atomic_compare_exchange_strong(&life->state, &running, STOPPING);
	gt_context_cancel(life->ctx);
	if (gt_chan_recv_until(life->over, NULL, after(sup->attr.shutdown)))
		sup->late = true;
	life_put(life);
}

static void stop_all(struct gt_supervisor *sup)
{
	for (size_t i = sup->count; i--;)
		stop(sup, &sup->slots[i]);
}

/* Move all that was pushed to the front of told, and leave what in its place. */
static void take_told(struct gt_supervisor *sup, struct life *what)
{
	struct life *life = atomic_exchange(&sup->ends->last, what), *earlier;

	for (; life; life = earlier) {
		earlier = life->earlier;
		life->earlier = sup->told;
		sup->told = life;
	}
}

/* The first that has ended by itself, with a reference; or NULL. */
static struct life *next_told(struct gt_supervisor *sup)
{
	struct life *life;

	if (!sup->told)
		take_told(sup, NULL);
	life = sup->told;
	if (life)
		sup->told = life->earlier;
	return life;
}

/* What is told from here on finds nobody. */
static void close_ends(struct gt_supervisor *sup)
{
	struct life *life;

	if (!sup->ends)
		return;
	take_told(sup, &nobody);
	while ((life = sup->told)) {
		sup->told = life->earlier;
		life_put(life);
	}
	ends_put(sup->ends);
}

/* --------------------------------------------------------------- restarts ---- */

/* A restart more. False: that is too many. */
static bool count_restart(struct gt_supervisor *sup)
{
	int64_t now = gt_now(), oldest;

	atomic_fetch_add_explicit(&sup->restarts, 1, memory_order_relaxed);
	if (sup->attr.intensity < 0)
		return true;
	oldest = sup->times[sup->time_at];
	sup->times[sup->time_at] = now;
	sup->time_at = (sup->time_at + 1) % sup->attr.intensity;
	return oldest == INT64_MIN || now - oldest > sup->attr.period;
}

/* How long to wait first: longer with each that follows soon. */
static int64_t next_pause(struct gt_supervisor *sup)
{
	int64_t now = gt_now(), max = sup->attr.backoff_max;

	if (sup->last == INT64_MIN || now - sup->last > sup->attr.period)
		sup->pause = sup->attr.backoff;
	else
		sup->pause = sup->pause > max / 2 ? max : sup->pause * 2;
	sup->last = now;
	return sup->pause;
}

static bool failed(const struct life *life)
{
	return life->how != GT_CHILD_RETURNED || life->result;
}

/* A child has ended by itself. True: it, and perhaps others, are due. */
static bool take_end(struct gt_supervisor *sup, struct life *life)
{
	struct slot *slot = &sup->slots[life->index];
	bool again = slot->life == life &&
		     (life->child.restart == GT_RESTART_ALWAYS ||
		      (life->child.restart == GT_RESTART_FAILED && failed(life)));
	size_t from = sup->count, i;

	if (sup->attr.log)
		sup->attr.log(sup->attr.log_arg, life->child.name, life->how, life->result,
			      life->how == GT_CHILD_PANICKED ? life->panic.message : NULL);
	if (slot->life == life) {
		slot->life = NULL;
		life_put(life);
	}
	if (again) {
		slot->due = true;
		if (sup->attr.strategy == GT_ONE_FOR_ALL)
			from = 0;
		else if (sup->attr.strategy == GT_REST_FOR_ONE)
			from = life->index + 1;
		for (i = sup->count; i-- > from;) {
			if (!sup->slots[i].life)
				continue;
			sup->slots[i].due = true;
			stop(sup, &sup->slots[i]);
		}
	}
	life_put(life);
	return again;
}

/* Start what is due. What cannot be started is tried again, as a failure more. */
static int start_due(struct gt_supervisor *sup, struct gt_context *ctx)
{
	bool again;
	int error;

	do {
		if (!count_restart(sup))
			return -ELOOP;
		error = gt_sleep_ctx(next_pause(sup), ctx);
		again = false;
		for (size_t i = 0; i < sup->count && !error && !again; i++)
			again = sup->slots[i].due && start(sup, i);
	} while (again);
	return error;
}

static bool any_lives(const struct gt_supervisor *sup)
{
	for (size_t i = 0; i < sup->count; i++)
		if (sup->slots[i].life)
			return true;
	return false;
}

static int supervise(struct gt_supervisor *sup, struct gt_context *ctx)
{
	struct life *life;
	int error = 0;

	for (size_t i = 0; i < sup->count && !error; i++)
		error = start(sup, i);
	while (!error && any_lives(sup)) {
		life = next_told(sup);
		if (life)
			error = take_end(sup, life) ? start_due(sup, ctx) : 0;
		else
			error = gt_chan_recv_ctx(sup->ends->bell, NULL, ctx);
		error = error < 0 ? error : 0;
	}
	return error;
}

/* ---------------------------------------------------------- the interface ---- */

struct gt_supervisor *gt_supervisor_make(const struct gt_supervisor_attr *given)
{
	struct gt_supervisor *sup = calloc(1, sizeof(*sup));
	struct gt_supervisor_attr *attr;

	if (!sup)
		return NULL;
	attr = &sup->attr;
	if (given)
		*attr = *given;
	attr->intensity = attr->intensity ? attr->intensity : 3;
	attr->period = attr->period > 0 ? attr->period : 5 * GT_SECOND;
	attr->shutdown = attr->shutdown ? attr->shutdown : 5 * GT_SECOND;
	attr->backoff_max = attr->backoff_max > 0 ? attr->backoff_max : attr->period;
	if (attr->intensity > 0) {
		sup->times = calloc(attr->intensity, sizeof(*sup->times));
		if (!sup->times) {
			free(sup);
			return NULL;
		}
	}
	return sup;
}

int gt_supervisor_add(struct gt_supervisor *sup, const struct gt_child *child)
{
	struct slot *slots;

	if (!child->fn)
		return -EINVAL;
	if (atomic_load(&sup->running))
		return -EBUSY;
	slots = realloc(sup->slots, (sup->count + 1) * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	sup->slots = slots;
	slots[sup->count++] = (struct slot){ .child = *child };
	return 0;
}

int gt_supervisor_run(struct gt_supervisor *sup, struct gt_context *ctx)
{
	int error;

	if (atomic_exchange(&sup->running, true))
		return -EBUSY;
	sup->ends = ends_make();
	sup->late = false;
	sup->time_at = 0;
	sup->last = INT64_MIN;
	for (int i = 0; i < sup->attr.intensity; i++)
		sup->times[i] = INT64_MIN;
	sup->base = gt_context_without_cancel(ctx);
	error = sup->ends && sup->base ? supervise(sup, ctx) : -ENOMEM;
	stop_all(sup);
	for (size_t i = 0; i < sup->count; i++)
		sup->slots[i].due = false;
	close_ends(sup);
	gt_context_put(sup->base);
	atomic_store(&sup->running, false);
	return sup->late ? -ETIMEDOUT : error;
}

uint64_t gt_supervisor_restarts(const struct gt_supervisor *sup)
{
	return atomic_load_explicit(&((struct gt_supervisor *)sup)->restarts, memory_order_relaxed);
}

void gt_supervisor_free(struct gt_supervisor *sup)
{
	if (!sup)
		return;
	if (atomic_load(&sup->running))
		gt_panic("gt_supervisor_free() of a supervisor that runs");
	free(sup->times);
	free(sup->slots);
	free(sup);
}
