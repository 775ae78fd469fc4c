// SPDX-License-Identifier: GPL-2.0
/*
 * A worker that blocks in the kernel is seen to, and reported if it is covered:
 * after the grace, once for each block, and not for what is no block.
 */
#include "gt_test.h"

#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sys/resource.h>

#define GRACE_NS	(2 * MSEC)

FIXTURE(block) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_VARIANT(block) {
	unsigned int grace_ns;
};

FIXTURE_VARIANT_ADD(block, at_once) {
	.grace_ns = 0,
};

FIXTURE_VARIANT_ADD(block, grace) {
	.grace_ns = GRACE_NS,
};

FIXTURE_SETUP(block)
{
	memset(&self->worker, 0, sizeof(self->worker));
	GT_TEST_GROUP_OPEN(&self->group, 4, variant->grace_ns);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(block)
{
}

/* A read() that blocks: the word, the times, the numbers and the event. */
GT_TEST(block, read)
{
	volatile struct gt_worker_status *status;
	uint64_t word, before, after;

	before = gt_now();
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_covered));
	status = &self->group.worker[self->worker.slot];
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	after = gt_now();
	word = status->word;
	EXPECT_GE(GT_WORD_SEQ(word), 1);
	EXPECT_GE(status->nr_blocked, 1);
	EXPECT_GE(status->blocked_ns, before);
	EXPECT_LE(status->blocked_ns, after);
	EXPECT_LT(status->resumed_ns, status->blocked_ns);
	EXPECT_EQ(status->tid, self->worker.tid);

	ASSERT_TRUE(gt_until(self->group.status->uncovered == 1));
	EXPECT_EQ(1, status->nr_uncovered);
	EXPECT_EQ(word, status->word);
	EXPECT_EQ(0, self->group.status->delivered);

	before = gt_now();
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->worker.done));
	gt_worker_join(&self->worker);
	EXPECT_EQ(1, self->worker.result);
	EXPECT_GE(status->resumed_ns, before);
	EXPECT_LE(status->resumed_ns, gt_now());
	EXPECT_EQ(1, status->nr_uncovered);
}

TEST_HARNESS_MAIN
