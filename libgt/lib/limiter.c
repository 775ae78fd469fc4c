/* SPDX-License-Identifier: MIT */
/*
 * Rate limiters: token buckets that are filled when they are looked at.
 *
 * Under the lock stand how many tokens there were, and when. Tokens below zero are
 * reserved by those who wait; each knows when its own will be there, and sleeps until
 * then without looking again. So nobody has to be woken, and they are in order.
 *
 * Who gives up gives back what nobody behind him counts on: the time from his event to
 * the last that is reserved (last_event) says how much that is.
 *
 * Source: golang.org/x/time/rate.
 */
#include <errno.h>

#include "gt/limiter.h"
#include "gt/panic.h"

#define NEVER INT64_MAX		/* a time that does not come, a delay that does not end */

double gt_limit_every(int64_t ns)
{
	return ns <= 0 ? GT_LIMIT_INF : 1e9 / (double)ns;
}

/* How long it takes to fill in so many tokens, which may be negative. */
static int64_t time_of(double limit, double tokens)
{
	double ns;

	if (limit <= 0)
		return NEVER;
	ns = tokens / limit * 1e9;
	return ns >= 0x1p63 ? NEVER : ns <= -0x1p63 ? -NEVER : (int64_t)ns;
}

static double tokens_of(double limit, int64_t ns)
{
	if (limit <= 0)
		return 0;
	return ((double)(ns / GT_SECOND) + (double)(ns % GT_SECOND) / 1e9) * limit;
}

static int64_t later(int64_t time, int64_t ns)
{
	int64_t sum;

	if (ns == NEVER || __builtin_add_overflow(time, ns, &sum))
		return ns < 0 ? -NEVER : NEVER;
	return sum;
}

/* The bucket's contents now. Locked, like all that follow up to the interface. */
static double tokens_at(const struct gt_limiter *limiter, int64_t now)
{
	int64_t last = now < limiter->gt_last ? now : limiter->gt_last;
	double tokens = limiter->gt_tokens + tokens_of(limiter->gt_limit, now - last);

	return tokens > limiter->gt_burst ? limiter->gt_burst : tokens;
}

static void fill(struct gt_limiter *limiter, int64_t now)
{
	limiter->gt_tokens = tokens_at(limiter, now);
	limiter->gt_last = now;
}

/* At most wait_max later. */
static struct gt_reservation reserve(struct gt_limiter *limiter, int64_t now, int n,
				     int64_t wait_max)
{
	struct gt_reservation r = {
		.gt_limiter = limiter, .gt_ok = true, .gt_tokens = n, .gt_act = now,
		.gt_limit = limiter->gt_limit,
	};
	int64_t wait = 0;
	double tokens;

	if (n < 0)
		gt_panic("rate: negative count");
	if (limiter->gt_limit == GT_LIMIT_INF)
		return r;
	tokens = tokens_at(limiter, now) - n;
	if (tokens < 0)
		wait = time_of(limiter->gt_limit, -tokens);
	r.gt_ok = n <= limiter->gt_burst && wait <= wait_max;
	if (!r.gt_ok)
		return r;
	r.gt_act = later(now, wait);
	limiter->gt_last = now;
	limiter->gt_tokens = tokens;
	limiter->gt_last_event = r.gt_act;
	return r;
}

static void give_back(struct gt_reservation *r, int64_t now)
{
	struct gt_limiter *limiter = r->gt_limiter;
	int64_t before;
	double tokens;

	if (limiter->gt_limit == GT_LIMIT_INF || !r->gt_tokens || r->gt_act < now)
		return;
	tokens = r->gt_tokens - tokens_of(r->gt_limit, limiter->gt_last_event - r->gt_act);
	if (tokens <= 0)
		return;
	tokens += tokens_at(limiter, now);
	limiter->gt_tokens = tokens > limiter->gt_burst ? limiter->gt_burst : tokens;
	limiter->gt_last = now;
	if (r->gt_act == limiter->gt_last_event) {
		before = later(r->gt_act, time_of(r->gt_limit, -r->gt_tokens));
		if (before >= now)
			limiter->gt_last_event = before;
	}
}

static struct gt_reservation reserve_unlocked(struct gt_limiter *limiter, int64_t now, int n,
					      int64_t wait_max)
{
	struct gt_reservation r;

	gt_mutex_lock(&limiter->gt_lock);
	r = reserve(limiter, now, n, wait_max);
	gt_mutex_unlock(&limiter->gt_lock);
	return r;
}

/* -------------------------------------------------------- the interface ---- */

void gt_limiter_init(struct gt_limiter *limiter, double limit, int burst)
{
	*limiter = (struct gt_limiter)GT_LIMITER_INIT(limit, burst);
}

bool gt_limiter_allow_at(struct gt_limiter *limiter, int64_t now, int n)
{
	return reserve_unlocked(limiter, now, n, 0).gt_ok;
}

bool gt_limiter_allow(struct gt_limiter *limiter, int n)
{
	return gt_limiter_allow_at(limiter, gt_now(), n);
}

