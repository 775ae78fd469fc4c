// SPDX-License-Identifier: GPL-2.0
/*
 * With the module a block wakes nobody while another processor is idle, and its own is
 * there when that one is needed.
 */
#include "test.h"

static int wire[2];
static atomic_bool release, ran;

static void blocks(void *arg)
{
	char byte;

	CHECK_EQ(read(wire[0], &byte, 1), 1);
	(void)arg;
}

static void computes(void *arg)
{
	while (!atomic_load(&release))
		;
	(void)arg;
}

static void runs(void *arg)
{
	atomic_store(&ran, true);
	(void)arg;
}

/* A task is blocked, and has been for the grace. This one has not let go meanwhile. */
static void block_beside(struct gt_wg *wg)
{
	uint64_t before = stats_now().kernel_uncovered;

	CHECK_EQ(gt_wg_go(wg, blocks, NULL), 0);
	while (stats_now().kernel_uncovered == before)
		;
}

/* Returns whether the processor of the blocked task was left alone for a while. */
static bool is_left_alone(void)
{
	uint64_t before = stats_now().handoffs;
	struct gt_wg wg = {0};
	int64_t begin;
	bool alone;

	block_beside(&wg);
	begin = gt_now();
	while (gt_now() < begin + 3 * GT_MILLISECOND)
		;
	alone = stats_now().handoffs == before;
	CHECK_EQ(write(wire[1], "x", 1), 1);
	gt_wg_wait(&wg);
	return alone;
}

static void leaves_alone(void)
{
	long alone = 0, i;

	CHECK_EQ(pipe(wire), 0);
	for (i = 0; i < 1000 && alone < 10; i++)
		alone += is_left_alone();
	CHECK_EQ(alone, 10);
}

TEST(nobody_is_woken_for_nothing)
{
	test_begin(_metadata);
	needs_module(GT_FEATURE_WORK);
	setenv("GTHANDOFF", "on", 1);
	test_run(4, leaves_alone);
}

/*
 * Three processors: this one's, which is never let go of; that of a blocked task; and an
 * idle one, which a task takes that runs for long. Another task is to be run none the less.
 */
static void needs_it(void)
{
	struct gt_wg wg = {0};

	atomic_store(&release, false);
	atomic_store(&ran, false);
	block_beside(&wg);
	gt_preempt_off();
	CHECK_EQ(gt_wg_go(&wg, computes, NULL), 0);
	CHECK_EQ(gt_wg_go(&wg, runs, NULL), 0);
	while (!atomic_load(&ran))
		;
	gt_preempt_on();
	atomic_store(&release, true);
	CHECK_EQ(write(wire[1], "x", 1), 1);
	gt_wg_wait(&wg);
}

static void is_there(void)
{
	long i;

	CHECK_EQ(pipe(wire), 0);
	for (i = 0; i < 1000 && stats_now().handoffs_quiet < 5; i++)
		needs_it();
	CHECK(stats_now().handoffs_quiet >= 5);
}

TEST(it_is_there_when_it_is_needed)
{
	test_begin(_metadata);
	needs_module(GT_FEATURE_WORK);
	setenv("GTHANDOFF", "on", 1);
	test_run(3, is_there);
}

TEST_MAIN
