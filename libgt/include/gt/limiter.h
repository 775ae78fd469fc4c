/* SPDX-License-Identifier: MIT */
/*
 * Rate limiters: token buckets.
 *
 * A bucket holds up to burst tokens, is full at first, and is filled at a rate of limit
 * tokens a second. An event takes a token, or n of them: if they are there
 * (gt_limiter_allow()), in the future (gt_limiter_reserve()), or after a wait until
 * they are there (gt_limiter_wait()). Those who wait are served in the order in which
 * they came, since each has reserved its own.
 *
 * The calls with _at() take the present time from the caller: for those who have asked
 * for it already, and for tests.
 *
 * Source: golang.org/x/time/rate.
 */
#ifndef GT_LIMITER_H
#define GT_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include <gt/context.h>
#include <gt/sync.h>
#include <gt/time.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/** GT_LIMIT_INF - the limit that allows everything, whatever the burst. */
#define GT_LIMIT_INF 1.7976931348623157e308

/**
 * struct gt_limiter - a token bucket
 * @gt_lock: libgt's own.
 * @gt_burst: libgt's own.
 * @gt_limit: libgt's own.
 * @gt_tokens: libgt's own.
 * @gt_last: libgt's own.
 * @gt_last_event: libgt's own.
 *
 * Made by GT_LIMITER_INIT or gt_limiter_init(); zero bytes are one that allows nothing.
 * The memory is the caller's.
 */
struct gt_limiter {
	struct gt_mutex gt_lock;
	int gt_burst;
	double gt_limit;
	double gt_tokens;
	int64_t gt_last;
	int64_t gt_last_event;
};

/**
 * GT_LIMITER_INIT - a limiter's initializer, for a definition
 * @limit: as in gt_limiter_init().
 * @burst: as in gt_limiter_init().
 */
#define GT_LIMITER_INIT(limit, burst) { { 0 }, (burst), (limit), (burst), 0, 0 }

/**
 * gt_limit_every - the limit of one event in a time
 * @ns: the time between two events; zero or less means GT_LIMIT_INF.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: events a second.
 */
double gt_limit_every(int64_t ns);

/**
 * gt_limiter_init - make a limiter
 * @limiter: its memory.
 * @limit: tokens a second; GT_LIMIT_INF allows everything, 0 or less fills nothing.
 * @burst: the most tokens, and how many there are at first.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 */
void gt_limiter_init(struct gt_limiter *limiter, double limit, int burst);

/**
 * gt_limiter_allow - may n events happen now
 * @limiter: the limiter.
 * @n: how many; below 0 panics.
 *
 * Takes the tokens if they are there, and nothing if not.
 *
 * Context: Suspends: yes, for the limiter's lock alone. Migrates: yes. Pthread: works.
 * Signal-safe: no.
 * Return: whether they may.
 */
bool gt_limiter_allow(struct gt_limiter *limiter, int n);

/**
 * gt_limiter_allow_at - the same, at a time
 * @limiter: the limiter.
 * @now: what gt_now() says.
 * @n: as in gt_limiter_allow().
 *
 * Context: as gt_limiter_allow().
 * Return: as gt_limiter_allow().
 */
bool gt_limiter_allow_at(struct gt_limiter *limiter, int64_t now, int n);

/**
 * struct gt_reservation - tokens that are taken, perhaps in the future
 * @gt_limiter: libgt's own.
 * @gt_tokens: libgt's own.
 * @gt_ok: libgt's own.
 * @gt_act: libgt's own.
 * @gt_limit: libgt's own.
 *
 * The caller's; it may be dropped without a call. The limiter must outlive it.
 */
struct gt_reservation {
	struct gt_limiter *gt_limiter;
	int gt_tokens;
	bool gt_ok;
	int64_t gt_act;
	double gt_limit;
};

/**
 * gt_limiter_reserve - take n tokens, that the caller will wait for
 * @limiter: the limiter.
 * @n: how many; below 0 panics.
 * @reservation: what gt_reservation_delay() and gt_reservation_cancel() want.
 *
 * The events may happen when gt_reservation_delay() has passed. Those who come later
 * wait behind them.
 *
 * Context: as gt_limiter_allow().
 * Return: true; false if @n is more than the burst, so that they may never happen.
 */
bool gt_limiter_reserve(struct gt_limiter *limiter, int n, struct gt_reservation *reservation);

/**
 * gt_limiter_reserve_at - the same, at a time
 * @limiter: the limiter.
 * @now: what gt_now() says.
 * @n: as in gt_limiter_reserve().
 * @reservation: as in gt_limiter_reserve().
 *
 * Context: as gt_limiter_allow().
 * Return: as gt_limiter_reserve().
 */
bool gt_limiter_reserve_at(struct gt_limiter *limiter, int64_t now, int n,
			   struct gt_reservation *reservation);

