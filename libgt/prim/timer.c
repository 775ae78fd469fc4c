/* SPDX-License-Identifier: MIT */
/*
 * Timers and tickers, as programs see them: an alarm with a channel, or a function.
 *
 * A timer of a channel and the channel are one piece of memory, and have one count of
 * references, the channel's: whoever has either has both, and with the last reference
 * the alarm is cancelled. A timer of a function has a count of its own, and one of its
 * references belongs to the alarm while that is set.
 *
 * NO STALE TICKS. The channel has a place for one tick, so that a tick needs nobody
 * who waits for it. Stopping or resetting first cancels the alarm, after which no tick
 * is under way, and then empties the place. So a tick that is received afterwards was
 * sent afterwards, and the channel is as good as unbuffered: its len and cap are 0. A
 * timer whose tick was taken back counts as one that was stopped in time.
 *
 * Stops and moves of a set alarm need its heap's lock alone. Setting one that is not
 * set is for one caller at a time: that is what lock is for. It is not taken by what
 * fires, which a stop may be waiting for.
 *
 * Source: Go's time/sleep.go, time/tick.go, and runtime/time.go for stop and reset.
 */
#include <errno.h>
#include <stdlib.h>

#include "gt/panic.h"
#include "gt/time.h"
#include "prim/bubble.h"
#include "prim/chan.h"
#include "sched/task.h"
#include "sched/timer.h"

#define GT_RETRY GT_MILLISECOND

struct gt_timer {
	_Alignas(max_align_t)
	struct gt_alarm alarm;		/* first: fire() finds the timer by it */
	struct gt_lock lock;		/* to set the alarm when it is not set */
	_Atomic uint32_t refs;		/* of a function's; else the channel's count */
	void (*fn)(void *arg);		/* NULL: the channel follows. Constant, as are: */
	void *arg;
	uint64_t creator;
	struct gt_bubble *bubble;	/* on whose clock it is; a reference, or NULL */
	const void *site;
};

struct gt_ticker {
	struct gt_timer timer;
};

static struct gt_timer *of_alarm(struct gt_alarm *alarm)
{
	return (struct gt_timer *)alarm;
}

static struct gt_chan *chan_of(struct gt_timer *timer)
{
	return (struct gt_chan *)(timer + 1);
}

/* When ns from now is. What the clock cannot reach never comes. */
static int64_t in(int64_t ns)
{
	int64_t when;

	if (__builtin_add_overflow(gt_now(), ns > 0 ? ns : 0, &when))
		when = INT64_MAX;
	return when;
}

/* Nobody would fire it. */
static bool no_runtime(void)
{
	return !gt_m_self() && atomic_load(&gt_sched.phase) != GT_ON;
}

/* Its time is another than the caller's. */
static void check_bubble(struct gt_timer *timer, const char *what)
{
	if (gt_unlikely(timer->bubble != gt_bubble_self()))
		gt_panic("%s of synctest timer from outside bubble", what);
}

/* ------------------------------------------------------------------ ticks ---- */

static void fire_tick(struct gt_alarm *alarm, int64_t when)
{
	struct gt_chan *chan = chan_of(of_alarm(alarm));
	struct gt_g *partner;

	if (when == INT64_MAX)
		return;
	gt_bias_lock(&chan->lock);
	/* One that nobody has taken yet is enough. */
	gt_chan_send_locked(chan, &when, &partner);
	gt_bias_unlock(&chan->lock);
	if (partner)
		gt_ready_last(partner);
}

/* Take a tick back that nobody has received. The alarm is cancelled. */
static bool drain(struct gt_chan *chan)
{
	struct gt_g *partner;
	bool drained;

	if (!gt_load(&chan->count))
		return false;
	gt_bias_lock(&chan->lock);
	drained = gt_chan_recv_locked(chan, NULL, &partner) == GT_CHAN_PASSED;
	gt_bias_unlock(&chan->lock);
	if (partner)
		gt_ready(partner);
	return drained;
}

static void free_with_timer(struct gt_chan *chan)
{
	struct gt_timer *timer = (struct gt_timer *)chan - 1;

	gt_enter();
	gt_alarm_cancel(&timer->alarm);
	gt_leave();
	gt_bubble_put(timer->bubble);
	free(timer);
}

static struct gt_timer *make_ticking(int64_t ns, int64_t period)
{
	struct gt_timer *timer = malloc(sizeof(*timer) + sizeof(struct gt_chan) + sizeof(int64_t));
	int error;

	if (!timer)
		return NULL;
	*timer = (struct gt_timer){
		.alarm.fire = fire_tick,
		.bubble = gt_bubble_get(gt_bubble_self()),
	};
	gt_chan_init(chan_of(timer), sizeof(int64_t), 1);
	chan_of(timer)->last_put = free_with_timer;
	gt_enter();
	error = no_runtime() ? -ESRCH : gt_alarm_set(&timer->alarm, in(ns), period);
	gt_leave();
	if (error) {
		gt_chan_put(chan_of(timer));
		return NULL;
	}
	return timer;
}

/* Inside the runtime. Returns whether a tick was still to come, or to be received. */
static bool stop_ticking(struct gt_timer *timer)
{
	bool was_set = gt_alarm_cancel(&timer->alarm);

	return drain(chan_of(timer)) || was_set;
}

static int reset_ticking(struct gt_timer *timer, int64_t ns, int64_t period)
{
	int result, error;

	gt_lock(&timer->lock);
	result = stop_ticking(timer);
	error = gt_alarm_set(&timer->alarm, in(ns), period);
	gt_unlock(&timer->lock);
	return error < 0 ? error : result;
}

/* -------------------------------------------------------------- functions ---- */

