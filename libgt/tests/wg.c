// SPDX-License-Identifier: GPL-2.0
/* Waitgroups. */
#include "test.h"

static struct gt_wg wg;		/* zero bytes are ready to use */
static atomic_long ran, released;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void counts_and_is_done(void *arg)
{
	count_one(arg);
	gt_wg_done(&wg);
}

static void waits(void *arg)
{
	gt_wg_wait(&wg);
	atomic_fetch_add(&released, 1);
	(void)arg;
}

GT_TEST_PROCS(zero_does_not_wait)
{
	struct gt_wg fresh = {0};

	gt_wg_wait(&fresh);
	gt_wg_add(&fresh, 0);
	gt_wg_wait(&fresh);
	gt_wg_add(&fresh, 3);
	gt_wg_add(&fresh, -2);
	gt_wg_done(&fresh);
	gt_wg_wait(&fresh);
}

GT_TEST_PROCS(waits_for_all)
{
	long i, n = crowd(1000);

	gt_wg_add(&wg, n);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(counts_and_is_done, NULL), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, n);
}

GT_TEST_ORDER(waiters_go_on_only_at_zero)
{
	int i;

	gt_wg_add(&wg, 2);
	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(waits, NULL), 0);
	gt_yield();
	gt_wg_done(&wg);
	gt_yield();
	CHECK_EQ(released, 0);
	gt_wg_add(&wg, 5);
	gt_wg_add(&wg, -5);
	gt_yield();
	CHECK_EQ(released, 0);
	gt_wg_done(&wg);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(released, 100);
}

GT_TEST_PROCS(used_again)
{
	long round, i, n = 10;

	for (round = 1; round <= scaled(2000); round++) {
		for (i = 0; i < n; i++)
			CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
		gt_wg_wait(&wg);
		CHECK_EQ(ran, round * n);
	}
}

static struct gt_chan *gate;

static void waits_then_is_done(void *arg)
{
	gt_chan_recv(gate, NULL);
	counts_and_is_done(arg);
}

GT_TEST_PROCS(many_waiters)
{
	long i, n = crowd(1000);

	CHECK(gate = gt_chan_make(0, 0));
	gt_wg_add(&wg, 2);
	CHECK_EQ(gt_go(waits_then_is_done, NULL), 0);
	CHECK_EQ(gt_go(waits_then_is_done, NULL), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(waits, NULL), 0);
	gt_chan_send(gate, NULL);
	AWAIT(ran == 1);
	CHECK_EQ(released, 0);
	gt_chan_close(gate);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(released, n);
	gt_chan_put(gate);
}

static void waits_and_checks(void *arg)
{
	gt_wg_wait(&wg);
	CHECK_EQ(*(long *)arg, 1);	/* written before the last done, no atomics */
	atomic_fetch_add(&released, 1);
}

static void writes_and_is_done(void *arg)
{
	*(long *)arg = 1;
	gt_wg_done(&wg);
}

GT_TEST_PROCS(done_happens_before_wait_returns)
{
	static long written;
	long round, i;

	for (round = 0; round < scaled(2000); round++) {
		written = 0;
		gt_wg_add(&wg, 1);
		atomic_store(&released, 0);
		for (i = 0; i < 4; i++)
			CHECK_EQ(gt_go(waits_and_checks, &written), 0);
		CHECK_EQ(gt_go(writes_and_is_done, &written), 0);
		gt_wg_wait(&wg);
		CHECK_EQ(written, 1);
		AWAIT(released == 4);
	}
}

/* ------------------------------------------------------------------ wg_go ---- */

static void exits(void *arg)
{
	count_one(arg);
	gt_exit();
}

GT_TEST_PROCS(go_counts_a_task_that_exits)
{
	int i;

	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_wg_go(&wg, i % 2 ? exits : count_one, NULL), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 100);
}

static void starts_more(void *arg)
{
	long depth = (long)arg;

	count_one(arg);
	if (depth) {
		CHECK_EQ(gt_wg_go(&wg, starts_more, (void *)(depth - 1)), 0);
		CHECK_EQ(gt_wg_go(&wg, starts_more, (void *)(depth - 1)), 0);
	}
}

