// SPDX-License-Identifier: GPL-2.0
/* Select: what is chosen, what it does, and that the others leave no trace. */
#include "test.h"

static atomic_int passed;

static struct gt_chan *make_filled(size_t capacity, long count)
{
	struct gt_chan *chan = gt_chan_make(sizeof(long), capacity);

	CHECK(chan);
	for (long i = 1; i <= count; i++)
		gt_chan_send(chan, &i);
	return chan;
}

static struct gt_chan *make_closed(size_t capacity, long count)
{
	struct gt_chan *chan = make_filled(capacity, count);

	gt_chan_close(chan);
	return chan;
}

/* Start a task and let it come to its wait; with GT_TEST_ORDER. */
static void start_waiter(void (*fn)(void *), void *arg)
{
	CHECK_EQ(gt_go(fn, arg), 0);
	gt_yield();
}

/* ----------------------------------------------------------- one by one ---- */

PLAIN_TEST(nothing_ready_and_a_default)
{
	struct gt_chan *empty = make_filled(2, 0), *full = make_filled(2, 2);
	struct gt_chan *rendezvous = make_filled(0, 0);
	long in = 7, out = 8;
	struct gt_case cases[] = {
		gt_case_recv(empty, &in), gt_case_send(full, &out), gt_case_recv(NULL, &in),
		gt_case_send(NULL, &out), gt_case_recv(rendezvous, &in),
		gt_case_send(rendezvous, &out),
	};

	for (size_t n = 0; n <= ARRAY_SIZE(cases); n++)
		CHECK_EQ(gt_select(cases, n, GT_SELECT_DEFAULT), -EAGAIN);
	CHECK_EQ(gt_select(NULL, 0, GT_SELECT_DEFAULT), -EAGAIN);
	CHECK_EQ(in, 7);
	CHECK_EQ(out, 8);
	CHECK_EQ(gt_chan_len(empty), 0);
	CHECK_EQ(gt_chan_len(full), 2);
	gt_chan_put(empty);
	gt_chan_put(full);
	gt_chan_put(rendezvous);
}

/* The ready one of many, at each place, with and without a default. */
PLAIN_TEST(the_ready_one_is_chosen)
{
	enum { N = 11 };
	struct gt_chan *chans[N];
	struct gt_case cases[N];
	long values[N], value = 42;

	for (int i = 0; i < N; i++) {
		chans[i] = i % 3 ? make_filled(1, 0) : NULL;
		cases[i] = gt_case_recv(chans[i], &values[i]);
	}
	for (int i = 0; i < N; i++) {
		if (!chans[i])
			continue;
		for (unsigned int flags = 0; flags <= GT_SELECT_DEFAULT; flags++) {
			memset(values, 0, sizeof(values));
			gt_chan_send(chans[i], &value);
			CHECK_EQ(gt_select(cases, N, flags), i);
			CHECK(cases[i].ok);
			for (int j = 0; j < N; j++)
				CHECK_EQ(values[j], i == j ? 42 : 0);
			CHECK_EQ(gt_chan_len(chans[i]), 0);
		}
	}
	for (int i = 0; i < N; i++)
		gt_chan_put(chans[i]);
}

PLAIN_TEST(a_send_is_chosen)
{
	struct gt_chan *full = make_filled(1, 1), *free_one = make_filled(1, 0);
	long values[2] = { 10, 20 }, got;
	struct gt_case cases[] = { gt_case_send(full, &values[0]),
				   gt_case_send(free_one, &values[1]) };

	CHECK_EQ(gt_select(cases, 2, 0), 1);
	CHECK(cases[1].ok);
	CHECK_EQ(gt_chan_try_recv(free_one, &got), 1);
	CHECK_EQ(got, 20);
	CHECK_EQ(gt_chan_try_recv(full, &got), 1);
	CHECK_EQ(got, 1);
	CHECK_EQ(gt_chan_try_recv(full, &got), -EAGAIN);
	gt_chan_put(full);
	gt_chan_put(free_one);
}

