// SPDX-License-Identifier: GPL-2.0
/*
 * A process whose workers sleep by command can be frozen, and goes on as if
 * nothing had been. Needs root, to make a control group.
 */
#include "gt_test.h"

#include <sys/mount.h>
#include <sys/stat.h>

FIXTURE(freeze) {
	char root[32], group[64];
};

FIXTURE_SETUP(freeze)
{
	memset(self, 0, sizeof(*self));
	strcpy(self->root, "/tmp/gt-freeze.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("gt-test", self->root, "cgroup2", 0, NULL))
		SKIP(return, "cannot mount cgroup2: %s", strerror(errno));
	snprintf(self->group, sizeof(self->group), "%s/gt-test", self->root);
	if (mkdir(self->group, 0700))
		SKIP(return, "cannot make a control group: %s", strerror(errno));
}

FIXTURE_TEARDOWN(freeze)
{
	if (self->group[0])
		rmdir(self->group);
	umount(self->root);
	rmdir(self->root);
}

static bool is_frozen(const char *group)
{
	char path[128], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strstr(text, "frozen 1") != NULL;
}

/* Returns its exit status: 0 if both workers slept until they were woken. */
static int sleepers(int ready, int go)
{
	static struct gt_test_worker parked, standby;
	struct gt_test_group group;
	char byte;

	parked.deadline_ns = standby.deadline_ns = GT_DEADLINE_NONE;
	if (gt_group_open(&group, 2, 0) ||
	    !gt_worker_start(&parked, &group, gt_run_park) ||
	    !gt_worker_start(&standby, &group, gt_run_standby) ||
	    !gt_worker_wait_state(&parked, GT_STATE_PARKED) ||
	    !gt_worker_wait_state(&standby, GT_STATE_STANDBY))
		return 1;
	if (write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1)
		return 2;
	if (parked.done || standby.done)
		return 3;
	if (gt_wake(group.fd, parked.slot) || gt_wake(group.fd, standby.slot))
		return 4;
	if (!gt_until(parked.done && standby.done))
		return 5;
	return parked.result || standby.result ? 6 : 0;
}

GT_TEST(freeze, sleeping_workers)
{
	int ready[2], go[2], status, round;
	char text[16];
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(sleepers(ready[1], go[0]));
	ASSERT_EQ(1, read(ready[0], text, 1));
	snprintf(text, sizeof(text), "%d", pid);
	ASSERT_EQ(0, gt_file_write_in(self->group, "cgroup.procs", text));
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, gt_file_write_in(self->group, "cgroup.freeze", "1"));
		ASSERT_TRUE(gt_until(is_frozen(self->group)));
		ASSERT_EQ(0, gt_file_write_in(self->group, "cgroup.freeze", "0"));
		ASSERT_TRUE(gt_until(!is_frozen(self->group)));
	}
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