/**
 * gt_reservation_delay - how long to wait until the events may happen
 * @reservation: from gt_limiter_reserve().
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: nanoseconds, 0 if they may happen now; INT64_MAX if never.
 */
int64_t gt_reservation_delay(const struct gt_reservation *reservation);

/**
 * gt_reservation_delay_at - the same, at a time
 * @reservation: from gt_limiter_reserve().
 * @now: what gt_now() says.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: as gt_reservation_delay().
 */
int64_t gt_reservation_delay_at(const struct gt_reservation *reservation, int64_t now);

/**
 * gt_reservation_cancel - the events will not happen
 * @reservation: from gt_limiter_reserve().
 *
 * Gives the tokens back, but for those on which later reservations have counted, and
 * unless their time has come already.
 *
 * Context: as gt_limiter_allow().
 */
void gt_reservation_cancel(struct gt_reservation *reservation);

/**
 * gt_reservation_cancel_at - the same, at a time
 * @reservation: from gt_limiter_reserve().
 * @now: what gt_now() says.
 *
 * Context: as gt_limiter_allow().
 */
void gt_reservation_cancel_at(struct gt_reservation *reservation, int64_t now);

/**
 * gt_limiter_wait - wait until n events may happen
 * @limiter: the limiter.
 * @n: how many; below 0 panics.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: 0; -E2BIG if @n is more than the burst, so that they may never happen.
 */
int gt_limiter_wait(struct gt_limiter *limiter, int n);

/**
 * gt_limiter_wait_until - the same, with a deadline
 * @limiter: the limiter.
 * @n: how many; below 0 panics.
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE.
 *
 * Context: as gt_limiter_wait().
 * Return: as gt_limiter_wait(); -ETIMEDOUT at once, and with nothing taken, if they may
 * not happen before the deadline.
 */
int gt_limiter_wait_until(struct gt_limiter *limiter, int n, int64_t deadline);

/**
 * gt_limiter_wait_ctx - the same, until a context is done
 * @limiter: the limiter.
 * @n: how many; below 0 panics.
 * @ctx: the context.
 *
 * If @ctx is done while it waits the tokens are given back as by
 * gt_reservation_cancel().
 *
 * Context: as gt_limiter_wait().
 * Return: as gt_limiter_wait(); gt_context_err() if @ctx is done; -ETIMEDOUT at once if
 * they may not happen before its deadline; -ENOMEM as gt_sleep_ctx().
 */
int gt_limiter_wait_ctx(struct gt_limiter *limiter, int n, struct gt_context *ctx);

/**
 * gt_limiter_set_limit - change the rate
 * @limiter: the limiter.
 * @limit: as in gt_limiter_init(). Those that wait already wait as long as they were to.
 *
 * Context: as gt_limiter_allow().
 */
void gt_limiter_set_limit(struct gt_limiter *limiter, double limit);

/**
 * gt_limiter_set_limit_at - the same, at a time
 * @limiter: the limiter.
 * @now: what gt_now() says.
 * @limit: as in gt_limiter_set_limit().
 *
 * Context: as gt_limiter_allow().
 */
void gt_limiter_set_limit_at(struct gt_limiter *limiter, int64_t now, double limit);

/**
 * gt_limiter_set_burst - change the most tokens
 * @limiter: the limiter.
 * @burst: as in gt_limiter_init(); the bucket is not filled up to it at once.
 *
 * Context: as gt_limiter_allow().
 */
void gt_limiter_set_burst(struct gt_limiter *limiter, int burst);

/**
 * gt_limiter_set_burst_at - the same, at a time
 * @limiter: the limiter.
 * @now: what gt_now() says.
 * @burst: as in gt_limiter_set_burst().
 *
 * Context: as gt_limiter_allow().
 */
void gt_limiter_set_burst_at(struct gt_limiter *limiter, int64_t now, int burst);

/**
 * gt_limiter_limit - the rate
 * @limiter: the limiter.
 *
 * Context: as gt_limiter_allow().
 * Return: tokens a second.
 */
double gt_limiter_limit(struct gt_limiter *limiter);

/**
 * gt_limiter_burst - the most tokens
 * @limiter: the limiter.
 *
 * Context: as gt_limiter_allow().
 * Return: the burst.
 */
int gt_limiter_burst(struct gt_limiter *limiter);

/**
 * gt_limiter_tokens - how many tokens there are
 * @limiter: the limiter.
 *
 * Context: as gt_limiter_allow().
 * Return: the tokens; below 0 if some are reserved that are not there yet.
 */
double gt_limiter_tokens(struct gt_limiter *limiter);

/**
 * gt_limiter_tokens_at - the same, at a time
 * @limiter: the limiter.
 * @now: what gt_now() says.
 *
 * Context: as gt_limiter_allow().
 * Return: as gt_limiter_tokens().
 */
double gt_limiter_tokens_at(struct gt_limiter *limiter, int64_t now);

GT_END_DECLS

#endif /* GT_LIMITER_H */
