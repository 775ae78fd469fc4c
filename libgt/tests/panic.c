// SPDX-License-Identifier: GPL-2.0
/*
 * Panics: what they run, in which order, who may recover them, and where it goes on
 * then. The orders are those of Go programs of the same shape.
 */
#include "trace.h"

/* --------------------------------------------------------------- recovery ---- */

NOINLINE static void panics_deep(int depth)
{
	GT_DEFER(says, "d");
	if (!depth)
		gt_panic("boom %d", 42);
	panics_deep(depth - 1);
	trace("!");
}

static void recovers_boom(void)
{
	GT_DEFER(says, "4");
	GT_DEFER(recovers, NULL);
	GT_DEFER(says, "2");
	panics_deep(2);
	trace("!");
}

GT_TEST_PROCS(function_returns_to_its_caller)
{
	int i;

	for (i = 0; i < 300; i++) {
		trace("0");
		recovers_boom();
		trace("5");
		EXPECT_TRACE("0ddd2[boom 42]45");
	}
}

static int returns_seven(bool panic)
{
	GT_DEFER_RETURN(recovers, NULL, -EINVAL);
	if (panic)
		gt_panic("A");
	return 7;
}

static const char *returns_text(bool panic)
{
	GT_DEFER_RETURN(recovers, NULL, "recovered");
	if (panic)
		gt_panic("A");
	return "returned";
}

static bool returns_true(bool panic)
{
	GT_DEFER_RETURN(recovers, NULL, false);
	if (panic)
		gt_panic("A");
	return true;
}

static long long returns_long(bool panic)
{
	GT_DEFER_RETURN(says, "-", 1);
	GT_DEFER_RETURN(recovers, NULL, INT64_MIN + 1);
	GT_DEFER_RETURN(says, "-", 2);
	if (panic)
		gt_panic("A");
	return 3;
}

/* What its compiler might take for the only result there is. */
static double returns_nothing_else(bool panic)
{
	GT_DEFER(recovers, NULL);
	if (panic)
		gt_panic("A");
	return strlen(trace_text) / 2.0;
}

GT_TEST(function_returns_a_result)
{
	CHECK_EQ(returns_seven(false), 7);
	CHECK_EQ(returns_seven(true), -EINVAL);
	CHECK(!strcmp(returns_text(false), "returned"));
	CHECK(!strcmp(returns_text(true), "recovered"));
	CHECK_EQ(returns_true(false), true);
	CHECK_EQ(returns_true(true), false);
	CHECK_EQ(returns_long(false), 3);
	CHECK_EQ(returns_long(true), INT64_MIN + 1);
	CHECK(returns_nothing_else(false) != 0);
	CHECK(returns_nothing_else(true) == 0);
}

/* The caller's variables are as after any call, in registers or not. */
NOINLINE static long caller_has_many(long a, long b, long c, long d)
{
	long e = a * 3, f = b * 5, g = c * 7, h = d * 11, i, sum = 0;
	double x = a * 0.5, y = b * 0.25;

	for (i = 0; i < 3; i++) {
		recovers_boom();
		sum += e + f * 10 + g * 100 + h * 1000 + (long)(x * 4 + y * 8);
		e++, f++, g++, h++, x++, y++;
	}
	return sum + a + b + c + d;
}

GT_TEST(caller_keeps_its_variables)
{
	long expected = 0, i;

	for (i = 0; i < 3; i++)
		expected += 3 + i + (10 + i) * 10 + (21 + i) * 100 + (44 + i) * 1000 +
			    (long)((0.5 + i) * 4 + (0.5 + i) * 8);
	CHECK_EQ(caller_has_many(1, 2, 3, 4), expected + 1 + 2 + 3 + 4);
	trace_size = 0;
}

/* Nothing else that is on the way runs on: neither a loop's end nor a handler's. */
static void never_returns_otherwise(void)
{
	GT_DEFER(recovers, NULL);
	for (;;)
		gt_panic("loop");
}

static int compares(const void *a, const void *b)
{
	(void)a, (void)b;
	gt_panic("in qsort()");
}

static void sorts(void)
{
	int numbers[] = { 3, 1, 2 };

	GT_DEFER(recovers, NULL);
	qsort(numbers, 3, sizeof(numbers[0]), compares);
	trace("!");
}

GT_TEST(recovered_on_the_way_through)
{
	never_returns_otherwise();
	sorts();
	EXPECT_TRACE("[loop][in qsort()]");
}

/* ------------------------------------------------------ who may recover ---- */

