// SPDX-License-Identifier: GPL-2.0
/*
 * Panics that nobody recovers: what is printed, on which the process then dies. The
 * texts are those of Go programs of the same shape, as far as the stack.
 */
#include "trace.h"

static struct outcome outcome;

/* What is printed before the stack. */
static void expect_text(void (*body)(void), const char *text)
{
	test_expect_procs = 1;
	test_expect_body = body;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "\n\ntask 1 'main' [running]:\n");
	*strstr(outcome.text, "\n\n") = 0;
	if (strcmp(outcome.text, text))
		test_fail(__FILE__, __LINE__, "\"%s\", not \"%s\"", outcome.text, text);
}

static void takes(void *arg)
{
	(void)arg;
	CHECK(gt_recover());
}

static void panics_again_with_it(void *arg)
{
	(void)arg;
	gt_panic_again(gt_recover());
}

static void panics_then_panics(void *arg)
{
	GT_DEFER(panics_with, "C");
	gt_panic("%s", (char *)arg);
}

static void c1(void) { GT_DEFER(panics_with, "B"); gt_panic("A"); }
static void c2(void) { GT_DEFER(takes_then_panics, "B"); gt_panic("A"); }
static void c3(void) { GT_DEFER(panics_again_with_it, NULL); gt_panic("A"); }
static void c4(void) { gt_panic_value(NULL, NULL); }
static void c5(void) { GT_DEFER(panics_with, "C"); GT_DEFER(takes_then_panics, "B"); gt_panic("A"); }
static void c8(void) { GT_DEFER(panics_with, "B"); GT_DEFER(takes, NULL); gt_panic("A"); }
static void c9(void) { GT_DEFER(panics_then_panics, "B"); gt_panic("A"); }
static void c10(void) { GT_DEFER(has_its_own_panic, ""); gt_panic("A"); }
static void c14(void) { gt_chan_close(NULL); }

PLAIN_TEST(unrecovered_panics_are_printed_in_order)
{
	expect_text(c1, "panic: A\n\tpanic: B");
	expect_text(c2, "panic: A [recovered]\n\tpanic: B");
	expect_text(c3, "panic: A [recovered, repanicked]");
	expect_text(c4, "panic: panic called with nil argument");
	expect_text(c5, "panic: A [recovered]\n\tpanic: B\n\tpanic: C");
	expect_text(c8, "panic: B");
	expect_text(c9, "panic: A\n\tpanic: B\n\tpanic: C");
	expect_text(c10, "panic: A");
	expect_text(c14, "panic: close of nil channel");
}

/* The deferred calls of an unrecovered panic run, and before anything is printed. */
static void prints(void *arg)
{
	fputs(arg, stdout);
}

static void defers_printing(void)
{
	GT_DEFER(prints, "last.");
	GT_DEFER(prints, "first, ");
	gt_panic("A");
}

PLAIN_TEST(unrecovered_runs_deferred_calls)
{
	expect_text(defers_printing, "first, last.panic: A");
	in_child(&outcome, defers_printing);
	expect_signal(&outcome, SIGABRT, "first, last.panic: A\n\na thread that runs no task");
}

/* The stack, from the panic to the task's function. */
NOINLINE static void innermost_of_three(void)
{
	gt_panic("traced");
}

NOINLINE static void middle_of_three(void)
{
	innermost_of_three();
	atomic_signal_fence(memory_order_seq_cst);	/* no tail call */
}

static void outermost_of_three(void *arg)
{
	(void)arg;
	middle_of_three();
	atomic_signal_fence(memory_order_seq_cst);
}

static void starts_three(void)
{
	static const struct gt_task_attr attr = { .name = "parse" };

	CHECK_EQ(gt_go_attr(outermost_of_three, NULL, &attr), 0);
	for (;;)
		gt_yield();
}

PLAIN_TEST(unrecovered_prints_the_stack)
{
	const char *inner, *middle, *outer, *end;

	test_expect_procs = 1;
	test_expect_body = starts_three;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "panic: traced\n\ntask ");
	expect_signal(&outcome, SIGABRT, " 'parse' [running]:\n\tinnermost_of_three+0x");
	inner = strstr(outcome.text, "\tinnermost_of_three+0x");
	CHECK(middle = strstr(inner, "\n\tmiddle_of_three+0x"));
	CHECK(outer = strstr(middle, "\n\toutermost_of_three+0x"));
	CHECK(end = strstr(outer, "\ncreated by task 1"));
	CHECK(!strchr(end + 1, '\n')[1]);
	CHECK(strstr(inner, "(unrecovered+0x"));
}

/* Of a stack without end, and of one that is broken, as much as there is. */
NOINLINE static int recurses(int depth)
{
	volatile char frame[16] = { 0 };

	if (depth < 0)
		return 0;
	if (!depth)
		gt_panic("deep");
	return recurses(depth - 1) + frame[depth & 15];
}

static void panics_deep_down(void)
{
	recurses(200);
}

NOINLINE static void breaks_its_stack(void)
{
	char *volatile frame = __builtin_frame_address(0);

	memset(frame, 0x41, 16);
	gt_panic("broken");
}

PLAIN_TEST(stacks_are_printed_within_bounds)
{
	const char *at;
	int lines = 0;

	test_expect_procs = 1;
	test_expect_body = panics_deep_down;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "\n\t...\ncreated by gt_run()\n");
	for (at = outcome.text; (at = strstr(at, "\trecurses+0x")); at++)
		lines++;
	CHECK(lines > 30 && lines <= 64);

	if (TEST_ASAN)
		test_skip("AddressSanitizer sees the writes");
	test_expect_body = breaks_its_stack;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "panic: broken\n\ntask 1 'main' [running]:\n");
	expect_signal(&outcome, SIGABRT, "\ncreated by gt_run()\n");
}

/* Two that die at once: one text. */
static pthread_barrier_t barrier;

static void *panics_together(void *arg)
{
	pthread_barrier_wait(&barrier);
	gt_panic("together");
	return arg;
}

static void starts_two(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	CHECK_EQ(pthread_create(&thread, NULL, panics_together, NULL), 0);
	panics_together(NULL);
}

PLAIN_TEST(two_threads_panic_at_once)
{
	const char *at;

	in_child(&outcome, starts_two);
	expect_signal(&outcome, SIGABRT, "panic: together");
	at = strstr(outcome.text, "panic: together");
	CHECK(!strstr(at + 1, "panic: together"));
}

TEST_MAIN
