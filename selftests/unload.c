// SPDX-License-Identifier: GPL-2.0
/*
 * The module stays while anything of it is in use, and goes when nothing is: also
 * in the midst of workers that die, and with the timer that it has started. Needs root,
 * and the module's file, to load it again.
 *
 * Two things that module exit waits for are not shown. An exit_work past its fput(): the
 * file is let go of by another work item, a jiffy later, so the kernel thread would have
 * to be kept from running, between its last instructions, by something that keeps neither
 * that work item nor the exit from running. And RCU's callbacks: the kernel waits for
 * grace periods of its own before it frees a module, and all of the module's had been
 * called by then, also with rcu_expedited set and thousands of others before them on a
 * CPU that a real-time task kept.
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
	munmap((void *)self->group.user, self->group.user_size);
	EXPECT_EQ(-EAGAIN, gt_module_unload());

	ASSERT_EQ(0, gt_group_open(&self->group, 4, 0));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	gt_group_close(&self->group);
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
	unsigned int round, rounds = 10 * gt_test_scale();
	const char *path = gt_module_file();

	if (access(path, R_OK))
		SKIP(return, GT_TEST_NO_MODULE_FILE, path);
	for (round = 0; round < rounds; round++) {
		pid_t pid = fork();
		int status;

		ASSERT_LE(0, pid);
		if (!pid)
			use_and_die();
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		/* While the last worker's end is under way. */
		ASSERT_EQ(0, gt_module_reload());
	}
}

/* Of a group that there was, a look of the watchdog's is still to come. */
GT_TEST(unload, before_the_watchdog_looks)
{
	const char *path = gt_module_file();
	uint64_t look;

	if (access(path, R_OK))
		SKIP(return, GT_TEST_NO_MODULE_FILE, path);
	ASSERT_EQ(0, gt_module_set("parameters/watchdog_ms", 2000));
	ASSERT_EQ(0, gt_group_open(&self->group, 4, 0));
	look = gt_now() + 2 * SEC;
	gt_group_close(&self->group);
	ASSERT_EQ(0, gt_module_reload());
	/* Until then, and some: of what is left of the old module there is no other sign. */
	while (gt_now() < look + SEC)
		usleep(10000);
	EXPECT_LE(0, gt_module_number("refcnt"));
}

TEST_HARNESS_MAIN
