// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_GROUP_SETUP: what it accepts, what it answers, and that nothing else
 * works before it.
 */
#include "gt_test.h"

FIXTURE(setup) {
	int fd;
	struct gt_info info;
	struct gt_group_setup arg;
};

FIXTURE_SETUP(setup)
{
	self->fd = gt_open();
	ASSERT_LE(0, self->fd);
	memset(&self->info, 0, sizeof(self->info));
	self->info.size = sizeof(self->info);
	ASSERT_EQ(0, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	memset(&self->arg, 0, sizeof(self->arg));
	self->arg.size = sizeof(self->arg);
	self->arg.workers = 4;
}

FIXTURE_TEARDOWN(setup)
{
}

GT_TEST(setup, sizes)
{
	long page = sysconf(_SC_PAGESIZE);

	self->arg.workers = self->info.workers_max;
	ASSERT_EQ(0, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	EXPECT_EQ(0, self->arg.status_size % page);
	EXPECT_EQ(0, self->arg.user_size % page);
	EXPECT_GE(self->arg.status_size, sizeof(struct gt_status) +
		  self->arg.workers * sizeof(struct gt_worker_status));
	EXPECT_GE(self->arg.user_size, self->arg.workers * sizeof(struct gt_worker_user));
}

GT_TEST(setup, bad_values)
{
	struct gt_group_setup good = self->arg;

	self->arg.workers = 0;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg.workers = self->info.workers_max + 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg.workers = ~0U;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg = good;
	self->arg.grace_ns = GT_GRACE_MAX_NS + 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg = good;
	self->arg.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg = good;
	self->arg.reserved[1] = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	self->arg = good;
	self->arg.size--;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));

	/* None of them has set up anything. */
	self->arg = good;
	self->arg.grace_ns = GT_GRACE_MAX_NS;
	EXPECT_EQ(0, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
}

GT_TEST(setup, twice)
{
	ASSERT_EQ(0, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
	EXPECT_EQ(-EBUSY, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
}

static void *setup_thread(void *arg)
{
	return (void *)(long)gt_setup(*(int *)arg, 4, 0);
}

/* Of many at a time one succeeds. */
GT_TEST(setup, race)
{
	unsigned int i, round, rounds = 20 * gt_test_scale();
	pthread_t thread[4];

	for (round = 0; round < rounds; round++) {
		unsigned int done = 0, busy = 0;
		int fd = gt_open();

		ASSERT_LE(0, fd);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, setup_thread, &fd));
		for (i = 0; i < 4; i++) {
			void *result;

			ASSERT_EQ(0, pthread_join(thread[i], &result));
			done += (long)result == 0;
			busy += (long)result == -EBUSY;
		}
		EXPECT_EQ(1, done);
		EXPECT_EQ(3, busy);
		close(fd);
	}
}

/* Not answered is not done. */
GT_TEST(setup, unwritable)
{
	struct gt_group_setup *arg;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	*arg = self->arg;
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, arg));
	EXPECT_EQ(0, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->arg));
}

GT_TEST(setup, nothing_before)
{
	EXPECT_EQ(-ENXIO, gt_attach(self->fd));
	EXPECT_EQ(-ENXIO, gt_detach(self->fd));
	EXPECT_EQ(-ENXIO, gt_park(self->fd, 0, NULL));
	EXPECT_EQ(-ENXIO, gt_standby(self->fd, 0, NULL));
	EXPECT_EQ(-ENXIO, gt_wake(self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_STATUS));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_USER));
	EXPECT_EQ(ENXIO, errno);
}

TEST_HARNESS_MAIN
