// SPDX-License-Identifier: GPL-2.0
/*
 * C++ in tasks: destructors, handlers and exceptions among panics and exits. The cases
 * are in cxx/, compiled as C++.
 */
#include "cxx/cases.h"
#include "trace.h"

void cxx_trace(const char *text)
{
	trace(text);
}

void cxx_check(bool ok, int line)
{
	if (!ok)
		test_fail("libgt/tests/cxx/cases.cc", line, "not true");
}

static void run_task(void (*fn)(void *arg))
{
	struct gt_wg wg = { 0 };

	CHECK_EQ(gt_wg_go(&wg, fn, NULL), 0);
	gt_wg_wait(&wg);
}

GT_TEST_PROCS(unwinding_runs_destructors)
{
	int i;

	for (i = 0; i < 20; i++) {
		run_task(cxx_recovers);
		EXPECT_TRACE("ac[P]~a~cf~bd~e~d.");
		run_task(cxx_exits);
		EXPECT_TRACE("a~ac~cf~b[nil]d~e~d~z");
	}
}

GT_TEST_PROCS(exceptions_and_panics)
{
	int i;

	for (i = 0; i < 20; i++) {
		run_task(cxx_defers_past_exceptions);
		EXPECT_TRACE("s[nil]a~ac");
		run_task(cxx_panics_in_a_handler);
		EXPECT_TRACE("s[nil]a~a[Q].");
		run_task(cxx_exits_in_a_handler);
		EXPECT_TRACE("s[nil]a~a~z");
		run_task(cxx_returns_results);
		EXPECT_TRACE("[nil][I][nil][T][N][M][G][nil][L]~t");
	}
}

GT_TEST_PROCS(tasks_suspend_in_handlers)
{
	struct gt_wg wg = { 0 };
	long i, n = crowd(100);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_wg_go(&wg, cxx_suspends_in_handlers, (void *)(i * 100)), 0);
	gt_wg_wait(&wg);
}

PLAIN_TEST(plain_threads_unwind)
{
	cxx_recovers(NULL);
	EXPECT_TRACE("ac[P]~a~cf~bd~e~d.");
	cxx_panics_in_a_handler(NULL);
	EXPECT_TRACE("s[nil]a~a[Q].");
}

/* ------------------------------------------------------------------- fatal ---- */

static struct outcome outcome;
static void (*fatal)(void *arg);

static void runs_fatal(void)
{
	run_task(fatal);
}

static void expect_fatal(void (*fn)(void *arg), const char *text)
{
	fatal = fn;
	test_expect_procs = 1;
	test_expect_body = runs_fatal;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, text);
}

PLAIN_TEST(what_is_fatal)
{
	expect_fatal(cxx_swallows_a_panic,
		     "fatal: a C++ catch (...) caught a panic or an exit, and did not throw on");
	expect_fatal(cxx_is_noexcept, "terminate called");
	expect_fatal(cxx_throws_out_of_the_task, "out of the task");
}

TEST_MAIN
