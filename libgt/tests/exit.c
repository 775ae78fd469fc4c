// SPDX-License-Identifier: GPL-2.0
/*
 * gt_exit(): what it runs on its way out, and how it meets panics. The orders are those
 * of Go programs of the same shape.
 */
#include "trace.h"

static struct outcome outcome;

static void exits(void *arg)
{
	trace(arg);
	gt_exit();
}

static void recovers_then_exits(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	CHECK(info);
	trace(info->message);
	trace(arg);
	gt_exit();
}

/* Each is a task's function, and its inner one. */

NOINLINE static void e1_inner(void)
{
	GT_DEFER(says, "1");
	exits("x");
}

static void e1(void *arg)
{
	GT_DEFER(says, "3");
	GT_DEFER(recovers, NULL);
	e1_inner();
	trace(arg);
}

/* An exit ends a panic. */
NOINLINE static void e2_inner(void)
{
	GT_DEFER(exits, "x");
	gt_panic("A");
}

static void e2(void *arg)
{
	GT_DEFER(says, "3");
	GT_DEFER(recovers, NULL);
	e2_inner();
	trace(arg);
}

/* A panic during an exit, recovered further out: the exit goes on. */
NOINLINE static void e3_innermost(void)
{
	GT_DEFER(panics_with, "A");
	exits("x");
}

NOINLINE static void e3_inner(void)
{
	GT_DEFER(says, "3");
	GT_DEFER(recovers, NULL);
	e3_innermost();
	trace("!");
}

static void e3(void *arg)
{
	GT_DEFER(says, "4");
	e3_inner();
	trace(arg);
}

/* Who recovers may exit. */
NOINLINE static void e4_inner(void)
{
	GT_DEFER(recovers_then_exits, "x");
	gt_panic("A");
}

static void e4(void *arg)
{
	GT_DEFER(says, "3");
	e4_inner();
	trace(arg);
}

/* An exit during an exit. */
static void e5(void *arg)
{
	GT_DEFER(says, "3");
	GT_DEFER(exits, "2");
	GT_DEFER(says, "1");
	exits(arg);
}

/* Two panics during an exit. */
static void e6(void *arg)
{
	GT_DEFER(says, "5");
	GT_DEFER(recovers, NULL);
	GT_DEFER(traces_then_panics, "B");
	GT_DEFER(traces_then_panics, "A");
	exits(arg);
}

/* A panic that is no matter of the exit. */
static void e7(void *arg)
{
	GT_DEFER(says, "3");
	GT_DEFER(has_its_own_panic, "2");
	exits(arg);
}

/* An exit during a panic, and a panic during that. */
NOINLINE static void e8_inner(void)
{
	GT_DEFER(says, "3");
	GT_DEFER(recovers, NULL);
	GT_DEFER(traces_then_panics, "B");
	GT_DEFER(exits, "x");
	gt_panic("A");
}

static void e8(void *arg)
{
	GT_DEFER(says, "4");
	e8_inner();
	trace(arg);
}

NOINLINE static void exits_deep(int depth)
{
	GT_DEFER(says, "d");
	if (!depth)
		gt_exit();
	exits_deep(depth - 1);
	trace("!");
}

static void deep(void *arg)
{
	GT_DEFER_SCOPE;
	CHECK_EQ(gt_defer(says, arg), 0);
	exits_deep(10);
}

/* Many panics during one exit take no more stack than one. */
#define TIMES 300

static void panics_in_turn(void *arg)
{
	int *left = arg;

	if ((*left)--)
		gt_panic("again");
}

static void recovers_in_turn(void *arg)
{
	CHECK(gt_recover());
	++*(int *)arg;
}

static void many(void *arg)
{
	int left = TIMES, i;
	static int recovered;

	recovered = 0;
	GT_DEFER_SCOPE;
	CHECK_EQ(gt_defer(says, arg), 0);
	for (i = 0; i < TIMES; i++) {
		CHECK_EQ(gt_defer(recovers_in_turn, &recovered), 0);
		CHECK_EQ(gt_defer(panics_in_turn, &left), 0);
	}
	gt_exit();
}

