// SPDX-License-Identifier: GPL-2.0
/* Deferred calls: when they run, in which order, and gt_try(). */
#include <setjmp.h>

#include "trace.h"

/* ----------------------------------------------------------------- blocks ---- */

static int leaves(int how)
{
	int i;

	GT_DEFER(says, "z");
	for (i = 0; i < 2; i++) {
		GT_DEFER(says, "b");
		GT_DEFER(says, "a");
		if (how == 1)
			continue;
		if (how == 2)
			break;
		if (how == 3)
			goto out;
		if (how == 4)
			return 4;
		trace(".");
	}
	trace("-");
out:
	trace("o");
	return 0;
}

GT_TEST(block_is_left_in_any_way)
{
	CHECK_EQ(leaves(0), 0);
	EXPECT_TRACE(".ab.ab-oz");
	CHECK_EQ(leaves(1), 0);
	EXPECT_TRACE("abab-oz");
	CHECK_EQ(leaves(2), 0);
	EXPECT_TRACE("ab-oz");
	CHECK_EQ(leaves(3), 0);
	EXPECT_TRACE("aboz");
	CHECK_EQ(leaves(4), 4);
	EXPECT_TRACE("abz");
}

static const char *later = "y";

static void arguments(void)
{
	GT_DEFER(says, (void *)later);
	later = "n";
}

static void defers_again(void *arg)
{
	GT_DEFER(says, "3");
	trace(arg);
}

static void defers_in_a_defer(void)
{
	GT_DEFER(says, "4");
	GT_DEFER(defers_again, "2");
	trace("1");
}

static long nested(int depth)
{
	GT_DEFER(says, ")");
	trace("(");
	return depth ? nested(depth - 1) + 1 : 0;
}

GT_TEST(calls_nest)
{
	arguments();
	EXPECT_TRACE("y");
	defers_in_a_defer();
	EXPECT_TRACE("1234");
	CHECK_EQ(nested(4), 4);
	EXPECT_TRACE("((((()))))");
}

/* More than one on a line, and in an expression's block. */
#define TWICE(text) GT_DEFER(says, text); GT_DEFER(says, text)

GT_TEST(several_on_a_line)
{
	{
		TWICE("t"); GT_DEFER(says, "s");
	}
	EXPECT_TRACE("stt");
}

PLAIN_TEST(works_on_a_plain_thread)
{
	CHECK_EQ(leaves(0), 0);
	EXPECT_TRACE(".ab.ab-oz");
}

/* A block may be left on another thread than it was entered on. */
static void yields(void *arg)
{
	gt_yield();
	++*(int *)arg;
}

static atomic_long tasks_done;

static void defers_and_yields(void *arg)
{
	int count = 0;
	long i;

	for (i = 0; i < (long)arg; i++) {
		GT_DEFER(yields, &count);
		gt_yield();
		GT_DEFER(yields, &count);
		CHECK_EQ(count, 2 * i);
	}
	CHECK_EQ(count, 2 * i);
	atomic_fetch_add(&tasks_done, 1);
}

GT_TEST_PROCS(calls_may_suspend)
{
	long i, n = crowd(50);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(defers_and_yields, (void *)scaled(50)), 0);
	AWAIT(tasks_done == n);
}

/* What a longjmp() skips does not run, and is off the list with the block around. */
static void jumps_over(void)
{
	jmp_buf buf;

	GT_DEFER(says, "o");
	if (!setjmp(buf)) {
		GT_DEFER(says, "!");
		longjmp(buf, 1);
	}
	trace("j");
}

GT_TEST(longjmp_skips)
{
	if (TEST_TSAN)
		test_skip("ThreadSanitizer does not know the stack");
	jumps_over();
	EXPECT_TRACE("jo");
	jumps_over();
	EXPECT_TRACE("jo");
}

NOINLINE static void jumps_away(jmp_buf *buf)
{
	GT_DEFER(says, "!");
	longjmp(*buf, 1);
}

static void jumps_then_panics(void)
{
	jmp_buf buf;

	if (!setjmp(buf))
		jumps_away(&buf);
	gt_panic("A");
}

