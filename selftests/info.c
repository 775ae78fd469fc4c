// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_INFO, and by it what is common to all commands: arguments that carry
 * their size, and numbers that no command has.
 */
#include "gt_test.h"

FIXTURE(info) {
	int fd;
	struct gt_info info;
};

FIXTURE_SETUP(info)
{
	self->fd = gt_open();
	ASSERT_LE(0, self->fd);
	memset(&self->info, 0, sizeof(self->info));
	self->info.size = sizeof(self->info);
}

FIXTURE_TEARDOWN(info)
{
}

GT_TEST(info, answer)
{
	const uint64_t always = GT_FEATURE_BLOCK | GT_FEATURE_PARK | GT_FEATURE_SWAP;
	static const struct gt_info zero;

	ASSERT_EQ(0, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	EXPECT_EQ(sizeof(self->info), self->info.size);
	EXPECT_EQ(GT_ABI_VERSION, self->info.abi_version);
	EXPECT_EQ(always, self->info.features & always);
	EXPECT_GE(self->info.workers_max, 64);
	EXPECT_EQ(0, memcmp(self->info.reserved, zero.reserved, sizeof(zero.reserved)));
}

GT_TEST(info, before_and_after_setup)
{
	EXPECT_EQ(0, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	ASSERT_EQ(0, gt_setup(self->fd, 1, 0));
	EXPECT_EQ(0, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
}

GT_TEST(info, other_address_space)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, gt_setup(self->fd, 1, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

GT_TEST(info, too_small)
{
	unsigned int size;

	for (size = 0; size < sizeof(self->info); size++) {
		self->info.size = size;
		EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	}
}

GT_TEST(info, larger)
{
	struct {
		struct gt_info info;
		unsigned char tail[64];
	} large = { .info.size = sizeof(large) };

	EXPECT_EQ(0, gt_ioctl(self->fd, GT_IOC_INFO, &large));
	EXPECT_EQ(sizeof(large.info), large.info.size);
	EXPECT_EQ(GT_ABI_VERSION, large.info.abi_version);

	memset(&large, 0, sizeof(large));
	large.info.size = sizeof(large);
	large.tail[63] = 1;
	EXPECT_EQ(-E2BIG, gt_ioctl(self->fd, GT_IOC_INFO, &large));
	EXPECT_EQ(sizeof(large), large.info.size);
	large.info.size = ~0U;
	EXPECT_EQ(-E2BIG, gt_ioctl(self->fd, GT_IOC_INFO, &large));
}

GT_TEST(info, reserved)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		memset(&self->info, 0, sizeof(self->info));
		self->info.size = sizeof(self->info);
		self->info.reserved[i] = 1;
		EXPECT_EQ(-EINVAL, gt_ioctl(self->fd, GT_IOC_INFO, &self->info));
	}
}

GT_TEST(info, bad_memory)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map;

	EXPECT_EQ(-EFAULT, gt_ioctl(self->fd, GT_IOC_INFO, NULL));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->fd, GT_IOC_INFO, (void *)~0xfffUL));

	/* Ends in the middle; cannot be written. */
	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	memcpy(map + page - 8, &self->info, 8);
	memcpy(map, &self->info, sizeof(self->info));
	ASSERT_EQ(0, munmap(map + page, page));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->fd, GT_IOC_INFO, map + page - 8));
	ASSERT_EQ(0, mprotect(map, page, PROT_READ));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->fd, GT_IOC_INFO, map));
}

GT_TEST(info, unknown_command)
{
	unsigned int number;

	for (number = 0; number < 256; number++) {
		switch (_IO(GT_IOC_TYPE, number)) {
		case GT_IOC_INFO:
		case GT_IOC_GROUP_SETUP:
		case GT_IOC_WORKER_ATTACH:
		case GT_IOC_WORKER_DETACH:
		case GT_IOC_WORKER_PARK:
		case GT_IOC_WORKER_WAKE:
		case GT_IOC_WORKER_STANDBY:
		case GT_IOC_WORKER_SWAP:
		case GT_IOC_WORKER_UPCALL:
		case GT_IOC_WORKER_PREEMPT:
		case GT_IOC_WORKER_SLICE:
		case GT_IOC_ARENA_SETUP:
		case GT_IOC_GROUP_LIMIT:
			continue;
		}
		EXPECT_EQ(-ENOTTY, gt_ioctl(self->fd, _IO(GT_IOC_TYPE, number), &self->info));
	}
	EXPECT_EQ(-ENOTTY, gt_ioctl(self->fd, _IO('x', 0), &self->info));
	EXPECT_EQ(-ENOTTY, gt_ioctl(self->fd, _IOWR(GT_IOC_TYPE, 0, struct gt_info),
				    &self->info));
}

/* The device can be opened by all, and neither read nor written nor sought. */
GT_TEST(info, no_file)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
}

TEST_HARNESS_MAIN
