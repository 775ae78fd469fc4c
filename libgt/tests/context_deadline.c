// SPDX-License-Identifier: GPL-2.0
/* Contexts with deadlines: most of it in virtual time, where it is exact. */
#include "test.h"

static struct gt_wg wg;
static atomic_long ran, released;

static void count_release(void *value)
{
	atomic_fetch_add(&released, (long)value);
}

static const struct gt_context_key owned = { "owned", count_release };

static void in_bubble(void (*fn)(void *arg))
{
	CHECK_EQ(gt_bubble_run(fn, NULL), 0);
}

static struct gt_context *in(struct gt_context *parent, int64_t ns)
{
	struct gt_context *ctx = gt_context_with_timeout(parent, ns);

	CHECK(ctx);
	return ctx;
}

static struct gt_context *in_background(int64_t ns)
{
	return in(gt_context_background(), ns);
}

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void expect_done(struct gt_context *ctx, int err, int cause, const char *text)
{
	CHECK_EQ(gt_context_err(ctx), err);
	CHECK_EQ(gt_context_cause(ctx), cause);
	CHECK(!strcmp(gt_context_cause_text(ctx), text));
	CHECK_EQ(gt_chan_try_recv(gt_context_done(ctx), NULL), 0);
}

static void expect_late(struct gt_context *ctx)
{
	CHECK(!strcmp(gt_context_err_text(ctx), "context deadline exceeded"));
	expect_done(ctx, -ETIMEDOUT, -ETIMEDOUT, "context deadline exceeded");
}

static void ends_at_its_time(void *arg)
{
	int64_t begin = gt_now();
	struct gt_context *ctx = in_background(3600 * GT_SECOND), *below = gt_context_with_cancel(ctx);

	(void)arg;
	CHECK_EQ(gt_context_deadline(ctx), begin + 3600 * GT_SECOND);
	CHECK_EQ(gt_context_deadline(below), begin + 3600 * GT_SECOND);
	CHECK_EQ(gt_context_after_func(below, count_one, NULL, NULL), 0);
	gt_sleep(3600 * GT_SECOND - 1);
	CHECK_EQ(gt_context_err(ctx), 0);
	CHECK_EQ(gt_chan_recv(gt_context_done(below), NULL), 0);
	CHECK_EQ(gt_now(), begin + 3600 * GT_SECOND);
	expect_late(ctx);
	expect_late(below);
	gt_context_cancel_cause(ctx, -EIO, "too late");
	expect_late(ctx);
	gt_bubble_wait();
	CHECK_EQ(ran, 1);
	gt_context_put(ctx);
	gt_context_put(below);
}

static void earliest_counts(void *arg)
{
	int64_t begin = gt_now();
	struct gt_context *top = in_background(10 * GT_SECOND), *sooner = in(top, 5 * GT_SECOND),
			  *later = in(top, 20 * GT_SECOND),
			  *same = gt_context_with_deadline(top, begin + 10 * GT_SECOND),
			  *never = gt_context_with_deadline(top, GT_NO_DEADLINE);

	(void)arg;
	CHECK(same && never);
	CHECK_EQ(gt_context_deadline(sooner), begin + 5 * GT_SECOND);
	CHECK_EQ(gt_context_deadline(later), begin + 10 * GT_SECOND);
	CHECK_EQ(gt_context_deadline(never), begin + 10 * GT_SECOND);
	CHECK_EQ(gt_chan_recv(gt_context_done(sooner), NULL), 0);
	CHECK_EQ(gt_now(), begin + 5 * GT_SECOND);
	CHECK_EQ(gt_context_err(top), 0);
	CHECK_EQ(gt_chan_recv(gt_context_done(never), NULL), 0);
	CHECK_EQ(gt_now(), begin + 10 * GT_SECOND);
	expect_late(later);
	expect_late(same);
	gt_context_put(top);
	gt_context_put(sooner);
	gt_context_put(later);
	gt_context_put(same);
	gt_context_put(never);
}