GT_TEST_PROCS(go_from_tasks_of_the_group)
{
	CHECK_EQ(gt_wg_go(&wg, starts_more, (void *)10), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, (2 << 10) - 1);
}

/* The group lives on the stack of its waiter and dies as soon as the wait returns. */
static void waits_on_its_own(void *arg)
{
	struct gt_wg mine = {0};
	long i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(gt_wg_go(&mine, count_one, NULL), 0);
	gt_wg_wait(&mine);
	memset(&mine, 0xff, sizeof(mine));
	(void)arg;
}

GT_TEST_PROCS(group_on_a_stack)
{
	long i, n = scaled(3000);

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_wg_go(&wg, waits_on_its_own, NULL), 0);
		if (i % 100 == 99)
			gt_wg_wait(&wg);
	}
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 3 * n);
}

/* ----------------------------------------------------------------- panics ---- */

static void goes_below_zero(void)
{
	struct gt_wg mine = {0};

	gt_wg_add(&mine, 1);
	gt_wg_done(&mine);
	gt_wg_done(&mine);
}

static void adds_below_zero(void)
{
	struct gt_wg mine = {0};

	gt_wg_add(&mine, 5);
	gt_wg_add(&mine, -6);
}

static void goes_beyond_max(void)
{
	struct gt_wg mine = {0};

	gt_wg_add(&mine, GT_WG_MAX);
	gt_wg_add(&mine, 1);
}

static void reaches_max(void)
{
	struct gt_wg mine = {0};

	gt_wg_add(&mine, GT_WG_MAX);
	gt_wg_add(&mine, -GT_WG_MAX);
	gt_wg_wait(&mine);
}

/* On one processor the waiter runs only after the add. */
static void used_before_all_have_returned(void)
{
	gt_wg_add(&wg, 1);
	CHECK_EQ(gt_go(waits, NULL), 0);
	gt_yield();
	gt_wg_done(&wg);
	gt_wg_add(&wg, 1);
	for (;;)
		gt_yield();
}

PLAIN_TEST(out_of_range_panics)
{
	expect_panic(goes_below_zero, "sync: negative WaitGroup counter");
	expect_panic(adds_below_zero, "sync: negative WaitGroup counter");
	expect_panic(goes_beyond_max, "sync: WaitGroup counter over its maximum");
	expect_panic(used_before_all_have_returned,
		     "sync: WaitGroup is reused before previous Wait has returned");
	test_run(1, reaches_max);
}

/* ---------------------------------------------------------- plain threads ---- */

static void *thread_done(void *arg)
{
	counts_and_is_done(arg);
	return NULL;
}

static void *thread_waits(void *arg)
{
	waits(arg);
	return NULL;
}

static void threads_and_tasks(bool tasks)
{
	pthread_t threads[6];
	long round;
	int i;

	for (round = 0; round < scaled(100); round++) {
		atomic_store(&ran, 0);
		atomic_store(&released, 0);
		gt_wg_add(&wg, 3);
		for (i = 0; i < 3; i++)
			CHECK_EQ(pthread_create(&threads[i], NULL, thread_waits, NULL), 0);
		if (tasks)
			CHECK_EQ(gt_go(waits, NULL), 0);
		CHECK_EQ(pthread_create(&threads[3], NULL, thread_done, NULL), 0);
		CHECK_EQ(pthread_create(&threads[4], NULL, thread_done, NULL), 0);
		AWAIT(ran == 2);
		CHECK_EQ(released, 0);
		if (tasks)
			CHECK_EQ(gt_go(counts_and_is_done, NULL), 0);
		else
			counts_and_is_done(NULL);
		gt_wg_wait(&wg);
		AWAIT(released == 3 + tasks);
		for (i = 0; i < 5; i++)
			CHECK_EQ(pthread_join(threads[i], NULL), 0);
	}
}

GT_TEST_PROCS(threads_beside_tasks)
{
	threads_and_tasks(true);
}

PLAIN_TEST(threads_alone)
{
	threads_and_tasks(false);
}

TEST_MAIN
