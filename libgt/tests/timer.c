// SPDX-License-Identifier: GPL-2.0
/* Timers and tickers: what they send, and what they do not send any more. */
#include "test.h"

#define HOUR (3600 * GT_SECOND)

static atomic_long ran, stopped;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

/* Wait without receiving until a timer with a channel must have fired. */
static void wait_past(int64_t when)
{
	struct gt_chan *later;

	gt_sleep_until(when);
	/* Set later for later, and received: what was due before was sent before. */
	while (gt_now() < when + GT_MILLISECOND) {
		later = gt_after(GT_MICROSECOND);
		CHECK_EQ(gt_chan_recv(later, NULL), 1);
		gt_chan_put(later);
	}
}

/* ------------------------------------------------------------------- after ---- */

static void one_tick(void)
{
	static const int64_t lengths[] = { INT64_MIN, -1, 0, 1, GT_MICROSECOND, GT_MILLISECOND,
		5 * GT_MILLISECOND };
	int64_t before, after, tick;
	struct gt_chan *chan;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		int64_t ns = lengths[i] > 0 ? lengths[i] : 0;

		before = gt_now();
		chan = gt_after(lengths[i]);
		CHECK(chan);
		after = gt_now();
		CHECK_EQ(gt_chan_len(chan), 0);
		CHECK_EQ(gt_chan_cap(chan), 0);
		CHECK_EQ(gt_chan_recv(chan, &tick), 1);
		CHECK(tick >= before + ns && tick <= after + ns);
		CHECK(gt_now() >= tick);
		CHECK_EQ(gt_chan_try_recv(chan, &tick), -EAGAIN);
		gt_chan_put(chan);
	}
}

GT_TEST_PROCS(after_sends_one_tick)
{
	one_tick();
	run_on_a_thread(one_tick);
}

/* Without anybody to wait for it, the tick is kept, and not seen in len or cap. */
GT_TEST_PROCS(after_keeps_its_tick)
{
	struct gt_chan *chan = gt_after(0);
	int64_t tick = 0;

	wait_past(gt_now());
	CHECK_EQ(gt_chan_len(chan), 0);
	CHECK_EQ(gt_chan_cap(chan), 0);
	AWAIT(gt_chan_try_recv(chan, &tick) == 1);
	CHECK(tick > 0);
	gt_chan_put(chan);
}

/* As a timeout that mostly does not come: nothing is left of it. */
GT_TEST_PROCS(after_in_a_loop)
{
	struct gt_chan *values = gt_chan_make(sizeof(long), 1);
	size_t used = 0;
	long i, n = scaled(20000), value;

	for (i = 0; i < n; i++) {
		struct gt_chan *timeout = gt_after(i % 100 ? HOUR : 0);
		struct gt_case cases[] = {
			gt_case_recv(values, &value),
			gt_case_recv(timeout, NULL),
		};

		if (i % 100)
			gt_chan_send(values, &i);
		CHECK_EQ(gt_select(cases, 2, 0), i % 100 ? 0 : 1);
		gt_chan_put(timeout);
		if (i == n / 2)
			used = mallinfo2().uordblks;
	}
	CHECK(TEST_ASAN || TEST_TSAN || mallinfo2().uordblks < used + 100000);
	gt_chan_put(values);
}

static void puts_or_receives(void *arg)
{
	struct gt_chan *chan = arg;

	if (atomic_fetch_add(&ran, 1) & 1)
		gt_chan_recv(chan, NULL);
	gt_chan_put(chan);
}

/* The last reference goes while the tick is under way. */
GT_TEST_PROCS(after_is_put_as_it_fires)
{
	uint64_t state = 1;
	long i, n = scaled(5000);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(puts_or_receives, gt_after(test_random(&state) % 20000)), 0);
	AWAIT(ran == n);
	AWAIT(gt_task_count() == 1);
}

/* ------------------------------------------------------------ stop, reset ---- */

static void no_tick(struct gt_timer *timer)
{
	CHECK_EQ(gt_chan_try_recv(gt_timer_chan(timer), NULL), -EAGAIN);
}