static void causes(void *arg)
{
	struct gt_context *bg = gt_context_background(),
		*one = gt_context_with_timeout_cause(bg, GT_SECOND, -EHOSTDOWN, "no answer"),
		*two = gt_context_with_deadline_cause(bg, gt_now() + GT_SECOND, 0, "too slow"),
		*early = gt_context_with_timeout_cause(bg, GT_SECOND, -EHOSTDOWN, "no answer"),
		*past = gt_context_with_deadline_cause(bg, gt_now(), -EHOSTDOWN, NULL);

	(void)arg;
	CHECK(one && two && early && past);
	expect_done(past, -ETIMEDOUT, -EHOSTDOWN, "Host is down");
	gt_context_cancel(early);
	expect_done(early, -ECANCELED, -ECANCELED, "context canceled");
	gt_sleep(2 * GT_SECOND);
	expect_done(one, -ETIMEDOUT, -EHOSTDOWN, "no answer");
	expect_done(two, -ETIMEDOUT, -ETIMEDOUT, "too slow");
	expect_done(early, -ECANCELED, -ECANCELED, "context canceled");
	gt_context_put(one);
	gt_context_put(two);
	gt_context_put(early);
	gt_context_put(past);
}

static void strange_times(void *arg)
{
	static const int64_t past[] = { 0, -1, INT64_MIN };
	struct gt_context *ctx, *below;
	size_t i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		ctx = in_background(past[i]);
		expect_late(ctx);
		below = gt_context_with_cancel(ctx);
		expect_late(below);
		gt_context_put(ctx);
		gt_context_put(below);
		ctx = gt_context_with_deadline(gt_context_background(), past[i]);
		expect_late(ctx);
		gt_context_put(ctx);
	}
	ctx = in_background(INT64_MAX);
	CHECK_EQ(gt_context_deadline(ctx), GT_NO_DEADLINE);
	CHECK_EQ(gt_context_err(ctx), 0);
	gt_context_put(ctx);
	ctx = gt_context_with_deadline(gt_context_background(), GT_NO_DEADLINE - 1);
	CHECK_EQ(gt_context_err(ctx), 0);
	gt_context_put(ctx);
}

static void waits_end_at_the_deadline(void *arg)
{
	struct gt_semaphore none = { 0 };
	struct gt_limiter slow = GT_LIMITER_INIT(0.001, 1);
	struct gt_chan *chan = gt_chan_make(0, 0);
	int64_t begin = gt_now();
	struct gt_context *ctx;
	int i;

	(void)arg;
	CHECK(gt_limiter_allow(&slow, 1));
	for (i = 1; i <= 4; i++) {
		ctx = in_background(GT_SECOND);
		CHECK_EQ(i == 1 ? gt_chan_recv_ctx(chan, NULL, ctx) :
			 i == 2 ? gt_chan_send_ctx(chan, NULL, ctx) :
			 i == 3 ? gt_sleep_ctx(GT_SECOND * 2, ctx) :
				  gt_semaphore_acquire_ctx(&none, 1, ctx), -ETIMEDOUT);
		CHECK_EQ(gt_now(), begin + i * GT_SECOND);
		gt_context_put(ctx);
	}
	ctx = in_background(GT_SECOND);
	CHECK_EQ(gt_sleep_ctx(GT_SECOND - 1, ctx), 0);
	CHECK_EQ(gt_limiter_wait_ctx(&slow, 1, ctx), -ETIMEDOUT);	/* at once */
	CHECK_EQ(gt_context_err(ctx), 0);
	gt_context_put(ctx);
	gt_chan_put(chan);
}

GT_TEST_PROCS(in_virtual_time)
{
	in_bubble(ends_at_its_time);
	in_bubble(earliest_counts);
	in_bubble(causes);
	in_bubble(strange_times);
	in_bubble(waits_end_at_the_deadline);
	check_leaks();
}

GT_TEST_PROCS(in_real_time)
{
	int64_t begin = gt_now();
	struct gt_context *ctx = in_background(5 * GT_MILLISECOND);

	CHECK_EQ(gt_chan_recv(gt_context_done(ctx), NULL), 0);
	CHECK(gt_now() - begin >= 5 * GT_MILLISECOND);
	expect_late(ctx);
	gt_context_put(ctx);
	check_leaks();
}

/* -------------------------------------------------- without a runtime's timers ---- */