/* ----------------------------------------------------------------- scopes ---- */

static void helper_defers(const char *text)
{
	CHECK_EQ(gt_defer(says, (void *)text), 0);
}

static void scope(void)
{
	static const char *const names[] = { "0", "1", "2" };
	int i;

	GT_DEFER(says, "z");
	GT_DEFER_SCOPE;
	GT_DEFER(says, "y");
	for (i = 0; i < 3; i++) {
		GT_DEFER(says, "-");
		helper_defers(names[i]);
	}
	{
		GT_DEFER_SCOPE;
		helper_defers("b");
		helper_defers("a");
		trace(":");
	}
	helper_defers("3");
	trace(".");
}

static void scope_panics(void)
{
	GT_DEFER(says, "z");
	GT_DEFER_SCOPE;
	helper_defers("3");
	CHECK_EQ(gt_defer(recovers, NULL), 0);
	GT_DEFER(says, "2");
	helper_defers("1");
	gt_panic("A");
}

GT_TEST(scopes)
{
	scope();
	EXPECT_TRACE("---:ab.y3210z");
	scope_panics();
	trace("r");
	EXPECT_TRACE("21[A]3zr");
}

PLAIN_TEST(scopes_on_a_plain_thread)
{
	CHECK_EQ(gt_defer(says, "!"), -ESRCH);
	scope();
	EXPECT_TRACE("---:ab.y3210z");
	scope_panics();
	EXPECT_TRACE("21[A]3z");
	check_leaks();
}

static atomic_int ended;

static void ends(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ended, 1);
}

static void defers_to_its_end(void *arg)
{
	CHECK_EQ(gt_defer(ends, NULL), 0);
	helper_defers("2");
	helper_defers("1");
	trace(arg);
}

static void panics_at_its_end(void *arg)
{
	CHECK_EQ(gt_defer(ends, NULL), 0);
	helper_defers("3");
	CHECK_EQ(gt_defer(recovers, NULL), 0);
	GT_DEFER(says, "2");
	trace(arg);
	gt_panic("A");
}

static void exits_at_its_end(void *arg)
{
	CHECK_EQ(gt_defer(ends, NULL), 0);
	helper_defers("3");
	CHECK_EQ(gt_defer(recovers, NULL), 0);
	GT_DEFER(says, "2");
	trace(arg);
	gt_exit();
}

GT_TEST_PROCS(task_is_a_scope)
{
	struct gt_wg wg = { 0 };
	int i;

	for (i = 0; i < 20; i++) {
		CHECK_EQ(gt_wg_go(&wg, defers_to_its_end, "0"), 0);
		gt_wg_wait(&wg);
		EXPECT_TRACE("012");
		CHECK_EQ(gt_wg_go(&wg, panics_at_its_end, "1"), 0);
		gt_wg_wait(&wg);
		EXPECT_TRACE("12[A]3");
		CHECK_EQ(gt_wg_go(&wg, exits_at_its_end, "1"), 0);
		gt_wg_wait(&wg);
		EXPECT_TRACE("12[nil]3");
		CHECK_EQ(ended, 3 * i + 3);
	}
	check_leaks();
}

/* The main task's, before the run ends. */
static void main_defers(void)
{
	helper_defers("2");
	helper_defers("1");
}

PLAIN_TEST(main_task_is_a_scope)
{
	test_run(1, main_defers);
	EXPECT_TRACE("12");
}

/* -------------------------------------------------------------------- try ---- */

static void returns(void *arg)
{
	GT_DEFER(says, "d");
	helper_defers("s");
	trace(arg);
}

static void panics(void *arg)
{
	GT_DEFER(says, "d");
	helper_defers("s");
	gt_panic_value(arg, "A");
}

static void exits(void *arg)
{
	GT_DEFER(says, "d");
	helper_defers("s");
	trace(arg);
	gt_exit();
}

static void recovers_itself(void *arg)
{
	GT_DEFER(recovers, NULL);
	panics(arg);
}

static void scope_recovers(void *arg)
{
	helper_defers("2");
	CHECK_EQ(gt_defer(recovers, NULL), 0);
	helper_defers("1");
	gt_panic("%s", (char *)arg);
}

