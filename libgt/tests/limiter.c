// SPDX-License-Identifier: GPL-2.0
/*
 * Rate limiters. What depends on time is told what time it is; the rest is bounded from
 * below alone, since a machine may be slow but not fast.
 */
#include <math.h>

#include "test.h"

static struct gt_wg wg;
static atomic_long ran;

/* A time of day, in tenths of a second after some start. */
#define T(tenths) (1000 * GT_SECOND + (tenths) * (GT_SECOND / 10))

static struct gt_limiter made(double limit, int burst)
{
	return (struct gt_limiter)GT_LIMITER_INIT(limit, burst);
}

static void expect_tokens(struct gt_limiter *lim, int64_t now, double tokens)
{
	CHECK(fabs(gt_limiter_tokens_at(lim, now) - tokens) < 1e-6);
}

/* ------------------------------------------------------------------- allow ---- */

/* Ten a second: one each tenth. */
static void allows_a_burst_and_then_the_rate(void)
{
	static const struct { int at, n; bool ok; } steps[] = {
		{ 0, 1, true }, { 0, 1, true }, { 0, 1, true }, { 0, 1, false }, { 0, 1, false },
		{ 1, 1, true }, { 1, 1, false }, { 2, 1, true }, { 2, 1, false }, { 2, 0, true },
		{ 5, 3, true }, { 5, 1, false },
		{ 8, 4, false }, { 8, 3, true },		/* never more than the burst */
		{ 100, 3, true }, { 100, 1, false },
		{ 50, 1, false },				/* the clock of another goes back */
		{ 101, 1, true },
	};
	struct gt_limiter lim = made(10, 3);
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		CHECK_EQ(gt_limiter_allow_at(&lim, T(steps[i].at), steps[i].n), steps[i].ok);
}

static void limits_at_the_ends(void)
{
	struct gt_limiter none = { 0 }, inf = made(GT_LIMIT_INF, 0), still = made(0, 2);
	struct gt_reservation r;
	int i;

	CHECK(!gt_limiter_allow(&none, 1));
	CHECK(gt_limiter_allow(&none, 0));
	for (i = 0; i < 1000; i++)
		CHECK(gt_limiter_allow(&inf, 1000));
	CHECK(gt_limiter_reserve(&inf, 1000, &r));
	CHECK_EQ(gt_reservation_delay(&r), 0);
	gt_reservation_cancel(&r);
	CHECK_EQ(gt_limiter_wait(&inf, 1000), 0);

	CHECK(gt_limiter_allow_at(&still, T(0), 1));
	CHECK(gt_limiter_allow_at(&still, T(1), 1));
	CHECK(!gt_limiter_allow_at(&still, T(1000000), 1));
	CHECK(gt_limiter_reserve_at(&still, T(0), 1, &r));
	CHECK(gt_reservation_delay_at(&r, T(0)) == INT64_MAX);
	CHECK_EQ(gt_limiter_wait_until(&still, 1, gt_now() + GT_SECOND), -ETIMEDOUT);

	CHECK(gt_limit_every(GT_SECOND / 4) == 4);
	CHECK(gt_limit_every(0) == GT_LIMIT_INF);
	CHECK(gt_limit_every(-1) == GT_LIMIT_INF);
}

static void numbers_that_overflow(void)
{
	struct gt_limiter slow = made(1e-300, 1000), fast = made(1e300, 1000);
	struct gt_reservation r;

	CHECK(gt_limiter_allow_at(&slow, T(0), 1000));
	CHECK(gt_limiter_reserve_at(&slow, T(0), 1000, &r));
	CHECK(gt_reservation_delay_at(&r, T(0)) == INT64_MAX);
	gt_reservation_cancel_at(&r, T(0));
	CHECK(!gt_limiter_allow_at(&slow, INT64_MAX - 1, 1));
	CHECK(gt_limiter_allow_at(&fast, T(0), 1000));
	CHECK(gt_limiter_reserve_at(&fast, T(0), 1000, &r));
	CHECK_EQ(gt_reservation_delay_at(&r, T(0)), 0);
}

/* ----------------------------------------------------------------- reserve ---- */

