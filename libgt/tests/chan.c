// SPDX-License-Identifier: GPL-2.0
/* Channels: what each operation does on one that is nil, empty, full or closed. */
#include "test.h"

static atomic_int passed;

/* ------------------------------------------------------------------- make ---- */

PLAIN_TEST(make)
{
	static const size_t sizes[] = { 0, 1, 3, 8, 100, 4096, 64 << 10 };
	static const size_t caps[] = { 0, 1, 2, 3, 7, 100, 1000 };
	struct gt_chan *chan;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(caps); j++) {
			CHECK(chan = gt_chan_make(sizes[i], caps[j]));
			CHECK_EQ(gt_chan_cap(chan), caps[j]);
			CHECK_EQ(gt_chan_len(chan), 0);
			CHECK(gt_chan_get(chan) == chan);
			gt_chan_put(chan);
			CHECK_EQ(gt_chan_cap(chan), caps[j]);
			gt_chan_put(chan);
		}
	}
	CHECK(!gt_chan_make((64 << 10) + 1, 0));
	CHECK(!gt_chan_make(SIZE_MAX, 1));
	CHECK(!gt_chan_make(8, SIZE_MAX));
	CHECK(!gt_chan_make(8, SIZE_MAX / 8));
	CHECK(!gt_chan_make(64 << 10, SIZE_MAX >> 16));
}

/* -------------------------------------------------------------------- nil ---- */

PLAIN_TEST(nil_try)
{
	int value = 5;

	CHECK_EQ(gt_chan_try_send(NULL, &value), -EAGAIN);
	CHECK_EQ(gt_chan_try_recv(NULL, &value), -EAGAIN);
	CHECK_EQ(value, 5);
	CHECK_EQ(gt_chan_len(NULL), 0);
	CHECK_EQ(gt_chan_cap(NULL), 0);
	CHECK(!gt_chan_get(NULL));
	gt_chan_put(NULL);
}

static void sends_nil(void *arg)
{
	atomic_fetch_add(&passed, 1);
	gt_chan_send(NULL, arg);
	test_fail(__FILE__, __LINE__, "a send to nil returned");
}

static void receives_nil(void *arg)
{
	atomic_fetch_add(&passed, 1);
	gt_chan_recv(NULL, arg);
	test_fail(__FILE__, __LINE__, "a receive from nil returned");
}

GT_TEST_PROCS(nil_waits_for_ever)
{
	int i;

	CHECK_EQ(gt_go(sends_nil, NULL), 0);
	CHECK_EQ(gt_go(receives_nil, NULL), 0);
	AWAIT(passed == 2);
	for (i = 0; i < 100; i++)
		gt_yield();
	CHECK_EQ(gt_task_count(), 3);
}

static void closes_nil(void)
{
	gt_chan_close(NULL);
}

PLAIN_TEST(nil_close_panics)
{
	expect_panic(closes_nil, "");
}

/* --------------------------------------------------------------- buffered ---- */

PLAIN_TEST(buffer_is_a_queue)
{
	static const int caps[] = { 1, 2, 3, 5, 8, 100 };
	int next_in = 0, next_out = 0, value, round;
	struct gt_chan *chan;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		CHECK(chan = gt_chan_make(sizeof(int), caps[i]));
		for (round = 0; round < 50; round++) {
			while (!gt_chan_try_send(chan, &next_in))
				next_in++;
			CHECK_EQ(next_in - next_out, caps[i]);
			CHECK_EQ(gt_chan_len(chan), caps[i]);
			do {	/* leave a rest, so that the indices wander */
				CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
				CHECK_EQ(value, next_out++);
				CHECK_EQ(gt_chan_len(chan), next_in - next_out);
			} while ((next_out + round) % (caps[i] + 1) && next_out < next_in);
		}
		while (next_out < next_in) {
			CHECK_EQ(gt_chan_recv(chan, &value), 1);
			CHECK_EQ(value, next_out++);
		}
		value = -7;
		CHECK_EQ(gt_chan_try_recv(chan, &value), -EAGAIN);
		CHECK_EQ(value, -7);
		gt_chan_put(chan);
	}
}

