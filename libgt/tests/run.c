// SPDX-License-Identifier: GPL-2.0
/* The runtime: when it runs, when it refuses to, what its end means for tasks. */
#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void store_arg(void *arg)
{
	*(atomic_int *)arg = 1;
}

PLAIN_TEST(run_calls_main_task)
{
	atomic_int called = 0;

	CHECK_EQ(gt_run(store_arg, &called), 0);
	CHECK_EQ(called, 1);
}

PLAIN_TEST(run_again)
{
	atomic_int called;
	int i;

	for (i = 0; i < 3; i++) {
		called = 0;
		CHECK_EQ(gt_run(store_arg, &called), 0);
		CHECK_EQ(called, 1);
	}
}

PLAIN_TEST(calls_without_runtime)
{
	struct gt_stats stats;
	struct gt_wg wg = {0};

	CHECK_EQ(gt_go(count_one, NULL), -ESRCH);
	CHECK_EQ(gt_go_copy(count_one, &wg, sizeof(wg)), -ESRCH);
	CHECK_EQ(gt_go_attr(count_one, NULL, NULL), -ESRCH);
	CHECK_EQ(gt_wg_go(&wg, count_one, NULL), -ESRCH);
	gt_wg_wait(&wg);	/* the failed gt_wg_go() left it at zero */
	CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), -ESRCH);
	CHECK(!gt_backend_name());
	CHECK_EQ(gt_task_id(), 0);
	CHECK_EQ(gt_task_count(), 0);
	gt_yield();

	test_run(0, gt_yield);

	CHECK_EQ(gt_go(count_one, NULL), -ESRCH);
	CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), -ESRCH);
	CHECK(!gt_backend_name());
	CHECK_EQ(gt_task_count(), 0);
	CHECK_EQ(ran, 0);
}

static void *run_on_thread(void *arg)
{
	*(int *)arg = gt_run(count_one, NULL);
	return NULL;
}

GT_TEST(run_while_running)
{
	pthread_t thread;
	int result = 0;

	CHECK_EQ(gt_run(count_one, NULL), -EBUSY);
	CHECK_EQ(pthread_create(&thread, NULL, run_on_thread, &result), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(result, -EBUSY);
	CHECK_EQ(ran, 0);
}

static void count_for_ever(void *arg)
{
	(void)arg;
	for (;;) {
		atomic_fetch_add(&ran, 1);
		gt_yield();
	}
}

static void yields_once(void *arg)
{
	(void)arg;
	gt_yield();
}

static void leave_them_counting(void)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(count_for_ever, NULL), 0);
	AWAIT(ran > 100);
}

/*
 * If the run ends while a task is on a CPU, that goes on to its next call: on a slow
 * machine after the return, and until then there is no next run.
 */
PLAIN_TEST(others_never_run_after_main)
{
	static const int procs[] = { 1, 2, 8 };
	int result;
	size_t i;
	long seen;

	for (i = 0; i < 3; i++) {
		test_run(procs[i], leave_them_counting);
		seen = ran;
		AWAIT((result = gt_run(yields_once, NULL)) != -EBUSY);
		CHECK_EQ(result, 0);
		CHECK(ran <= seen + 10);
		CHECK_EQ(gt_task_count(), 0);

		/* and not in the next run either */
		seen = ran;
		test_run(procs[i], gt_yield);
		CHECK_EQ(ran, seen);
		atomic_store(&ran, 0);
	}
}

/*
 * From the return on, the main task's stack is nobody's: who ran after it would find
 * garbage in what the main task shared. With one processor that is never, unless the
 * main task loses that in between. It does not if it is asked to let go of it, as its
 * time slice is over, since it does so by ending.
 */
struct shared {
	atomic_long *turns;
	uint64_t pattern;
};

static void looks_at_shared(void *arg)
{
	struct shared *shared = arg;

	for (;;) {
		CHECK_EQ(shared->pattern, 0x6774677467746774);
		atomic_fetch_add(shared->turns, 1);
		gt_yield();
	}
}

