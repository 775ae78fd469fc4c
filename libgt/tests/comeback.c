// SPDX-License-Identifier: GPL-2.0
/*
 * A task whose processor was taken while it was blocked does not compute without one: the
 * module calls the library before it does.
 */
#include "test.h"

static int wire[2];
static atomic_bool is_back;

static void blocks(void *arg)
{
	char byte;

	CHECK_EQ(read(wire[0], &byte, 1), 1);
	atomic_store(&is_back, true);
	(void)arg;
}

/* What may give the other task a processor, or let it go on without. */
static uint64_t moved(const struct gt_stats *stats)
{
	return stats->handoffs + stats->held_let_go + stats->regains;
}

/*
 * The only processor goes from the task that blocks to this one, which keeps it while the
 * other comes back. Returns whether that was held. Now and then it is let go, as sysmon may
 * need something that it has; and this one may lose the processor too.
 */
static bool comes_back_to_nothing(void)
{
	struct gt_stats first, now;
	struct gt_wg wg = {0};
	bool held;
	int i;

	atomic_store(&is_back, false);
	gt_preempt_off();
	CHECK_EQ(gt_wg_go(&wg, blocks, NULL), 0);
	first = stats_now();
	gt_yield();
	CHECK_EQ(write(wire[1], "x", 1), 1);
	do
		now = stats_now();
	while (now.returns_held == first.returns_held && !atomic_load(&is_back));
	first = now;
	held = !atomic_load(&is_back);
	for (i = 0; i < 1000; i++) {
		now = stats_now();
		if (held && atomic_load(&is_back)) {
			now = stats_now();
			CHECK(moved(&now) != moved(&first));
			held = false;
		}
	}
	gt_preempt_on();
	gt_wg_wait(&wg);
	CHECK(atomic_load(&is_back));
	return held;
}

static void comes_back(void)
{
	long held = 0, i;

	CHECK_EQ(pipe(wire), 0);
	for (i = 0; i < 1000 && held < 10; i++)
		held += comes_back_to_nothing();
	CHECK_EQ(held, 10);
}

TEST(waits_for_a_processor)
{
	test_begin(_metadata);
	needs_module(GT_FEATURE_RETURN);
	setenv("GTHANDOFF", "on", 1);
	test_run(1, comes_back);
}

static atomic_long ran;

static void computes(void *arg)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 };
	long i, k;

	for (i = 0; i < (intptr_t)arg; i++) {
		nanosleep(&nap, NULL);
		for (k = 0; k < 1000; k++)
			atomic_signal_fence(memory_order_seq_cst);
	}
	atomic_fetch_add(&ran, 1);
}

/* Many that block without a word and compute then: all of them end, in whatever order. */
GT_TEST_PROCS(all_come_back)
{
	struct gt_wg wg = {0};
	long i;

	for (i = 0; i < 16; i++)
		CHECK_EQ(gt_wg_go(&wg, computes, (void *)scaled(100)), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 16);
}

TEST_MAIN