static void each_state(void)
{
	struct gt_timer *timer = gt_timer_make(HOUR);
	struct gt_chan *chan = gt_timer_chan(timer);
	int64_t before, tick;

	/* pending, stopped */
	CHECK_EQ(gt_timer_stop(timer), 1);
	CHECK_EQ(gt_timer_stop(timer), 0);
	no_tick(timer);
	/* stopped, pending, pending for another time */
	CHECK_EQ(gt_timer_reset(timer, 2 * HOUR), 0);
	CHECK_EQ(gt_timer_reset(timer, HOUR), 1);
	CHECK_EQ(gt_timer_reset(timer, 2 * HOUR), 1);
	before = gt_now();
	CHECK_EQ(gt_timer_reset(timer, GT_MILLISECOND), 1);
	CHECK_EQ(gt_chan_recv(chan, &tick), 1);
	CHECK(tick >= before + GT_MILLISECOND);
	/* fired, received */
	no_tick(timer);
	CHECK_EQ(gt_timer_stop(timer), 0);
	CHECK_EQ(gt_timer_reset(timer, 0), 0);
	/* fired, not received: as good as not fired */
	wait_past(gt_now());
	CHECK_EQ(gt_chan_len(chan), 0);
	CHECK_EQ(gt_timer_stop(timer), 1);
	no_tick(timer);
	CHECK_EQ(gt_timer_stop(timer), 0);
	CHECK_EQ(gt_timer_reset(timer, 0), 0);
	wait_past(gt_now());
	before = gt_now();
	CHECK_EQ(gt_timer_reset(timer, 2 * GT_MILLISECOND), 1);
	CHECK_EQ(gt_chan_recv(chan, &tick), 1);
	CHECK(tick >= before + 2 * GT_MILLISECOND);
	gt_timer_put(timer);
}

GT_TEST_PROCS(stop_and_reset_in_each_state)
{
	each_state();
	run_on_a_thread(each_state);
}

static void receives_until_closed(void *arg)
{
	int64_t tick;

	while (gt_chan_recv(arg, &tick)) {
		CHECK(gt_now() >= tick);
		atomic_fetch_add(&ran, 1);
		if (!tick)
			break;
	}
	gt_chan_put(arg);
}

/* A receiver that waits neither gains nor loses a tick by a stop or a reset. */
GT_TEST_PROCS(stop_and_reset_beside_a_receiver)
{
	struct gt_timer *timer = gt_timer_make(HOUR);
	uint64_t state = 1;
	long i, due = 0;

	CHECK_EQ(gt_go(receives_until_closed, gt_chan_get(gt_timer_chan(timer))), 0);
	for (i = 0; i < scaled(3000); i++) {
		if (!gt_timer_reset(timer, test_random(&state) % 10000))
			due++;
		if (i % 3 == 0 && gt_timer_stop(timer))
			due--;
		if (i % 7 == 0)
			gt_sleep(test_random(&state) % 10000);
	}
	/* It was set first, so a stop that is in time takes away one that no reset made. */
	if (gt_timer_stop(timer))
		due--;
	AWAIT(ran == due + 1);
	gt_sleep(GT_MILLISECOND);
	CHECK_EQ(ran, due + 1);
	gt_chan_close(gt_timer_chan(timer));
	AWAIT(gt_task_count() == 1);
	gt_timer_put(timer);
}

static atomic_bool over;

/* Who has nothing else to do looks after the timers of others. */
static void looks_after_timers(void *arg)
{
	while (!over)
		gt_yield();
	(void)arg;
}

