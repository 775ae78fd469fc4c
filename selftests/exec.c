// SPDX-License-Identifier: GPL-2.0
/*
 * A worker that calls exec ceases to be one: at once if the descriptor is
 * O_CLOEXEC, else when the new image closes it. It reports nothing in between,
 * and the new image may have workers of its own.
 *
 * The test runs itself as that image. To see the old group while the new image
 * runs, a vfork child, which shares the address space, becomes the worker.
 */
#include "gt_test.h"

#define ROLE	"GT_TEST_EXEC_ROLE"

static int number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : -1;
}

/* The new image, before the harness's main() is reached. */
static void __attribute__((constructor)) image(void)
{
	const char *role = getenv(ROLE);
	int ready = number_of("GT_TEST_READY"), go = number_of("GT_TEST_GO");
	int inherited = number_of("GT_TEST_FD"), fd;
	char byte;

	if (!role)
		return;

	/* Blocks until the test has looked. */
	if (ready >= 0 && write(ready, "x", 1) != 1)
		_exit(10);
	if (go >= 0 && read(go, &byte, 1) != 1)
		_exit(11);

	if (!strcmp(role, "own")) {
		fd = gt_open();
		if (fd < 0 || gt_setup(fd, 1, 0))
			_exit(12);
		if (gt_attach(fd) != 0)
			_exit(13);
		if (gt_park(fd, 0, NULL) != -ETIMEDOUT)
			_exit(14);
	} else if (!strcmp(role, "close")) {
		if (gt_wake(inherited, 0) != -EPERM || gt_detach(inherited) != -EPERM)
			_exit(15);
		close(inherited);
	}
	if (ready >= 0 && write(ready, "x", 1) != 1)
		_exit(16);
	if (go >= 0 && read(go, &byte, 1) != 1)
		_exit(17);
	_exit(0);
}

FIXTURE(exec) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int ready[2], go[2];
	int pid;
};

FIXTURE_SETUP(exec)
{
	char text[16];

	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	ASSERT_EQ(0, pipe(self->ready));
	ASSERT_EQ(0, pipe(self->go));
	snprintf(text, sizeof(text), "%d", self->ready[1]);
	setenv("GT_TEST_READY", text, 1);
	snprintf(text, sizeof(text), "%d", self->go[0]);
	setenv("GT_TEST_GO", text, 1);
	snprintf(text, sizeof(text), "%d", self->group.fd);
	setenv("GT_TEST_FD", text, 1);
}

FIXTURE_TEARDOWN(exec)
{
}

/* A child in this address space attaches, to slot 0, and executes the image. */
static pid_t start(struct gt_test_group *group, const char *role)
{
	char *const argv[] = { (char *)"exec", NULL };
	pid_t pid;

	setenv(ROLE, role, 1);
	pid = vfork();
	if (!pid) {
		if (gt_attach(group->fd) != 0)
			_exit(1);
		group->user[0].cover = 1;
		execv("/proc/self/exe", argv);
		_exit(2);
	}
	unsetenv(ROLE);
	/* An image that fails is seen as the end of the pipe. */
	close(number_of("GT_TEST_READY"));
	return pid;
}

static bool witness(struct gt_test_group *group)
{
	static struct gt_test_worker worker;
	int fds[2];

	if (pipe(fds))
		return false;
	worker.fd = fds[0];
	return gt_worker_start(&worker, group, gt_run_read_covered) &&
	       gt_until(group->worker[worker.slot].nr_uncovered > 0);
}

GT_TEST(exec, close_on_exec)
{
	int status;
	char byte;
	pid_t pid;

	pid = start(&self->group, "none");
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(GT_STATE_FREE, gt_state(&self->group, 0));
	ASSERT_EQ(2, write(self->go[1], "xx", 2));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The image keeps the descriptor: dumb until it is closed. */
GT_TEST(exec, inherited)
{
	uint64_t word, nr;
	int status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->group.fd, F_SETFD, 0));
	pid = start(&self->group, "close");
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	word = self->group.worker[0].word;
	nr = self->group.worker[0].nr_uncovered;
	EXPECT_EQ(GT_STATE_RUNNING, GT_WORD_STATE(word));
	/* It blocks in read() now, covered as it was. */
	ASSERT_TRUE(witness(&self->group));
	EXPECT_EQ(word, self->group.worker[0].word);
	EXPECT_EQ(nr, self->group.worker[0].nr_uncovered);
	/* A wake finds the worker and does no harm. */
	EXPECT_EQ(0, gt_wake(self->group.fd, 0));

	ASSERT_EQ(1, write(self->go[1], "x", 1));
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(GT_STATE_FREE, gt_state(&self->group, 0));
	ASSERT_EQ(1, write(self->go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The image attaches to a group of its own: no EEXIST from another life. */
GT_TEST(exec, own_group)
{
	int status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->group.fd, F_SETFD, 0));
	pid = start(&self->group, "own");
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, write(self->go[1], "x", 1));
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(GT_STATE_FREE, gt_state(&self->group, 0));
	ASSERT_EQ(1, write(self->go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The image neither closes nor attaches: the worker goes when it dies. */
GT_TEST(exec, dies)
{
	int status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->group.fd, F_SETFD, 0));
	pid = start(&self->group, "none");
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(GT_STATE_RUNNING, gt_state(&self->group, 0));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(gt_until(gt_state(&self->group, 0) == GT_STATE_FREE));
}

static void run_exec(struct gt_test_worker *self)
{
	char *const argv[] = { (char *)"exec", NULL };

	execv("/proc/self/exe", argv);
	_exit(1);
}

/* A thread that is not the leader, while the others are parked and blocked. */
GT_TEST(exec, from_thread)
{
	long before = gt_module_number("refcnt");
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		static struct gt_test_worker parked, blocked, caller;
		struct gt_test_group group;

		setenv(ROLE, "own", 1);
		unsetenv("GT_TEST_READY");
		unsetenv("GT_TEST_GO");
		parked.deadline_ns = GT_DEADLINE_NONE;
		blocked.fd = self->go[0];
		if (gt_group_open(&group, 4, 0) ||
		    !gt_worker_start(&parked, &group, gt_run_park) ||
		    !gt_worker_start(&blocked, &group, gt_run_read_covered) ||
		    gt_attach(group.fd) < 0 ||
		    !gt_worker_start(&caller, &group, run_exec))
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == before));
}

TEST_HARNESS_MAIN
