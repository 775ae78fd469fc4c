// SPDX-License-Identifier: GPL-2.0
/* Waits that a context may end: sends, receives and sleeps. */
#include "test.h"

static struct gt_wg wg;
static struct gt_chan *chan;
static struct gt_context *ctx;
static atomic_long sent, received, gave_up;

static void begin(size_t capacity)
{
	CHECK(chan = gt_chan_make(sizeof(long), capacity));
	CHECK(ctx = gt_context_with_cancel(gt_context_background()));
}

static void end(void)
{
	gt_chan_put(chan);
	gt_context_put(ctx);
}

static void what_needs_no_waiting(void)
{
	long value = 7;

	begin(1);
	CHECK_EQ(gt_chan_send_ctx(chan, &value, ctx), 0);
	value = 0;
	CHECK_EQ(gt_chan_recv_ctx(chan, &value, ctx), 1);
	CHECK_EQ(value, 7);
	CHECK_EQ(gt_chan_send_ctx(chan, &value, gt_context_background()), 0);
	CHECK_EQ(gt_chan_recv_ctx(chan, NULL, gt_context_background()), 1);
	gt_chan_close(chan);
	CHECK_EQ(gt_chan_recv_ctx(chan, &value, ctx), 0);
	CHECK_EQ(value, 0);
	end();
}

static void done_context_wins(void)
{
	long value = 7, untouched = 9;
	int i;

	begin(2);
	CHECK_EQ(gt_chan_send_ctx(chan, &value, ctx), 0);
	gt_context_cancel(ctx);
	for (i = 0; i < 100; i++) {		/* it is no draw */
		CHECK_EQ(gt_chan_send_ctx(chan, &value, ctx), -ECANCELED);
		CHECK_EQ(gt_chan_recv_ctx(chan, &untouched, ctx), -ECANCELED);
	}
	CHECK_EQ(gt_chan_recv_ctx(NULL, &untouched, ctx), -ECANCELED);
	CHECK_EQ(gt_chan_send_ctx(NULL, &untouched, ctx), -ECANCELED);
	CHECK_EQ(untouched, 9);
	CHECK_EQ(gt_chan_len(chan), 1);
	CHECK_EQ(gt_sleep_ctx(GT_SECOND, ctx), -ECANCELED);
	CHECK_EQ(gt_sleep_ctx(0, ctx), -ECANCELED);
	end();
}

static void sleeps_to_the_end(void)
{
	int64_t before = gt_now();

	begin(0);
	CHECK_EQ(gt_sleep_ctx(5 * GT_MILLISECOND, ctx), 0);
	CHECK(gt_now() - before >= 5 * GT_MILLISECOND);
	CHECK_EQ(gt_sleep_ctx(5 * GT_MILLISECOND, gt_context_background()), 0);
	CHECK(gt_now() - before >= 10 * GT_MILLISECOND);
	CHECK_EQ(gt_sleep_ctx(0, ctx), 0);
	CHECK_EQ(gt_sleep_ctx(INT64_MIN, ctx), 0);
	end();
}

/* ----------------------------------------------------------- while they wait ---- */

static void waits_to_send(void *arg)
{
	CHECK_EQ(gt_chan_send_ctx(arg, &(long){ 1 }, ctx), -ECANCELED);
	atomic_fetch_add(&gave_up, 1);
}

static void waits_to_receive(void *arg)
{
	long untouched = 9;

	CHECK_EQ(gt_chan_recv_ctx(arg, &untouched, ctx), -ECANCELED);
	CHECK_EQ(untouched, 9);
	atomic_fetch_add(&gave_up, 1);
}

static void waits_to_wake(void *arg)
{
	CHECK_EQ(gt_sleep_ctx((intptr_t)arg, ctx), -ECANCELED);
	atomic_fetch_add(&gave_up, 1);
}

static void *thread_waits(void *arg)
{
	waits_to_receive(arg);
	waits_to_send(arg);
	waits_to_wake((void *)INTPTR_MAX);
	return NULL;
}

static void cancel_ends(bool tasks)
{
	long i, n = tasks ? 60 : 0;
	pthread_t thread;

	begin(0);
	for (i = 0; i < n; i++) {
		if (i % 3 == 0)
			CHECK_EQ(gt_wg_go(&wg, waits_to_send, i % 2 ? NULL : chan), 0);
		else if (i % 3 == 1)
			CHECK_EQ(gt_wg_go(&wg, waits_to_wake, (void *)(i % 2 ? INTPTR_MAX : 3600 * GT_SECOND)), 0);
		else
			CHECK_EQ(gt_wg_go(&wg, waits_to_receive, NULL), 0);
	}
	CHECK_EQ(pthread_create(&thread, NULL, thread_waits, NULL), 0);
	for (i = 0; i < 10; i++)
		gt_yield();
	CHECK_EQ(gave_up, 0);
	gt_context_cancel(ctx);
	gt_wg_wait(&wg);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(gave_up, n + 3);
	end();
	check_leaks();
}

GT_TEST_PROCS(cancel_ends_all_waits)
{
	cancel_ends(true);
}

PLAIN_TEST(cancel_ends_the_waits_of_threads)
{
	cancel_ends(false);
}

GT_TEST_PROCS(each_way_in_tasks)
{
	what_needs_no_waiting();
	done_context_wins();
	sleeps_to_the_end();
}

PLAIN_TEST(each_way_on_a_plain_thread)
{
	what_needs_no_waiting();
	done_context_wins();
	sleeps_to_the_end();
}

/* ----------------------------------------------------------------- exactly ---- */

static void sends_until_done(void *arg)
{
	long i = 0;

	while (!gt_chan_send_ctx(chan, &i, ctx)) {
		atomic_fetch_add(&sent, 1);
		i++;
	}
	(void)arg;
}

static void receives_until_done(void *arg)
{
	long value;

	while (gt_chan_recv_ctx(chan, &value, ctx) == 1)
		atomic_fetch_add(&received, 1);
	(void)arg;
}

/* A cancel comes between values, never through one: none is lost or doubled. */
static void exactly(size_t capacity)
{
	long round, i, target;

	for (round = 0; round < scaled(60); round++) {
		begin(capacity);
		target = atomic_load(&received) + 20 + round % 50;
		for (i = 0; i < 3; i++) {
			CHECK_EQ(gt_wg_go(&wg, sends_until_done, NULL), 0);
			CHECK_EQ(gt_wg_go(&wg, receives_until_done, NULL), 0);
		}
		AWAIT(received >= target);
		gt_context_cancel(ctx);
		gt_wg_wait(&wg);
		while (gt_chan_try_recv(chan, NULL) == 1)
			atomic_fetch_add(&received, 1);
		CHECK_EQ(sent, received);
		end();
	}
}

GT_TEST_PROCS(no_value_is_lost_unbuffered)
{
	exactly(0);
}

GT_TEST_PROCS(no_value_is_lost_buffered)
{
	exactly(3);
}

/* ------------------------------------------------------------------ misuse ---- */

static void sends_on_closed(void)
{
	begin(0);
	gt_chan_close(chan);
	gt_chan_send_ctx(chan, &(long){ 1 }, ctx);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(sends_on_closed, "send on closed channel");
}

TEST_MAIN
