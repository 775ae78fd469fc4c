// SPDX-License-Identifier: GPL-2.0
/*
 * The module stays while anything of it is in use, and goes when nothing is: also
 * in the midst of workers that die. Needs root, and the module's file, to load it
 * again.
 */
#include "gt_test.h"

FIXTURE(unload) {
	struct gt_test_group group;
	struct gt_test_worker worker[4];
};

FIXTURE_SETUP(unload)
{
	memset(self, 0, sizeof(*self));
	if (geteuid())
		SKIP(return, "not root: modules cannot be unloaded");
}

FIXTURE_TEARDOWN(unload)
{
}

GT_TEST(unload, refused_while_open)
{
	int fd = gt_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, gt_module_unload());
	ASSERT_EQ(0, gt_setup(fd, 1, 0));
	EXPECT_EQ(-EAGAIN, gt_module_unload());
}

/* No descriptor is left, but a mapping is; then but a worker. */
GT_TEST(unload, refused_while_in_use)
{
	ASSERT_EQ(0, gt_group_open(&self->group, 4, 0));
	close(self->group.fd);
	EXPECT_EQ(-EAGAIN, gt_module_unload());
	munmap((void *)self->group.user, 4096);
	EXPECT_EQ(-EAGAIN, gt_module_unload());

	ASSERT_EQ(0, gt_group_open(&self->group, 4, 0));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	munmap((void *)self->group.user, 4096);
	munmap((void *)self->group.status, 4096);
	close(self->group.fd);
	EXPECT_EQ(-EAGAIN, gt_module_unload());
}

static void run_nothing(struct gt_test_worker *self)
{
}

/* A process whose workers are dying, in the same moment as the module. */
static void use_and_die(void)
{
	static struct gt_test_worker worker[4];
	static void (*const run[])(struct gt_test_worker *) = {
		gt_run_park, run_nothing, gt_run_standby, gt_run_spin,
	};
	struct gt_test_group group;
	unsigned int i;

	if (gt_group_open(&group, 4, 0))
		_exit(1);
	for (i = 0; i < 4; i++) {
		worker[i].deadline_ns = GT_DEADLINE_NONE;
		if (!gt_worker_start(&worker[i], &group, run[i]))
			_exit(2);
	}
	kill(getpid(), SIGKILL);
}

GT_TEST(unload, in_the_midst_of_exits)
{
	const char *path = getenv("GT_TEST_MODULE_FILE") ?: "/lib/modules/gt.ko";
	/*
	 * Few: loading and unloading patch kernel text while the other CPUs run it, and
	 * QEMU 7.2 now and then (once in some hundred times) keeps a stale breakpoint
	 * translated, on which all virtual CPUs then spin for ever.
	 */
	unsigned int round, rounds = 3 * gt_test_scale();

	if (access(path, R_OK))
		SKIP(return, "no %s to load again: GT_TEST_MODULE_FILE may name another", path);
	for (round = 0; round < rounds; round++) {
		int status, err = -EAGAIN;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			use_and_die();
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		/* As soon as it can be, while the last worker's end is under way. */
		ASSERT_TRUE(gt_until((err = gt_module_unload()) != -EAGAIN));
		ASSERT_EQ(0, err);
		ASSERT_EQ(0, gt_module_load(path));
		ASSERT_TRUE(gt_until(!access(GT_TEST_DEVICE, R_OK | W_OK)));
	}
}

TEST_HARNESS_MAIN
