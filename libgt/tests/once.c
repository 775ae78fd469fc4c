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

/* ------------------------------------------------------- panics, exits, values ---- */

static void panics(void *arg)
{
	atomic_fetch_add(&calls, 1);
	gt_panic_value(arg, "number %ld", (long)arg);
}

static void does_what_panics(void *arg)
{
	gt_once_do(&once, panics, arg);
}

GT_TEST_PROCS(panic_counts_as_done)
{
	struct gt_panic_info info;

	CHECK_EQ(gt_try(does_what_panics, (void *)7, &info), GT_PANICKED);
	CHECK(info.value == (void *)7);
	CHECK_EQ(gt_try(does_what_panics, (void *)8, &info), GT_RETURNED);
	gt_once_do(&once, never, NULL);
	CHECK_EQ(calls, 1);
}

static void exits(void *arg)
{
	atomic_fetch_add(&calls, 1);
	gt_exit();
	(void)arg;
}

static void does_what_exits(void *arg)
{
	gt_once_do(&once, exits, arg);
	CHECK(false);
}

GT_TEST_PROCS(exit_counts_as_done)
{
	CHECK_EQ(gt_wg_go(&wg, does_what_exits, NULL), 0);
	gt_wg_wait(&wg);
	gt_once_do(&once, never, NULL);
	CHECK_EQ(calls, 1);
}

static struct gt_once_value computed;

static void *computes(void *arg)
{
	atomic_fetch_add(&calls, 1);
	gt_yield();
	return arg;
}

static void gets_it(void *arg)
{
	void *got = gt_once_value(&computed, computes, arg);

	CHECK(got);
	CHECK_EQ(calls, 1);
	CHECK(got == gt_once_value(&computed, computes, NULL));
}

GT_TEST_PROCS(value_is_made_once)
{
	long round, i;

	for (round = 0; round < scaled(200); round++) {
		memset(&computed, 0, sizeof(computed));
		calls = 0;
		for (i = 1; i < 9; i++)
			CHECK_EQ(gt_wg_go(&wg, gets_it, (void *)i), 0);
		gt_wg_wait(&wg);
	}
}

static void *makes_none(void *arg)
{
	panics(arg);
	return NULL;
}

static void wants_a_value(void *arg)
{
	gt_once_value(&computed, makes_none, arg);
}

static void wants_a_call(void *arg)
{
	gt_once_func(&computed, panics, arg);
}

GT_TEST_PROCS(panic_is_raised_in_each_call)
{
	struct gt_panic_info info;
	int func, i;

	for (func = 0; func < 2; func++) {
		memset(&computed, 0, sizeof(computed));
		calls = 0;
		for (i = 7; i < 10; i++) {
			memset(&info, 0, sizeof(info));
			CHECK_EQ(gt_try(func ? wants_a_call : wants_a_value, (void *)(long)i,
					&info), GT_PANICKED);
			CHECK(info.value == (void *)7);
			CHECK(!strcmp(info.message, "number 7"));
		}
		CHECK_EQ(calls, 1);
	}
}

static void wants_what_exits(void *arg)
{
	gt_once_func(&computed, exits, arg);
	CHECK(false);
}

GT_TEST_PROCS(exit_ends_the_first_and_the_others_panic)
{
	struct gt_panic_info info;

	CHECK_EQ(gt_wg_go(&wg, wants_what_exits, NULL), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(gt_try(wants_what_exits, NULL, &info), GT_PANICKED);
	CHECK_EQ(calls, 1);
}

static void uncaught(void)
{
	wants_a_value((void *)7);
}

PLAIN_TEST(panic_that_nobody_recovers)
{
	expect_panic(uncaught, "number 7");
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
