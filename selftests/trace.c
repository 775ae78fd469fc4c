// SPDX-License-Identifier: GPL-2.0
/*
 * Each tracepoint is there, and says of which worker it speaks. Needs root, and
 * tracefs; runs in a trace instance of its own, so that it disturbs no other.
 */
#include "gt_test.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define INSTANCE	"/instances/gt-selftest"

FIXTURE(trace) {
	char root[64], instance[96];
	bool mounted;
	struct gt_test_group group;
	struct gt_test_worker standby, reader, parker;
	int pipe[2];
};

/* Does a line of the trace have both, the second up to the end of a word? */
static bool has(const char *instance, const char *event, const char *format, long number)
{
	char path[128], line[512], wanted[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/trace", instance);
	snprintf(wanted, sizeof(wanted), format, number);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *name = strstr(line, event), *rest = name ? strstr(name, wanted) : NULL;

		found = rest && strchr(" \n", rest[strlen(wanted)]);
	}
	fclose(file);
	return found;
}

#define HAS(event, worker) \
	gt_until(has(self->instance, " " event ": ", " tid=%ld", (self->worker).tid))

FIXTURE_SETUP(trace)
{
	memset(self, 0, sizeof(*self));
	if (geteuid())
		SKIP(_exit(255), "not root: the trace cannot be read");
	strcpy(self->root, "/sys/kernel/tracing");
	if (access("/sys/kernel/tracing/events", F_OK)) {
		strcpy(self->root, "/tmp/gt-trace.XXXXXX");
		ASSERT_NE(NULL, mkdtemp(self->root));
		if (mount("gt-test", self->root, "tracefs", 0, NULL))
			SKIP(_exit(255), "cannot mount tracefs: %s", strerror(errno));
		self->mounted = true;
	}
	snprintf(self->instance, sizeof(self->instance), "%s" INSTANCE, self->root);
	ASSERT_TRUE(!mkdir(self->instance, 0700) || errno == EEXIST);
	ASSERT_EQ(0, gt_file_write_in(self->instance, "events/gt/enable", "1"));
	ASSERT_EQ(0, pipe(self->pipe));
	GT_TEST_GROUP_OPEN(&self->group, 3, 0);
	self->standby.deadline_ns = self->parker.deadline_ns = GT_DEADLINE_NONE;
	self->reader.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(trace)
{
	gt_file_write_in(self->instance, "events/gt/enable", "0");
	rmdir(self->instance);
	if (self->mounted) {
		umount(self->root);
		rmdir(self->root);
	}
}

GT_TEST(trace, every_event)
{
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby, GT_STATE_STANDBY));
	ASSERT_TRUE(gt_worker_start(&self->parker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_wait_state(&self->parker, GT_STATE_PARKED));
	ASSERT_EQ(0, gt_wake(self->group.fd, self->parker.slot));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->standby.done));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	gt_worker_join(&self->standby);
	gt_worker_join(&self->parker);
	gt_worker_join(&self->reader);

	EXPECT_TRUE(HAS("gt_attach", standby));
	EXPECT_TRUE(HAS("gt_attach", parker));
	EXPECT_TRUE(HAS("gt_attach", reader));
	EXPECT_TRUE(HAS("gt_standby", standby));
	EXPECT_TRUE(HAS("gt_park", parker));
	EXPECT_TRUE(HAS("gt_wake", parker));
	EXPECT_TRUE(HAS("gt_block", reader));
	EXPECT_TRUE(has(self->instance, " gt_block: ", " covered=%ld", 1));
	EXPECT_TRUE(HAS("gt_uncovered", reader));
	EXPECT_TRUE(HAS("gt_standby_woken", standby));
	EXPECT_TRUE(HAS("gt_detach", standby));
	EXPECT_TRUE(HAS("gt_detach", parker));
	EXPECT_TRUE(HAS("gt_detach", reader));
}

TEST_HARNESS_MAIN
