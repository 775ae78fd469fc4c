// SPDX-License-Identifier: GPL-2.0
/*
 * Recovered panics: their values, those that libgt raises, those of tasks that suspend
 * meanwhile, and those of plain threads.
 */
#include "trace.h"

NOINLINE static void panics_deep(int depth)
{
	GT_DEFER(says, "d");
	if (!depth)
		gt_panic("boom %d", 42);
	panics_deep(depth - 1);
	trace("!");
}

static void recovers_boom(void)
{
	GT_DEFER(says, "4");
	GT_DEFER(recovers, NULL);
	GT_DEFER(says, "2");
	panics_deep(2);
	trace("!");
}

/* ----------------------------------------------------------------- values ---- */

static struct gt_panic_info copy;
static int object;

static void copies(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	(void)arg;
	CHECK(info);
	copy = *info;
}

static void panics_with_value(void)
{
	GT_DEFER(copies, NULL);
	gt_panic_value(&object, "%s", "words");
}

static void panics_with_value_only(void)
{
	GT_DEFER(copies, NULL);
	gt_panic_value(&object, NULL);
}

static void panics_with_nothing(void)
{
	GT_DEFER(copies, NULL);
	gt_panic_value(NULL, NULL);
}

static void panics_with_null(void)
{
	GT_DEFER(copies, NULL);
	gt_panic(NULL);
}

static void panics_at_length(void)
{
	GT_DEFER(copies, NULL);
	gt_panic("%0*d", 2 * GT_PANIC_MESSAGE, 1);
}

static void panics_with_a_copy(void)
{
	struct gt_panic_info info = { .value = &copy, .message = "copied" };

	GT_DEFER(copies, NULL);
	gt_panic_again(&info);
}

GT_TEST(values)
{
	char address[32];

	panics_with_value();
	CHECK(copy.value == &object && !strcmp(copy.message, "words"));
	panics_with_value_only();
	snprintf(address, sizeof(address), "%p", (void *)&object);
	CHECK(copy.value == &object && !strcmp(copy.message, address));
	panics_with_nothing();
	CHECK(!copy.value && !strcmp(copy.message, "panic called with nil argument"));
	panics_with_null();
	CHECK(!copy.value && !strcmp(copy.message, "panic called with nil argument"));
	panics_at_length();
	CHECK_EQ(strlen(copy.message), GT_PANIC_MESSAGE - 1);
	panics_with_a_copy();
	CHECK(copy.value == &copy && !strcmp(copy.message, "copied"));
}

/* ------------------------------------------------------ raised by libgt ---- */

static struct gt_chan *chan;

static void sends_on_closed(void)
{
	GT_DEFER(recovers, NULL);
	gt_chan_send(chan, NULL);
}

static void closes_closed(void)
{
	GT_DEFER(recovers, NULL);
	gt_chan_close(chan);
}

static void closes_nil(void)
{
	GT_DEFER(recovers, NULL);
	gt_chan_close(NULL);
}

static void counts_below_zero(struct gt_wg *wg)
{
	GT_DEFER(recovers, NULL);
	gt_wg_add(wg, -1);
}

static void unlocks_unlocked(struct gt_mutex *mutex)
{
	GT_DEFER(recovers, NULL);
	gt_mutex_unlock(mutex);
}

static void raise_all(void)
{
	struct gt_mutex mutex = { 0 };
	struct gt_wg wg = { 0 };

	CHECK(chan = gt_chan_make(0, 0));
	gt_chan_close(chan);
	sends_on_closed();
	EXPECT_TRACE("[send on closed channel]");
	closes_closed();
	EXPECT_TRACE("[close of closed channel]");
	closes_nil();
	EXPECT_TRACE("[close of nil channel]");
	CHECK_EQ(gt_chan_recv(chan, NULL), 0);
	gt_chan_put(chan);
	counts_below_zero(&wg);
	trace_size = 0;
	unlocks_unlocked(&mutex);
	EXPECT_TRACE("[sync: unlock of unlocked mutex]");
}

static void count_one(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

GT_TEST_PROCS(runtime_panics_are_recovered)
{
	struct gt_wg wg = { 0 };
	atomic_int count = 0;
	int i;

	for (i = 0; i < 100; i++) {
		raise_all();
		/* The runtime is as it was. */
		CHECK_EQ(gt_wg_go(&wg, count_one, &count), 0);
		gt_yield();
		gt_wg_wait(&wg);
		CHECK_EQ(count, i + 1);
	}
}

/* The sender waits when the channel is closed. */
static atomic_int sender_done;

static void waits_to_send(void *arg)
{
	(void)arg;
	sends_on_closed();
	atomic_store(&sender_done, 1);
}

GT_TEST_PROCS(close_wakes_a_sender_that_recovers)
{
	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(waits_to_send, NULL), 0);
	gt_yield();
	gt_chan_close(chan);
	AWAIT(sender_done);
	EXPECT_TRACE("[send on closed channel]");
	gt_chan_put(chan);
}

/* --------------------------------------------- tasks that suspend meanwhile ---- */

static void yields(void *arg)
{
	int i;

	for (i = 0; i < 5; i++)
		gt_yield();
	++*(int *)arg;
}

static void recovers_after_yields(void *arg)
{
	int i;

	for (i = 0; i < 5; i++)
		gt_yield();
	CHECK(gt_recover());
	for (i = 0; i < 5; i++)
		gt_yield();
	++*(int *)arg;
}

NOINLINE static void panics_between_yields(int *count, int depth)
{
	GT_DEFER(yields, count);
	if (!depth)
		gt_panic("deep");
	panics_between_yields(count, depth - 1);
	++*count;
}

static int survives(int *count)
{
	GT_DEFER_RETURN(yields, count, 1);
	GT_DEFER_RETURN(recovers_after_yields, count, 2);
	GT_DEFER_RETURN(yields, count, 3);
	panics_between_yields(count, 3);
	return 4;
}

static atomic_long survived;

static void survives_often(void *arg)
{
	long i;

	for (i = 0; i < (long)arg; i++) {
		int count = 0;

		CHECK_EQ(survives(&count), 2);
		CHECK_EQ(count, 4 + 3);
	}
	atomic_fetch_add(&survived, 1);
}

GT_TEST_PROCS(deferred_calls_may_suspend)
{
	long i, n = crowd(100);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(survives_often, (void *)scaled(30)), 0);
	AWAIT(survived == n);
}

/* ------------------------------------------------------------ plain threads ---- */

static void *panics_on_thread(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 100; i++) {
		recovers_boom();
		EXPECT_TRACE("ddd2[boom 42]4");
		raise_all();
		panic_in_a_defer();
		EXPECT_TRACE("1p3[B]4");
	}
	return NULL;
}

PLAIN_TEST(plain_threads_recover)
{
	pthread_t thread;

	panics_on_thread(NULL);
	CHECK_EQ(pthread_create(&thread, NULL, panics_on_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* A panic in the runtime, by a plain thread, does not keep the run from ending. */
GT_TEST(plain_threads_recover_in_a_run)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, panics_on_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_MAIN
