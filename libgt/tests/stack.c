// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks: their size, guard, alignment and cost; and that a switch keeps what the
 * C ABI says a call keeps.
 */
#include <fenv.h>
#include <sys/mman.h>

#include "test.h"

static atomic_long ran;

/* ----------------------------------------------------------------- depth ---- */

/* Recurse until so many bytes below the start are in use, then add up. */
NOINLINE static long dig(const char *start, long bytes, int level)
{
	volatile char frame[256];
	size_t i;

	for (i = 0; i < sizeof(frame); i++)
		frame[i] = (char)level;
	if (start - (char *)frame < bytes)
		dig(start, bytes, level + 1);
	else
		gt_yield();
	for (i = 0; i < sizeof(frame); i++)
		CHECK_EQ(frame[i], (char)level);
	return frame[0];
}

static void digs(void *arg)
{
	dig(__builtin_frame_address(0), (long)arg, 0);
	atomic_fetch_add(&ran, 1);
}

/* What the task's own record and the call chain may take; sanitizers' are larger. */
enum { KEPT = (TEST_ASAN || TEST_TSAN ? 24 : 8) << 10 };

GT_TEST_PROCS(nearly_all_of_the_stack)
{
	int i;

	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(digs, (void *)((long)GT_STACK_SIZE - KEPT)), 0);
	AWAIT(ran == 100);
}

GT_TEST_PROCS(larger_stacks)
{
	static const size_t sizes[] = { 65 << 10, 100 << 10, 1 << 20, 8 << 20, 64 << 20 };
	struct gt_task_attr attr = {0};
	size_t i;

	/* ThreadSanitizer follows calls to a depth of 65536 */
	for (i = 0; i < ARRAY_SIZE(sizes) - TEST_TSAN; i++) {
		attr.stack_size = sizes[i];
		CHECK_EQ(gt_go_attr(digs, (void *)(long)(sizes[i] - KEPT), &attr), 0);
		CHECK_EQ(gt_go_attr(digs, (void *)(long)(sizes[i] - KEPT), &attr), 0);
	}
	AWAIT(ran == 2 * (ARRAY_SIZE(sizes) - TEST_TSAN));
}

GT_TEST(smaller_stack_is_rounded_up)
{
	struct gt_task_attr attr = { .stack_size = 1 };

	CHECK_EQ(gt_go_attr(digs, (void *)((long)GT_STACK_SIZE - KEPT), &attr), 0);
	AWAIT(ran == 1);
}

GT_TEST(largest_stack)
{
	struct gt_task_attr attr = { .stack_size = GT_STACK_SIZE_MAX };
	int result;

	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's shadow of 1 GiB");
	result = gt_go_attr(digs, (void *)(1l << 20), &attr);
	if (result == -ENOMEM)
		test_skip("this machine has no 1 GiB of address space to give");
	CHECK_EQ(result, 0);
	AWAIT(ran == 1);
}

/* The block of gt_go_copy() leaves the rest of the stack. */
static void digs_below_block(void *arg)
{
	(void)arg;
	digs((void *)((long)GT_STACK_SIZE - KEPT - (16 << 10)));
}

GT_TEST(stack_below_a_copied_block)
{
	static const char block[16 << 10];

	CHECK_EQ(gt_go_copy(digs_below_block, block, sizeof(block)), 0);
	AWAIT(ran == 1);
}

/* ----------------------------------------------------------------- guard ---- */

static size_t overflow_stack_size;

static void digs_too_deep(void *arg)
{
	digs(arg);
	printf("survived\n");
	fflush(stdout);
}

static void overflows(void)
{
	struct gt_task_attr attr = { .stack_size = overflow_stack_size };
	long more = overflow_stack_size > GT_STACK_SIZE ? overflow_stack_size : GT_STACK_SIZE;
	int i;

	/* neighbours on both sides, parked: their stacks are mapped memory */
	for (i = 0; i < 16; i++)
		CHECK_EQ(gt_go_attr(digs_too_deep, (void *)(i == 8 ? more + (16 << 10) : 0), &attr), 0);
	AWAIT(gt_task_count() == 1);
}

static void expect_overflow_caught(size_t size)
{
	static struct outcome outcome;

	overflow_stack_size = size;
	test_expect_procs = 1;
	test_expect_body = overflows;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGSEGV, NULL);
}

PLAIN_TEST(overflow_hits_the_guard)
{
	expect_overflow_caught(0);
}

PLAIN_TEST(overflow_of_a_larger_stack_hits_the_guard)
{
	expect_overflow_caught(256 << 10);
}

/* ------------------------------------------------------------- alignment ---- */

NOINLINE static void check_aligned(void)
{
	_Alignas(16) volatile char vector[16];
	char text[64];

	/* the ABI's: frames start at a multiple of 16 */
	CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
	CHECK_EQ((uintptr_t)vector % 16, 0);
	snprintf(text, sizeof(text), "%.3f %.1Lf", 1.5, (long double)2.5);
	CHECK(!strcmp(text, "1.500 2.5"));
}