PLAIN_TEST(closed_channels_are_ready)
{
	struct gt_chan *closed = make_closed(2, 1), *empty = make_filled(1, 0);
	long value = 9;
	struct gt_case cases[] = { gt_case_recv(empty, &value), gt_case_recv(closed, &value) };

	CHECK_EQ(gt_select(cases, 2, 0), 1);
	CHECK(cases[1].ok);
	CHECK_EQ(value, 1);
	for (int i = 0; i < 3; i++) {
		value = 9;
		cases[1].ok = true;
		CHECK_EQ(gt_select(cases, 2, i % 2 ? GT_SELECT_DEFAULT : 0), 1);
		CHECK(!cases[1].ok);
		CHECK_EQ(value, 0);
	}
	cases[1].value = NULL;
	CHECK_EQ(gt_select(cases, 2, 0), 1);
	gt_chan_put(closed);
	gt_chan_put(empty);
}

static unsigned int panic_flags;
static size_t panic_capacity;

static void selects_a_send_on_closed(void)
{
	struct gt_chan *closed = gt_chan_make(sizeof(long), panic_capacity);
	struct gt_chan *empty = make_filled(0, 0);
	long value = 0;
	struct gt_case cases[] = { gt_case_recv(empty, &value), gt_case_send(closed, &value) };

	gt_chan_close(closed);
	gt_select(cases, 2, panic_flags);
}

static void waits_to_send(void *arg)
{
	struct gt_chan *empty = make_filled(0, 0);
	long value = 0;
	struct gt_case cases[] = { gt_case_send(arg, &value), gt_case_recv(empty, &value) };

	gt_select(cases, 2, 0);
	test_fail(__FILE__, __LINE__, "a send case returned from a close");
}

static void closes_under_a_send_case(void)
{
	struct gt_chan *chan = gt_chan_make(sizeof(long), panic_capacity);
	long value = 0;

	while (!gt_chan_try_send(chan, &value))
		;
	CHECK_EQ(gt_go(waits_to_send, chan), 0);
	gt_yield();
	gt_chan_close(chan);
	for (;;)
		gt_yield();
}

static void selects_of_too_many(void)
{
	gt_select(NULL, GT_SELECT_MAX + 1, 0);
}

PLAIN_TEST(panics)
{
	for (panic_capacity = 0; panic_capacity < 2; panic_capacity++) {
		for (panic_flags = 0; panic_flags <= GT_SELECT_DEFAULT; panic_flags++)
			expect_panic(selects_a_send_on_closed, "send on closed channel");
		expect_panic(closes_under_a_send_case, "send on closed channel");
	}
	expect_panic(selects_of_too_many, "gt_select: too many cases (max 65536)");
}

PLAIN_TEST(elements_of_no_bytes)
{
	struct gt_chan *events = gt_chan_make(0, 1);
	char guard = 5;
	struct gt_case cases[] = { gt_case_send(events, NULL), gt_case_recv(events, &guard) };

	CHECK_EQ(gt_select(cases, 2, 0), 0);
	CHECK_EQ(gt_select(cases, 2, 0), 1);
	CHECK(cases[1].ok);
	gt_chan_close(events);
	CHECK_EQ(gt_select(cases + 1, 1, 0), 0);
	CHECK(!cases[1].ok);
	CHECK_EQ(guard, 5);
	gt_chan_put(events);
}

/* --------------------------------------------------------------- waiting ---- */

enum { MANY = 5 };
static struct gt_chan *chans[MANY];
static long values[MANY];
static struct gt_case cases[MANY];
static int chosen;

