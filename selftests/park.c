// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_WORKER_PARK: wakes are remembered, deadlines are absolute, signals
 * restart it or not as SA_RESTART says.
 */
#include "gt_test.h"

FIXTURE(park) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(park)
{
	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	self->worker.deadline_ns = GT_DEADLINE_NONE;
}

FIXTURE_TEARDOWN(park)
{
}

GT_TEST(park, wake)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_PARKED));
	ASSERT_EQ(0, gt_wake(self->group.fd, self->worker.slot));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(GT_EVENT_WOKEN, self->worker.events);
}

GT_TEST(park, remembered)
{
	unsigned int events, i;
	int slot;

	slot = gt_attach(self->group.fd);
	ASSERT_LE(0, slot);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, gt_wake(self->group.fd, slot));
	EXPECT_EQ(0, gt_park(self->group.fd, GT_DEADLINE_NONE, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 0, NULL));

	/* By standby as well. */
	ASSERT_EQ(0, gt_wake(self->group.fd, slot));
	EXPECT_EQ(0, gt_standby(self->group.fd, GT_DEADLINE_NONE, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
	EXPECT_EQ(-ETIMEDOUT, gt_standby(self->group.fd, 0, NULL));
}

GT_TEST(park, deadline)
{
	uint64_t deadline;

	ASSERT_LE(0, gt_attach(self->group.fd));
	deadline = gt_now() + 20 * MSEC;
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, deadline, NULL));
	EXPECT_GE(gt_now(), deadline);
	deadline = gt_now() + 20 * MSEC;
	EXPECT_EQ(-ETIMEDOUT, gt_standby(self->group.fd, deadline, NULL));
	EXPECT_GE(gt_now(), deadline);

	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 0, NULL));
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, 1, NULL));
	EXPECT_EQ(-ETIMEDOUT, gt_park(self->group.fd, gt_now(), NULL));
	EXPECT_EQ(GT_STATE_RUNNING, gt_state(&self->group, 0));
}

/* Farther away than the kernel's clock can say. */
GT_TEST(park, far_deadline)
{
	static const uint64_t far[] = { INT64_MAX, 1ULL << 63, GT_DEADLINE_NONE - 1 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		self->worker.deadline_ns = far[i];
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
		ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->worker)));
		ASSERT_EQ(0, gt_wake(self->group.fd, self->worker.slot));
		gt_worker_join(&self->worker);
		EXPECT_EQ(0, self->worker.result);
	}
}

GT_TEST(park, interrupted)
{
	ASSERT_EQ(0, gt_signal_count(SIGUSR1, 0));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_PARKED));
	ASSERT_EQ(0, pthread_kill(self->worker.thread, SIGUSR1));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(-EINTR, self->worker.result);
	EXPECT_EQ(1, gt_signals);
}

GT_TEST(park, restarted)
{
	unsigned int i;

	ASSERT_EQ(0, gt_signal_count(SIGUSR1, SA_RESTART));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
	for (i = 1; i <= 10; i++) {
		ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->worker)));
		ASSERT_EQ(0, pthread_kill(self->worker.thread, SIGUSR1));
		ASSERT_TRUE(gt_until(gt_signals == i));
	}
	EXPECT_FALSE(self->worker.done);
	ASSERT_EQ(0, gt_wake(self->group.fd, self->worker.slot));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(0, self->worker.result);
}

/* Signals do not push the deadline away. */
GT_TEST(park, restarted_deadline)
{
	ASSERT_EQ(0, gt_signal_count(SIGUSR1, SA_RESTART));
	self->worker.deadline_ns = gt_now() + 200 * MSEC;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_until(self->worker.done ||
			     (pthread_kill(self->worker.thread, SIGUSR1), false)));
	EXPECT_EQ(-ETIMEDOUT, self->worker.result);
	EXPECT_GE(gt_now(), self->worker.deadline_ns);
}

/* No handler, no interruption. */
GT_TEST(park, stopped)
{
	int status, fds[2];
	char path[64];
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct gt_test_group group;

		if (gt_group_open(&group, 1, 0) || gt_attach(group.fd) ||
		    write(fds[1], "x", 1) != 1)
			_exit(1);
		_exit(-gt_park(group.fd, gt_now() + 300 * MSEC, NULL));
	}
	ASSERT_EQ(1, read(fds[0], path, 1));
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ETIMEDOUT, WEXITSTATUS(status));
}

GT_TEST(park, bad_values)
{
	struct gt_worker_park arg = { .size = sizeof(arg), .flags = 1 };

	ASSERT_LE(0, gt_attach(self->group.fd));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_PARK, &arg));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_STANDBY, &arg));
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_PARK, &arg));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_STANDBY, &arg));
}

GT_TEST(park, unwritable)
{
	struct gt_worker_park *arg;
	unsigned int events;
	int slot;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	slot = gt_attach(self->group.fd);
	ASSERT_LE(0, slot);
	ASSERT_EQ(0, gt_wake(self->group.fd, slot));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->group.fd, GT_IOC_WORKER_PARK, arg));
	EXPECT_EQ(0, gt_park(self->group.fd, 0, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
}

static struct gt_test_worker pair[2];

static void run_pingpong(struct gt_test_worker *self)
{
	struct gt_test_worker *peer = self == &pair[0] ? &pair[1] : &pair[0];
	unsigned int rounds = 2000 * gt_test_scale();

	gt_until(peer->slot >= 0);
	while (self->order < rounds) {
		if (self == &pair[0] && gt_wake(self->group->fd, peer->slot))
			break;
		if (gt_park(self->group->fd, GT_DEADLINE_NONE, NULL))
			break;
		if (self == &pair[1] && gt_wake(self->group->fd, peer->slot))
			break;
		self->order++;
	}
	self->stop = true;
	/* The peer's last wake must find a worker. */
	gt_until(peer->stop);
}

/* Park and wake at full speed: each wake is seen. */
GT_TEST(park, pingpong)
{
	unsigned int rounds = 2000 * gt_test_scale(), before;

	pair[0].slot = pair[1].slot = -EAGAIN;
	ASSERT_TRUE(gt_worker_start(&pair[0], &self->group, run_pingpong));
	ASSERT_TRUE(gt_worker_start(&pair[1], &self->group, run_pingpong));
	/* However slow the machine is, as long as they get on. */
	do
		before = pair[1].order;
	while (!gt_until(pair[0].done && pair[1].done) && pair[1].order != before);
	EXPECT_EQ(rounds, pair[0].order);
	EXPECT_EQ(rounds, pair[1].order);
}

TEST_HARNESS_MAIN