static void returns_from_under_others(void)
{
	struct shared shared = { &ran, 0x6774677467746774 };
	struct timespec until, now;
	long before = ran, i;

	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_go(looks_at_shared, &shared), 0);
	AWAIT(ran > before + 20);
	*(volatile uint64_t *)&shared.pattern = 0;
	/* Two slices, in which it calls nobody. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &until);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - until.tv_sec) * GT_SECOND + now.tv_nsec - until.tv_nsec <
	       2 * GT_MILLISECOND);
}

PLAIN_TEST(nothing_runs_after_main_on_one_processor)
{
	long i, n = scaled(100);

	/* Neither a block nor a signal takes the processor away. */
	setenv("GTHANDOFF", "off", 1);
	test_debug("slice=1000,held=0");
	for (i = 0; i < n; i++)
		test_run(1, returns_from_under_others);
}

static int stuck_fds[2];
static atomic_bool stuck_in, stuck_out;

static void blocks_undeclared(void *arg)
{
	char byte;

	(void)arg;
	atomic_store(&stuck_in, true);
	CHECK_EQ(read(stuck_fds[0], &byte, 1), 1);
	atomic_store(&stuck_out, true);
	gt_yield();
	test_fail(__FILE__, __LINE__, "a task ran after its gt_run() returned");
}

static void leave_it_blocked(void)
{
	CHECK_EQ(gt_go(blocks_undeclared, NULL), 0);
	AWAIT(stuck_in);
}

PLAIN_TEST(run_refused_while_a_thread_is_stuck)
{
	int result;

	CHECK_EQ(pipe(stuck_fds), 0);
	test_run(2, leave_it_blocked);
	CHECK_EQ(gt_run(count_one, NULL), -EBUSY);
	CHECK_EQ(gt_go(count_one, NULL), -ESRCH);

	CHECK_EQ(write(stuck_fds[1], "x", 1), 1);
	AWAIT(stuck_out);
	AWAIT((result = gt_run(count_one, NULL)) != -EBUSY);
	CHECK_EQ(result, 0);
	CHECK_EQ(ran, 1);
}

static void spins(void *arg)
{
	(void)arg;
	atomic_store(&stuck_in, true);
	while (!atomic_load(&stuck_out))
		;
	gt_yield();
	test_fail(__FILE__, __LINE__, "a task ran after its gt_run() returned");
}

static void leave_it_spinning(void)
{
	CHECK_EQ(gt_go(spins, NULL), 0);
	AWAIT(stuck_in);
}

PLAIN_TEST(run_returns_beside_a_spinning_task)
{
	int result;

	test_run(2, leave_it_spinning);
	CHECK_EQ(gt_run(count_one, NULL), -EBUSY);
	atomic_store(&stuck_out, true);
	AWAIT((result = gt_run(count_one, NULL)) != -EBUSY);
	CHECK_EQ(result, 0);
	CHECK_EQ(ran, 1);
}

/* ----------------------------------------------------------- processors ---- */

static int procs_seen;

static void see_procs(void *arg)
{
	(void)arg;
	procs_seen = gt_gomaxprocs(0);
}

PLAIN_TEST(gomaxprocs_set_before_run)
{
	setenv("GTMAXPROCS", "7", 1);
	CHECK(gt_gomaxprocs(3) > 0);
	CHECK_EQ(gt_gomaxprocs(0), 3);
	CHECK_EQ(gt_gomaxprocs(-5), 3);
	CHECK_EQ(gt_run(see_procs, NULL), 0);
	CHECK_EQ(procs_seen, 3);
}

PLAIN_TEST(gomaxprocs_has_a_most)
{
	CHECK(gt_gomaxprocs(GT_MAXPROCS_MAX + 1) > 0);
	CHECK_EQ(gt_gomaxprocs(0), GT_MAXPROCS_MAX);
	CHECK_EQ(gt_run(see_procs, NULL), 0);
	CHECK_EQ(procs_seen, GT_MAXPROCS_MAX);
}

TEST_MAIN
