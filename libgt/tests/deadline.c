// SPDX-License-Identifier: GPL-2.0
/* Deadlines: waits that the clock may end, and who else ends them at that moment. */
#include "test.h"

static struct gt_wg wg, others;
static atomic_long ran, timed_out;

/* What is over by now, or has no time to be waited for. */
static void look_only(void)
{
	static const int64_t past[] = { INT64_MIN, -1, 0, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(past); i++) {
		CHECK_EQ(gt_wg_wait_until(&wg, past[i]), 0);
		gt_wg_add(&wg, 1);
		CHECK_EQ(gt_wg_wait_until(&wg, past[i]), -ETIMEDOUT);
		CHECK_EQ(gt_wg_wait_until(&wg, gt_now()), -ETIMEDOUT);
		gt_wg_done(&wg);
		CHECK_EQ(gt_wg_wait_until(&wg, past[i]), 0);
	}
	CHECK_EQ(gt_wg_wait_until(&wg, GT_NO_DEADLINE), 0);
}

GT_TEST_PROCS(the_past_only_looks)
{
	look_only();
}

PLAIN_TEST(the_past_only_looks_on_a_thread)
{
	look_only();
}

static void never_early(void)
{
	static const int64_t after[] = { 1, GT_MICROSECOND, GT_MILLISECOND, 5 * GT_MILLISECOND };
	int64_t deadline;
	size_t i;

	gt_wg_add(&wg, 1);
	for (i = 0; i < ARRAY_SIZE(after); i++) {
		deadline = gt_now() + after[i];
		CHECK_EQ(gt_wg_wait_until(&wg, deadline), -ETIMEDOUT);
		CHECK(gt_now() >= deadline);
	}
	gt_wg_done(&wg);
	CHECK_EQ(gt_wg_wait_until(&wg, gt_now() + 3600 * GT_SECOND), 0);
}

GT_TEST_PROCS(it_is_never_early)
{
	never_early();
	run_on_a_thread(never_early);
}

PLAIN_TEST(it_is_never_early_on_a_thread_alone)
{
	never_early();
}

static void waits_an_hour(void *arg)
{
	atomic_fetch_add(&ran, 1);
	CHECK_EQ(gt_wg_wait_until(&wg, gt_now() + 3600 * GT_SECOND), 0);
	(void)arg;
}

/* Woken in time: the deadline is forgotten, and the stack it stood on is gone. */
GT_TEST_PROCS(woken_in_time)
{
	long i, round;

	for (round = 0; round < scaled(200); round++) {
		atomic_store(&ran, 0);
		gt_wg_add(&wg, 1);
		for (i = 0; i < 20; i++)
			CHECK_EQ(gt_wg_go(&others, waits_an_hour, NULL), 0);
		if (round & 1)
			AWAIT(ran == 20);
		gt_wg_done(&wg);
		gt_wg_wait(&others);
	}
}

/* Several time out while the last done is under way: each is woken, or times out. */
static int64_t race_at, spread;

static void times_out_at_random(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	int error;

	error = gt_wg_wait_until(&wg, race_at + test_random(&state) % spread);
	CHECK(!error || error == -ETIMEDOUT);
	if (error)
		atomic_fetch_add(&timed_out, 1);
	atomic_fetch_add(&ran, 1);
}

static void *times_out_on_a_thread(void *arg)
{
	times_out_at_random(arg);
	return NULL;
}

static void race_rounds(bool threads)
{
	uint64_t state = 1;
	pthread_t thread[2];
	int64_t done_at;
	long i, round, n = scaled(threads ? 200 : 1000);

	/* And until both have happened, however slow the machine is. */
	spread = 4 * GT_MICROSECOND;
	for (round = 0; round < n || !timed_out || timed_out == ran; round++) {
		if (round >= n && spread < GT_SECOND)
			spread *= 2;
		gt_wg_add(&wg, 1);
		race_at = gt_now() + (threads ? 100 : 20) * GT_MICROSECOND;
		for (i = 0; i < 8; i++)
			CHECK_EQ(gt_wg_go(&others, times_out_at_random,
					  (void *)(round * 8 + i)), 0);
		for (i = 0; threads && i < 2; i++)
			CHECK_EQ(pthread_create(&thread[i], NULL, times_out_on_a_thread,
						(void *)(round + i)), 0);
		/* They have to begin to wait; then be as late, or as early, as they are. */
		if (round & 1)
			gt_yield();
		done_at = race_at + test_random(&state) % spread;
		while (gt_now() < done_at)
			if (round & 2)
				gt_yield();
		gt_wg_done(&wg);
		gt_wg_wait(&others);
		for (i = 0; threads && i < 2; i++)
			CHECK_EQ(pthread_join(thread[i], NULL), 0);
		CHECK_EQ(gt_wg_wait_until(&wg, 0), 0);
	}
	CHECK_EQ(ran, round * (threads ? 10 : 8));
}