static void aligned(void *arg)
{
	CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
	check_aligned();
	gt_yield();
	check_aligned();
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(alignment)
{
	static const char block[256];
	struct gt_task_attr attr = {0};
	int i;

	check_aligned();
	for (i = 0; i < 128; i++) {
		attr.stack_size = i * 4096;
		CHECK_EQ(gt_go(aligned, NULL), 0);
		CHECK_EQ(gt_go_copy(aligned, block, i), 0);
		CHECK_EQ(gt_go_attr(aligned, NULL, &attr), 0);
	}
	AWAIT(ran == 3 * 128);
}

/* ------------------------------------------------------- what a call keeps ---- */

/* More live values than there are callee-saved registers. */
NOINLINE static void keeps_registers(uint64_t seed)
{
	uint64_t a = seed * 3, b = seed * 5, c = seed * 7, d = seed * 11, e = seed * 13;
	uint64_t f = seed * 17, g = seed * 19;
	double x = seed * 0.5;
	int i;

	for (i = 0; i < 200; i++) {
		gt_yield();
		a += 3, b += 5, c += 7, d += 11, e += 13, f += 17, g += 19, x += 0.5;
	}
	seed += 200;
	CHECK(a == seed * 3 && b == seed * 5 && c == seed * 7 && d == seed * 11);
	CHECK(e == seed * 13 && f == seed * 17 && g == seed * 19 && x == seed * 0.5);
}

static void keeps(void *arg)
{
	keeps_registers((uint64_t)arg << 32 | 0x1234567);
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(callee_saved_registers)
{
	long i;

	for (i = 1; i <= 50; i++)
		CHECK_EQ(gt_go(keeps, (void *)i), 0);
	AWAIT(ran == 50);
}

/*
 * Rounding is in the control words of both the x87 unit and SSE, which a call
 * keeps. Sums show it besides, in both units.
 */
NOINLINE static void check_rounding(int mode)
{
	volatile double one = 1, tiny = 1e-30, sum = one + tiny;
	volatile long double lone = 1, ltiny = 1e-30L, lsum = lone + ltiny;

	CHECK_EQ(fegetround(), mode);
	CHECK_EQ(sum > 1, mode == FE_UPWARD);
	CHECK_EQ(lsum > 1, mode == FE_UPWARD);
}

static void rounds(void *arg)
{
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	int mode = modes[(long)arg % 4], i;

	CHECK_EQ(fesetround(mode), 0);
	for (i = 0; i < 100; i++) {
		gt_yield();
		check_rounding(mode);
	}
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(floating_point_control)
{
	long i;

	for (i = 0; i < 40; i++)
		CHECK_EQ(gt_go(rounds, (void *)i), 0);
	AWAIT(ran == 40);
	check_rounding(FE_TONEAREST);
}

/* A new task does not start with what the last task of the thread left there. */
static void starts_rounding_up(void *arg)
{
	fesetround(FE_UPWARD);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void starts_as_usual(void *arg)
{
	check_rounding(FE_TONEAREST);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(floating_point_control_of_a_new_task)
{
	long i;

	for (i = 0; i < 100; i++) {
		CHECK_EQ(gt_go(starts_as_usual, NULL), 0);
		CHECK_EQ(gt_go(starts_rounding_up, NULL), 0);
		if (i % 10 == 0)
			AWAIT(ran == 2 * (i + 1));
	}
	AWAIT(ran == 200);
	check_rounding(FE_TONEAREST);
}

/* ------------------------------------------------------------------ cost ---- */

static struct gt_chan *gate;
static atomic_long waiting;

static void waits_at_gate(void *arg)
{
	(void)arg;
	atomic_fetch_add(&waiting, 1);
	gt_chan_recv(gate, NULL);
}

/* Stacks are committed as they are touched: a task that waits costs a page or so. */
GT_TEST_PROCS(a_hundred_thousand_tasks)
{
	long n = crowd(100000), i, kib;

	CHECK(gate = gt_chan_make(0, 0));
	kib = status_kib("VmRSS:");
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(waits_at_gate, NULL), 0);
	AWAIT(waiting == n);
	kib = status_kib("VmRSS:") - kib;
	if (!TEST_TSAN && !TEST_ASAN && kib > n * 8 + 1024)
		test_fail(__FILE__, __LINE__, "%ld tasks take %ld KiB of memory", n, kib);
	gt_chan_close(gate);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(gate);
}

/* After a peak the memory goes back, but for some; and stacks can be had again. */
GT_TEST(memory_goes_back_after_a_peak)
{
	const long n = 8000;
	long before = status_kib("VmRSS:"), peak = 0, round, i;

	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's memory is not ours to count");
	for (round = 0; round < 2; round++) {
		CHECK(gate = gt_chan_make(0, 0));
		atomic_store(&waiting, 0);
		for (i = 0; i < n; i++)
			CHECK_EQ(gt_go(waits_at_gate, NULL), 0);
		AWAIT(waiting == n);
		peak = status_kib("VmRSS:");
		CHECK(peak > before + n * 3);
		gt_chan_close(gate);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(gate);
		/* Mostly idle, as a program is then. */
		while (!round && status_kib("VmRSS:") > peak - n)
			gt_sleep(10 * GT_MILLISECOND);
	}
}

/* Tasks that come and go do not pile up. */
GT_TEST_PROCS(stacks_are_used_again)
{
	long rounds_n = scaled(200), round, kib = 0;
	struct gt_wg wg = {0};
	int i;

	ONE_MALLOC_ARENA();
	for (round = 0; round < rounds_n; round++) {
		for (i = 0; i < 200; i++)
			CHECK_EQ(gt_wg_go(&wg, digs, (void *)(16l << 10)), 0);
		gt_wg_wait(&wg);
		if (round == rounds_n / 4)
			kib = status_kib("VmSize:");
	}
	/* at once there were 200, so a quarter of the rounds has seen the most */
	if (!TEST_TSAN && !TEST_ASAN)
		CHECK(status_kib("VmSize:") < kib + 64 * 1024);
}

TEST_MAIN
