// SPDX-License-Identifier: GPL-2.0
/* Doing things once. */
#include "test.h"

static struct gt_once once;	/* zero bytes are ready to use */
static struct gt_wg wg;
static long value;		/* no atomics: the once orders it */
static atomic_long calls;

static void sets(void *arg)
{
	atomic_fetch_add(&calls, 1);
	gt_yield();
	value = (long)arg;
}

static void sees(void *arg)
{
	gt_once_do(&once, sets, arg);
	CHECK(value);
	CHECK_EQ(calls, 1);
}

static void *thread_sees(void *arg)
{
	sees(arg);
	return NULL;
}

/* Many at once: one call, and nobody goes on before it is over. */
GT_TEST_PROCS(all_wait_for_the_first)
{
	long round, i;

	for (round = 0; round < scaled(500); round++) {
		pthread_t thread;

		memset(&once, 0, sizeof(once));
		value = 0;
		calls = 0;
		if (round % 16 == 0)
			CHECK_EQ(pthread_create(&thread, NULL, thread_sees, (void *)9), 0);
		for (i = 1; i < 9; i++)
			CHECK_EQ(gt_wg_go(&wg, sees, (void *)i), 0);
		gt_wg_wait(&wg);
		if (round % 16 == 0)
			CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(calls, 1);
		CHECK(value > 0 && value <= 9);
	}
}

/* The once decides, not the function. */
static void never(void *arg)
{
	(void)arg;
	CHECK(false);
}

GT_TEST_PROCS(another_function_is_not_called)
{
	struct gt_once other = {0};

	gt_once_do(&once, sets, (void *)1);
	gt_once_do(&once, never, NULL);
	gt_once_do(&other, sets, (void *)2);
	CHECK_EQ(calls, 2);
	CHECK_EQ(value, 2);
}

PLAIN_TEST(from_threads_alone)
{
	pthread_t threads[4];
	long i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_sees, (void *)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(calls, 1);
}

/* It waits for itself. */
static void recurses(void *arg)
{
	gt_once_do(&once, recurses, arg);
}

static void recursion(void)
{
	gt_once_do(&once, recurses, NULL);
}

static void run_recursion(void)
{
	test_run(2, recursion);
}

PLAIN_TEST(recursion_deadlocks)
{
	static struct outcome outcome;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
	in_child(&outcome, run_recursion);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "all tasks are asleep - deadlock!"));
	CHECK(strstr(outcome.text, "mutex"));
}

TEST_MAIN