GT_TEST_PROCS(timeout_races_wake)
{
	race_rounds(false);
}

GT_TEST_PROCS(timeout_races_wake_on_threads)
{
	race_rounds(true);
}

/*
 * Who has timed out has been counted out: it may add again, though the last done, which
 * was to wake it, may still be under way.
 */
static void done_at_last(void *arg)
{
	int64_t at = (intptr_t)arg;

	while (gt_now() < at)
		;
	gt_wg_done(&wg);
}

static atomic_bool over;

/* Who has nothing else to do looks after the timers of others. */
static void looks_after_timers(void *arg)
{
	while (!over)
		gt_yield();
	(void)arg;
}

GT_TEST_PROCS(timeout_then_add)
{
	uint64_t state = 1;
	long round, n = scaled(3000);

	if (test_procs > 1)
		CHECK_EQ(gt_go(looks_after_timers, NULL), 0);
	for (round = 0; round < n; round++) {
		int64_t at = gt_now() + 10 * GT_MICROSECOND;

		gt_wg_add(&wg, 1);
		CHECK_EQ(gt_wg_go(&others, done_at_last, (void *)(intptr_t)at), 0);
		if (gt_wg_wait_until(&wg, at + test_random(&state) % 2000)) {
			gt_wg_add(&wg, 1);
			gt_wg_done(&wg);
		}
		gt_wg_wait(&others);
		CHECK_EQ(gt_wg_wait_until(&wg, 0), 0);
	}
	atomic_store(&over, true);
}

/* Many leave one queue, in any order, and those in between are still woken. */
static void one_of_many(void *arg)
{
	long i = (intptr_t)arg;
	int64_t deadline = i % 3 ? gt_now() + (i * 7919 % 1000) * 20 * GT_MICROSECOND :
				   GT_NO_DEADLINE;
	int error = gt_wg_wait_until(&wg, deadline);

	CHECK_EQ(error, i % 3 ? -ETIMEDOUT : 0);
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(many_in_one_queue)
{
	long i, n = crowd(9000);

	gt_wg_add(&wg, 1);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_wg_go(&others, one_of_many, (void *)i), 0);
	AWAIT(ran == n - (n + 2) / 3);
	AWAIT((long)gt_task_count() == 1 + (n + 2) / 3);
	gt_wg_done(&wg);
	gt_wg_wait(&others);
	CHECK_EQ(ran, n);
}

/* The last deadline of all is cancelled: what then waits, waits for ever. */
static void cancelled_then_stuck(void)
{
	gt_wg_add(&wg, 1);
	atomic_store(&ran, 0);
	CHECK_EQ(gt_wg_go(&others, waits_an_hour, NULL), 0);
	AWAIT(ran == 1);
	gt_sleep(GT_MILLISECOND);	/* an idle thread waits for the hour to pass */
	gt_wg_done(&wg);
	gt_wg_wait(&others);
	gt_wg_add(&wg, 1);
	gt_wg_wait(&wg);
}

static int deadlock_procs;

static void run_stuck(void)
{
	test_run(deadlock_procs, cancelled_then_stuck);
}

PLAIN_TEST(a_cancelled_deadline_is_no_life)
{
	static struct outcome outcome;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer's own thread counts as life");
	for (deadlock_procs = 1; deadlock_procs <= 8; deadlock_procs *= 2) {
		in_child(&outcome, run_stuck);
		expect_exit(&outcome, 2);
		CHECK(strstr(outcome.text, "all tasks are asleep - deadlock!"));
	}
}

TEST_MAIN
