// SPDX-License-Identifier: GPL-2.0
/*
 * Requests under way while the worker, its process or the module goes: they come to
 * nothing, and hold nothing up. Needs root, and the module's file, to load it again.
 */
#include "gt_upcall.h"
#include "gt_userfault.h"

FIXTURE(upcall_end) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_SETUP(upcall_end)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	gt_upcalls = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(upcall_end)
{
}

/* In the middle of the sleep a request comes; then it detaches, or not. */
static void run_read_then_detach(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	self->order = 1;
	gt_run_read(self);
	gt_detach(self->group->fd);
	self->events = gt_upcalls;
}

GT_TEST(upcall_end, detached)
{
	unsigned int i, rounds = 50 * gt_test_scale();

	for (i = 0; i < rounds; i++) {
		memset(&self->worker, 0, sizeof(self->worker));
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_spin));
		gt_preempt(self->group.fd, self->worker.slot, 0);
		self->worker.stop = true;
		gt_worker_join(&self->worker);
		/* It holds its slot for a moment more. */
		ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_FREE));
	}
	memset(&self->worker, 0, sizeof(self->worker));
	self->worker.fd = self->pipe[0];
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_read_then_detach));
	/* It takes upcalls; most of these find it in the read(). */
	ASSERT_TRUE(gt_until(self->worker.order));
	for (i = 0; i < 1000; i++)
		gt_preempt(self->group.fd, self->worker.slot, 0);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	gt_worker_join(&self->worker);
	EXPECT_LE(1, self->worker.events);
}

/* The argument of a command that waits for it, while a request comes. */
static struct gt_userfault held;

static void run_held_command(struct gt_test_worker *self)
{
	int i;

	self->result = gt_upcall_enable(self->group->fd);
	self->order = gt_ioctl(self->group->fd, self->events, held.page);
	for (i = 0; i < 1000; i++)
		getppid();
	self->stop = true;
	gt_detach(self->group->fd);
}

/* Whoever is no worker any more when it would come, or takes none, has none. */
static int request_in(struct gt_test_worker *worker, struct gt_test_group *group,
		      unsigned int command, const void *arg, size_t size)
{
	int err = gt_userfault_open(&held, 0, PROT_READ | PROT_WRITE);

	worker->events = command;
	if (err)
		return err;
	if (!gt_worker_start(worker, group, run_held_command) || !gt_userfault_wait(&held))
		return -EPROTO;
	err = gt_preempt(group->fd, worker->slot, 0);
	if (err)
		return err;
	err = gt_userfault_fill(&held, arg, size);
	gt_worker_join(worker);
	return err;
}

#define EXPECT_NO_UPCALL(slot) do { \
		EXPECT_EQ(0, self->worker.result); \
		EXPECT_EQ(0, (int)self->worker.order); \
		EXPECT_EQ(0, gt_upcalls); \
		EXPECT_EQ(0, self->group.worker[slot].nr_upcalls); \
		EXPECT_EQ(0, self->group.worker[slot].nr_missed); \
		EXPECT_EQ(0, self->group.user[slot].missed); \
	} while (0)

GT_TEST(upcall_end, in_detach)
{
	struct gt_worker_detach arg = { .size = sizeof(arg) };
	int err = request_in(&self->worker, &self->group, GT_IOC_WORKER_DETACH, &arg, sizeof(arg));

	if (err == -EPERM || err == -ENOSYS)
		SKIP(return, "userfaultfd: %s", strerror(-err));
	ASSERT_EQ(0, err);
	EXPECT_NO_UPCALL(0);
}

GT_TEST(upcall_end, in_upcall)
{
	struct gt_worker_upcall arg = { .size = sizeof(arg) };
	int err = request_in(&self->worker, &self->group, GT_IOC_WORKER_UPCALL, &arg, sizeof(arg));

	if (err == -EPERM || err == -ENOSYS)
		SKIP(return, "userfaultfd: %s", strerror(-err));
	ASSERT_EQ(0, err);
	EXPECT_NO_UPCALL(0);
}

/* A slot whose worker takes no upcalls, and one that has no worker. */
GT_TEST(upcall_end, nobody)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_spin));
	EXPECT_EQ(-ENOENT, gt_preempt(self->group.fd, self->worker.slot, 0));
	EXPECT_EQ(-ESRCH, gt_preempt(self->group.fd, 3, 0));
	EXPECT_EQ(-EINVAL, gt_preempt(self->group.fd, 4, 0));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
}

static void run_enabled_spin(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	self->events = 1;
	gt_run_spin(self);
}

