// SPDX-License-Identifier: GPL-2.0
/*
 * What only x86 has: two floating-point units, whose control words a switch must
 * keep each by itself. stack.c changes both at once.
 */
#include "test.h"

#ifdef __x86_64__

enum { MXCSR_FLUSH = 1 << 15, X87_SINGLE = 0x007f, X87_USUAL = 0x037f };

static atomic_long ran;

static unsigned int mxcsr_get(void)
{
	unsigned int value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static unsigned short x87_get(void)
{
	unsigned short value;

	__asm__ volatile("fnstcw %0" : "=m"(value));
	return value;
}

static void flushes(void *arg)
{
	unsigned int value = mxcsr_get() | MXCSR_FLUSH;
	int i;

	__asm__ volatile("ldmxcsr %0" : : "m"(value));
	for (i = 0; i < 100; i++) {
		gt_yield();
		CHECK(mxcsr_get() & MXCSR_FLUSH);
		CHECK_EQ(x87_get(), X87_USUAL);
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void rounds_to_single(void *arg)
{
	unsigned short value = X87_SINGLE;
	int i;

	__asm__ volatile("fldcw %0" : : "m"(value));
	for (i = 0; i < 100; i++) {
		gt_yield();
		CHECK_EQ(x87_get(), X87_SINGLE);
		CHECK(!(mxcsr_get() & MXCSR_FLUSH));
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void is_as_usual(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		gt_yield();
		CHECK_EQ(x87_get(), X87_USUAL);
		CHECK(!(mxcsr_get() & MXCSR_FLUSH));
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(control_words_each)
{
	int i;

	for (i = 0; i < 10; i++) {
		CHECK_EQ(gt_go(flushes, NULL), 0);
		CHECK_EQ(gt_go(rounds_to_single, NULL), 0);
		CHECK_EQ(gt_go(is_as_usual, NULL), 0);
	}
	AWAIT(ran == 30);
}

#else

PLAIN_TEST(control_words_each)
{
	test_skip("not x86");
}

#endif

TEST_MAIN
