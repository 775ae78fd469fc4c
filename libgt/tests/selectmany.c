// SPDX-License-Identifier: GPL-2.0
/*
 * Select among many: what it looks at is one moment, no order of channels makes two of
 * them wait for each other, and none goes on twice, or before its time.
 */
#include <sched.h>

#include "test.h"

static atomic_int passed;

static struct gt_chan *make_chan(size_t capacity)
{
	struct gt_chan *chan = gt_chan_make(sizeof(long), capacity);

	CHECK(chan);
	return chan;
}

/* ------------------------------------------------------------- one moment ---- */

/*
 * One of two channels is ready at any time: the second becomes so before the first
 * ceases to be. A select that looked at one after the other might find neither.
 */
static struct gt_chan *first, *second;
static atomic_int at_work;
static atomic_bool stop;

static void moves_a_token(void *arg)
{
	long value = 1;

	while (!stop) {
		gt_chan_send(second, &value);
		CHECK_EQ(gt_chan_recv(first, NULL), 1);
		gt_chan_send(first, &value);
		CHECK_EQ(gt_chan_recv(second, NULL), 1);
	}
	atomic_fetch_sub(&at_work, 1);
	(void)arg;
}

/*
 * Quiet ones in between make the look last longer than the mover's round. It puts back
 * what it has taken before it looks again.
 */
static void finds_one_of_two(void *arg)
{
	enum { WIDTH = 200 };
	struct gt_chan *quiet = make_chan(0);
	long rounds = scaled(20000), value = 0;
	struct gt_case cases[WIDTH];

	for (int i = 0; i < WIDTH; i++)
		cases[i] = gt_case_recv(quiet, &value);
	cases[0].chan = first;
	cases[WIDTH - 1].chan = second;
	for (long i = 0; i < rounds; i++) {
		int result = gt_select(cases, WIDTH, GT_SELECT_DEFAULT);

		CHECK(result >= 0);
		gt_chan_send(cases[result].chan, &value);
	}
	gt_chan_put(quiet);
	stop = true;
	atomic_fetch_sub(&at_work, 1);
	(void)arg;
}

static void *moves_a_token_thread(void *arg)
{
	moves_a_token(arg);
	return NULL;
}