static void run_enabled_read(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	gt_run_read(self);
}

/* Four workers, spinning or asleep, each with a request; then the process is gone. */
static void request_and_die(bool by_exec)
{
	static struct gt_test_worker worker[4];
	struct gt_test_group group;
	int pipefd[2];
	unsigned int i;

	if (gt_group_open(&group, 5, 0) || pipe(pipefd))
		_exit(1);
	for (i = 0; i < 4; i++) {
		worker[i].fd = pipefd[0];
		if (!gt_worker_start(&worker[i], &group,
				     i % 2 ? run_enabled_spin : run_enabled_read))
			_exit(2);
	}
	if (!gt_until(gt_state(&group, 0) == GT_STATE_BLOCKED &&
		      gt_state(&group, 2) == GT_STATE_BLOCKED && worker[1].events &&
		      worker[3].events))
		_exit(3);
	/* And its own thread, on which exec runs. */
	if (gt_attach(group.fd) != 4 || gt_upcall_enable(group.fd))
		_exit(4);
	for (i = 0; i < 2000; i++)
		gt_preempt(group.fd, i % 5, 0);
	if (!by_exec)
		kill(getpid(), SIGKILL);
	setenv("GT_TEST_NEW_IMAGE", "1", 1);
	execl("/proc/self/exe", "upcall_end", NULL);
	_exit(5);
}

GT_TEST(upcall_end, killed)
{
	unsigned int i, rounds = 5 * gt_test_scale();
	int status;

	for (i = 0; i < rounds; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			request_and_die(false);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
}

/* What exec has started: it goes on undisturbed, with the thread that had requests. */
__attribute__((__constructor__)) static void be_the_new_image(void)
{
	if (getenv("GT_TEST_NEW_IMAGE"))
		_exit(42);
}

GT_TEST(upcall_end, exec)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		request_and_die(true);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(42, WEXITSTATUS(status));
}

static void *request_in_exec(void *group_fd)
{
	static const char path[] = "/proc/self/exe";
	bool held_up = gt_userfault_wait(&held);

	return (void *)(long)(held_up && !gt_preempt(*(int *)group_fd, 0, 0) &&
			      !gt_userfault_fill(&held, path, sizeof(path)));
}

/* A worker that is left over in the new image, since its descriptor is. */
GT_TEST(upcall_end, in_exec)
{
	int err = gt_userfault_open(&held, 0, PROT_READ | PROT_WRITE), status;
	char *const argv[] = { "upcall_end", NULL };
	char *const envp[] = { "GT_TEST_NEW_IMAGE=1", NULL };
	struct gt_worker_upcall arg = gt_upcall_arg();
	pthread_t thread;
	void *requested;
	pid_t pid;

	if (err)
		SKIP(return, "userfaultfd: %s", strerror(-err));
	ASSERT_EQ(0, fcntl(self->group.fd, F_SETFD, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, request_in_exec, &self->group.fd));
	/* Of this address space, which so is there to be looked at. */
	pid = vfork();
	if (!pid) {
		if (gt_attach(self->group.fd) ||
		    gt_ioctl(self->group.fd, GT_IOC_WORKER_UPCALL, &arg))
			_exit(1);
		execve(held.page, argv, envp);
		_exit(2);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, pthread_join(thread, &requested));
	EXPECT_EQ(1, (long)requested);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(42, WEXITSTATUS(status));
	EXPECT_NO_UPCALL(0);
}

static void run_fork(struct gt_test_worker *self)
{
	pid_t pid;

	self->result = gt_upcall_enable(self->group->fd);
	while (!self->stop && !self->result) {
		pid = fork();
		/* What is asked of the parent does not come to the child. */
		if (!pid) {
			unsigned int before = gt_upcalls, i;

			for (i = 0; i < 1000; i++)
				getppid();
			_exit(gt_upcalls != before);
		}
		waitpid(pid, (int *)&self->result, 0);
		self->order++;
	}
}

GT_TEST(upcall_end, fork)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_fork));
	ASSERT_TRUE(gt_until(({
		gt_preempt(self->group.fd, self->worker.slot, 0);
		self->worker.order >= 20;
	})));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
}

GT_TEST(upcall_end, module)
{
	const char *path = gt_module_file();
	int status;
	pid_t pid;

	if (geteuid() || access(path, R_OK))
		SKIP(return, GT_TEST_NO_MODULE_FILE, path);
	/* Of this test's group nothing may be left. */
	gt_group_close(&self->group);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		request_and_die(false);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, gt_module_reload());
}

TEST_HARNESS_MAIN
