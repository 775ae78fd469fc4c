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

/* A control group in a hierarchy that is mounted for the test. */
struct place {
	char root[32], group[64];
};

/* NULL, or what cannot be done. */
static const char *place_make(struct place *place, const char *type, const char *options)
{
	strcpy(place->root, "/tmp/gt-freeze.XXXXXX");
	if (!mkdtemp(place->root))
		return "make a folder in /tmp";
	if (mount("gt-test", place->root, type, 0, options)) {
		rmdir(place->root);
		return "mount a cgroup file system with a freezer";
	}
	snprintf(place->group, sizeof(place->group), "%s/gt-test", place->root);
	if (mkdir(place->group, 0700)) {
		umount(place->root);
		rmdir(place->root);
		return "make a control group";
	}
	return NULL;
}

static void place_remove(struct place *place)
{
	gt_until(!rmdir(place->group) || errno == ENOENT);
	umount(place->root);
	rmdir(place->root);
}

FIXTURE(freeze) {
	struct place place;
};

FIXTURE_SETUP(freeze)
{
	const char *cannot = place_make(&self->place, "cgroup2", NULL);

	if (cannot)
		SKIP(exit(KSFT_SKIP), "cannot %s: %s", cannot, strerror(errno));
}

FIXTURE_TEARDOWN(freeze)
{
	place_remove(&self->place);
}

static bool is_frozen(const char *group)
{
	char text[256];

	return !gt_file_read_in(group, "cgroup.events", text, sizeof(text)) &&
	       strstr(text, "frozen 1");
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

/* A process whose workers sleep, in a control group, and what is said to it and by it. */
struct sleepers {
	pid_t pid;
	int ready[2], go[2];
};

/*
 * Returns its exit status: 0 if both workers slept until they were woken. For each byte
 * that it is sent, it says when both sleep; for a 'w' it wakes them.
 */
static int sleepers_main(const struct sleepers *self)
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
		if (write(self->ready[1], "x", 1) != 1 || read(self->go[0], &byte, 1) != 1)
			return 3;
	} while (byte != 'w');
	if (gt_wake(group.fd, parked.slot) || gt_wake(group.fd, standby.slot))
		return 4;
	if (!gt_until(parked.done && standby.done))
		return 5;
	return parked.result || standby.result ? 6 : 0;
}

static bool sleepers_start(struct sleepers *sleepers, const struct place *place)
{
	char text[16], byte;

	if (pipe(sleepers->ready) || pipe(sleepers->go))
		return false;
	sleepers->pid = fork();
	if (!sleepers->pid)
		_exit(sleepers_main(sleepers));
	snprintf(text, sizeof(text), "%d", sleepers->pid);
	return sleepers->pid > 0 && read(sleepers->ready[0], &byte, 1) == 1 &&
	       !gt_file_write_in(place->group, "cgroup.procs", text);
}

static bool both_sleep(const struct sleepers *sleepers)
{
	char byte;

	return write(sleepers->go[1], "x", 1) == 1 && read(sleepers->ready[0], &byte, 1) == 1;
}

/* As waitpid() gives it: 0 if all was well. */
static int sleepers_wake(const struct sleepers *sleepers)
{
	int status = -1;

	if (write(sleepers->go[1], "w", 1) == 1)
		waitpid(sleepers->pid, &status, 0);
	return status;
}

GT_TEST(freeze, sleeping_workers)
{
	const char *group = self->place.group;
	struct sleepers sleepers;
	int round;

	ASSERT_TRUE(sleepers_start(&sleepers, &self->place));
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, gt_file_write_in(group, "cgroup.freeze", "1"));
		ASSERT_TRUE(gt_until(is_frozen(group)));
		ASSERT_EQ(0, gt_file_write_in(group, "cgroup.freeze", "0"));
		ASSERT_TRUE(gt_until(!is_frozen(group)));
	}
	EXPECT_EQ(0, sleepers_wake(&sleepers));
}

FIXTURE(freeze_v1) {
	struct place place;
};

FIXTURE_SETUP(freeze_v1)
{
	const char *cannot = place_make(&self->place, "cgroup", "freezer");

	if (cannot)
		SKIP(exit(KSFT_SKIP), "cannot %s: %s", cannot, strerror(errno));
}

FIXTURE_TEARDOWN(freeze_v1)
{
	gt_file_write_in(self->place.group, "freezer.state", "THAWED");
	place_remove(&self->place);
}

static bool is_state(const char *group, const char *state)
{
	char text[32];

	if (gt_file_read_in(group, "freezer.state", text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, state);
}

/* Who sleeps by command is frozen as it is, and is not made to call again. */
GT_TEST(freeze_v1, sleeping_workers)
{
	const char *group = self->place.group;
	long before = 0, after = -1;
	struct sleepers sleepers;
	int round;

	if (access("/sys/kernel/debug/gt/groups", R_OK))
		SKIP(return, "no debugfs at /sys/kernel/debug, or not root");
	ASSERT_TRUE(sleepers_start(&sleepers, &self->place));
	EXPECT_EQ(2, sleeps(sleepers.pid));
	/* Whoever is still on the way to sleep calls again: but that is not always so. */
	for (round = 0; round < 50 && before != after; round++) {
		ASSERT_TRUE(both_sleep(&sleepers));
		before = sleeps(sleepers.pid);
		ASSERT_EQ(0, gt_file_write_in(group, "freezer.state", "FROZEN"));
		ASSERT_TRUE(gt_until(is_state(group, "FROZEN")));
		ASSERT_EQ(0, gt_file_write_in(group, "freezer.state", "THAWED"));
		ASSERT_TRUE(gt_until(is_state(group, "THAWED")));
		ASSERT_TRUE(both_sleep(&sleepers));
		after = sleeps(sleepers.pid);
	}
	EXPECT_EQ(before, after);
	EXPECT_EQ(0, sleepers_wake(&sleepers));
}

TEST_HARNESS_MAIN