static void put_func(struct gt_timer *timer)
{
	/* Who has the only one need not count down: nobody could count up. */
	if (gt_load_acquire(&timer->refs) != 1 &&
	    atomic_fetch_sub_explicit(&timer->refs, 1, memory_order_acq_rel) != 1)
		return;
	gt_bubble_put(timer->bubble);
	free(timer);
}

/* The alarm's reference goes, unless it is set again. */
static void fire_func(struct gt_alarm *alarm, int64_t when)
{
	struct gt_timer *timer = of_alarm(alarm);
	const struct gt_task_request request = {
		.fn = timer->fn,
		.arg = timer->arg,
		.fired = true,
		.creator = timer->creator,
		.bubble = timer->bubble,
		.site = timer->site,
	};
	int again;

	if (when == INT64_MAX || !gt_task_start_inside(&request)) {
		put_func(timer);
		return;
	}
	/* There is no memory for its task. It has not run yet, so it is still pending. */
	again = gt_alarm_set_again(alarm, (timer->bubble ? when : gt_clock()) + GT_RETRY);
	if (again < 0)
		gt_panic("no memory for the task of a gt_after_func(), nor to try again");
	if (again)
		put_func(timer);
}

static int reset_func(struct gt_timer *timer, int64_t ns)
{
	int was_set;

	gt_lock(&timer->lock);
	atomic_fetch_add_explicit(&timer->refs, 1, memory_order_relaxed);
	was_set = gt_alarm_set(&timer->alarm, in(ns), 0);
	gt_unlock(&timer->lock);
	if (was_set)
		put_func(timer);
	return was_set;
}

struct gt_timer *gt_after_func(int64_t ns, void (*fn)(void *arg), void *arg)
{
	struct gt_timer *timer = malloc(sizeof(*timer));
	struct gt_m *m;
	int error;

	if (!timer)
		return NULL;
	gt_enter();
	m = gt_m_self();
	*timer = (struct gt_timer){
		.alarm.fire = fire_func,
		.refs = 2,
		.fn = fn,
		.arg = arg,
		.creator = m ? m->g->id : 0,
		.bubble = gt_bubble_get(gt_bubble_self()),
		.site = GT_SITE,
	};
	error = no_runtime() ? -ESRCH : gt_alarm_set(&timer->alarm, in(ns), 0);
	gt_leave();
	if (error) {
		gt_bubble_put(timer->bubble);
		free(timer);
		return NULL;
	}
	return timer;
}

/* ----------------------------------------------------------------- timers ---- */

struct gt_timer *gt_timer_make(int64_t ns)
{
	return make_ticking(ns, 0);
}

struct gt_chan *gt_after(int64_t ns)
{
	struct gt_timer *timer = make_ticking(ns, 0);

	return timer ? chan_of(timer) : NULL;
}

struct gt_chan *gt_timer_chan(struct gt_timer *timer)
{
	return timer->fn ? NULL : chan_of(timer);
}

int gt_timer_stop(struct gt_timer *timer)
{
	bool was_set;

	if (timer->bubble)
		check_bubble(timer, "stop");
	gt_enter();
	if (timer->fn) {
		was_set = gt_alarm_cancel(&timer->alarm);
		if (was_set)
			put_func(timer);
	} else {
		was_set = stop_ticking(timer);
	}
	gt_leave();
	return was_set;
}

int gt_timer_reset(struct gt_timer *timer, int64_t ns)
{
	int result;

	check_bubble(timer, "reset");
	gt_enter();
	/* A timer that is set has no tick in its channel. */
	if (gt_alarm_move(&timer->alarm, in(ns)))
		result = 1;
	else
		result = timer->fn ? reset_func(timer, ns) : reset_ticking(timer, ns, 0);
	gt_leave();
	return result;
}

struct gt_timer *gt_timer_get(struct gt_timer *timer)
{
	if (timer && timer->fn)
		atomic_fetch_add_explicit(&timer->refs, 1, memory_order_relaxed);
	else if (timer)
		gt_chan_get(chan_of(timer));
	return timer;
}

void gt_timer_put(struct gt_timer *timer)
{
	if (timer && timer->fn)
		put_func(timer);
	else if (timer)
		gt_chan_put(chan_of(timer));
}

/* ---------------------------------------------------------------- tickers ---- */

struct gt_ticker *gt_ticker_make(int64_t period)
{
	if (period <= 0)
		gt_panic("non-positive interval for NewTicker");
	return (struct gt_ticker *)make_ticking(period, period);
}

struct gt_chan *gt_tick(int64_t period)
{
	struct gt_timer *timer = period > 0 ? make_ticking(period, period) : NULL;

	return timer ? chan_of(timer) : NULL;
}

struct gt_chan *gt_ticker_chan(struct gt_ticker *ticker)
{
	return chan_of(&ticker->timer);
}

void gt_ticker_stop(struct gt_ticker *ticker)
{
	if (ticker->timer.bubble)
		check_bubble(&ticker->timer, "stop");
	gt_enter();
	stop_ticking(&ticker->timer);
	gt_leave();
}

int gt_ticker_reset(struct gt_ticker *ticker, int64_t period)
{
	int result;

	if (period <= 0)
		gt_panic("non-positive interval for Ticker.Reset");
	check_bubble(&ticker->timer, "reset");
	gt_enter();
	result = reset_ticking(&ticker->timer, period, period);
	gt_leave();
	return result < 0 ? result : 0;
}

struct gt_ticker *gt_ticker_get(struct gt_ticker *ticker)
{
	if (ticker)
		gt_chan_get(chan_of(&ticker->timer));
	return ticker;
}

void gt_ticker_put(struct gt_ticker *ticker)
{
	if (ticker)
		gt_chan_put(chan_of(&ticker->timer));
}
