// SPDX-License-Identifier: GPL-2.0
/* Sleeping: never too short, in order, at any time that fits the type. */
#include <time.h>

#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

PLAIN_TEST(now_is_clock_monotonic)
{
	struct timespec ts;
	int64_t before, now, after;
	int i;

	for (i = 0; i < 1000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		before = ts.tv_sec * GT_SECOND + ts.tv_nsec;
		now = gt_now();
		clock_gettime(CLOCK_MONOTONIC, &ts);
		after = ts.tv_sec * GT_SECOND + ts.tv_nsec;
		CHECK(before <= now && now <= after);
	}
}

static const int64_t short_sleeps[] = { 1, 100, GT_MICROSECOND, 50 * GT_MICROSECOND,
	GT_MILLISECOND, 3 * GT_MILLISECOND, 20 * GT_MILLISECOND };

static void sleep_each_length(void)
{
	int64_t start;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(short_sleeps); i++) {
		start = gt_now();
		gt_sleep(short_sleeps[i]);
		CHECK(gt_now() - start >= short_sleeps[i]);
		start = gt_now() + short_sleeps[i];
		gt_sleep_until(start);
		CHECK(gt_now() >= start);
	}
}

GT_TEST_PROCS(never_early)
{
	sleep_each_length();
}

static void *sleep_each_length_thread(void *arg)
{
	sleep_each_length();
	return arg;
}

PLAIN_TEST(never_early_on_a_thread_alone)
{
	sleep_each_length();
}

GT_TEST_PROCS(never_early_on_a_thread)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, sleep_each_length_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Zero, the past and the most negative only yield: nobody waits for them. */
GT_TEST_PROCS(nothing_to_wait_for)
{
	static const int64_t none[] = { 0, -1, -GT_SECOND, INT64_MIN, INT64_MIN + 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		gt_sleep(none[i]);
		gt_sleep_until(none[i]);
	}
	gt_sleep_until(gt_now());
	gt_sleep_until(gt_now() - GT_SECOND);
}

GT_TEST_ORDER(zero_yields)
{
	CHECK_EQ(gt_go(count_one, NULL), 0);
	gt_sleep(0);
	CHECK_EQ(ran, 1);
	CHECK_EQ(gt_go(count_one, NULL), 0);
	gt_sleep_until(-5);
	CHECK_EQ(ran, 2);
}

static void sleeps_for_ever(void *arg)
{
	int64_t ns = *(int64_t *)arg;

	atomic_fetch_add(&ran, 1);
	gt_sleep(ns);
	test_fail(__FILE__, __LINE__, "a sleep of %lld ns returned", (long long)ns);
}

static void sleeps_until_for_ever(void *arg)
{
	int64_t ns = *(int64_t *)arg;

	atomic_fetch_add(&ran, 1);
	gt_sleep_until(ns);
	test_fail(__FILE__, __LINE__, "a sleep until %lld returned", (long long)ns);
}

/* A sum with the present must not wrap to the past. */
GT_TEST_PROCS(very_long_sleeps)
{
	static int64_t lengths[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
		INT64_MAX - GT_SECOND, 1000000 * GT_SECOND };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK_EQ(gt_go(sleeps_for_ever, &lengths[i]), 0);
		CHECK_EQ(gt_go(sleeps_until_for_ever, &lengths[i]), 0);
	}
	AWAIT(ran == 2 * ARRAY_SIZE(lengths));
	gt_sleep(20 * GT_MILLISECOND);	/* beside them, a short one ends */
	CHECK_EQ(gt_task_count(), 1 + 2 * ARRAY_SIZE(lengths));
}

/* ---------------------------------------------------------------- ordering ---- */

struct sleeper {
	int64_t deadline;
	int woken;	/* how many woke before it */
};

static struct sleeper sleepers[100];
static int woken;

static void sleeps_in_order(void *arg)
{
	struct sleeper *sleeper = arg;

	gt_sleep_until(sleeper->deadline);
	CHECK(gt_now() >= sleeper->deadline);
	sleeper->woken = woken++;
}

/* False: not all were asleep in time, or some woke ten places from theirs. */
static bool wake_in_order(int64_t step)
{
	int i, n = ARRAY_SIZE(sleepers);
	int64_t base = gt_now() + n * step;
	struct gt_wg wg = {0};
	bool ok;

	woken = 0;
	for (i = 0; i < n; i++) {
		sleepers[i].deadline = base + (i * 37 % n) * step;
		CHECK_EQ(gt_wg_go(&wg, sleeps_in_order, &sleepers[i]), 0);
	}
	gt_yield();
	ok = gt_now() < base;
	gt_wg_wait(&wg);
	for (i = 0; i < n; i++)
		ok &= abs(sleepers[i].woken - i * 37 % n) < 10;
	return ok;
}