bool gt_limiter_reserve_at(struct gt_limiter *limiter, int64_t now, int n,
			   struct gt_reservation *reservation)
{
	*reservation = reserve_unlocked(limiter, now, n, NEVER);
	return reservation->gt_ok;
}

bool gt_limiter_reserve(struct gt_limiter *limiter, int n, struct gt_reservation *reservation)
{
	return gt_limiter_reserve_at(limiter, gt_now(), n, reservation);
}

int64_t gt_reservation_delay_at(const struct gt_reservation *reservation, int64_t now)
{
	if (!reservation->gt_ok || reservation->gt_act == NEVER)
		return NEVER;
	return reservation->gt_act > now ? reservation->gt_act - now : 0;
}

int64_t gt_reservation_delay(const struct gt_reservation *reservation)
{
	return gt_reservation_delay_at(reservation, gt_now());
}

void gt_reservation_cancel_at(struct gt_reservation *reservation, int64_t now)
{
	if (!reservation->gt_ok)
		return;
	gt_mutex_lock(&reservation->gt_limiter->gt_lock);
	give_back(reservation, now);
	gt_mutex_unlock(&reservation->gt_limiter->gt_lock);
}

void gt_reservation_cancel(struct gt_reservation *reservation)
{
	gt_reservation_cancel_at(reservation, gt_now());
}

/* Take them if they are there by the deadline: 0 with the time to sleep. */
static int take(struct gt_limiter *limiter, int n, int64_t deadline, struct gt_reservation *r,
		int64_t *delay)
{
	int64_t now = gt_now(), wait_max = NEVER;
	bool never;

	if (deadline != GT_NO_DEADLINE)
		wait_max = deadline > now ? deadline - now : 0;
	gt_mutex_lock(&limiter->gt_lock);
	never = n > limiter->gt_burst && limiter->gt_limit != GT_LIMIT_INF;
	*r = reserve(limiter, now, n, wait_max);
	gt_mutex_unlock(&limiter->gt_lock);
	if (never)
		return -E2BIG;
	if (!r->gt_ok)
		return -ETIMEDOUT;
	*delay = gt_reservation_delay_at(r, now);
	return 0;
}

int gt_limiter_wait_until(struct gt_limiter *limiter, int n, int64_t deadline)
{
	struct gt_reservation r;
	int64_t delay;
	int error = take(limiter, n, deadline, &r, &delay);

	if (!error && delay)
		gt_sleep_until(r.gt_act);
	return error;
}

int gt_limiter_wait(struct gt_limiter *limiter, int n)
{
	return gt_limiter_wait_until(limiter, n, GT_NO_DEADLINE);
}

int gt_limiter_wait_ctx(struct gt_limiter *limiter, int n, struct gt_context *ctx)
{
	struct gt_reservation r;
	int64_t delay;
	int error = gt_context_err(ctx);

	if (error)
		return error;
	error = take(limiter, n, gt_context_deadline(ctx), &r, &delay);
	if (error || !delay)
		return error;
	error = gt_sleep_ctx(delay, ctx);
	if (error)
		gt_reservation_cancel(&r);
	return error;
}

void gt_limiter_set_limit_at(struct gt_limiter *limiter, int64_t now, double limit)
{
	gt_mutex_lock(&limiter->gt_lock);
	fill(limiter, now);
	limiter->gt_limit = limit;
	gt_mutex_unlock(&limiter->gt_lock);
}

void gt_limiter_set_limit(struct gt_limiter *limiter, double limit)
{
	gt_limiter_set_limit_at(limiter, gt_now(), limit);
}

void gt_limiter_set_burst_at(struct gt_limiter *limiter, int64_t now, int burst)
{
	gt_mutex_lock(&limiter->gt_lock);
	fill(limiter, now);
	limiter->gt_burst = burst;
	gt_mutex_unlock(&limiter->gt_lock);
}

void gt_limiter_set_burst(struct gt_limiter *limiter, int burst)
{
	gt_limiter_set_burst_at(limiter, gt_now(), burst);
}

double gt_limiter_limit(struct gt_limiter *limiter)
{
	double limit;

	gt_mutex_lock(&limiter->gt_lock);
	limit = limiter->gt_limit;
	gt_mutex_unlock(&limiter->gt_lock);
	return limit;
}

int gt_limiter_burst(struct gt_limiter *limiter)
{
	int burst;

	gt_mutex_lock(&limiter->gt_lock);
	burst = limiter->gt_burst;
	gt_mutex_unlock(&limiter->gt_lock);
	return burst;
}

double gt_limiter_tokens_at(struct gt_limiter *limiter, int64_t now)
{
	double tokens;

	gt_mutex_lock(&limiter->gt_lock);
	tokens = tokens_at(limiter, now);
	gt_mutex_unlock(&limiter->gt_lock);
	return tokens;
}

double gt_limiter_tokens(struct gt_limiter *limiter)
{
	return gt_limiter_tokens_at(limiter, gt_now());
}