static void run_task(void (*fn)(void *arg), void *arg)
{
	struct gt_wg wg = { 0 };

	CHECK_EQ(gt_wg_go(&wg, fn, arg), 0);
	gt_wg_wait(&wg);
}

GT_TEST_PROCS(exits_and_panics)
{
	int i;

	for (i = 0; i < 20; i++) {
		run_task(e1, "!");
		EXPECT_TRACE("x1[nil]3");
		run_task(e2, "!");
		EXPECT_TRACE("x[nil]3");
		run_task(e3, "!");
		EXPECT_TRACE("x[A]34");
		run_task(e4, "!");
		EXPECT_TRACE("Ax3");
		run_task(e5, "0");
		EXPECT_TRACE("0123");
		run_task(e6, "0");
		EXPECT_TRACE("0pp[B]5");
		run_task(e7, "0");
		EXPECT_TRACE("0[B]23");
		run_task(e8, "!");
		EXPECT_TRACE("xp[B]34");
		run_task(deep, "0");
		EXPECT_TRACE("ddddddddddd0");
		run_task(many, "m");
		EXPECT_TRACE("m");
	}
}

/* On their way out tasks change threads. */
static atomic_long ended;

static void yields(void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		gt_yield();
	atomic_fetch_add((atomic_long *)arg, 1);
}

NOINLINE static void exits_with_yields(int depth)
{
	GT_DEFER(yields, &ended);
	gt_yield();
	if (!depth)
		gt_exit();
	exits_with_yields(depth - 1);
	atomic_signal_fence(memory_order_seq_cst);	/* no tail call */
}

static void exits_slowly(void *arg)
{
	CHECK_EQ(gt_defer(yields, arg), 0);
	exits_with_yields(4);
}

GT_TEST_PROCS(deferred_calls_may_suspend)
{
	long i, n = crowd(500);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(exits_slowly, &ended), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ended, 6 * n);
}

/* The main task's exit runs what it deferred, and the others go on. */
static struct gt_chan *chan;

static void outlives_main(void *arg)
{
	gt_chan_recv(chan, NULL);
	trace(arg);
	EXPECT_TRACE("12");
	_exit(3);
}

static void releases_it(void *arg)
{
	trace(arg);
	gt_chan_send(chan, NULL);
}

static void main_exits(void)
{
	CHECK(chan = gt_chan_make(0, 0));
	GT_DEFER(releases_it, "1");
	CHECK_EQ(gt_go(outlives_main, "2"), 0);
	gt_exit();
}

PLAIN_TEST(main_runs_its_deferred_calls)
{
	test_expect_procs = 2;
	test_expect_body = main_exits;
	in_child(&outcome, test_expect_run);
	expect_exit(&outcome, 3);
}

/* A return of the main task does not: others are not unwound. */
static void never_ends(void *arg)
{
	GT_DEFER(says, "!");
	gt_chan_recv(arg, NULL);
}

static void main_returns(void)
{
	GT_DEFER(says, "1");
	CHECK_EQ(gt_go(never_ends, chan), 0);
	gt_yield();
}

PLAIN_TEST(return_of_main_unwinds_nobody_else)
{
	CHECK(chan = gt_chan_make(0, 0));
	test_run(1, main_returns);
	EXPECT_TRACE("1");
}

/* --------------------------------------------------------------- unrecovered ---- */

static void c6(void *arg)
{
	GT_DEFER(panics_with, "A");
	exits(arg);
}

static void c13(void *arg)
{
	GT_DEFER(panics_with, "B");
	c6(arg);
}

static void starts_c6(void)
{
	run_task(c6, "");
}

static void starts_c13(void)
{
	run_task(c13, "");
}

PLAIN_TEST(unrecovered_panic_during_an_exit)
{
	test_expect_procs = 1;
	test_expect_body = starts_c6;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "panic: A\n\ntask ");
	test_expect_body = starts_c13;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "panic: A\n\tpanic: B\n\ntask ");
}

TEST_MAIN