/* The token's mover is a plain thread, so that it goes on in the middle of a look. */
GT_TEST_PROCS(a_select_looks_at_one_moment)
{
	pthread_t thread;
	long value = 1;

	first = make_chan(3);
	second = make_chan(3);
	gt_chan_send(first, &value);
	stop = false;
	at_work = 2;
	CHECK_EQ(pthread_create(&thread, NULL, moves_a_token_thread, NULL), 0);
	CHECK_EQ(gt_go(finds_one_of_two, NULL), 0);
	AWAIT(at_work == 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_chan_put(first);
	gt_chan_put(second);
}

/* The same with tasks, and a close in place of the second token. */
static struct gt_chan *ends[2];
static atomic_bool looks;

static void looks_once(void *arg)
{
	struct gt_case two[] = { gt_case_recv(ends[0], NULL), gt_case_recv(ends[1], NULL) };

	looks = true;
	CHECK(gt_select(two, 2, GT_SELECT_DEFAULT) >= 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

static void looks_at_one(void *arg)
{
	CHECK(gt_chan_try_recv(ends[0], NULL) >= 0);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

GT_TEST_PROCS(a_close_comes_before_the_last_value_goes)
{
	long rounds = scaled(20000), value = 1;

	for (long i = 0; i < rounds; i++) {
		ends[0] = make_chan(1);
		ends[1] = make_chan(i % 2);
		passed = 0;
		looks = false;
		gt_chan_send(ends[0], &value);
		CHECK_EQ(gt_go(i % 3 ? looks_once : looks_at_one, NULL), 0);
		if (i % 5 && i % 3 && test_procs > 1)
			AWAIT(looks);
		if (i % 3)
			gt_chan_close(ends[1]);
		else
			gt_chan_close(ends[0]);
		gt_chan_try_recv(ends[0], NULL);
		AWAIT(passed);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(ends[0]);
		gt_chan_put(ends[1]);
	}
}

/* -------------------------------------------------------------------- stress ---- */

enum { LANES = 4 };
static struct gt_chan *lanes[LANES];
static long items_each;

static void sends_on_one(void *arg)
{
	for (long i = 0; i < items_each; i++)
		gt_chan_send(lanes[(uintptr_t)arg], &i);
	atomic_fetch_add(&passed, 1);
}

static void receives_from_one(void *arg)
{
	for (long i = 0; i < items_each; i++)
		CHECK_EQ(gt_chan_recv(lanes[(uintptr_t)arg], NULL), 1);
	atomic_fetch_add(&passed, 1);
}

/* So many on each, in one select of all, from the last to the first or back. */
static void selects_on_all(bool send)
{
	long value = 0, done[LANES] = {0};
	struct gt_case cases[LANES];

	for (int i = 0; i < LANES; i++)
		cases[i] = send ? gt_case_send(lanes[LANES - 1 - i], &value) :
				  gt_case_recv(lanes[i], &value);
	for (long i = 0; i < LANES * items_each; i++) {
		int which = gt_select(cases, LANES, 0);

		CHECK(which >= 0 && cases[which].ok);
		if (++done[which] == items_each)
			cases[which].chan = NULL;
	}
	atomic_fetch_add(&passed, 1);
}

static void sends_on_all(void *arg)
{
	selects_on_all(true);
	(void)arg;
}

static void receives_from_all(void *arg)
{
	selects_on_all(false);
	(void)arg;
}

GT_TEST_PROCS(selects_and_others_on_the_same_channels)
{
	items_each = scaled(10000);
	for (int i = 0; i < LANES; i++)
		lanes[i] = make_chan(i < 2 ? 0 : i);
	for (uintptr_t i = 0; i < LANES; i++) {
		CHECK_EQ(gt_go(sends_on_one, (void *)i), 0);
		CHECK_EQ(gt_go(receives_from_one, (void *)i), 0);
	}
	CHECK_EQ(gt_go(sends_on_all, NULL), 0);
	CHECK_EQ(gt_go(receives_from_all, NULL), 0);
	AWAIT(passed == 2 * LANES + 2);
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < LANES; i++) {
		CHECK_EQ(gt_chan_len(lanes[i]), 0);
		gt_chan_put(lanes[i]);
	}
}

/*
 * Tasks that select over all channels, each in another order, in both directions: any
 * two of them want the same locks.
 */
enum { WEAVERS = 10 };

static void weaves(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct gt_case cases[2 * LANES];
	long rounds = items_each, value = 1, got;
	int n = ARRAY_SIZE(cases);

	for (int i = 0; i < n; i++)
		cases[i] = i % 2 ? gt_case_send(lanes[i / 2], &value) :
				   gt_case_recv(lanes[i / 2], &got);
	while (rounds--) {
		for (int i = n - 1; i > 0; i--) {
			int other = test_random(&random) % (i + 1);
			struct gt_case one = cases[i];

			cases[i] = cases[other];
			cases[other] = one;
		}
		gt_select(cases, n, rounds % 8 ? 0 : GT_SELECT_DEFAULT);
	}
	/* One that waits needs another. */
	atomic_fetch_sub(&at_work, 1);
	while (at_work)
		if (gt_select(cases, n, GT_SELECT_DEFAULT) < 0)
			gt_yield();
	atomic_fetch_add(&passed, 1);
}

GT_TEST_PROCS(any_order_of_channels)
{
	items_each = scaled(10000);
	at_work = WEAVERS;
	for (int i = 0; i < LANES; i++)
		lanes[i] = make_chan(0);
	for (uintptr_t i = 1; i <= WEAVERS; i++)
		CHECK_EQ(gt_go(weaves, (void *)i), 0);
	AWAIT(passed == WEAVERS);
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < LANES; i++)
		gt_chan_put(lanes[i]);
}

/*
 * A waiting select is hit on several channels at once, by tasks and threads; it goes on
 * once for each value, and its frame is gone while others may still know of it.
 */
static struct gt_chan *spokes[8];
static atomic_long taken;
static long hits;

static void is_hit(void *arg)
{
	struct gt_case cases[8];
	long value;

	for (int i = 0; i < 8; i++)
		cases[i] = gt_case_recv(spokes[i], &value);
	for (int open = 8; open;) {
		int which = gt_select(cases, 8, 0);

		if (cases[which].ok) {
			CHECK_EQ(value, which);
			atomic_fetch_add(&taken, 1);
		} else {
			cases[which].chan = NULL;
			open--;
		}
	}
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

static void hits_one(void *arg)
{
	long which = (long)arg;

	for (long i = 0; i < hits; i++)
		gt_chan_send(spokes[which], &which);
	gt_chan_close(spokes[which]);
}

static void *hits_one_thread(void *arg)
{
	hits_one(arg);
	return NULL;
}

static void hub(int threads)
{
	pthread_t ids[8];

	passed = 0;
	taken = 0;
	hits = scaled(4000);
	for (int i = 0; i < 8; i++)
		spokes[i] = make_chan(0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(gt_go(is_hit, NULL), 0);
	for (intptr_t i = 0; i < 8; i++) {
		if (i < threads)
			CHECK_EQ(pthread_create(&ids[i], NULL, hits_one_thread, (void *)i), 0);
		else
			CHECK_EQ(gt_go(hits_one, (void *)i), 0);
	}
	AWAIT(passed == 3);
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < threads; i++)
		CHECK_EQ(pthread_join(ids[i], NULL), 0);
	CHECK_EQ(taken, 8 * hits);
	for (int i = 0; i < 8; i++)
		gt_chan_put(spokes[i]);
}

GT_TEST_PROCS(hit_on_all_channels)
{
	hub(0);
	hub(3);
}

/*
 * A select so wide that its first channel can be hit while the last is still being
 * unlocked. Its list of channels is memory that it frees.
 */
enum { WIDE = 1000 };
static struct gt_chan *wide[WIDE], *lowest;
static struct gt_chan *feed, *done;

static void is_wide(void *arg)
{
	struct gt_case cases[WIDE];
	long rounds = (long)arg;

	for (int i = 0; i < WIDE; i++)
		cases[i] = gt_case_recv(wide[i], NULL);
	while (rounds--)
		CHECK(cases[gt_select(cases, WIDE, 0)].chan == lowest);
	gt_chan_close(done);
}

static void *hits_the_lowest(void *arg)
{
	long value = 0;

	for (long i = (long)arg; i--;)
		while (gt_chan_try_send(lowest, &value))
			sched_yield();
	return NULL;
}

GT_TEST_PROCS(hit_before_the_last_lock_is_free)
{
	long rounds = scaled(500);
	pthread_t thread;

	done = make_chan(0);
	for (int i = 0; i < WIDE; i++) {
		wide[i] = make_chan(0);
		if (!i || (uintptr_t)wide[i] < (uintptr_t)lowest)
			lowest = wide[i];
	}
	CHECK_EQ(gt_go(is_wide, (void *)rounds), 0);
	CHECK_EQ(pthread_create(&thread, NULL, hits_the_lowest, (void *)rounds), 0);
	CHECK_EQ(gt_chan_recv(done, NULL), 0);	/* without a spin beside the thread */
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < WIDE; i++)
		gt_chan_put(wide[i]);
	gt_chan_put(done);
}

/* Producers in selects with a channel to end them, which closes over all of them. */

static void produces_until_done(void *arg)
{
	long value = 1, made = 0;
	struct gt_case cases[] = { gt_case_send(feed, &value), gt_case_recv(done, NULL) };

	while (!gt_select(cases, 2, 0))
		made++;
	CHECK(!cases[1].ok);
	atomic_fetch_sub(&taken, made);
	atomic_fetch_add(&passed, 1);
	(void)arg;
}

GT_TEST_PROCS(a_close_ends_all_selects)
{
	long rounds = scaled(50);

	while (rounds--) {
		passed = 0;
		taken = 0;
		feed = make_chan(rounds % 2);
		done = make_chan(0);
		for (int i = 0; i < 20; i++)
			CHECK_EQ(gt_go(produces_until_done, NULL), 0);
		for (int i = 0; i < 100; i++) {
			CHECK_EQ(gt_chan_recv(feed, NULL), 1);
			taken++;
		}
		gt_chan_close(done);
		AWAIT(passed == 20);
		taken += gt_chan_len(feed);
		CHECK_EQ(taken, 0);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(feed);
		gt_chan_put(done);
	}
}

/* ------------------------------------------------------------------ programs ---- */

/* What waits on a quiet channel does not stay there once another has ended it. */
static void selects_beside_a_quiet_one(void *arg)
{
	struct gt_case cases[] = { gt_case_recv(feed, NULL), gt_case_recv(done, NULL),
				   gt_case_send(done, NULL) };

	for (long i = (long)arg; i--;)
		CHECK_EQ(gt_select(cases, 2, 0), 0);
	atomic_fetch_add(&passed, 1);
}

GT_TEST_PROCS(quiet_channels_keep_nothing)
{
	long rounds = scaled(20000), value = 0;

	feed = make_chan(0);
	done = make_chan(0);
	CHECK_EQ(gt_go(selects_beside_a_quiet_one, (void *)rounds), 0);
	for (long i = 0; i < rounds; i++)
		gt_chan_send(feed, &value);
	AWAIT(passed);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_chan_try_send(done, &value), -EAGAIN);
	gt_chan_put(feed);
	gt_chan_put(done);		/* panics if something is */
}

/* Each value passes two selects, by one of two ways at each. */
static void forwards(void *arg)
{
	struct gt_chan **way = arg;	/* from two, to one */
	struct gt_case in[] = { gt_case_recv(way[0], NULL), gt_case_recv(way[1], NULL) };
	long value;
	int which;

	in[0].value = in[1].value = &value;
	while (in[0].chan || in[1].chan) {
		which = gt_select(in, 2, 0);
		if (in[which].ok)
			gt_chan_send(way[2], &value);
		else
			in[which].chan = NULL;
	}
	gt_chan_close(way[2]);
	atomic_fetch_add(&passed, 1);
}

static void sends_two_ways(void *arg)
{
	struct gt_chan **way = arg;
	long value, count = scaled(20000);
	struct gt_case out[] = { gt_case_send(way[0], &value), gt_case_send(way[1], &value),
				 gt_case_send(way[1], &value), gt_case_send(way[0], &value) };

	for (value = 1; value <= count; value++)
		CHECK(gt_select(out, 4, 0) >= 0);
	gt_chan_close(way[0]);
	gt_chan_close(way[1]);
}

GT_TEST_PROCS(each_value_by_one_of_two_ways)
{
	struct gt_chan *way[3] = { make_chan(0), make_chan(0), make_chan(0) };
	long value, last = 0;

	CHECK_EQ(gt_go(sends_two_ways, way), 0);
	CHECK_EQ(gt_go(forwards, way), 0);
	while (gt_chan_recv(way[2], &value))
		CHECK_EQ(value, ++last);
	CHECK_EQ(last, scaled(20000));
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < 3; i++)
		gt_chan_put(way[i]);
}