PLAIN_TEST(put_frees_buffered_values)
{
	struct gt_chan *chan = gt_chan_make(4096, 64);
	static char value[4096];

	while (!gt_chan_try_send(chan, value))
		;
	CHECK_EQ(gt_chan_len(chan), 64);
	gt_chan_put(chan);
}

PLAIN_TEST(elements_of_no_bytes)
{
	struct gt_chan *chan = gt_chan_make(0, 3);
	char guard = 9;
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(gt_chan_try_send(chan, NULL), 0);
	CHECK_EQ(gt_chan_try_send(chan, NULL), -EAGAIN);
	CHECK_EQ(gt_chan_len(chan), 3);
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	CHECK_EQ(gt_chan_try_recv(chan, &guard), 1);
	CHECK_EQ(guard, 9);
	gt_chan_close(chan);
	CHECK_EQ(gt_chan_recv(chan, &guard), 1);
	CHECK_EQ(gt_chan_recv(chan, &guard), 0);
	CHECK_EQ(guard, 9);
	gt_chan_put(chan);
}

PLAIN_TEST(receive_may_drop_the_value)
{
	struct gt_chan *chan = gt_chan_make(100, 2);
	char value[100];

	memset(value, 1, sizeof(value));
	gt_chan_send(chan, value);
	memset(value, 2, sizeof(value));
	gt_chan_send(chan, value);
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	memset(value, 0, sizeof(value));
	CHECK_EQ(gt_chan_try_recv(chan, value), 1);
	CHECK_EQ(value[0], 2);
	CHECK_EQ(value[99], 2);
	gt_chan_put(chan);
}

/* ----------------------------------------------------------------- closed ---- */

PLAIN_TEST(closed_drains_then_gives_zeroes)
{
	struct gt_chan *chan = gt_chan_make(sizeof(int), 4);
	int value, i;

	for (i = 1; i <= 3; i++)
		gt_chan_send(chan, &i);
	gt_chan_close(chan);
	CHECK_EQ(gt_chan_len(chan), 3);
	CHECK_EQ(gt_chan_recv(chan, &value), 1);
	CHECK_EQ(value, 1);
	CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
	CHECK_EQ(value, 2);
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	for (i = 0; i < 3; i++) {
		value = 77;
		CHECK_EQ(gt_chan_recv(chan, &value), 0);
		CHECK_EQ(value, 0);
		value = 77;
		CHECK_EQ(gt_chan_try_recv(chan, &value), 0);
		CHECK_EQ(value, 0);
		CHECK_EQ(gt_chan_recv(chan, NULL), 0);
	}
	CHECK_EQ(gt_chan_cap(chan), 4);
	gt_chan_put(chan);
}

static size_t panic_cap;

static void closes_twice(void)
{
	struct gt_chan *chan = gt_chan_make(4, panic_cap);

	gt_chan_close(chan);
	gt_chan_close(chan);
}

static void sends_on_closed(void)
{
	struct gt_chan *chan = gt_chan_make(4, panic_cap);
	int value = 0;

	gt_chan_close(chan);
	gt_chan_send(chan, &value);
}

static void tries_sending_on_closed(void)
{
	struct gt_chan *chan = gt_chan_make(4, panic_cap);
	int value = 0;

	gt_chan_close(chan);
	gt_chan_try_send(chan, &value);
}

static void waits_sending(void *arg)
{
	int value = 0;

	gt_chan_send(arg, &value);
	test_fail(__FILE__, __LINE__, "a send returned from a close");
}