PLAIN_TEST(without_a_runtime_those_who_ask_end_it)
{
	struct gt_context *ctx = in_background(2 * GT_MILLISECOND), *below = gt_context_with_cancel(ctx),
			  *idle;
	struct gt_semaphore none = { 0 };
	struct gt_chan *chan = gt_chan_make(0, 0);

	CHECK_EQ(gt_chan_recv_ctx(chan, NULL, below), -ETIMEDOUT);
	CHECK(gt_now() >= gt_context_deadline(below));
	expect_late(below);
	expect_late(ctx);
	gt_context_put(ctx);
	gt_context_put(below);

	ctx = in_background(2 * GT_MILLISECOND);
	CHECK_EQ(gt_semaphore_acquire_ctx(&none, 1, ctx), -ETIMEDOUT);
	gt_context_put(ctx);

	ctx = in_background(2 * GT_MILLISECOND);
	CHECK_EQ(gt_sleep_ctx(3600 * GT_SECOND, ctx), -ETIMEDOUT);
	gt_context_put(ctx);

	idle = in_background(2 * GT_MILLISECOND);
	CHECK_EQ(gt_context_err(idle), 0);
	AWAIT(gt_context_err(idle));
	expect_late(idle);
	gt_context_put(idle);

	ctx = in_background(3600 * GT_SECOND);
	CHECK_EQ(gt_sleep_ctx(GT_MILLISECOND, ctx), 0);
	gt_context_cancel(ctx);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	gt_context_put(ctx);
	gt_chan_put(chan);
	check_leaks();
}

static void *thread_waits(void *arg)
{
	CHECK_EQ(gt_chan_recv(gt_context_done(arg), NULL), 0);
	expect_late(arg);
	return NULL;
}

GT_TEST_PROCS(thread_beside_tasks_is_told)
{
	struct gt_context *ctx = in_background(5 * GT_MILLISECOND);
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_waits, ctx), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_context_put(ctx);
}

/* ----------------------------------------------------------- races, memory ---- */

static struct gt_context *with_value(struct gt_context *ctx)
{
	struct gt_context *value = gt_context_with_value(ctx, &owned, (void *)1);

	CHECK(value);
	gt_context_put(ctx);
	return value;
}

/* Cancels, puts and deadlines that meet. Each context is freed, once. */
static void short_lives(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct gt_context *top, *value, *below;
	long i;

	for (i = 0; i < scaled(2000); i++) {
		top = in_background(test_random(&random) % 20000);
		value = with_value(gt_context_get(top));
		below = in(value, test_random(&random) % 20000);
		if (test_random(&random) % 3 == 0)
			gt_yield();
		if (test_random(&random) % 4 == 0)
			gt_context_cancel(below);
		if (test_random(&random) % 4 == 0)
			gt_context_cancel(top);
		gt_context_put(top);
		gt_context_put(value);
		if (test_random(&random) % 8 == 0) {
			CHECK_EQ(gt_chan_recv(gt_context_done(below), NULL), 0);
			CHECK(gt_context_err(below));
		}
		gt_context_put(below);
		atomic_fetch_add(&ran, 1);
	}
}

GT_TEST_PROCS(deadlines_meet_cancels_and_puts)
{
	long i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_wg_go(&wg, short_lives, (void *)i), 0);
	gt_wg_wait(&wg);
	AWAIT(released == ran);
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

GT_TEST(timers_go_with_their_contexts)
{
	long i, n = scaled(1000000), before = 0;
	struct gt_context *ctx;

	for (i = 0; i < n; i++) {
		if (i == n / 10)
			before = status_kib("VmRSS:");
		ctx = with_value(in_background(3600 * GT_SECOND));
		if (i % 2) {
			struct gt_context *below = in(ctx, 1800 * GT_SECOND);

			gt_context_cancel(below);
			gt_context_put(below);
		}
		gt_context_put(ctx);
	}
	CHECK_EQ(released, n);
	if (!TEST_ASAN && !TEST_TSAN)	/* they keep what is freed */
		CHECK(status_kib("VmRSS:") < before + 1024);
	check_leaks();
}

static struct gt_context *kept;

static void keeps_a_context(void)
{
	struct gt_context *above = with_value(in_background(3600 * GT_SECOND));

	kept = in(above, 1800 * GT_SECOND);
	gt_context_put(above);
}

/* Their timers will not fire: they go with their last user all the same. */
PLAIN_TEST(contexts_of_an_earlier_run)
{
	test_run(2, keeps_a_context);
	CHECK_EQ(gt_context_err(kept), 0);
	gt_context_put(kept);
	CHECK_EQ(released, 1);
	check_leaks();
}

TEST_MAIN