static void reserve_at(struct gt_limiter *lim, int now, int n, struct gt_reservation *r, int act)
{
	CHECK(gt_limiter_reserve_at(lim, T(now), n, r));
	CHECK(llabs(gt_reservation_delay_at(r, T(now)) - (T(act) - T(now))) <= 1);
}

static void reservations_are_in_order(void)
{
	struct gt_limiter lim = made(10, 2);
	struct gt_reservation r, past;

	reserve_at(&lim, 0, 2, &r, 0);
	reserve_at(&lim, 0, 2, &r, 2);
	reserve_at(&lim, 3, 2, &past, 4);
	CHECK_EQ(gt_reservation_delay_at(&past, T(9)), 0);
	CHECK(!gt_limiter_reserve_at(&lim, T(3), 3, &r));
	CHECK(gt_reservation_delay_at(&r, T(3)) == INT64_MAX);
	gt_reservation_cancel_at(&r, T(3));	/* nothing was taken */
	expect_tokens(&lim, T(3), -1);
	reserve_at(&lim, 3, 1, &r, 5);
}

static void cancel_gives_back(void)
{
	struct gt_limiter lim = made(10, 2);
	struct gt_reservation a, b, c;

	/* The last: all of it. */
	reserve_at(&lim, 0, 2, &a, 0);
	reserve_at(&lim, 0, 2, &b, 2);
	gt_reservation_cancel_at(&b, T(0));
	reserve_at(&lim, 0, 2, &b, 2);

	/* In the middle, nothing on which a later one counts. */
	reserve_at(&lim, 1, 2, &c, 4);
	gt_reservation_cancel_at(&b, T(1));
	expect_tokens(&lim, T(1), -3);
	gt_reservation_cancel_at(&c, T(1));	/* the last event is now its own */
	expect_tokens(&lim, T(1), -1);

	/* Too late: its time has come. */
	lim = made(10, 2);
	reserve_at(&lim, 0, 2, &a, 0);
	reserve_at(&lim, 0, 1, &b, 1);
	gt_reservation_cancel_at(&b, T(2));
	expect_tokens(&lim, T(2), 1);

	/* Some, but not all: two of three, as one came behind it. */
	lim = made(10, 3);
	reserve_at(&lim, 0, 3, &a, 0);
	reserve_at(&lim, 0, 3, &b, 3);
	reserve_at(&lim, 0, 1, &c, 4);
	gt_reservation_cancel_at(&b, T(0));
	expect_tokens(&lim, T(0), -2);

	/* Never above the burst. */
	lim = made(10, 2);
	reserve_at(&lim, 0, 2, &a, 0);
	reserve_at(&lim, 0, 2, &b, 2);
	gt_limiter_set_burst_at(&lim, T(0), 1);
	gt_reservation_cancel_at(&b, T(2));
	expect_tokens(&lim, T(2), 1);
}

/* -------------------------------------------------------------- it changes ---- */

static void rate_and_burst_change(void)
{
	struct gt_limiter lim = made(10, 10);
	struct gt_reservation r;

	CHECK(gt_limiter_allow_at(&lim, T(0), 10));
	gt_limiter_set_limit_at(&lim, T(5), 20);	/* five so far, two a tenth now */
	CHECK(gt_limiter_limit(&lim) == 20);
	expect_tokens(&lim, T(5), 5);
	expect_tokens(&lim, T(6), 7);
	gt_limiter_set_burst_at(&lim, T(6), 3);
	CHECK_EQ(gt_limiter_burst(&lim), 3);
	expect_tokens(&lim, T(6), 3);
	gt_limiter_set_burst_at(&lim, T(6), 9);
	expect_tokens(&lim, T(6), 3);
	expect_tokens(&lim, T(9), 9);
	CHECK(gt_limiter_allow_at(&lim, T(9), 9));
	reserve_at(&lim, 9, 2, &r, 10);
	gt_limiter_set_limit_at(&lim, T(9), 0);
	CHECK_EQ(gt_reservation_delay_at(&r, T(10)), 0);
	CHECK(!gt_limiter_allow_at(&lim, T(1000), 1));
	gt_limiter_set_limit_at(&lim, T(1000), GT_LIMIT_INF);
	CHECK(gt_limiter_allow_at(&lim, T(1000), 100));
}