static void selects_all(void *arg)
{
	chosen = gt_select(cases, MANY, 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

static void make_all(size_t capacity, bool send)
{
	for (int i = 0; i < MANY; i++) {
		chans[i] = make_filled(capacity, send ? (long)capacity : 0);
		values[i] = 100 + i;
		cases[i] = send ? gt_case_send(chans[i], &values[i]) :
				  gt_case_recv(chans[i], &values[i]);
	}
	passed = 0;
}

static void put_all(void)
{
	for (int i = 0; i < MANY; i++)
		gt_chan_put(chans[i]);		/* panics if a waiter is left in it */
}

/* Each case ends the wait, and the channels of the others forget it. */
GT_TEST_ORDER(any_case_ends_the_wait)
{
	long value;

	for (int capacity = 0; capacity < 2; capacity++) {
		for (int i = 0; i < MANY; i++) {
			make_all(capacity, false);
			start_waiter(selects_all, NULL);
			CHECK_EQ(passed, 0);
			value = 7;
			CHECK_EQ(gt_chan_try_send(chans[i], &value), 0);
			AWAIT(passed);
			CHECK_EQ(chosen, i);
			CHECK(cases[i].ok);
			for (int j = 0; j < MANY; j++) {
				CHECK_EQ(values[j], i == j ? 7 : 100 + j);
				CHECK_EQ(gt_chan_try_send(chans[j], &value), capacity ? 0 : -EAGAIN);
			}
			put_all();

			make_all(capacity, true);
			start_waiter(selects_all, NULL);
			CHECK_EQ(passed, 0);
			value = 0;
			CHECK_EQ(gt_chan_try_recv(chans[i], &value), 1);
			AWAIT(passed);
			CHECK_EQ(chosen, i);
			CHECK(cases[i].ok);
			if (capacity)	/* the buffered one came first */
				CHECK_EQ(gt_chan_try_recv(chans[i], &value), 1);
			CHECK_EQ(value, 100 + i);
			for (int j = 0; j < MANY; j++)
				if (j != i)
					CHECK_EQ(gt_chan_try_recv(chans[j], &value),
						 capacity ? 1 : -EAGAIN);
			put_all();

			make_all(capacity, false);
			start_waiter(selects_all, NULL);
			gt_chan_close(chans[i]);
			AWAIT(passed);
			CHECK_EQ(chosen, i);
			CHECK(!cases[i].ok);
			CHECK_EQ(values[i], 0);
			put_all();
		}
	}
}

/* What is sent to a select that is over goes to the next in the queue. */
GT_TEST_ORDER(waiters_behind_one_that_is_over)
{
	static long got;
	long value = 1;
	struct gt_case two[2];

	make_all(0, false);
	start_waiter(selects_all, NULL);
	two[0] = gt_case_send(chans[0], &value);
	two[1] = gt_case_send(chans[1], &value);
	got = 0;
	/* Without a yield in between its other waiters are still queued. */
	CHECK_EQ(gt_select(two, 1, GT_SELECT_DEFAULT), 0);
	CHECK_EQ(gt_select(two, 2, GT_SELECT_DEFAULT), -EAGAIN);
	for (int i = 1; i < MANY; i++) {
		CHECK_EQ(gt_chan_try_send(chans[i], &value), -EAGAIN);
		CHECK_EQ(gt_chan_try_recv(chans[i], &got), -EAGAIN);
	}
	AWAIT(passed);
	CHECK_EQ(chosen, 0);
	put_all();
}

/* Two selects meet on the one channel that one sends on and the other receives from. */
static struct gt_case other_cases[MANY];
static int other_chosen;

static void selects_others(void *arg)
{
	other_chosen = gt_select(other_cases, MANY, 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

GT_TEST_ORDER(selects_meet)
{
	static long sent = 5;

	for (int i = 0; i < MANY; i++) {
		make_all(0, false);
		for (int j = 0; j < MANY; j++)
			other_cases[j] = j == i ? gt_case_send(chans[j], &sent) :
						  gt_case_recv(chans[j], NULL);
		start_waiter(selects_all, NULL);
		start_waiter(selects_others, NULL);
		AWAIT(passed == 2);
		CHECK_EQ(chosen, i);
		CHECK_EQ(other_chosen, i);
		CHECK_EQ(values[i], 5);
		put_all();
	}
}

static void never_returns(void *arg)
{
	struct gt_case none[3] = { gt_case_recv(NULL, NULL), gt_case_send(NULL, NULL),
				   gt_case_recv(NULL, NULL) };

	atomic_fetch_add(&passed, 1);
	gt_select(none, (uintptr_t)arg, 0);
	test_fail(__FILE__, __LINE__, "a select of nothing returned");
}

GT_TEST_PROCS(nothing_is_waited_for)
{
	CHECK_EQ(gt_go(never_returns, (void *)0), 0);
	CHECK_EQ(gt_go(never_returns, (void *)1), 0);
	CHECK_EQ(gt_go(never_returns, (void *)3), 0);
	AWAIT(passed == 3);
	for (int i = 0; i < 100; i++)
		gt_yield();
	CHECK_EQ(gt_task_count(), 4);
}

/* ------------------------------------------------- a channel more than once ---- */

static struct gt_chan *twice, *apart;
static long taken;

static void selects_a_channel_twice(void *arg)
{
	struct gt_case three[] = { gt_case_recv(twice, &taken), gt_case_recv(twice, &taken),
				   gt_case_recv(apart, &taken) };

	chosen = gt_select(three, 3, 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

static void receives_from_twice(void *arg)
{
	CHECK_EQ(gt_chan_recv(twice, arg), 1);
	atomic_fetch_add(&passed, 1);
}

/* Its loser leaves the middle of the queue without harm to who is behind it. */
GT_TEST_ORDER(duplicates_leave_the_queue_whole)
{
	long value = 7, got = 0;

	twice = make_filled(0, 0);
	apart = make_filled(0, 0);
	start_waiter(selects_a_channel_twice, NULL);
	start_waiter(receives_from_twice, &got);
	gt_chan_send(apart, &value);
	AWAIT(passed == 1);
	CHECK_EQ(chosen, 2);
	CHECK_EQ(taken, 7);
	value = 8;
	CHECK_EQ(gt_chan_try_send(twice, &value), 0);
	AWAIT(passed == 2);
	CHECK_EQ(got, 8);
	CHECK_EQ(gt_chan_try_send(twice, &value), -EAGAIN);
	gt_chan_put(twice);
	gt_chan_put(apart);
}

/* On an unbuffered channel a select with both directions has to find another. */
static void sends_and_receives(void *arg)
{
	long me = (long)arg, got = -1;
	struct gt_case both[] = { gt_case_send(twice, &me), gt_case_recv(twice, &got) };
	long rounds = scaled(2000);

	for (long i = 0; i < rounds; i++)
		if (gt_select(both, 2, 0) == 1)
			CHECK_EQ(got, !me);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_PROCS(a_select_never_meets_itself)
{
	twice = make_filled(0, 0);
	CHECK_EQ(gt_go(sends_and_receives, (void *)0), 0);
	CHECK_EQ(gt_go(sends_and_receives, (void *)1), 0);
	AWAIT(passed == 2);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(twice);
}

PLAIN_TEST(both_directions_of_a_buffer)
{
	struct gt_chan *chan = make_filled(10, 0);
	long in = 3, out = 0, balance = 0;
	struct gt_case both[] = { gt_case_send(chan, &in), gt_case_recv(chan, &out) };

	for (int i = 0; i < 1000; i++) {
		int which = gt_select(both, 2, 0);

		CHECK(both[which].ok);
		balance += which ? -1 : 1;
		CHECK(balance >= 0 && balance <= 10);
		CHECK_EQ(gt_chan_len(chan), balance);
	}
	gt_chan_put(chan);
}

/* ----------------------------------------------------------------- choice ---- */

/*
 * Chi-square of draws against an even spread. With up to 15 degrees of freedom a fair
 * choice exceeds 60 once in some millions of runs, and one that leaves out or doubles
 * a case is in the thousands.
 */
static void check_even(const long *draws, int n)
{
	double total = 0, sum = 0;

	for (int i = 0; i < n; i++)
		total += draws[i];
	for (int i = 0; i < n; i++)
		sum += (draws[i] - total / n) * (draws[i] - total / n) / (total / n);
	if (sum > 60)
		test_fail(__FILE__, __LINE__, "chi-square %f over %d cases", sum, n);
}

PLAIN_TEST(choice_among_ready_cases_is_even)
{
	long draws[16], value = 0, rounds = scaled(20000);
	struct gt_case all[16];

	for (int n = 2; n <= 16; n += 7) {
		memset(draws, 0, sizeof(draws));
		for (int i = 0; i < n; i++)
			all[i] = i % 2 ? gt_case_recv(make_closed(0, 0), NULL) :
					 gt_case_send(make_filled(rounds, 0), &value);
		for (long i = 0; i < rounds; i++)
			draws[gt_select(all, n, i % 2 ? GT_SELECT_DEFAULT : 0)]++;
		check_even(draws, n);
		for (int i = 0; i < n; i++)
			gt_chan_put(all[i].chan);
	}
}

/* Ready ones between others, at uneven distances, and one channel thrice. */
PLAIN_TEST(choice_does_not_depend_on_the_place)
{
	struct gt_chan *closed = make_closed(0, 0), *empty = make_filled(0, 0);
	static const int ready[] = { 0, 1, 6, 7, 9 };
	long draws[10] = {0}, counted[5], rounds = scaled(20000);
	struct gt_case all[10];

	for (int i = 0; i < 10; i++)
		all[i] = gt_case_recv(i % 2 ? empty : NULL, NULL);
	for (int i = 0; i < 5; i++)
		all[ready[i]].chan = closed;
	for (long i = 0; i < rounds; i++)
		draws[gt_select(all, 10, 0)]++;
	for (int i = 0; i < 5; i++)
		counted[i] = draws[ready[i]];
	check_even(counted, 5);
	gt_chan_put(closed);
	gt_chan_put(empty);
}

/* A waiting select that has a channel in several cases: whose case is it? */
static long waiting_draws[4];

static void selects_one_channel_often(void *arg)
{
	long rounds = (long)arg;
	struct gt_case all[4];

	for (long i = 0; i < rounds; i++) {
		for (int j = 0; j < 4; j++)
			all[j] = gt_case_recv(j == 1 ? apart : twice, NULL);
		waiting_draws[gt_select(all, 4, 0)]++;
	}
	atomic_fetch_add(&passed, 1);
}

GT_TEST_ORDER(choice_among_duplicates_that_wait_is_even)
{
	long counted[3], rounds = scaled(20000), value = 0;

	twice = make_filled(0, 0);
	apart = make_filled(0, 0);
	CHECK_EQ(gt_go(selects_one_channel_often, (void *)rounds), 0);
	for (long i = 0; i < rounds; i++)
		gt_chan_send(twice, &value);
	AWAIT(passed);
	CHECK_EQ(waiting_draws[1], 0);
	counted[0] = waiting_draws[0];
	counted[1] = waiting_draws[2];
	counted[2] = waiting_draws[3];
	check_even(counted, 3);
	gt_chan_put(twice);
	gt_chan_put(apart);
}

/* ----------------------------------------------------------------- blocks ---- */

static int block_calls;

static struct gt_chan *counted(struct gt_chan *chan)
{
	block_calls++;
	return chan;
}

PLAIN_TEST(block_form)
{
	struct gt_chan *first = make_filled(1, 0), *second = make_filled(1, 1);
	long in = 0, out = 6;
	int done = 0;

	GT_SELECT {
	GT_ON(gt_case_recv(counted(first), &in))
		test_fail(__FILE__, __LINE__, "the empty one");
	GT_ON(gt_case_recv(counted(second), &in))
		if (GT_OK)
			done = 1;
		else
			done = 2;
	GT_ON_DEFAULT
		done = 3;
	}
	CHECK_EQ(done, 1);
	CHECK_EQ(in, 1);
	CHECK_EQ(block_calls, 2);	/* each expression is evaluated once */

	GT_SELECT {
	GT_ON(gt_case_recv(first, &in))
		done = 4;
	GT_ON_DEFAULT {
		done = 5;
		break;
	}
	}
	CHECK_EQ(done, 5);

	for (int i = 0; i < 3; i++) {
		GT_SELECT {
		GT_ON(gt_case_send(first, &out)) {
			done = 6;
			if (out)
				break;
			done = 7;
		}
		GT_ON(gt_case_recv(first, &in)) {
			done = 8;
			continue;
		}
		}
		CHECK_EQ(done, i % 2 ? 8 : 6);
	}

	gt_chan_close(second);
	GT_SELECT {
	GT_ON(gt_case_recv(second, &in))
		done = GT_OK ? 9 : 10;
	}
	CHECK_EQ(done, 10);
	gt_chan_put(first);
	gt_chan_put(second);
}

static void selects_blocks(void *arg)
{
	long in = 0;
	bool open = true;

	while (open) {
		GT_SELECT {
		GT_ON(gt_case_recv(twice, &in)) {
			if (!GT_OK)
				open = false;
			else
				taken += in;
		}
		GT_ON(gt_case_recv(apart, &in))
			taken += 1000 * in;
		}
	}
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

GT_TEST_PROCS(block_form_waits)
{
	twice = make_filled(0, 0);
	apart = make_filled(0, 0);
	CHECK_EQ(gt_go(selects_blocks, NULL), 0);
	for (long i = 1; i <= 10; i++) {
		gt_chan_send(twice, &i);
		gt_chan_send(apart, &i);
	}
	gt_chan_close(twice);
	AWAIT(passed);
	CHECK_EQ(taken, 55055);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(twice);
	gt_chan_put(apart);
}

static void has_a_block_too_large(void)
{
	GT_SELECT {
	for (int i = 0; i <= GT_SELECT_ROOM; i++)
		GT_ON(gt_case_recv(NULL, NULL)) {
		}
	}
}

PLAIN_TEST(block_has_room_for_so_many)
{
	expect_panic(has_a_block_too_large, "GT_SELECT: more than 16 cases");
}

/* ------------------------------------------------------------------- many ---- */

static struct gt_chan **crowd_chans;
static int crowd_size;

static void waits_for_one_of_a_crowd(void *arg)
{
	struct gt_case *all = calloc(crowd_size, sizeof(*all));
	long value = 0, rounds = (long)arg;

	for (long i = 0; i < rounds; i++) {
		for (int j = 0; j < crowd_size; j++)
			all[j] = gt_case_recv(crowd_chans[j], &value);
		chosen = gt_select(all, crowd_size, 0);
		CHECK_EQ(value, chosen);
		atomic_fetch_add(&passed, 1);
	}
	free(all);
}

/* Sizes around those at which memory comes from elsewhere, addresses in any order. */
GT_TEST_PROCS(selects_of_many)
{
	static const int sizes[] = { 1, 2, 7, 8, 9, 63, 64, 65, 1000 };
	uint64_t random = 1;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		crowd_size = sizes[i];
		crowd_chans = calloc(crowd_size, sizeof(*crowd_chans));
		for (int j = 0; j < crowd_size; j++)
			CHECK(crowd_chans[j] = gt_chan_make(sizeof(long), 0));
		for (int j = crowd_size - 1; j > 0; j--) {
			int other = test_random(&random) % (j + 1);
			struct gt_chan *chan = crowd_chans[j];

			crowd_chans[j] = crowd_chans[other];
			crowd_chans[other] = chan;
		}
		passed = 0;
		CHECK_EQ(gt_go(waits_for_one_of_a_crowd, (void *)20), 0);
		for (long round = 0; round < 20; round++) {
			long which = test_random(&random) % crowd_size;

			gt_chan_send(crowd_chans[which], &which);
			AWAIT(passed == round + 1);
			CHECK_EQ(chosen, which);
		}
		AWAIT(gt_task_count() == 1);
		for (int j = 0; j < crowd_size; j++)
			gt_chan_put(crowd_chans[j]);
		free(crowd_chans);
	}
	check_leaks();
}

PLAIN_TEST(selects_of_the_most)
{
	struct gt_chan *empty = make_filled(1, 0), *filled = make_filled(1, 1);
	struct gt_case *all = calloc(GT_SELECT_MAX, sizeof(*all));

	for (int i = 0; i < GT_SELECT_MAX; i++)
		all[i] = gt_case_recv(i == GT_SELECT_MAX - 1 ? filled : empty, NULL);
	CHECK_EQ(gt_select(all, GT_SELECT_MAX, 0), GT_SELECT_MAX - 1);
	CHECK_EQ(gt_select(all, GT_SELECT_MAX, GT_SELECT_DEFAULT), -EAGAIN);
	free(all);
	gt_chan_put(empty);
	gt_chan_put(filled);
}

TEST_MAIN
