// SPDX-License-Identifier: GPL-2.0
/*
 * Channels and select with deadlines: what is ready wins over a deadline that has
 * passed, and where delivery and deadline race, no value is lost or doubled.
 */
#include "test.h"

static struct gt_chan *chan;
static atomic_int passed;

static struct gt_chan *make_filled(size_t capacity, long count)
{
	struct gt_chan *filled = gt_chan_make(sizeof(long), capacity);

	CHECK(filled);
	for (long i = 1; i <= count; i++)
		gt_chan_send(filled, &i);
	return filled;
}

/* ------------------------------------------------------------ one at a time ---- */

static const int64_t past[] = { INT64_MIN, -1, 0, 1 };

PLAIN_TEST(what_is_ready_wins_over_the_past)
{
	struct gt_chan *buffered = make_filled(2, 0);
	long value = 5, got;
	struct gt_case one;

	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		CHECK_EQ(gt_chan_send_until(buffered, &value, past[i]), 0);
		one = gt_case_send(buffered, &value);
		CHECK_EQ(gt_select_until(&one, 1, past[i]), 0);
		CHECK_EQ(gt_chan_send_until(buffered, &value, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_select_until(&one, 1, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_chan_len(buffered), 2);
		got = 0;
		CHECK_EQ(gt_chan_recv_until(buffered, &got, past[i]), 1);
		CHECK_EQ(got, 5);
		one = gt_case_recv(buffered, &got);
		CHECK_EQ(gt_select_until(&one, 1, past[i]), 0);
		CHECK(one.ok);
		got = 77;
		CHECK_EQ(gt_chan_recv_until(buffered, &got, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_select_until(&one, 1, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_select_until(NULL, 0, past[i]), -ETIMEDOUT);
		CHECK_EQ(got, 77);
		CHECK_EQ(gt_chan_recv_until(NULL, &got, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_chan_send_until(NULL, &got, past[i]), -ETIMEDOUT);
	}
	gt_chan_close(buffered);
	CHECK_EQ(gt_chan_recv_until(buffered, &got, 0), 0);
	CHECK_EQ(got, 0);
	got = 77;
	one = gt_case_recv(buffered, &got);
	CHECK_EQ(gt_select_until(&one, 1, 0), 0);
	CHECK(!one.ok);
	CHECK_EQ(got, 0);
	gt_chan_put(buffered);
}

static void sends_on_closed(void)
{
	long value = 0;

	chan = make_filled(1, 0);
	gt_chan_close(chan);
	gt_chan_send_until(chan, &value, 0);
}

static void waits_to_send_for_an_hour(void *arg)
{
	long value = 0;

	gt_chan_send_until(arg, &value, gt_now() + 3600 * GT_SECOND);
	test_fail(__FILE__, __LINE__, "a send returned from a close");
}

static void closes_under_a_sender(void)
{
	chan = make_filled(0, 0);
	CHECK_EQ(gt_go(waits_to_send_for_an_hour, chan), 0);
	gt_yield();
	gt_chan_close(chan);
	for (;;)
		gt_yield();
}

PLAIN_TEST(closed_panics)
{
	expect_panic(sends_on_closed, "send on closed channel");
	expect_panic(closes_under_a_sender, "send on closed channel");
}

static void times_out(void)
{
	struct gt_chan *empty = make_filled(0, 0), *full = make_filled(1, 1);
	long value = 77;
	struct gt_case both[] = { gt_case_recv(empty, &value), gt_case_send(full, &value),
				  gt_case_recv(NULL, &value), gt_case_recv(empty, &value) };
	bool late = false;

	for (int i = 0; i < 7; i++) {
		int64_t deadline = gt_now() + GT_MILLISECOND;
		int result = i == 0 ? gt_chan_recv_until(empty, &value, deadline) :
			     i == 1 ? gt_chan_send_until(full, &value, deadline) :
			     i == 2 ? gt_chan_recv_until(NULL, &value, deadline) :
				      gt_select_until(both, i - 3, deadline);

		CHECK_EQ(result, -ETIMEDOUT);
		CHECK(gt_now() >= deadline);
	}
	GT_SELECT_UNTIL(gt_now() + GT_MILLISECOND) {
	GT_ON(gt_case_recv(empty, &value))
		test_fail(__FILE__, __LINE__, "nothing was sent");
	GT_ON_TIMEOUT
		late = true;
	}
	CHECK(late);
	GT_SELECT_UNTIL(0) {
	GT_ON(gt_case_recv(full, NULL))
		late = false;
	GT_ON_TIMEOUT
		test_fail(__FILE__, __LINE__, "what is ready wins");
	}
	CHECK(!late);
	CHECK_EQ(value, 77);
	gt_chan_put(empty);		/* panics if a waiter is left in it */
	gt_chan_put(full);
}

GT_TEST_PROCS(tasks_time_out)
{
	times_out();
}

PLAIN_TEST(threads_time_out)
{
	times_out();
}

static void receives_in_time(void *arg)
{
	int64_t deadline = arg ? GT_NO_DEADLINE : gt_now() + 3600 * GT_SECOND;
	long value;

	CHECK_EQ(gt_chan_recv_until(chan, &value, deadline), 1);
	CHECK_EQ(value, 9);
	CHECK_EQ(gt_chan_send_until(chan, &value, deadline), 0);
	CHECK_EQ(gt_chan_recv_until(chan, &value, deadline), 0);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_PROCS(in_time)
{
	long value;

	for (uintptr_t never = 0; never < 2; never++) {
		passed = 0;
		chan = make_filled(0, 0);
		CHECK_EQ(gt_go(receives_in_time, (void *)never), 0);
		value = 9;
		gt_chan_send(chan, &value);
		CHECK_EQ(gt_chan_recv(chan, &value), 1);
		gt_chan_close(chan);
		AWAIT(passed);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(chan);
	}
}

/* One that gave up is passed by; who stands behind it is served. */
static void receives_later(void *arg)
{
	long value;

	CHECK_EQ(gt_chan_recv(chan, &value), 1);
	CHECK_EQ(value, 4);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

static void gives_up(void *arg)
{
	CHECK_EQ(gt_chan_recv_until(chan, arg, gt_now() + GT_MILLISECOND), -ETIMEDOUT);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_ORDER(one_that_gave_up_is_no_receiver)
{
	long value = 4;

	chan = make_filled(0, 0);
	CHECK_EQ(gt_go(gives_up, &value), 0);
	gt_yield();
	CHECK_EQ(gt_go(receives_later, NULL), 0);
	gt_yield();
	AWAIT(passed == 1);
	CHECK_EQ(gt_chan_try_send(chan, &value), 0);
	CHECK_EQ(gt_chan_try_send(chan, &value), -EAGAIN);
	AWAIT(passed == 2);
	gt_chan_put(chan);
}

/* -------------------------------------------------------------------- races ---- */

/*
 * Senders and receivers whose deadlines come at about the time of their partners. Each
 * sender numbers what it has sent; a receiver sees the numbers of one sender grow.
 */
enum { SENDERS = 4, RECEIVERS = 4 };

struct item {
	uint32_t sender, number;
};

static struct gt_chan *pair[2];
static long items_each;
static atomic_long sent, received;
static atomic_int senders_left;

static int64_t soon(uint64_t *random)
{
	return gt_now() + test_random(random) % (TEST_TSAN ? 200 : 20) * GT_MICROSECOND;
}

static void sends_in_time(void *arg)
{
	uint64_t random = (uintptr_t)arg + 1;
	struct item item = { (uintptr_t)arg, 1 };
	struct gt_case cases[] = { gt_case_send(pair[0], &item), gt_case_send(pair[1], &item),
				   gt_case_send(pair[0], &item) };
	int result;

	while (item.number <= items_each) {
		result = test_random(&random) % 2 ?
			 gt_chan_send_until(pair[item.number % 2], &item, soon(&random)) :
			 gt_select_until(cases, 3, soon(&random));
		CHECK(result >= 0 || result == -ETIMEDOUT);
		if (result < 0)
			continue;
		atomic_fetch_add(&sent, 1);
		item.number++;
	}
	if (atomic_fetch_sub(&senders_left, 1) == 1) {
		gt_chan_close(pair[0]);
		gt_chan_close(pair[1]);
	}
}

static atomic_uchar seen[SENDERS][1 << 20];

static void receives_until_closed(void *arg)
{
	uint64_t random = (uintptr_t)arg + 100;
	uint32_t last[2][SENDERS] = {{0}};
	struct item item;
	struct gt_case cases[] = { gt_case_recv(pair[0], &item), gt_case_recv(pair[1], &item) };
	bool open[2] = { true, true };
	int result, which;

	while (open[0] || open[1]) {
		which = test_random(&random) % 2;
		item = (struct item){ 99, 99 };
		if (test_random(&random) % 2) {
			result = gt_chan_recv_until(pair[which], &item, soon(&random));
		} else {
			result = gt_select_until(cases, 2, soon(&random));
			if (result >= 0) {
				which = result;
				result = cases[which].ok;
			}
		}
		if (!result) {
			CHECK(!item.sender && !item.number);
			open[which] = false;
			cases[which].chan = NULL;
			continue;
		}
		if (result < 0) {
			CHECK_EQ(result, -ETIMEDOUT);
			CHECK_EQ(item.number, 99);
			continue;
		}
		CHECK(item.sender < SENDERS && item.number > last[which][item.sender]);
		last[which][item.sender] = item.number;
		CHECK_EQ(atomic_exchange(&seen[item.sender][item.number], 1), 0);
		atomic_fetch_add(&received, 1);
	}
	atomic_fetch_add(&passed, 1);
}

static void *sender_thread(void *arg)
{
	sends_in_time(arg);
	return NULL;
}

static void *receiver_thread(void *arg)
{
	receives_until_closed(arg);
	return NULL;
}

/* The first of each are plain threads, as many as threads says. */
static void race(int threads, size_t capacity, long items)
{
	pthread_t ids[SENDERS + RECEIVERS];
	int n = 0;

	items_each = items < (1 << 20) ? items : (1 << 20) - 1;
	memset(seen, 0, sizeof(seen));
	sent = received = 0;
	passed = 0;
	senders_left = SENDERS;
	for (int i = 0; i < 2; i++)
		CHECK(pair[i] = gt_chan_make(sizeof(struct item), capacity));
	for (uintptr_t i = 0; i < SENDERS; i++) {
		if ((int)i < threads) {
			CHECK_EQ(pthread_create(&ids[n++], NULL, sender_thread, (void *)i), 0);
			CHECK_EQ(pthread_create(&ids[n++], NULL, receiver_thread, (void *)i), 0);
		} else {
			CHECK_EQ(gt_go(sends_in_time, (void *)i), 0);
			CHECK_EQ(gt_go(receives_until_closed, (void *)i), 0);
		}
	}
	AWAIT(senders_left == 0 && passed == RECEIVERS);
	while (n--)
		CHECK_EQ(pthread_join(ids[n], NULL), 0);
	AWAIT(gt_task_count() <= 1);
	CHECK_EQ(sent, items_each * SENDERS);
	CHECK_EQ(received, sent);
	gt_chan_put(pair[0]);
	gt_chan_put(pair[1]);
}

GT_TEST_PROCS(deadlines_race_with_partners)
{
	race(0, 0, scaled(1500));
	race(0, 3, scaled(1500));
}

GT_TEST_PROCS(deadlines_of_threads_and_tasks)
{
	race(2, 0, scaled(300));
	race(2, 1, scaled(300));
}

PLAIN_TEST(deadlines_of_threads)
{
	race(4, 0, scaled(300));
}

/* A close that races with deadlines wakes each receiver once, one way or the other. */
static void receives_the_end(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long value = 3;
	int result;

	do {
		result = gt_chan_recv_until(chan, &value, soon(&random));
		CHECK(result == 0 || result == -ETIMEDOUT);
		CHECK_EQ(value, result ? 3 : 0);
	} while (result);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_PROCS(deadlines_race_with_a_close)
{
	long rounds = scaled(300);

	for (long round = 0; round < rounds; round++) {
		passed = 0;
		chan = make_filled(0, 0);
		for (uintptr_t i = 0; i < 10; i++)
			CHECK_EQ(gt_go(receives_the_end, (void *)(i + 1000 * round)), 0);
		for (int i = 0; i < round % 7; i++)
			gt_yield();
		gt_chan_close(chan);
		AWAIT(passed == 10);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(chan);
	}
}

TEST_MAIN
