// SPDX-License-Identifier: GPL-2.0
/*
 * A process whose workers sleep by command can be frozen, and goes on as if
 * nothing had been. Needs root, to make a control group, and debugfs.
 *
 * There are two freezers: that of cgroup v2, which makes each thread stop as a debugger
 * would, and that of cgroup v1, which is what suspending the machine uses, too, and leaves
 * threads alone that sleep in a way that says so.
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

/* How often the process's workers have begun to sleep, as debugfs counts; or -1. */
static long sleeps(pid_t pid)
{
	FILE *file = fopen("/sys/kernel/debug/gt/groups", "r");
	char line[1024], name[32];
	long sum = -1;

	snprintf(name, sizeof(name), " pid=%d ", pid);
	while (file && fgets(line, sizeof(line), file)) {
		char *park = strstr(line, " park="), *standby = strstr(line, " standby=");

		if (strstr(line, name) && park && standby)
			sum = atol(park + 6) + atol(standby + 9);
	}
	if (file)
		fclose(file);
	return sum;
}

static bool sleep_well(struct gt_test_worker *worker, unsigned int state)
{
	return gt_until(worker->done || (gt_state(worker->group, worker->slot) == state &&
					 gt_thread_state(worker->tid) == 'S')) && !worker->done;
}

/*
 * Returns its exit status: 0 if both workers slept until they were woken. For each byte
 * that it is sent, it says when both sleep; for a 'w' it wakes them.
 */
static int sleepers(int ready, int go)
{
	static struct gt_test_worker parked, standby;
	struct gt_test_group group;
	char byte = 0;

	parked.deadline_ns = standby.deadline_ns = GT_DEADLINE_NONE;
	if (gt_group_open(&group, 2, 0) ||
	    !gt_worker_start(&parked, &group, gt_run_park) ||
	    !gt_worker_start(&standby, &group, gt_run_standby))
		return 1;
	do {
		if (!sleep_well(&parked, GT_STATE_PARKED) ||
		    !sleep_well(&standby, GT_STATE_STANDBY))
			return 2;
		if (write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1)
			return 3;
	} while (byte != 'w');
	if (gt_wake(group.fd, parked.slot) || gt_wake(group.fd, standby.slot))
		return 4;
	if (!gt_until(parked.done && standby.done))
		return 5;
	return parked.result || standby.result ? 6 : 0;
}

static bool both_sleep(int ready, int go)
{
	char byte;

	return write(go, "x", 1) == 1 && read(ready, &byte, 1) == 1;
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
	ASSERT_EQ(1, write(go[1], "w", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

FIXTURE(freeze_v1) {
	char root[32], group[64];
};

FIXTURE_SETUP(freeze_v1)
{
	memset(self, 0, sizeof(*self));
	strcpy(self->root, "/tmp/gt-freeze.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("gt-test", self->root, "cgroup", 0, "freezer")) {
		rmdir(self->root);
		SKIP(exit(KSFT_SKIP), "cannot mount cgroup v1's freezer: %s", strerror(errno));
	}
	snprintf(self->group, sizeof(self->group), "%s/gt-test", self->root);
	mkdir(self->group, 0700);
}

FIXTURE_TEARDOWN(freeze_v1)
{
	gt_file_write_in(self->group, "freezer.state", "THAWED");
	gt_until(!rmdir(self->group) || errno == ENOENT);
	umount(self->root);
	rmdir(self->root);
}

static bool is_state(const char *group, const char *state)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/freezer.state", group);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, state);
}

/* Who sleeps by command is frozen as it is, and is not made to call again. */
GT_TEST(freeze_v1, sleeping_workers)
{
	int ready[2], go[2], status, round;
	long before = 0, after = -1;
	char text[16];
	pid_t pid;

	if (access("/sys/kernel/debug/gt/groups", R_OK))
		SKIP(return, "no debugfs at /sys/kernel/debug, or not root");
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(sleepers(ready[1], go[0]));
	ASSERT_EQ(1, read(ready[0], text, 1));
	snprintf(text, sizeof(text), "%d", pid);
	ASSERT_EQ(0, gt_file_write_in(self->group, "cgroup.procs", text));
	EXPECT_EQ(2, sleeps(pid));
	/* Whoever is still on the way to sleep calls again: but that is not always so. */
	for (round = 0; round < 50 && before != after; round++) {
		ASSERT_TRUE(both_sleep(ready[0], go[1]));
		before = sleeps(pid);
		ASSERT_EQ(0, gt_file_write_in(self->group, "freezer.state", "FROZEN"));
		ASSERT_TRUE(gt_until(is_state(self->group, "FROZEN")));
		ASSERT_EQ(0, gt_file_write_in(self->group, "freezer.state", "THAWED"));
		ASSERT_TRUE(gt_until(is_state(self->group, "THAWED")));
		ASSERT_TRUE(both_sleep(ready[0], go[1]));
		after = sleeps(pid);
	}
	EXPECT_EQ(before, after);
	ASSERT_EQ(1, write(go[1], "w", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
