// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU that goes offline takes no grace with it: the timer of a worker that
 * blocked there moves and fires. Needs root, and a CPU that can be spared.
 */
#include "gt_test.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"

FIXTURE(hotplug) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_SETUP(hotplug)
{
	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 2, GT_GRACE_MAX_NS);
	if (access(ONLINE, W_OK))
		SKIP(return, "cannot write " ONLINE ": %s", strerror(errno));
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(hotplug)
{
	if (!access(ONLINE, W_OK))
		gt_file_write(ONLINE, "1");
}

static void run_read_on_cpu1(struct gt_test_worker *self)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(1, &one);
	self->result = sched_setaffinity(0, sizeof(one), &one);
	gt_run_read_covered(self);
}

GT_TEST(hotplug, grace_survives)
{
	volatile struct gt_worker_status *status;
	int err;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_read_on_cpu1));
	status = &self->group.worker[self->worker.slot];
	/* On CPU 1, and in the read(): the cover comes after the move. */
	ASSERT_TRUE(gt_until(self->group.user[self->worker.slot].cover &&
			     gt_state(&self->group, self->worker.slot) == GT_STATE_BLOCKED));
	err = gt_file_write(ONLINE, "0");
	if (err)
		SKIP(return, "CPU 1 does not go offline: %s", strerror(-err));
	if (gt_now() - status->blocked_ns > GT_GRACE_MAX_NS)
		SKIP(return, "CPU 1 went offline only after the grace");
	ASSERT_TRUE(gt_until(status->nr_uncovered > 0));
	EXPECT_GE(gt_now() - status->blocked_ns, GT_GRACE_MAX_NS);
	EXPECT_TRUE(gt_until(self->group.status->uncovered == 1));
	ASSERT_EQ(0, gt_file_write(ONLINE, "1"));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->worker.done));
}

TEST_HARNESS_MAIN
