/* SPDX-License-Identifier: MIT */
/*
 * Time: reading the clock, sleeping, timers and tickers.
 *
 * A timer sends one tick on its channel, or runs a function, at a time; a ticker sends
 * ticks again and again. A tick is an int64_t: the time for which it was set. Its
 * channel is for receiving only, and as good as unbuffered: gt_chan_len() and
 * gt_chan_cap() are 0, and after a stop or a reset no tick is received that was due
 * before.
 *
 * Timers need a runtime: those of an earlier run never fire. Durations that reach
 * beyond what the clock can count, 292 years, are as good as for ever.
 *
 * Memory model: the call that sets a timer happens before its tick is received, and
 * before its function runs.
 */
#ifndef GT_TIME_H
#define GT_TIME_H

#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

struct gt_chan;
struct gt_ticker;
struct gt_timer;

#define GT_MICROSECOND INT64_C(1000)
#define GT_MILLISECOND INT64_C(1000000)
#define GT_SECOND INT64_C(1000000000)

/** GT_NO_DEADLINE - the deadline of a call that waits as long as it takes. */
#define GT_NO_DEADLINE INT64_MAX

/**
 * gt_now - the time on the clock that deadlines use
 *
 * Inside a bubble that is the bubble's clock: see gt_bubble_run().
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
int64_t gt_now(void);

/**
 * gt_sleep - wait for a while
 * @ns: how long at least; zero or less only yields.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_sleep(int64_t ns);

/**
 * gt_sleep_until - wait until a time has come
 * @deadline: absolute, as gt_now() gives it; one in the past only yields.
 *
 * Context: as gt_sleep().
 */
void gt_sleep_until(int64_t deadline);

/**
 * gt_after - a channel on which a tick comes once
 * @ns: how long until then at least; zero or less is at once.
 *
 * The timer goes with its channel: whoever puts the last reference, tick received or
 * not, has freed both, so it may be used in loops, as a timeout of a select.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works, while a runtime runs.
 * Signal-safe: no.
 * Return: the channel, with one reference that is the caller's; NULL if there is no
 * memory, or no runtime.
 */
struct gt_chan *gt_after(int64_t ns);

/**
 * gt_tick - a channel on which ticks come periodically
 * @period: nanoseconds between ticks.
 *
 * As gt_ticker_make(), of which only the channel is of interest.
 *
 * Context: as gt_after().
 * Return: as gt_after(); NULL also if @period is zero or less.
 */
struct gt_chan *gt_tick(int64_t period);

/**
 * gt_timer_make - make a timer that sends a tick
 * @ns: as in gt_after().
 *
 * A timer and its channel are freed together, with the last reference to either.
 *
 * Context: as gt_after().
 * Return: the timer, with one reference that is the caller's; NULL as gt_after().
 */
struct gt_timer *gt_timer_make(int64_t ns);

/**
 * gt_after_func - run a function later, in a task of its own
 * @ns: as in gt_after().
 * @fn: the task's body.
 * @arg: passed to it.
 *
 * The timer needs no reference to run: if it is of no more interest, put it at once.
 * If there is no memory for the task when it is due, that is tried again each
 * millisecond.
 *
 * Context: as gt_after().
 * Return: the timer, as gt_timer_make().
 */
struct gt_timer *gt_after_func(int64_t ns, void (*fn)(void *arg), void *arg);

/**
 * gt_timer_chan - where a timer's tick is received
 * @timer: the timer.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the channel, which is the timer's: gt_chan_get() makes another reference.
 * NULL if the timer runs a function.
 */
struct gt_chan *gt_timer_chan(struct gt_timer *timer);

/**
 * gt_timer_stop - keep a timer from firing
 * @timer: the timer.
 *
 * It does not wait for a function that has begun to run, and does not close the
 * channel. No tick that was due before is received afterwards. A timer that is pending
 * when its run ends does not fire, but is pending until it is stopped, or set in another
 * run; one of a function is not freed before.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 1 if this stopped it: its tick will not be received, its function not be
 * run; 0 if it had fired, or was stopped, before.
 */
int gt_timer_stop(struct gt_timer *timer);

/**
 * gt_timer_reset - let a timer fire at another time, or once more
 * @timer: the timer.
 * @ns: as in gt_after(), from now.
 *
 * No tick that was due before is received afterwards. A function that was due before
 * may still be running, or about to, beside its next run.
 *
 * Context: as gt_timer_stop().
 * Return: 1 if it was to fire and now will at the new time only; 0 if it had fired or
 * was stopped; -ENOMEM if there is no memory to set it, which can happen only then:
 * it stays unset.
 */
int gt_timer_reset(struct gt_timer *timer, int64_t ns);

/**
 * gt_timer_get - take a reference
 * @timer: the timer, or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: @timer.
 */
struct gt_timer *gt_timer_get(struct gt_timer *timer);

/**
 * gt_timer_put - give a reference back
 * @timer: the timer, or NULL.
 *
 * With the last one a timer with a channel is stopped and freed. One that runs a
 * function is freed when it will not run any more: put does not stop it.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_timer_put(struct gt_timer *timer);

/**
 * gt_ticker_make - make a ticker
 * @period: nanoseconds between ticks; zero or less panics.
 *
 * The first tick comes after one period. While a tick has not been received others
 * are dropped, so that a slow receiver gets the pace that it can follow. Freed with
 * the last reference to it or to its channel.
 *
 * Context: as gt_after().
 * Return: the ticker, with one reference that is the caller's; NULL as gt_after().
 */
struct gt_ticker *gt_ticker_make(int64_t period);

/**
 * gt_ticker_chan - where a ticker's ticks are received
 * @ticker: the ticker.
 *
 * Context: as gt_timer_chan().
 * Return: the channel, which is the ticker's.
 */
struct gt_chan *gt_ticker_chan(struct gt_ticker *ticker);

/**
 * gt_ticker_stop - let no more ticks come
 * @ticker: the ticker.
 *
 * Nor is one received that was due before. The channel is not closed, so a receiver
 * that waits goes on waiting.
 *
 * Context: as gt_timer_stop().
 */
void gt_ticker_stop(struct gt_ticker *ticker);

/**
 * gt_ticker_reset - start a ticker anew, stopped or not
 * @ticker: the ticker.
 * @period: the new period; zero or less panics.
 *
 * The next tick comes after one new period.
 *
 * Context: as gt_timer_stop().
 * Return: 0; -ENOMEM if there is no memory to set it: it is stopped then.
 */
int gt_ticker_reset(struct gt_ticker *ticker, int64_t period);

/**
 * gt_ticker_get - take a reference
 * @ticker: the ticker, or NULL.
 *
 * Context: as gt_timer_get().
 * Return: @ticker.
 */
struct gt_ticker *gt_ticker_get(struct gt_ticker *ticker);

/**
 * gt_ticker_put - give a reference back
 * @ticker: the ticker, or NULL.
 *
 * With the last one it is stopped and freed.
 *
 * Context: as gt_timer_put().
 */
void gt_ticker_put(struct gt_ticker *ticker);

GT_END_DECLS

#endif /* GT_TIME_H */