static void closes_under_a_sender(void)
{
	struct gt_chan *chan = gt_chan_make(4, panic_cap);
	int value = 0;

	while (!gt_chan_try_send(chan, &value))
		;
	CHECK_EQ(gt_go(waits_sending, chan), 0);
	gt_yield();
	gt_chan_close(chan);
	for (;;)
		gt_yield();
}

PLAIN_TEST(closed_panics)
{
	for (panic_cap = 0; panic_cap < 2; panic_cap++) {
		expect_panic(closes_twice, "");
		expect_panic(sends_on_closed, "");
		expect_panic(tries_sending_on_closed, "");
		expect_panic(closes_under_a_sender, "");
	}
}

/* ------------------------------------------------------------- unbuffered ---- */

static struct gt_chan *chan;

static void sends_a_number(void *arg)
{
	long value = (long)arg;

	gt_chan_send(chan, &value);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_ORDER(rendezvous)
{
	long value = 0;

	CHECK(chan = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_chan_try_send(chan, &value), -EAGAIN);
	CHECK_EQ(gt_chan_try_recv(chan, &value), -EAGAIN);
	CHECK_EQ(gt_go(sends_a_number, (void *)42), 0);
	gt_yield();
	CHECK_EQ(passed, 0);		/* a sender waits for its receiver */
	CHECK_EQ(gt_chan_len(chan), 0);
	CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
	CHECK_EQ(value, 42);
	CHECK_EQ(gt_chan_try_recv(chan, &value), -EAGAIN);
	gt_yield();
	CHECK_EQ(passed, 1);
	gt_chan_put(chan);
}

static long received[256];
static int received_count;

static void receives_a_number(void *arg)
{
	long index = (long)arg;

	CHECK_EQ(gt_chan_recv(chan, &received[index]), 1);
	received_count++;
}

GT_TEST_ORDER(try_send_to_a_waiting_receiver)
{
	long value = 42;

	CHECK(chan = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(receives_a_number, (void *)0), 0);
	gt_yield();
	CHECK_EQ(gt_chan_try_send(chan, &value), 0);
	CHECK_EQ(gt_chan_try_send(chan, &value), -EAGAIN);
	gt_yield();
	CHECK_EQ(received[0], 42);
	gt_chan_put(chan);
}

/* ------------------------------------------------------------------- FIFO ---- */

/* Start one at a time and let it come to its wait. */
static void start_waiter(void (*fn)(void *), long number)
{
	CHECK_EQ(gt_go(fn, (void *)number), 0);
	gt_yield();
}

static void fifo_senders(size_t cap)
{
	long i, value, n = 100;

	CHECK(chan = gt_chan_make(sizeof(long), cap));
	for (i = 0; i < n; i++)
		start_waiter(sends_a_number, i);
	CHECK_EQ(gt_chan_len(chan), cap);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_chan_recv(chan, &value), 1);
		CHECK_EQ(value, i);
		if (i % 7 == 0)
			gt_yield();
	}
	CHECK_EQ(gt_chan_try_recv(chan, &value), -EAGAIN);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
}

GT_TEST_ORDER(waiting_senders_are_served_in_order)
{
	fifo_senders(0);
	fifo_senders(1);
	fifo_senders(10);
}

static void fifo_receivers(size_t cap)
{
	long i, value, n = 100;

	CHECK(chan = gt_chan_make(sizeof(long), cap));
	for (i = 0; i < n; i++)
		start_waiter(receives_a_number, i);
	for (i = 0; i < n; i++) {
		value = i * 3;
		gt_chan_send(chan, &value);
	}
	AWAIT(gt_task_count() == 1);
	for (i = 0; i < n; i++)
		CHECK_EQ(received[i], i * 3);
	gt_chan_put(chan);
}

GT_TEST_ORDER(waiting_receivers_are_served_in_order)
{
	fifo_receivers(0);
	fifo_receivers(1);
	fifo_receivers(200);
}

