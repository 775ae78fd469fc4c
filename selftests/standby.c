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

/* The worker that began last is woken first. */
GT_TEST(standby, last_first)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(gt_worker_start(&self->standby[i], &self->group, gt_run_standby));
		ASSERT_TRUE(gt_worker_wait_state(&self->standby[i], GT_STATE_STANDBY));
	}
	for (i = 2; i >= 0; i--) {
		ASSERT_TRUE(gt_worker_start(&self->blocker[i], &self->group,
					    gt_run_read_covered));
		ASSERT_TRUE(gt_until(self->standby[0].done + self->standby[1].done +
				     self->standby[2].done == 3 - i));
		EXPECT_TRUE(self->standby[i].done);
		EXPECT_EQ(GT_EVENT_UNCOVERED, self->standby[i].events);
	}
	EXPECT_EQ(3, self->group.status->delivered);
}

/* Events that nobody waits for count as one. */
GT_TEST(standby, coalesce)
{
	unsigned int i, events;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(gt_worker_start(&self->blocker[i], &self->group,
					    gt_run_read_covered));
		ASSERT_TRUE(gt_until(self->group.worker[self->blocker[i].slot].nr_uncovered));
	}
	ASSERT_LE(0, gt_attach(self->group.fd));
	EXPECT_EQ(0, gt_standby(self->group.fd, 0, &events));
	EXPECT_EQ(GT_EVENT_UNCOVERED, events);
	EXPECT_EQ(0, self->group.status->uncovered);
	EXPECT_EQ(1, self->group.status->delivered);
	EXPECT_EQ(-ETIMEDOUT, gt_standby(self->group.fd, 0, NULL));
	EXPECT_EQ(-ETIMEDOUT, gt_standby(self->group.fd, gt_now() + MSEC, NULL));
	EXPECT_EQ(1, self->group.status->delivered);
}

/* A wake ends a standby too, and leaves the event for another. */
GT_TEST(standby, wake)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(gt_worker_start(&self->standby[i], &self->group, gt_run_standby));
		ASSERT_TRUE(gt_worker_wait_state(&self->standby[i], GT_STATE_STANDBY));
	}
	ASSERT_EQ(0, gt_wake(self->group.fd, self->standby[1].slot));
	ASSERT_TRUE(gt_until(self->standby[1].done));
	EXPECT_EQ(0, self->standby[1].result);
	EXPECT_EQ(GT_EVENT_WOKEN, self->standby[1].events);
	EXPECT_FALSE(self->standby[0].done);
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->standby[0].done));
	EXPECT_EQ(GT_EVENT_UNCOVERED, self->standby[0].events);
}

/* One that gave up is not chosen any more: the event waits. */
GT_TEST(standby, gave_up)
{
	unsigned int events;

	ASSERT_LE(0, gt_attach(self->group.fd));
	ASSERT_EQ(-ETIMEDOUT, gt_standby(self->group.fd, gt_now() + MSEC, NULL));
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->group.status->uncovered == 1));
	/* Park is not for it. */
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 0, NULL));
	EXPECT_EQ(0, gt_standby(self->group.fd, GT_DEADLINE_NONE, &events));
	EXPECT_EQ(GT_EVENT_UNCOVERED, events);
}

/* Wake and event together are told together. */
GT_TEST(standby, both)
{
	unsigned int events;
	int slot;

	slot = gt_attach(self->group.fd);
	ASSERT_LE(0, slot);
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->group.status->uncovered == 1));
	ASSERT_EQ(0, gt_wake(self->group.fd, slot));
	EXPECT_EQ(0, gt_standby(self->group.fd, 0, &events));
	EXPECT_EQ(GT_EVENT_UNCOVERED | GT_EVENT_WOKEN, events);
}

/* The caller's memory cannot be written: the event and the wake stay. */
GT_TEST(standby, unwritable)
{
	struct gt_worker_park *arg;
	unsigned int events;
	int slot;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));

	slot = gt_attach(self->group.fd);
	ASSERT_LE(0, slot);
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->group.status->uncovered == 1));
	ASSERT_EQ(0, gt_wake(self->group.fd, slot));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->group.fd, GT_IOC_WORKER_STANDBY, arg));
	EXPECT_EQ(1, self->group.status->uncovered);
	EXPECT_EQ(0, self->group.status->delivered);
	EXPECT_EQ(0, gt_standby(self->group.fd, 0, &events));
	EXPECT_EQ(GT_EVENT_UNCOVERED | GT_EVENT_WOKEN, events);
	EXPECT_EQ(1, self->group.status->delivered);
}

static void run_standby_loop(struct gt_test_worker *self)
{
	while (!self->stop) {
		if (!gt_standby(self->group->fd, GT_DEADLINE_NONE, NULL))
			self->order++;
	}
}

/* Blocks and standbys at full speed: each block that had its report is told. */
GT_TEST(standby, none_lost)
{
	unsigned int i, rounds = 500 * gt_test_scale();
	volatile struct gt_worker_status *status;
	uint64_t delivered, nr;

	ASSERT_TRUE(gt_worker_start(&self->standby[0], &self->group, run_standby_loop));
	ASSERT_TRUE(gt_worker_start(&self->blocker[0], &self->group, gt_run_read_loop));
	status = &self->group.worker[self->blocker[0].slot];
	for (i = 0; i < rounds; i++) {
		ASSERT_TRUE(gt_until(self->blocker[0].order == i &&
				     gt_state(&self->group, self->blocker[0].slot) ==
				     GT_STATE_BLOCKED));
		delivered = self->group.status->delivered;
		nr = status->nr_uncovered;
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		ASSERT_TRUE(gt_until(status->nr_uncovered > nr));
		ASSERT_TRUE(gt_until(self->group.status->delivered > delivered));
	}
	ASSERT_TRUE(gt_until(self->group.status->uncovered == 0));
	self->standby[0].stop = true;
	gt_wake(self->group.fd, self->standby[0].slot);
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->standby[0].done && self->blocker[0].done));
}

TEST_HARNESS_MAIN