static void panics_on_return(void *arg)
{
	CHECK_EQ(gt_defer(panics, arg), 0);
}

static void tries(void *arg)
{
	struct gt_panic_info info;

	GT_DEFER(says, "t");
	CHECK_EQ(gt_try(panics, arg, &info), GT_PANICKED);
	gt_panic_again(&info);
}

static void tries_all(void)
{
	struct gt_panic_info info = { 0 };

	CHECK_EQ(gt_try(returns, "r", &info), GT_RETURNED);
	EXPECT_TRACE("rds");
	CHECK(!*info.message);
	CHECK_EQ(gt_try(panics, &info, &info), GT_PANICKED);
	EXPECT_TRACE("ds");
	CHECK(info.value == &info && !strcmp(info.message, "A"));
	CHECK_EQ(gt_try(panics, NULL, NULL), GT_PANICKED);
	EXPECT_TRACE("ds");
	CHECK_EQ(gt_try(recovers_itself, NULL, NULL), GT_RETURNED);
	EXPECT_TRACE("d[A]s");
	CHECK_EQ(gt_try(scope_recovers, "B", NULL), GT_RETURNED);
	EXPECT_TRACE("1[B]2");
	CHECK_EQ(gt_try(panics_on_return, NULL, &info), GT_PANICKED);
	EXPECT_TRACE("ds");
	CHECK_EQ(gt_try(tries, NULL, &info), GT_PANICKED);
	EXPECT_TRACE("dst");
	CHECK(!strcmp(info.message, "A"));
	CHECK(!gt_recover());
}

GT_TEST_PROCS(try_says_how_a_function_ended)
{
	int i;

	for (i = 0; i < 50; i++) {
		tries_all();
		CHECK_EQ(gt_try(exits, "e", NULL), GT_EXITED);
		EXPECT_TRACE("eds");
	}
}

static void *tries_on_thread(void *arg)
{
	tries_all();
	CHECK_EQ(gt_try(exits, "e", arg), GT_PANICKED);
	EXPECT_TRACE("eds");
	return NULL;
}

PLAIN_TEST(try_on_a_plain_thread)
{
	struct gt_panic_info info;

	tries_on_thread(&info);
	CHECK(!strcmp(info.message, "gt_exit() called from a thread that runs no task"));
}

/* Around each other, across a panic and an exit under way. */
static void tries_in_a_defer(void *arg)
{
	tries_all();
	trace(arg);
	CHECK_EQ(gt_try(exits, "e", NULL), GT_EXITED);
}

static void panics_with_tries(void *arg)
{
	GT_DEFER(tries_in_a_defer, "1");
	trace(arg);
	gt_panic("P");
}

static void exits_with_tries(void *arg)
{
	GT_DEFER(says, "2");
	GT_DEFER(tries_in_a_defer, "1");
	trace(arg);
	gt_exit();
}

GT_TEST_PROCS(try_in_deferred_calls)
{
	struct gt_panic_info info;
	int i;

	for (i = 0; i < 20; i++) {
		CHECK_EQ(gt_try(panics_with_tries, "", &info), GT_PANICKED);
		CHECK(!strcmp(info.message, "P"));
		EXPECT_TRACE("1eds");
		CHECK_EQ(gt_try(exits_with_tries, "", &info), GT_EXITED);
		EXPECT_TRACE("1eds2");
	}
}

/* ------------------------------------------------------------------ misuse ---- */

static struct outcome outcome;

static void jumps_in_a_run(void)
{
	test_run(1, jumps_then_panics);
}

PLAIN_TEST(panic_after_longjmp_is_found_out)
{
	if (TEST_ASAN || TEST_TSAN)
		test_skip("sanitizers do not know the stack");
	in_child(&outcome, jumps_in_a_run);
	expect_signal(&outcome, SIGABRT, "fatal: a longjmp() or an exception left a block");
	in_child(&outcome, jumps_then_panics);
	expect_signal(&outcome, SIGABRT, "fatal: a longjmp() or an exception left a block");
}

TEST_MAIN