/* Whenever the tick comes: after a stop, or a reset to a later time, there is none. */
GT_TEST_PROCS(no_stale_tick)
{
	struct gt_timer *timer = gt_timer_make(0);
	uint64_t state = 1;
	long i, caught = 0, n = scaled(20000);
	int64_t until, tick;

	if (test_procs > 1)
		CHECK_EQ(gt_go(looks_after_timers, NULL), 0);
	for (i = 0; i < n; i++) {
		int64_t ns = test_random(&state) % 5000;

		gt_timer_reset(timer, ns);
		until = gt_now() + test_random(&state) % 5000;
		while (gt_now() < until)
			if (i & 1)
				gt_yield();
		if (i % 3 == 0) {
			caught += gt_timer_stop(timer);
			no_tick(timer);
		} else if (i % 3 == 1) {
			caught += gt_timer_reset(timer, HOUR);
			no_tick(timer);
		} else {
			until = gt_now();
			gt_timer_reset(timer, 0);
			CHECK_EQ(gt_chan_recv(gt_timer_chan(timer), &tick), 1);
			CHECK(tick >= until);
			no_tick(timer);
		}
	}
	CHECK(caught > 0);
	atomic_store(&over, true);
	gt_timer_put(timer);
}

static struct gt_timer *shared;

static void stops_and_resets(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	long i;

	for (i = 0; i < scaled(2000); i++) {
		if (test_random(&state) & 1)
			gt_timer_reset(shared, test_random(&state) % 3000);
		else
			gt_timer_stop(shared);
		if (!(i % 16))
			gt_yield();
	}
	atomic_fetch_add(&ran, 1);
}

static void *stops_and_resets_on_a_thread(void *arg)
{
	stops_and_resets(arg);
	return NULL;
}

/* Several at once on one timer: it stays in one piece. */
GT_TEST_PROCS(many_stop_and_reset_one)
{
	pthread_t thread;
	intptr_t i;

	shared = gt_timer_make(0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(stops_and_resets, (void *)(i + 1)), 0);
	CHECK_EQ(pthread_create(&thread, NULL, stops_and_resets_on_a_thread, (void *)9), 0);
	AWAIT(ran == 5);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_timer_stop(shared);
	no_tick(shared);
	CHECK_EQ(gt_timer_reset(shared, 0), 0);
	CHECK_EQ(gt_chan_recv(gt_timer_chan(shared), NULL), 1);
	gt_timer_put(shared);
}

/* --------------------------------------------------------------- functions ---- */

GT_TEST_PROCS(functions_run_once)
{
	struct gt_timer *timer = gt_after_func(GT_MILLISECOND, count_one, NULL);

	CHECK(!gt_timer_chan(timer));
	AWAIT(ran == 1);
	CHECK_EQ(gt_timer_stop(timer), 0);
	CHECK_EQ(gt_timer_reset(timer, HOUR), 0);
	CHECK_EQ(gt_timer_reset(timer, HOUR), 1);
	CHECK_EQ(gt_timer_stop(timer), 1);
	CHECK_EQ(gt_timer_stop(timer), 0);
	CHECK_EQ(gt_timer_reset(timer, 0), 0);
	AWAIT(ran == 2);
	gt_timer_put(timer);
	/* needs no reference to run, or to be forgotten */
	gt_timer_put(gt_after_func(GT_MILLISECOND, count_one, NULL));
	AWAIT(ran == 3);
	gt_timer_put(gt_after_func(HOUR, count_one, NULL));
	CHECK_EQ(ran, 3);
}

static void notes_creator(void *arg)
{
	CHECK(gt_task_id() != 0);
	/* it may block like any task */
	gt_sleep(GT_MILLISECOND);
	count_one(arg);
}

GT_TEST_PROCS(functions_run_in_tasks)
{
	gt_timer_put(gt_after_func(0, notes_creator, NULL));
	AWAIT(ran == 1);
}

/* Each either runs, or was stopped, whenever the stop comes. */
GT_TEST_PROCS(functions_stop_or_run)
{
	struct gt_timer *timers[16];
	uint64_t state = 1;
	long i, j, rounds = scaled(1000);

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < 16; j++)
			timers[j] = gt_after_func(test_random(&state) % 50000, count_one, NULL);
		if (i & 1)
			gt_sleep(test_random(&state) % 50000);
		for (j = 0; j < 16; j++) {
			stopped += gt_timer_stop(timers[j]);
			CHECK_EQ(gt_timer_stop(timers[j]), 0);
			gt_timer_put(timers[j]);
		}
	}
	AWAIT(ran + stopped == rounds * 16);
	CHECK(ran > 0 && stopped > 0);
}