/*
 * Who sleeps until earlier wakes before, in whatever order they went to sleep. Two
 * threads may run timers that are due at the same time, and so change a few places; more
 * the slower the machine is, and fewer the farther they are apart.
 */
GT_TEST_ORDER(earlier_deadlines_wake_first)
{
	int64_t step = GT_MILLISECOND;

	while (!wake_in_order(step)) {
		step *= 2;
		CHECK(step <= 64 * GT_MILLISECOND);
	}
}

static void sleeps_random(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	int64_t ns, start;
	int i;

	for (i = 0; i < 5; i++) {
		ns = test_random(&state) % (20 * GT_MILLISECOND);
		start = gt_now();
		gt_sleep(ns);
		CHECK(gt_now() - start >= ns);
	}
	count_one(NULL);
}

GT_TEST_PROCS(thousands_of_sleepers)
{
	long i, n = crowd(5000);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(sleeps_random, (void *)(i + 1)), 0);
	AWAIT(ran == n);
}

/* The same, and nobody runs meanwhile: the threads have to wake by themselves. */
GT_TEST_PROCS(thousands_of_sleepers_in_an_idle_runtime)
{
	struct gt_wg wg = {0};
	long i, n = crowd(5000);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_wg_go(&wg, sleeps_random, (void *)(i + 1)), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, n);
}

/* An earlier deadline that comes while all sleep for a later one must count. */
static void sleeps_long(void *arg)
{
	gt_sleep(3600 * GT_SECOND);
	(void)arg;
}

GT_TEST_PROCS(short_sleep_beside_a_long_one)
{
	int i;

	CHECK_EQ(gt_go(sleeps_long, NULL), 0);
	for (i = 0; i < 20; i++)
		gt_sleep(GT_MILLISECOND);
	CHECK_EQ(gt_task_count(), 2);
}

/* --------------------------------------------------------------- busy tasks ---- */

static atomic_bool stop;

static void yields_until_stop(void *arg)
{
	while (!stop)
		gt_yield();
	(void)arg;
}

GT_TEST_PROCS(sleep_beside_busy_tasks)
{
	int i;

	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	for (i = 0; i < 10; i++)
		gt_sleep(2 * GT_MILLISECOND);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

static struct gt_chan *there, *back;

static void bounces(void *arg)
{
	while (gt_chan_recv(there, NULL))
		gt_chan_send(back, NULL);
	(void)arg;
}

static void bats(void *arg)
{
	while (!stop) {
		gt_chan_send(there, NULL);
		gt_chan_recv(back, NULL);
	}
	gt_chan_close(there);
	(void)arg;
}

/* Two that hand the processor to each other must leave time for the timers. */
GT_TEST_PROCS(sleep_beside_ping_pong)
{
	int i;

	there = gt_chan_make(0, 0);
	back = gt_chan_make(0, 0);
	CHECK_EQ(gt_go(bounces, NULL), 0);
	CHECK_EQ(gt_go(bats, NULL), 0);
	for (i = 0; i < 10; i++)
		gt_sleep(2 * GT_MILLISECOND);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

/* Sleepers are not left behind on a processor whose task spins. */
static atomic_bool spinning;
static atomic_int going;
static int64_t wake_at;

static void sleeps_until_wake_at(void *arg)
{
	atomic_fetch_add(&going, 1);
	gt_sleep_until(wake_at);
	count_one(arg);
}

/* It must spin before they wake, so that all their timers are pending then. */
static void starts_sleepers_and_spins(void *arg)
{
	int64_t ahead = 50 * GT_MILLISECOND;
	int i;

	do {
		AWAIT(ran == going);
		atomic_store(&ran, 0);
		atomic_store(&going, 0);
		ahead *= 2;
		wake_at = gt_now() + ahead;
		for (i = 0; i < 50; i++)
			CHECK_EQ(gt_go(sleeps_until_wake_at, NULL), 0);
		AWAIT(going == 50);
	} while (gt_now() >= wake_at);
	atomic_store(&spinning, true);
	while (!atomic_load(&stop))
		;
	(void)arg;
}

static void sleeps_beside_spinner(void)
{
	CHECK_EQ(gt_go(starts_sleepers_and_spins, NULL), 0);
	AWAIT(spinning);
	AWAIT(ran == 50);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

/* The same, and the other processor is idle. */
static void sleeps_beside_spinner_idle(void)
{
	CHECK_EQ(gt_go(starts_sleepers_and_spins, NULL), 0);
	AWAIT(spinning);
	while (ran < 50)
		gt_sleep(GT_MILLISECOND);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

TEST_ON(sleep_beside_a_spinning_task_and_an_idle_processor, sleeps_beside_spinner_idle, 2)
TEST_ON(sleep_beside_a_spinning_task, sleeps_beside_spinner, 2)

TEST_MAIN