/* -------------------------------------------------------------------- wait ---- */

static struct gt_context *fresh_context(void)
{
	struct gt_context *ctx = gt_context_with_cancel(gt_context_background());

	CHECK(ctx);
	return ctx;
}

static void waits_in_vain(void)
{
	struct gt_limiter lim = made(1, 2);
	struct gt_context *ctx = fresh_context();

	CHECK_EQ(gt_limiter_wait(&lim, 3), -E2BIG);
	CHECK_EQ(gt_limiter_wait_ctx(&lim, 3, ctx), -E2BIG);
	CHECK_EQ(gt_limiter_wait(&lim, 2), 0);
	/* In two seconds, so this is known now; and it takes nothing. */
	CHECK_EQ(gt_limiter_wait_until(&lim, 2, gt_now() + GT_SECOND), -ETIMEDOUT);
	CHECK_EQ(gt_limiter_wait_until(&lim, 1, gt_now() - GT_SECOND), -ETIMEDOUT);
	CHECK(gt_limiter_tokens(&lim) >= 0);
	gt_context_cancel(ctx);
	CHECK_EQ(gt_limiter_wait_ctx(&lim, 0, ctx), -ECANCELED);
	gt_context_put(ctx);
}

static void waits_as_long_as_it_must(void)
{
	struct gt_limiter lim = made(200, 1);
	struct gt_context *ctx = fresh_context();
	int64_t begin = gt_now();
	int i;

	for (i = 0; i < 4; i++) {
		CHECK_EQ(gt_limiter_wait(&lim, 1), 0);
		CHECK_EQ(gt_limiter_wait_until(&lim, 1, gt_now() + 60 * GT_SECOND), 0);
		CHECK_EQ(gt_limiter_wait_ctx(&lim, 1, ctx), 0);
	}
	CHECK(gt_now() - begin >= 11 * 5 * GT_MILLISECOND - GT_MICROSECOND);
	gt_context_put(ctx);
}

static void each_way(void)
{
	allows_a_burst_and_then_the_rate();
	limits_at_the_ends();
	numbers_that_overflow();
	reservations_are_in_order();
	cancel_gives_back();
	rate_and_burst_change();
	waits_in_vain();
	waits_as_long_as_it_must();
}

GT_TEST_PROCS(each_way_in_tasks)
{
	each_way();
}

PLAIN_TEST(each_way_on_a_plain_thread)
{
	each_way();
}

static struct gt_limiter shared;

static void waits_for_long(void *ctx)
{
	CHECK_EQ(gt_limiter_wait_ctx(&shared, 1, ctx), -ECANCELED);
	atomic_fetch_add(&ran, 1);
}

/* They sleep for hours; cancelled, they leave no trace of it. */
GT_TEST_PROCS(cancel_ends_a_wait_and_gives_back)
{
	struct gt_context *ctx = fresh_context();
	int i;

	gt_limiter_init(&shared, 0.0001, 1);
	CHECK(gt_limiter_allow(&shared, 1));
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_wg_go(&wg, waits_for_long, ctx), 0);
	AWAIT(gt_limiter_tokens(&shared) < -9);
	CHECK_EQ(ran, 0);
	gt_context_cancel(ctx);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 10);
	gt_context_put(ctx);
}

/* ------------------------------------------------------------------- races ---- */

static void allows_one(void *arg)
{
	long i;

	for (i = 0; i < scaled(2000); i++)
		if (gt_limiter_allow_at(&shared, T(0), 1))
			atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void *thread_allows_one(void *arg)
{
	allows_one(arg);
	return NULL;
}

GT_TEST_PROCS(no_token_is_taken_twice)
{
	pthread_t thread;
	long i, n = scaled(4000);

	gt_limiter_init(&shared, 1, n);
	CHECK_EQ(pthread_create(&thread, NULL, thread_allows_one, NULL), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_wg_go(&wg, allows_one, NULL), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ran, n);
}

static void takes_less_than_none(void)
{
	gt_limiter_init(&shared, 1, 1);
	gt_limiter_allow(&shared, -1);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(takes_less_than_none, "rate: negative count");
}

TEST_MAIN
