// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_WORKER_ATTACH and _DETACH: slots, and who has them.
 */
#include "gt_test.h"

#define WORKERS	4

FIXTURE(attach) {
	struct gt_test_group group;
	struct gt_test_worker worker[WORKERS];
};

FIXTURE_SETUP(attach)
{
	unsigned int i;

	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, WORKERS, 0);
	for (i = 0; i < WORKERS; i++)
		self->worker[i].deadline_ns = GT_DEADLINE_NONE;
}

FIXTURE_TEARDOWN(attach)
{
}

GT_TEST(attach, status)
{
	volatile struct gt_worker_status *status = &self->group.worker[0];

	self->group.user[0].cover = 1;
	EXPECT_EQ(GT_STATE_FREE, gt_state(&self->group, 0));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(GT_STATE_RUNNING, gt_state(&self->group, 0));
	EXPECT_EQ(syscall(SYS_gettid), status->tid);
	EXPECT_EQ(0, self->group.user[0].cover);
	EXPECT_EQ(0, status->nr_uncovered);
	EXPECT_EQ(0, gt_detach(self->group.fd));
	EXPECT_EQ(GT_STATE_FREE, gt_state(&self->group, 0));
}

GT_TEST(attach, twice)
{
	int other = gt_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, gt_setup(other, 1, 0));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(-EEXIST, gt_attach(self->group.fd));
	EXPECT_EQ(-EEXIST, gt_attach(other));
	EXPECT_EQ(-ESRCH, gt_detach(other));
	EXPECT_EQ(-ESRCH, gt_park(other, 0, NULL));
	EXPECT_EQ(-ESRCH, gt_standby(other, 0, NULL));
	EXPECT_EQ(0, gt_detach(self->group.fd));
	EXPECT_EQ(0, gt_attach(other));
}

GT_TEST(attach, not_attached)
{
	EXPECT_EQ(-ESRCH, gt_detach(self->group.fd));
	EXPECT_EQ(-ESRCH, gt_park(self->group.fd, 0, NULL));
	EXPECT_EQ(-ESRCH, gt_standby(self->group.fd, 0, NULL));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(0, gt_detach(self->group.fd));
	EXPECT_EQ(-ESRCH, gt_detach(self->group.fd));
}

static void run_park_detach(struct gt_test_worker *self)
{
	gt_run_park(self);
	self->result = gt_detach(self->group->fd);
	self->stop = true;
	gt_until(!self->stop);
}

/* Each has a slot of its own, and one that is given back is free at once. */
GT_TEST(attach, slots)
{
	unsigned int i, taken = 0;

	for (i = 0; i < WORKERS; i++) {
		ASSERT_TRUE(gt_worker_start(&self->worker[i], &self->group, run_park_detach));
		ASSERT_LT(self->worker[i].slot, WORKERS);
		taken |= 1U << self->worker[i].slot;
	}
	EXPECT_EQ((1U << WORKERS) - 1, taken);
	EXPECT_EQ(-ENOSPC, gt_attach(self->group.fd));

	ASSERT_EQ(0, gt_wake(self->group.fd, self->worker[2].slot));
	ASSERT_TRUE(gt_until(self->worker[2].stop));
	EXPECT_EQ(0, self->worker[2].result);
	EXPECT_EQ(self->worker[2].slot, gt_attach(self->group.fd));
	self->worker[2].stop = false;
	gt_worker_join(&self->worker[2]);
}

/* A wake was for the worker, not for the slot. */
GT_TEST(attach, no_wake_inherited)
{
	ASSERT_EQ(0, gt_attach(self->group.fd));
	ASSERT_EQ(0, gt_wake(self->group.fd, 0));
	ASSERT_EQ(0, gt_detach(self->group.fd));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 0, NULL));
}

/* Equal words mean the same block, even if the slot changed hands. */
GT_TEST(attach, number_goes_on)
{
	uint64_t number;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	self->worker[0].fd = fds[0];
	ASSERT_TRUE(gt_worker_start(&self->worker[0], &self->group, gt_run_read));
	ASSERT_EQ(0, self->worker[0].slot);
	ASSERT_TRUE(gt_worker_wait_state(&self->worker[0], GT_STATE_BLOCKED));
	number = GT_WORD_SEQ(self->group.worker[0].word);
	ASSERT_EQ(1, write(fds[1], "x", 1));
	gt_worker_join(&self->worker[0]);
	ASSERT_TRUE(gt_worker_wait_state(&self->worker[0], GT_STATE_FREE));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_GE(GT_WORD_SEQ(self->group.worker[0].word), number);
}

GT_TEST(attach, bad_values)
{
	struct gt_worker_attach arg = { .size = sizeof(arg), .flags = 1 };
	struct gt_worker_detach off = { .size = sizeof(off), .flags = 1 };

	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_ATTACH, &arg));
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_ATTACH, &arg));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_DETACH, &off));
}

/* Not told is not attached, and the slot is not lost. */
GT_TEST(attach, unwritable)
{
	struct gt_worker_attach *arg;
	unsigned int i;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	for (i = 0; i <= WORKERS; i++)
		EXPECT_EQ(-EFAULT, gt_ioctl(self->group.fd, GT_IOC_WORKER_ATTACH, arg));
	EXPECT_EQ(-ESRCH, gt_detach(self->group.fd));
	EXPECT_EQ(0, gt_attach(self->group.fd));
}

TEST_HARNESS_MAIN