/* The sieve of Eratosthenes: a task a prime, all in a row. */
struct sieve {
	struct gt_chan *in, *out;
	long prime;
};

static void counts_up(void *arg)
{
	struct gt_case cases[] = { gt_case_send(arg, NULL), gt_case_recv(done, NULL) };

	for (long i = 2;; i++) {
		cases[0].value = &i;
		if (gt_select(cases, 2, 0))
			break;
	}
	gt_chan_close(arg);
}

static void filters(void *arg)
{
	struct sieve *sieve = arg;
	long number;

	while (gt_chan_recv(sieve->in, &number)) {
		struct gt_case cases[] = { gt_case_send(sieve->out, &number),
					   gt_case_recv(done, NULL) };

		if (number % sieve->prime && gt_select(cases, 2, 0))
			break;
	}
	while (gt_chan_recv(sieve->in, NULL))
		;
	gt_chan_close(sieve->out);
	gt_chan_put(sieve->in);
}

GT_TEST_PROCS(prime_sieve)
{
	static const int primes[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47 };
	struct gt_chan *numbers = make_chan(0);
	struct sieve sieve;

	done = make_chan(0);
	CHECK_EQ(gt_go(counts_up, numbers), 0);
	for (size_t i = 0; i < ARRAY_SIZE(primes); i++) {
		CHECK_EQ(gt_chan_recv(numbers, &sieve.prime), 1);
		CHECK_EQ(sieve.prime, primes[i]);
		sieve.in = numbers;
		sieve.out = numbers = make_chan(0);
		CHECK_EQ(gt_go_copy(filters, &sieve, sizeof(sieve)), 0);
	}
	gt_chan_close(done);
	while (gt_chan_recv(numbers, NULL))
		;
	AWAIT(gt_task_count() == 1);
	gt_chan_put(numbers);
	gt_chan_put(done);
}

TEST_MAIN