NOINLINE static void helps(void)
{
	recovers(NULL);
}

static void calls_helper(void *arg)
{
	helps();
	trace(arg);
}

/* With optimisation this is a jump. */
static void jumps_to_helper(void *arg)
{
	(void)arg;
	helps();
}

static inline const struct gt_panic_info *inlined_recover(void)
{
	return gt_recover();
}

static void recovers_inline(void *arg)
{
	(void)arg;
	CHECK(!inlined_recover());
}

static void defers_recover(void *arg)
{
	GT_DEFER(recovers, NULL);
	trace(arg);
}

static void defers_in_a_call(void *arg)
{
	defers_recover(arg);
}

static void recovers_twice(void *arg)
{
	(void)arg;
	CHECK(gt_recover());
	CHECK(!gt_recover());
	trace("2");
}

static void only_the_deferred_function(void)
{
	GT_DEFER(recovers, NULL);
	GT_DEFER(recovers_twice, NULL);
	GT_DEFER(defers_in_a_call, "c");
	GT_DEFER(defers_recover, "b");
	GT_DEFER(recovers_inline, NULL);
	GT_DEFER(jumps_to_helper, NULL);
	GT_DEFER(calls_helper, "a");
	gt_panic("A");
}

GT_TEST(only_the_deferred_function_recovers)
{
	CHECK(!gt_recover());
	helps();
	defers_recover("x");
	only_the_deferred_function();
	EXPECT_TRACE("[nil]x[nil][nil]a[nil]b[nil]c[nil]2[nil]");
	CHECK(!gt_recover());
}

/* ------------------------------------------------- panics during panics ---- */

static void panic_after_recovery_inner(void)
{
	GT_DEFER(says, "3");
	GT_DEFER(takes_then_panics, "B");
	gt_panic("A");
}

static void panic_after_recovery(void)
{
	GT_DEFER(recovers, NULL);
	panic_after_recovery_inner();
	trace("!");
}

static void panic_within_a_defer(void)
{
	GT_DEFER(recovers, NULL);
	GT_DEFER(has_its_own_panic, "after");
	gt_panic("A");
}

static void remaining_defers_inner(void)
{
	GT_DEFER(says, "1");
	GT_DEFER(traces_then_panics, "C");
	GT_DEFER(recovers, NULL);
	gt_panic("A");
}

static void remaining_defers_panic(void)
{
	GT_DEFER(recovers, NULL);
	remaining_defers_inner();
	trace("!");
}

static void three_inner(void)
{
	GT_DEFER(panics_with, "C");
	GT_DEFER(panics_with, "B");
	gt_panic("A");
}

static void three_panics(void)
{
	GT_DEFER(recovers, NULL);
	three_inner();
}

static void panics_in_a_call(void *arg)
{
	trace("d");
	panic_in_a_defer_inner();
	trace(arg);
}

static void two_at_once_inner(void)
{
	GT_DEFER(panics_in_a_call, "!");
	gt_panic("0");
}

static void two_at_once(void)
{
	GT_DEFER(recovers, NULL);
	two_at_once_inner();
	trace("!");
}

static void recovers_then_again(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	CHECK(info && !strcmp(info->message, "A"));
	panics_and_recovers();
	CHECK(!gt_recover());
	CHECK(!strcmp(info->message, "A"));
	trace(arg);
}

static void new_panic_after_recovery(void)
{
	GT_DEFER(recovers_then_again, "z");
	gt_panic("A");
}

GT_TEST_PROCS(panics_during_panics)
{
	panic_in_a_defer();
	EXPECT_TRACE("1p3[B]4");
	panic_after_recovery();
	EXPECT_TRACE("A3[B]");
	panic_within_a_defer();
	EXPECT_TRACE("[B]after[A]");
	remaining_defers_panic();
	EXPECT_TRACE("[A]p1[C]");
	three_panics();
	EXPECT_TRACE("[C]");
	two_at_once();
	EXPECT_TRACE("d1p3[B]");
	new_panic_after_recovery();
	EXPECT_TRACE("[B]z");
	CHECK(!gt_recover());
}

/* Each recovered panic gives back its stack, though the next is raised deeper. */
static void panics_again(void *arg)
{
	long *left = arg;

	if (*left) {
		(*left)--;
		panics_and_recovers();
	}
}

GT_TEST(many_panics_in_one_task)
{
	long i, n = scaled(20000), left = n;

	for (i = 0; i < n; i++) {
		panics_again(&left);
		trace_size = 0;
	}
	CHECK_EQ(left, 0);
}

TEST_MAIN