/* The same for resets: one more run for each that came too late. */
GT_TEST_PROCS(functions_reset_or_run)
{
	struct gt_timer *timer = gt_after_func(0, count_one, NULL);
	uint64_t state = 1;
	long i, due = 1;

	for (i = 0; i < scaled(2000); i++) {
		if (!gt_timer_reset(timer, test_random(&state) % 20000))
			due++;
		if (i % 3 == 0)
			gt_sleep(test_random(&state) % 20000);
	}
	AWAIT(ran == due);
	CHECK_EQ(gt_timer_stop(timer), 0);
	gt_timer_put(timer);
}

/* ----------------------------------------------------------------- tickers ---- */

static void ticks(void)
{
	int64_t before = gt_now(), tick, first, last;
	struct gt_ticker *ticker = gt_ticker_make(GT_MILLISECOND);
	struct gt_chan *chan = gt_ticker_chan(ticker);
	int64_t made = gt_now();
	int i;

	CHECK_EQ(gt_chan_cap(chan), 0);
	CHECK_EQ(gt_chan_recv(chan, &first), 1);
	last = first;
	for (i = 0; i < 10; i++) {
		CHECK_EQ(gt_chan_recv(chan, &tick), 1);
		CHECK(gt_now() >= tick);
		CHECK(tick > last);
		CHECK_EQ((tick - first) % GT_MILLISECOND, 0);
		last = tick;
	}
	CHECK(last >= before + 11 * GT_MILLISECOND);
	CHECK(first >= before + GT_MILLISECOND);
	CHECK((first - made) / GT_MILLISECOND * GT_MILLISECOND <= first - before);
	gt_ticker_put(ticker);
}

GT_TEST_PROCS(ticks_come_on_a_grid)
{
	ticks();
	run_on_a_thread(ticks);
}

/* Who is slow gets one tick that is old, and then those to come. */
GT_TEST_PROCS(ticks_are_dropped)
{
	struct gt_ticker *ticker = gt_ticker_make(GT_MILLISECOND);
	struct gt_chan *chan = gt_ticker_chan(ticker);
	int64_t first, second, asked;

	wait_past(gt_now() + 10 * GT_MILLISECOND);
	CHECK_EQ(gt_chan_len(chan), 0);
	CHECK_EQ(gt_chan_recv(chan, &first), 1);
	asked = gt_now();
	CHECK(asked - first >= 5 * GT_MILLISECOND);
	CHECK_EQ(gt_chan_recv(chan, &second), 1);
	CHECK(second > first + 5 * GT_MILLISECOND);
	CHECK_EQ((second - first) % GT_MILLISECOND, 0);
	gt_ticker_put(ticker);
}

GT_TEST_PROCS(tickers_stop_and_start_anew)
{
	struct gt_ticker *ticker = gt_ticker_make(10 * GT_MICROSECOND);
	struct gt_chan *chan = gt_ticker_chan(ticker);
	int64_t before, tick;
	long i;

	for (i = 0; i < scaled(300); i++) {
		if (i & 1)
			gt_chan_recv(chan, NULL);
		gt_ticker_stop(ticker);
		CHECK_EQ(gt_chan_try_recv(chan, NULL), -EAGAIN);
		if (i % 100 == 0)
			gt_sleep(100 * GT_MICROSECOND);
		CHECK_EQ(gt_chan_try_recv(chan, NULL), -EAGAIN);
		CHECK_EQ(gt_ticker_reset(ticker, 10 * GT_MICROSECOND), 0);
		if (i % 3 == 0) {
			before = gt_now();
			CHECK_EQ(gt_ticker_reset(ticker, 20 * GT_MICROSECOND), 0);
			CHECK_EQ(gt_chan_recv(chan, &tick), 1);
			CHECK(tick >= before + 20 * GT_MICROSECOND);
		}
	}
	CHECK_EQ(gt_ticker_reset(ticker, INT64_MAX), 0);
	CHECK_EQ(gt_chan_try_recv(chan, NULL), -EAGAIN);
	gt_ticker_put(ticker);
}

