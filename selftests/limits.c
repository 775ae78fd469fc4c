// SPDX-License-Identifier: GPL-2.0
/*
 * Per-user limits: EDQUOT beyond them, given back with the group, and each user
 * has its own. Needs root, to set them.
 */
#include "gt_test.h"

#define GROUPS	"parameters/groups_per_user"
#define SLOTS	"parameters/slots_per_user"

FIXTURE(limits) {
	long groups, slots;
};

/* Each test runs as users that nobody else is, but the limits are everybody's. */
FIXTURE_SETUP(limits)
{
	if (geteuid())
		SKIP(return, "not root: the limits cannot be set");
	self->groups = gt_module_number(GROUPS);
	self->slots = gt_module_number(SLOTS);
	ASSERT_LT(0, self->groups);
	ASSERT_LT(0, self->slots);
	ASSERT_EQ(0, gt_module_set(GROUPS, 3));
	ASSERT_EQ(0, gt_module_set(SLOTS, 10));
}

FIXTURE_TEARDOWN(limits)
{
	if (self->groups > 0)
		gt_module_set(GROUPS, self->groups);
	if (self->slots > 0)
		gt_module_set(SLOTS, self->slots);
}

static int try_setup(unsigned int workers)
{
	int fd = gt_open(), err;

	if (fd < 0)
		return fd;
	err = gt_setup(fd, workers, 0);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* As another user; what the function returns is 0 or the line that failed. */
static int as_user(uid_t uid, int (*function)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setresuid(uid, uid, uid))
			_exit(255);
		_exit(function());
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define CHECK(condition) do { if (!(condition)) return __LINE__ & 0xff; } while (0)

static int check_groups(void)
{
	int fd[3], i;

	for (i = 0; i < 3; i++) {
		fd[i] = try_setup(1);
		CHECK(fd[i] >= 0);
	}
	CHECK(try_setup(1) == -EDQUOT);
	close(fd[1]);
	fd[1] = try_setup(1);
	CHECK(fd[1] >= 0);
	CHECK(try_setup(1) == -EDQUOT);
	/* Open without a setup costs nothing. */
	for (i = 0; i < 100; i++)
		CHECK(gt_open() >= 0);
	return 0;
}

static int check_slots(void)
{
	int fd;

	CHECK(try_setup(11) == -EDQUOT);
	/* Kept, so that the account is not merely begun anew. */
	CHECK(try_setup(1) >= 0);
	fd = try_setup(9);
	CHECK(fd >= 0);
	CHECK(try_setup(1) == -EDQUOT);
	close(fd);
	CHECK(try_setup(6) >= 0);
	CHECK(try_setup(4) == -EDQUOT);
	CHECK(try_setup(3) >= 0);
	return 0;
}

static int check_other(void)
{
	CHECK(try_setup(10) >= 0);
	CHECK(try_setup(1) == -EDQUOT);
	return 0;
}

static int check_user_beside_other(void)
{
	CHECK(try_setup(10) >= 0);
	return 0;
}

GT_TEST(limits, groups)
{
	EXPECT_EQ(0, as_user(54321, check_groups));
	/* All of it was given back. */
	EXPECT_EQ(0, as_user(54321, check_groups));
}

GT_TEST(limits, slots)
{
	EXPECT_EQ(0, as_user(54321, check_slots));
	EXPECT_EQ(0, as_user(54321, check_slots));
}

GT_TEST(limits, users_apart)
{
	int fds[2], done[2], status;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, pipe(done));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setresuid(54321, 54321, 54321))
			_exit(255);
		status = check_other();
		if (write(fds[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1)
			_exit(254);
		_exit(status);
	}
	ASSERT_EQ(1, read(fds[0], &byte, 1));
	EXPECT_EQ(0, as_user(54322, check_user_beside_other));
	ASSERT_EQ(1, write(done[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A lowered limit takes nothing away, and forbids more. */
static int check_lowered(void)
{
	CHECK(try_setup(8) >= 0);
	return try_setup(1) == -EDQUOT ? 0 : 1;
}

GT_TEST(limits, zero)
{
	ASSERT_EQ(0, gt_module_set(SLOTS, 8));
	EXPECT_EQ(0, as_user(54321, check_lowered));
	ASSERT_EQ(0, gt_module_set(GROUPS, 0));
	EXPECT_EQ(-EDQUOT, try_setup(1));
}

TEST_HARNESS_MAIN
