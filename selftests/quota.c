// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_GROUP_LIMIT: the least quota of the own control group and of all above it,
 * those that the process cannot see included. Needs root, and cgroup v2 with the
 * controller cpu.
 */
#include "gt_test.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define CGROUP	"/sys/fs/cgroup"
#define OUTER	CGROUP "/gt-quota-test"
#define INNER	OUTER "/inner"
#define LIMIT	"/cpu.max"
#define PROCS	"/cgroup.procs"

FIXTURE(quota) {
	struct gt_test_group group;
};

/* Both groups, without a limit. */
FIXTURE_SETUP(quota)
{
	memset(self, 0, sizeof(*self));
	rmdir(INNER);
	rmdir(OUTER);
	gt_file_write(CGROUP "/cgroup.subtree_control", "+cpu");
	if (geteuid() || mkdir(OUTER, 0755) || gt_file_write(OUTER "/cgroup.subtree_control", "+cpu") ||
	    mkdir(INNER, 0755) || access(INNER LIMIT, F_OK))
		SKIP(exit(KSFT_SKIP), "not root, or no controller cpu in " CGROUP);
	GT_TEST_GROUP_OPEN(&self->group, 1, 0);
}

FIXTURE_TEARDOWN(quota)
{
	gt_file_write(CGROUP PROCS, "0");
	gt_until(!rmdir(INNER) || errno == ENOENT);
	gt_until(!rmdir(OUTER) || errno == ENOENT);
}

/* Or the negative errno. */
static int64_t limit_of(int fd)
{
	struct gt_group_limit arg = { .size = sizeof(arg) };
	int err = gt_ioctl(fd, GT_IOC_GROUP_LIMIT, &arg);

	if (err)
		return err;
	return arg.limit == GT_LIMIT_NONE ? INT64_MAX : (int64_t)arg.limit;
}

GT_TEST(quota, bad_values)
{
	struct gt_group_limit arg = { .size = sizeof(arg), .flags = 1 };
	int fd = gt_open(), status;
	pid_t pid;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENXIO, limit_of(fd));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_GROUP_LIMIT, &arg));
	arg.flags = 0, arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_GROUP_LIMIT, &arg));
	arg.reserved = 0, arg.size--;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_GROUP_LIMIT, &arg));
	EXPECT_EQ(0, self->group.status->limit);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(limit_of(self->group.fd) == -EPERM ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

GT_TEST(quota, own_group)
{
	ASSERT_EQ(0, gt_file_write(INNER PROCS, "0"));
	EXPECT_EQ(INT64_MAX, limit_of(self->group.fd));
	EXPECT_EQ(GT_LIMIT_NONE, self->group.status->limit);
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "150000 100000"));
	EXPECT_EQ(1500000, limit_of(self->group.fd));
	EXPECT_EQ(1500000, self->group.status->limit);
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "100000 300000"));
	EXPECT_EQ(333334, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "100000000 1000"));
	EXPECT_EQ(100000LL * GT_LIMIT_CPU, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "max"));
	EXPECT_EQ(INT64_MAX, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(CGROUP PROCS, "0"));
	EXPECT_EQ(INT64_MAX, limit_of(self->group.fd));
}

GT_TEST(quota, least_of_all_above)
{
	ASSERT_EQ(0, gt_file_write(INNER PROCS, "0"));
	ASSERT_EQ(0, gt_file_write(OUTER LIMIT, "250000 100000"));
	EXPECT_EQ(2500000, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "300000 100000"));
	EXPECT_EQ(2500000, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "50000 100000"));
	EXPECT_EQ(500000, limit_of(self->group.fd));
	ASSERT_EQ(0, gt_file_write(OUTER LIMIT, "max"));
	EXPECT_EQ(500000, limit_of(self->group.fd));
	/* Where it was is nothing to it. */
	ASSERT_EQ(0, gt_file_write(CGROUP PROCS, "0"));
	EXPECT_EQ(INT64_MAX, limit_of(self->group.fd));
}

/* The text's first line, as the process sees it now. */
static bool shows(const char *path, const char *line)
{
	char text[256] = "";
	FILE *file = fopen(path, "r");
	bool same;

	same = file && fgets(text, sizeof(text), file) && !strcmp(text, line);
	if (file)
		fclose(file);
	return same;
}

#define CHECK(condition) do { if (!(condition)) return __LINE__ & 0xff; } while (0)

/* In a namespace whose root is the inner group, without a mount, as nobody. */
static int check_hidden(void)
{
	struct gt_test_group group;

	CHECK(!gt_file_write(INNER PROCS, "0"));
	CHECK(!unshare(CLONE_NEWCGROUP | CLONE_NEWNS));
	CHECK(shows("/proc/self/cgroup", "0::/\n"));
	CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!umount2(CGROUP, MNT_DETACH));
	CHECK(access(INNER, F_OK));
	CHECK(!setresgid(54321, 54321, 54321) && !setresuid(54321, 54321, 54321));
	CHECK(!gt_group_open(&group, 1, 0));
	CHECK(limit_of(group.fd) == 1500000);
	return 0;
}

GT_TEST(quota, hidden_from_the_process)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, gt_file_write(OUTER LIMIT, "150000 100000"));
	ASSERT_EQ(0, gt_file_write(INNER LIMIT, "400000 100000"));
	ASSERT_EQ(0, chmod(OUTER, 0700));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(check_hidden());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void *ask_for_ever(void *arg)
{
	struct gt_test_worker *self = arg;

	while (!self->stop) {
		int64_t limit = limit_of(self->fd);

		if (limit != 2000000 && limit != INT64_MAX) {
			self->result = 1;
			break;
		}
		self->order++;
	}
	return NULL;
}

/* Groups come and go, and the process moves, while it asks. */
GT_TEST(quota, asked_while_groups_go)
{
	unsigned int round, rounds = 20, before;
	struct gt_test_worker asker = { .fd = self->group.fd };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_for_ever, &asker));
	for (round = 0; round < rounds; round++) {
		EXPECT_EQ(0, gt_file_write(INNER LIMIT, "200000 100000"));
		EXPECT_EQ(0, gt_file_write(INNER PROCS, "0"));
		before = asker.order;
		EXPECT_TRUE(gt_until(asker.order > before + 1));
		EXPECT_EQ(0, gt_file_write(CGROUP PROCS, "0"));
		EXPECT_TRUE(gt_until(!rmdir(INNER)));
		EXPECT_EQ(0, mkdir(INNER, 0755));
	}
	asker.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, asker.result);
}

TEST_HARNESS_MAIN