/* A full buffer's oldest value goes out first, the waiting sender's to its end. */
GT_TEST_ORDER(full_buffer_and_a_waiting_sender)
{
	long value;

	CHECK(chan = gt_chan_make(sizeof(long), 2));
	start_waiter(sends_a_number, 1);
	start_waiter(sends_a_number, 2);
	start_waiter(sends_a_number, 3);
	CHECK_EQ(passed, 2);
	CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
	CHECK_EQ(value, 1);
	CHECK_EQ(gt_chan_len(chan), 2);
	CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
	CHECK_EQ(value, 2);
	CHECK_EQ(gt_chan_try_recv(chan, &value), 1);
	CHECK_EQ(value, 3);
	gt_yield();
	CHECK_EQ(passed, 3);
	gt_chan_put(chan);
}

/* ------------------------------------------------------------------ close ---- */

static void receives_the_end(void *arg)
{
	long value = 99;

	CHECK_EQ(gt_chan_recv(chan, &value), 0);
	CHECK_EQ(value, 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

GT_TEST_ORDER(close_wakes_all_receivers)
{
	int i;

	CHECK(chan = gt_chan_make(sizeof(long), 3));
	for (i = 0; i < 500; i++)
		start_waiter(receives_the_end, i);
	CHECK_EQ(passed, 0);
	gt_chan_close(chan);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(passed, 500);
	gt_chan_put(chan);
}

GT_TEST_PROCS(close_beside_receivers_that_come)
{
	long round, i, rounds = scaled(300);

	for (round = 0; round < rounds; round++) {
		atomic_store(&passed, 0);
		CHECK(chan = gt_chan_make(sizeof(long), round % 3));
		for (i = 0; i < 20; i++)
			CHECK_EQ(gt_go(receives_the_end, NULL), 0);
		for (i = 0; i < round % 5; i++)
			gt_yield();
		gt_chan_close(chan);
		AWAIT(passed == 20);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(chan);
	}
}

/* ------------------------------------------------------------- references ---- */

static void owns_a_reference(void *arg)
{
	struct gt_chan *mine = arg;
	long value;

	CHECK_EQ(gt_chan_recv(mine, &value), 1);
	CHECK_EQ(value, 8);
	CHECK_EQ(gt_chan_recv(mine, &value), 0);
	gt_chan_put(mine);
}

GT_TEST_PROCS(references_of_tasks)
{
	long value = 8, i, n = scaled(2000);
	struct gt_chan *mine;

	for (i = 0; i < n; i++) {
		CHECK(mine = gt_chan_make(sizeof(long), i % 2));
		CHECK_EQ(gt_go(owns_a_reference, gt_chan_get(mine)), 0);
		gt_chan_send(mine, &value);
		gt_chan_close(mine);
		gt_chan_put(mine);	/* perhaps before the task is done with it */
	}
	AWAIT(gt_task_count() == 1);
}

/* ------------------------------------------------- panics that are recovered ---- */

static long some_value = 3;

static void panics_by_send(void *arg)
{
	gt_chan_send(arg, &some_value);
}

static void panics_by_try_send(void *arg)
{
	gt_chan_try_send(arg, &some_value);
}

static void panics_by_send_until(void *arg)
{
	gt_chan_send_until(arg, &some_value, gt_now() + 3600 * GT_SECOND);
}

static void panics_by_select(void *arg)
{
	struct gt_case cases[70];	/* so many take memory, to be freed */

	for (int i = 0; i < 70; i++)
		cases[i] = gt_case_recv(NULL, NULL);
	cases[69] = gt_case_send(arg, &some_value);
	gt_select(cases, 70, 0);
}

static void panics_by_close(void *arg)
{
	gt_chan_close(arg);
}

static void (*const panickers[])(void *) = { panics_by_send, panics_by_try_send,
	panics_by_send_until, panics_by_select, panics_by_close };

static void is_caught(void (*fn)(void *), struct gt_chan *mine)
{
	struct gt_panic_info info;

	CHECK_EQ(gt_try(fn, mine, &info), GT_PANICKED);
	CHECK(!strcmp(info.message, fn == panics_by_close ? "close of closed channel" :
							    "send on closed channel"));
}

static void waits_and_is_caught(void *arg)
{
	is_caught(panickers[passed], arg);
	atomic_fetch_add(&passed, 1);
}

/* No lock is held by one, and no waiter is left behind. */
GT_TEST_ORDER(panics_leave_the_channel_whole)
{
	enum { SENDS_THAT_WAIT = 4 };
	struct gt_chan *mine;
	long value;

	for (size_t cap = 0; cap < 2; cap++) {
		CHECK(mine = gt_chan_make(sizeof(long), cap));
		if (cap)
			gt_chan_send(mine, &some_value);
		gt_chan_close(mine);
		for (size_t i = 0; i < ARRAY_SIZE(panickers); i++)
			is_caught(panickers[i], mine);
		if (cap) {
			CHECK_EQ(gt_chan_recv(mine, &value), 1);
			CHECK_EQ(value, 3);
		}
		CHECK_EQ(gt_chan_recv(mine, &value), 0);
		gt_chan_put(mine);
	}
	for (passed = 0; passed < SENDS_THAT_WAIT;) {
		int before = passed;

		if (panickers[before] == panics_by_try_send) {
			passed++;
			continue;
		}
		CHECK(mine = gt_chan_make(sizeof(long), 0));
		CHECK_EQ(gt_go(waits_and_is_caught, mine), 0);
		gt_yield();
		CHECK_EQ(passed, before);
		gt_chan_close(mine);
		AWAIT(passed == before + 1);
		CHECK_EQ(gt_chan_recv(mine, NULL), 0);
		gt_chan_put(mine);
	}
	check_leaks();
}

/* --------------------------------------------------------- the largest elements ---- */

enum { LARGEST = 64 << 10 };

static void fill_with(unsigned char *bytes, int seed)
{
	for (int i = 0; i < LARGEST; i++)
		bytes[i] = seed + i / 251;
}

static void sends_the_largest(void *arg)
{
	unsigned char *bytes = malloc(LARGEST);
	struct gt_case cases[] = { gt_case_recv(NULL, NULL), gt_case_send(arg, bytes) };

	for (int i = 0; i < 20; i++) {
		fill_with(bytes, i);
		if (i % 2)
			gt_chan_send(arg, bytes);
		else
			CHECK_EQ(gt_select(cases, 2, 0), 1);
		memset(bytes, 0xee, LARGEST);
	}
	gt_chan_close(arg);
	free(bytes);
}

GT_TEST_PROCS(largest_elements)
{
	unsigned char *bytes = malloc(LARGEST), *expected = malloc(LARGEST);
	struct gt_chan *mine;

	for (size_t cap = 0; cap < 3; cap++) {
		CHECK(mine = gt_chan_make(LARGEST, cap));
		CHECK_EQ(gt_go(sends_the_largest, mine), 0);
		for (int i = 0; i < 20; i++) {
			CHECK_EQ(gt_chan_recv(mine, bytes), 1);
			fill_with(expected, i);
			CHECK(!memcmp(bytes, expected, LARGEST));
		}
		CHECK_EQ(gt_chan_recv(mine, bytes), 0);
		memset(expected, 0, LARGEST);
		CHECK(!memcmp(bytes, expected, LARGEST));
		AWAIT(gt_task_count() == 1);
		gt_chan_put(mine);
	}
	free(bytes);
	free(expected);
}

static void puts_under_a_waiter(void)
{
	struct gt_chan *mine = gt_chan_make(sizeof(long), 0);

	CHECK_EQ(gt_go(owns_a_reference, mine), 0);
	gt_yield();
	gt_chan_put(mine);
}

PLAIN_TEST(the_last_put_under_a_waiter_panics)
{
	expect_panic(puts_under_a_waiter, "gt_chan_put: the last reference");
}

TEST_MAIN
