// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs counts what happens, for each group and for all, and says what groups and
 * workers there are. Needs root, and debugfs.
 */
#include "gt_test.h"

#include <sys/mount.h>

FIXTURE(counters) {
	char root[64];
	bool mounted;
	struct gt_test_group group;
	struct gt_test_worker worker;
	char line[1024];
};

FIXTURE_SETUP(counters)
{
	char path[96];

	memset(self, 0, sizeof(*self));
	if (geteuid())
		SKIP(_exit(255), "not root: the counters cannot be read");
	strcpy(self->root, "/sys/kernel/debug");
	if (access("/sys/kernel/debug/gt", F_OK)) {
		strcpy(self->root, "/tmp/gt-counters.XXXXXX");
		ASSERT_NE(NULL, mkdtemp(self->root));
		if (mount("gt-test", self->root, "debugfs", 0, NULL))
			SKIP(_exit(255), "cannot mount debugfs: %s", strerror(errno));
		self->mounted = true;
	}
	snprintf(path, sizeof(path), "%s/gt/counters", self->root);
	ASSERT_EQ(0, access(path, R_OK));
	GT_TEST_GROUP_OPEN(&self->group, 2, 0);
}

FIXTURE_TEARDOWN(counters)
{
	if (self->mounted) {
		umount(self->root);
		rmdir(self->root);
	}
}

/* The line of a file that has the text, up to the end of a word. */
static bool find(const char *root, const char *name, const char *text, char *line, size_t size)
{
	bool found = false;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/gt/%s", root, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (!found && fgets(line, size, file)) {
		char *at = strstr(line, text);

		found = at && strchr(" \n", at[strlen(text)]);
	}
	fclose(file);
	return found;
}

static long total(const char *root, const char *name)
{
	char path[128];
	FILE *file;
	long value, found = -1;
	char word[64];

	snprintf(path, sizeof(path), "%s/gt/counters", root);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fscanf(file, "%63s %ld", word, &value) == 2) {
		if (!strcmp(word, name))
			found = value;
	}
	fclose(file);
	return found;
}

/* The number after " name=" in a line, or -1. */
static long field(const char *line, const char *name)
{
	char wanted[64];
	char *at;

	snprintf(wanted, sizeof(wanted), " %s=", name);
	at = strstr(line, wanted);
	return at ? atol(at + strlen(wanted)) : -1;
}

static bool my_group(const char *root, char *line, size_t size)
{
	char text[32];

	snprintf(text, sizeof(text), "pid=%d", getpid());
	return find(root, "groups", text, line, size);
}

GT_TEST(counters, group_and_total)
{
	static const char *const names[] = { "attach", "detach", "park", "wake" };
	long before[4], i;

	for (i = 0; i < 4; i++) {
		before[i] = total(self->root, names[i]);
		ASSERT_LE(0, before[i]);
	}
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 0, NULL));
	ASSERT_EQ(0, gt_wake(self->group.fd, 0));
	EXPECT_EQ(0, gt_park(self->group.fd, 0, NULL));
	ASSERT_TRUE(my_group(self->root, self->line, sizeof(self->line)));
	EXPECT_EQ(1, field(self->line, "attach"));
	EXPECT_EQ(0, field(self->line, "detach"));
	EXPECT_EQ(1, field(self->line, "park"));
	EXPECT_EQ(1, field(self->line, "wake"));
	EXPECT_EQ(2, field(self->line, "slots"));
	EXPECT_EQ(1, field(self->line, "used"));
	ASSERT_EQ(0, gt_detach(self->group.fd));
	ASSERT_TRUE(my_group(self->root, self->line, sizeof(self->line)));
	EXPECT_EQ(1, field(self->line, "detach"));
	EXPECT_EQ(0, field(self->line, "used"));

	/* What was counted is not lost with the group. */
	gt_group_close(&self->group);
	ASSERT_TRUE(gt_until(!my_group(self->root, self->line, sizeof(self->line))));
	for (i = 0; i < 4; i++)
		EXPECT_LE(before[i] + 1, total(self->root, names[i]));
}

GT_TEST(counters, worker)
{
	char text[32];

	self->worker.deadline_ns = GT_DEADLINE_NONE;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_standby));
	snprintf(text, sizeof(text), "tid=%d", self->worker.tid);
	ASSERT_TRUE(gt_until(find(self->root, "workers", text, self->line, sizeof(self->line)) &&
			     strstr(self->line, " state=standby ")));
	ASSERT_EQ(0, gt_wake(self->group.fd, self->worker.slot));
	gt_worker_join(&self->worker);
	ASSERT_TRUE(gt_until(!find(self->root, "workers", text, self->line, sizeof(self->line))));
}

TEST_HARNESS_MAIN
