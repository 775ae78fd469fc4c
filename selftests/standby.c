// SPDX-License-Identifier: GPL-2.0
/*
 * The uncovered event reaches a standby worker: whichever of the two comes first,
 * one worker for each event, the one that began last, and no event is lost.
 */
#include "gt_test.h"

FIXTURE(standby) {
	struct gt_test_group group;
	struct gt_test_worker blocker[3];
	struct gt_test_worker standby[3];
	int pipe[2];
};

FIXTURE_SETUP(standby)
{
	unsigned int i;

	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 8, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	for (i = 0; i < 3; i++) {
		self->blocker[i].fd = self->pipe[0];
		self->standby[i].deadline_ns = GT_DEADLINE_NONE;
	}
}

FIXTURE_TEARDOWN(standby)
{
}

/* Standby first, then the block. */
GT_TEST(standby, then_block)
{
	ASSERT_TRUE(gt_worker_start(&self->standby[0], &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby[0], GT_STATE_STANDBY));
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->standby[0].done));
	EXPECT_EQ(0, self->standby[0].result);
	EXPECT_EQ(GT_EVENT_UNCOVERED, self->standby[0].events);
	EXPECT_EQ(GT_STATE_BLOCKED, gt_state(&self->group, self->blocker[0].slot));
	EXPECT_EQ(0, self->group.status->uncovered);
	EXPECT_EQ(1, self->group.status->delivered);
}

/* The block first: the event waits for the standby. */
GT_TEST(standby, after_block)
{
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->group.status->uncovered == 1));
	ASSERT_TRUE(gt_worker_start(&self->standby[0], &self->group, gt_run_standby));
	ASSERT_TRUE(gt_until(self->standby[0].done));
	EXPECT_EQ(0, self->standby[0].result);
	EXPECT_EQ(GT_EVENT_UNCOVERED, self->standby[0].events);
	EXPECT_EQ(0, self->group.status->uncovered);
	EXPECT_EQ(1, self->group.status->delivered);
}

TEST_HARNESS_MAIN