GT_TEST(tick_is_a_channel_alone)
{
	struct gt_chan *chan = gt_tick(GT_MICROSECOND);

	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	gt_chan_put(chan);
	CHECK(!gt_tick(0));
	CHECK(!gt_tick(-1));
}

static void makes_ticker_of_zero(void)
{
	gt_ticker_make(0);
}

static void makes_ticker_of_less(void)
{
	gt_ticker_make(-GT_SECOND);
}

static void resets_ticker_to_zero(void)
{
	gt_ticker_reset(gt_ticker_make(1), 0);
}

PLAIN_TEST(no_period_panics)
{
	expect_panic(makes_ticker_of_zero, "non-positive interval for NewTicker");
	expect_panic(makes_ticker_of_less, "non-positive interval for NewTicker");
	expect_panic(resets_ticker_to_zero, "non-positive interval for Ticker.Reset");
}

/* ------------------------------------------------------------------ many ---- */

/* Durations beyond the clock's end do not wrap into the past. */
GT_TEST_PROCS(very_long_ones)
{
	static const int64_t lengths[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
		INT64_MAX - GT_SECOND, 1000000 * GT_SECOND };
	struct gt_timer *timers[2 * ARRAY_SIZE(lengths)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		timers[2 * i] = gt_timer_make(lengths[i]);
		timers[2 * i + 1] = gt_after_func(HOUR, count_one, NULL);
		CHECK_EQ(gt_timer_reset(timers[2 * i + 1], lengths[i]), 1);
	}
	gt_sleep(5 * GT_MILLISECOND);
	for (i = 0; i < ARRAY_SIZE(timers); i++) {
		CHECK_EQ(gt_timer_stop(timers[i]), 1);
		gt_timer_put(timers[i]);
	}
}

/*
 * Set at random, moved, stopped and put at random: each fires once, or not at all,
 * and none too early. All are long enough to be set, and short enough to wait for.
 */
GT_TEST_PROCS(very_many)
{
	long i, n = scaled(100000), expected = 0;
	struct gt_timer **timers = calloc(n, sizeof(*timers));
	int64_t *due = calloc(n, sizeof(*due)), tick;
	int64_t spread = 50 * GT_MILLISECOND;
	uint64_t state = 1;

	for (i = 0; i < n; i++) {
		due[i] = gt_now() + HOUR;
		timers[i] = gt_timer_make(HOUR + test_random(&state) % spread);
		CHECK(timers[i]);
	}
	for (i = 0; i < n; i++) {
		long j = test_random(&state) % n;

		switch (test_random(&state) % 4) {
		case 0:
			gt_timer_stop(timers[j]);
			due[j] = 0;
			break;
		case 1:
			due[j] = gt_now() + HOUR;
			gt_timer_reset(timers[j], HOUR + test_random(&state) % spread);
			break;
		case 2:
			gt_timer_put(timers[j]);
			due[j] = gt_now() + HOUR;
			timers[j] = gt_timer_make(HOUR + test_random(&state) % spread);
			break;
		}
	}
	for (i = 0; i < n; i++) {
		int64_t ns = test_random(&state) % spread;

		CHECK_EQ(gt_timer_stop(timers[i]), due[i] != 0);
		if (i % 3 == 0)
			continue;
		due[i] = gt_now() + ns;
		CHECK_EQ(gt_timer_reset(timers[i], ns), 0);
		expected++;
	}
	for (i = 0; i < n; i++) {
		if (i % 3 == 0) {
			no_tick(timers[i]);
		} else {
			CHECK_EQ(gt_chan_recv(gt_timer_chan(timers[i]), &tick), 1);
			CHECK(tick >= due[i] && gt_now() >= tick);
			expected--;
		}
		CHECK_EQ(gt_timer_stop(timers[i]), 0);
		gt_timer_put(timers[i]);
	}
	CHECK_EQ(expected, 0);
	free(timers);
	free(due);
}

/* Timers outlive the processor on which they were set. */
GT_TEST(processors_come_and_go)
{
	long i, n = scaled(2000), round;

	for (round = 0; round < 10; round++) {
		atomic_store(&ran, 0);
		gt_gomaxprocs(round % 2 ? 1 : 8);
		for (i = 0; i < n; i++) {
			gt_timer_put(gt_after_func(i * GT_MICROSECOND, count_one, NULL));
			if (i % 64 == 0)
				gt_yield();
		}
		gt_gomaxprocs(round % 2 ? 4 : 1);
		AWAIT(ran == n);
	}
}

