// SPDX-License-Identifier: GPL-2.0
/*
 * The mapped areas: what is in them, and what cannot be done to them.
 */
#include "gt_test.h"

#define WORKERS	300

FIXTURE(status) {
	int fd;
	struct gt_group_setup setup;
};

FIXTURE_SETUP(status)
{
	self->fd = gt_open();
	ASSERT_LE(0, self->fd);
	memset(&self->setup, 0, sizeof(self->setup));
	self->setup.size = sizeof(self->setup);
	self->setup.workers = WORKERS;
	self->setup.grace_ns = 12345;
	ASSERT_EQ(0, gt_ioctl(self->fd, GT_IOC_GROUP_SETUP, &self->setup));
}

FIXTURE_TEARDOWN(status)
{
}

GT_TEST(status, contents)
{
	struct gt_worker_status *worker;
	struct gt_status *status;
	unsigned int i;

	status = mmap(NULL, self->setup.status_size, PROT_READ, MAP_SHARED, self->fd,
		      GT_MMAP_STATUS);
	ASSERT_NE(MAP_FAILED, status);
	EXPECT_EQ(GT_ABI_VERSION, status->abi_version);
	EXPECT_EQ(WORKERS, status->workers);
	EXPECT_EQ(12345, status->grace_ns);
	EXPECT_EQ(0, status->uncovered);
	EXPECT_EQ(0, status->delivered);
	worker = (struct gt_worker_status *)(status + 1);
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(GT_STATE_FREE, worker[i].word);
	ASSERT_EQ(0, gt_attach(self->fd));
	EXPECT_EQ(GT_STATE_RUNNING, GT_WORD_STATE(worker[0].word));

	/* Given back, the pages are there again, unchanged. */
	EXPECT_EQ(0, madvise(status, self->setup.status_size, MADV_DONTNEED));
	EXPECT_EQ(WORKERS, status->workers);
	EXPECT_EQ(GT_STATE_RUNNING, GT_WORD_STATE(worker[0].word));
}

static int map_error(int fd, size_t size, int prot, int flags, uint64_t offset)
{
	void *map = mmap(NULL, size, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, size);
	return 0;
}

GT_TEST(status, read_only)
{
	size_t size = self->setup.status_size;
	static const uint64_t value = 1;
	struct gt_status *status;
	int mem;

	EXPECT_EQ(EACCES, map_error(self->fd, size, PROT_READ | PROT_WRITE, MAP_SHARED,
				    GT_MMAP_STATUS));
	EXPECT_EQ(EACCES, map_error(self->fd, size, PROT_WRITE, MAP_SHARED, GT_MMAP_STATUS));
	EXPECT_EQ(EACCES, map_error(self->fd, size, PROT_READ | PROT_EXEC, MAP_SHARED,
				    GT_MMAP_STATUS));
	EXPECT_EQ(EINVAL, map_error(self->fd, size, PROT_READ, MAP_PRIVATE, GT_MMAP_STATUS));

	status = mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_STATUS);
	ASSERT_NE(MAP_FAILED, status);
	EXPECT_EQ(-1, mprotect(status, size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(status, size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);

	/* As a debugger would write to it. */
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	EXPECT_EQ(-1, pwrite(mem, &value, sizeof(value), (uintptr_t)status));
	EXPECT_EQ(GT_ABI_VERSION, status->abi_version);
}

GT_TEST(status, user_area)
{
	size_t size = self->setup.user_size;
	struct gt_worker_user *user, *again;
	unsigned int i;

	user = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, GT_MMAP_USER);
	ASSERT_NE(MAP_FAILED, user);
	again = mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_USER);
	ASSERT_NE(MAP_FAILED, again);
	for (i = 0; i < WORKERS; i++)
		user[i].cover = i + 1;
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(i + 1, again[i].cover);
	/* The kernel sees the same: attach zeroes what is its worker's alone. */
	ASSERT_EQ(0, gt_attach(self->fd));
	EXPECT_EQ(0, user[0].cover);
	EXPECT_EQ(2, user[1].cover);
	EXPECT_EQ(-1, mprotect(user, size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(EINVAL, map_error(self->fd, size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				    GT_MMAP_USER));
	EXPECT_EQ(0, madvise(user, size, MADV_DONTNEED));
	EXPECT_EQ(WORKERS, user[WORKERS - 1].cover);
}

GT_TEST(status, sizes_and_offsets)
{
	size_t page = sysconf(_SC_PAGESIZE), size = self->setup.status_size;
	void *map;

	ASSERT_GT(size, page);
	EXPECT_EQ(0, map_error(self->fd, page, PROT_READ, MAP_SHARED, GT_MMAP_STATUS));
	EXPECT_EQ(0, map_error(self->fd, 1, PROT_READ, MAP_SHARED, GT_MMAP_USER));
	EXPECT_EQ(EINVAL, map_error(self->fd, size + 1, PROT_READ, MAP_SHARED, GT_MMAP_STATUS));
	EXPECT_EQ(EINVAL, map_error(self->fd, self->setup.user_size + 1, PROT_READ, MAP_SHARED,
				    GT_MMAP_USER));
	EXPECT_EQ(EINVAL, map_error(self->fd, page, PROT_READ, MAP_SHARED, page));
	EXPECT_EQ(EINVAL, map_error(self->fd, page, PROT_READ, MAP_SHARED, GT_MMAP_USER + page));
	EXPECT_EQ(EINVAL, map_error(self->fd, page, PROT_READ, MAP_SHARED, 1ULL << 40));

	map = mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_STATUS);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(MAP_FAILED, mremap(map, page, 2 * page, MREMAP_MAYMOVE));

	/* In pieces it still is what it was. */
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd, GT_MMAP_STATUS);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, munmap((char *)map + page, page));
	EXPECT_EQ(WORKERS, ((struct gt_status *)map)->workers);
	EXPECT_EQ(0, ((char *)map)[size - 1]);
}

/* A mapping keeps the group, without any descriptor. */
GT_TEST(status, outlives_descriptor)
{
	volatile struct gt_status *status;

	status = mmap(NULL, self->setup.status_size, PROT_READ, MAP_SHARED, self->fd,
		      GT_MMAP_STATUS);
	ASSERT_NE(MAP_FAILED, status);
	close(self->fd);
	EXPECT_EQ(WORKERS, status->workers);
}

TEST_HARNESS_MAIN
