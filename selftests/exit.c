// SPDX-License-Identifier: GPL-2.0
/*
 * Threads and processes that die as workers: their slots come free, their groups
 * go, and nothing waits for them.
 */
#include "gt_test.h"

#define WORKERS	64

FIXTURE(exit) {
	struct gt_test_group group;
	struct gt_test_worker worker[WORKERS];
	int pipe[2];
};

FIXTURE_SETUP(exit)
{
	unsigned int i;

	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, WORKERS, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	for (i = 0; i < WORKERS; i++) {
		self->worker[i].fd = self->pipe[0];
		self->worker[i].deadline_ns = GT_DEADLINE_NONE;
	}
}

FIXTURE_TEARDOWN(exit)
{
}

static void run_nothing(struct gt_test_worker *self)
{
}

static unsigned int count_free(struct gt_test_group *group)
{
	unsigned int i, count = 0;

	for (i = 0; i < WORKERS; i++)
		count += gt_state(group, i) == GT_STATE_FREE;
	return count;
}

/* Without a detach, again and again: no slot is lost, and none raises events. */
GT_TEST(exit, threads)
{
	unsigned int round, i, rounds = 5 * gt_test_scale();

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < WORKERS; i++)
			ASSERT_TRUE(gt_worker_start(&self->worker[i], &self->group,
						    run_nothing));
		for (i = 0; i < WORKERS; i++)
			gt_worker_join(&self->worker[i]);
		ASSERT_TRUE(gt_until(count_free(&self->group) == WORKERS));
	}
	EXPECT_EQ(0, self->group.status->delivered);
	EXPECT_EQ(0, gt_attach(self->group.fd));
}

static void run_exit_covered(struct gt_test_worker *self)
{
	self->group->user[self->slot].cover = 1;
}

/* The last switch of a thread is no block. */
GT_TEST(exit, covered)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		uint64_t nr;

		ASSERT_TRUE(gt_worker_start(&self->worker[0], &self->group, run_exit_covered));
		gt_worker_join(&self->worker[0]);
		ASSERT_TRUE(gt_worker_wait_state(&self->worker[0], GT_STATE_FREE));
		/* It may block on its way, before it has left its address space. */
		nr = self->group.worker[self->worker[0].slot].nr_blocked;
		EXPECT_LE(self->group.worker[self->worker[0].slot].nr_uncovered, nr);
	}
	EXPECT_EQ(WORKERS, count_free(&self->group));
}

/* Two of each kind: parked, standing by, blocked, spinning. */
static void be_killed(struct gt_test_group *group, int ready)
{
	static struct gt_test_worker worker[8];
	static void (*const run[])(struct gt_test_worker *) = {
		gt_run_park, gt_run_standby, gt_run_read_covered, gt_run_spin,
	};
	int fds[2];
	unsigned int i;

	if (gt_group_open(group, 8, 0) || pipe(fds))
		_exit(1);
	for (i = 0; i < 8; i++) {
		worker[i].fd = fds[0];
		worker[i].deadline_ns = GT_DEADLINE_NONE;
		if (!gt_worker_start(&worker[i], group, run[i % 4]))
			_exit(2);
	}
	/* The standbys may have taken the events of the blocked ones, and left. */
	if (!gt_worker_wait_state(&worker[0], GT_STATE_PARKED) ||
	    !gt_worker_wait_state(&worker[2], GT_STATE_BLOCKED))
		_exit(3);
	if (write(ready, "x", 1) != 1)
		_exit(4);
	for (;;)
		pause();
}

GT_TEST(exit, killed)
{
	unsigned int round, rounds = 10 * gt_test_scale();
	long before = gt_module_number("refcnt");
	struct gt_test_group group;
	int status, fds[2];
	pid_t pid;
	char byte;

	ASSERT_LE(1, before);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* What the fixture had opened is not to be held any longer. */
			close(self->group.fd);
			be_killed(&group, fds[1]);
		}
		close(fds[1]);
		ASSERT_EQ(1, read(fds[0], &byte, 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		close(fds[0]);
	}
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == before));
}

static struct gt_test_group *leader_group;

static void *follower(void *arg)
{
	/* The leader is a zombie by now or soon, and its slot comes free. */
	if (!gt_until(gt_state(leader_group, 0) == GT_STATE_FREE))
		_exit(1);
	if (gt_attach(leader_group->fd) != 0)
		_exit(2);
	_exit(0);
}

GT_TEST(exit, zombie_leader)
{
	struct gt_test_group group;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pthread_t thread;

		if (gt_group_open(&group, 2, 0) || gt_attach(group.fd) != 0)
			_exit(3);
		leader_group = &group;
		if (pthread_create(&thread, NULL, follower, NULL))
			_exit(4);
		/* The thread alone, and without unwinding what "group" is in. */
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The last descriptor goes while threads die: the group goes with the last. */
GT_TEST(exit, race_with_close)
{
	unsigned int round, rounds = 10 * gt_test_scale();
	long before = gt_module_number("refcnt");
	struct gt_test_group group;
	unsigned int i;

	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, gt_group_open(&group, 8, 0));
		for (i = 0; i < 8; i++)
			ASSERT_TRUE(gt_worker_start(&self->worker[i], &group, run_nothing));
		gt_group_close(&group);
		for (i = 0; i < 8; i++)
			gt_worker_join(&self->worker[i]);
	}
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == before));
}

TEST_HARNESS_MAIN