/* ------------------------------------------------- threads, runs, no memory ---- */

PLAIN_TEST(no_runtime_no_timers)
{
	CHECK(!gt_after(0));
	CHECK(!gt_timer_make(0));
	CHECK(!gt_tick(1));
	CHECK(!gt_ticker_make(1));
	CHECK(!gt_after_func(0, count_one, NULL));
	gt_timer_put(NULL);
	gt_ticker_put(NULL);
}

static struct gt_timer *left[5];
static struct gt_ticker *left_ticking;

static void leaves_timers(void)
{
	left[0] = gt_timer_make(HOUR);
	left[1] = gt_timer_make(0);
	left[2] = gt_timer_make(HOUR);
	left[3] = gt_after_func(HOUR, count_one, NULL);
	left[4] = gt_after_func(HOUR, count_one, NULL);
	left_ticking = gt_ticker_make(GT_MICROSECOND);
	AWAIT(gt_chan_try_recv(gt_ticker_chan(left_ticking), NULL) == 1);
}

static void uses_old_timers(void)
{
	CHECK_EQ(gt_timer_reset(left[0], 0), 1);
	CHECK_EQ(gt_chan_recv(gt_timer_chan(left[0]), NULL), 1);
	CHECK_EQ(gt_timer_stop(left[2]), 1);
	CHECK_EQ(gt_timer_stop(left[2]), 0);
	CHECK_EQ(gt_timer_reset(left[4], HOUR), 1);
	CHECK_EQ(gt_timer_stop(left[4]), 1);
	gt_timer_put(left[4]);
	CHECK_EQ(gt_ticker_reset(left_ticking, 1), 0);
	CHECK_EQ(gt_chan_recv(gt_ticker_chan(left_ticking), NULL), 1);
	gt_timer_put(left[2]);
}

/* They do not fire any more, and may be stopped, put, and set in another run. */
PLAIN_TEST(timers_of_an_earlier_run)
{
	int i;

	for (i = 0; i < 10; i++) {
		test_run(2, leaves_timers);
		gt_timer_stop(left[1]);
		no_tick(left[1]);
		CHECK_EQ(gt_timer_stop(left[1]), 0);
		CHECK_EQ(gt_timer_stop(left[3]), 1);
		CHECK_EQ(gt_timer_stop(left[3]), 0);
		gt_timer_put(left[3]);
		test_run(i % 2 ? 1 : 4, uses_old_timers);
		gt_timer_put(left[0]);
		gt_timer_put(left[1]);
		gt_ticker_stop(left_ticking);
		gt_ticker_put(left_ticking);
	}
	CHECK_EQ(ran, 0);
	check_leaks();
}

/*
 * Which of the two allocations fails does not matter: there is no timer, or it works. No
 * other thread is needed meanwhile: there is no memory for one.
 */
GT_TEST_ORDER(no_memory_for_timers)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct gt_timer *first = NULL, *timer, **link;
	long n = 0, pending = 0;

	if (TEST_ASAN || TEST_TSAN)
		test_skip("a sanitizer needs its addresses");
	CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = status_kib("VmSize:") * 1024 + (16 << 20);
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	while ((timer = gt_timer_make(HOUR)) && n < 10000000) {
		/* The list goes through the channels' ticks: no other memory. */
		link = malloc(2 * sizeof(*link));
		if (!link) {
			gt_timer_put(timer);
			break;
		}
		link[0] = timer;
		link[1] = first;
		first = (struct gt_timer *)link;
		n++;
	}
	CHECK(n > 1000 && n < 10000000);
	while (first) {
		link = (struct gt_timer **)first;
		pending += gt_timer_stop(link[0]);
		gt_timer_put(link[0]);
		first = link[1];
		free(link);
	}
	CHECK_EQ(pending, n);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	one_tick();
}

TEST_MAIN
