// SPDX-License-Identifier: GPL-2.0
/*
 * A worker from which something was taken while it was blocked is called before it is back
 * in user code, once for that block, and nobody else is.
 */
#include "gt_upcall.h"

FIXTURE(upcall_return) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

static volatile bool back, back_at_upcall;
static volatile unsigned int reasons;

static void note(struct gt_upcall_frame *frame)
{
	back_at_upcall = back;
	reasons |= frame->reasons;
}

FIXTURE_SETUP(upcall_return)
{
	memset(&self->worker, 0, sizeof(self->worker));
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
	gt_on_upcall = note;
	back = false;
	back_at_upcall = true;
	reasons = 0;
}

FIXTURE_TEARDOWN(upcall_return)
{
}

/* Read bytes, with something to lose, until the other end is closed. */
static void run_reads(struct gt_test_worker *self)
{
	volatile struct gt_worker_user *user = &self->group->user[self->slot];
	char byte;

	user->cover = 1;
	user->word = GT_USER_HELD;
	while (read(self->fd, &byte, 1) == 1) {
		back = true;
		self->order++;
	}
	user->cover = 0;
}

static void run(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	run_reads(self);
}

static void run_no_preempt(struct gt_test_worker *self)
{
	self->group->user[self->slot].no_preempt = 1;
	run(self);
}

static volatile bool signalled;

static void on_signal(int signal)
{
	signalled = true;
}

static void run_signal(struct gt_test_worker *self)
{
	struct gt_worker_upcall arg = { .size = sizeof(arg), .signal = SIGUSR1 };

	self->result = gt_ioctl(self->group->fd, GT_IOC_WORKER_UPCALL, &arg);
	run_reads(self);
}

/* In the read() number @round. */
static bool blocked(struct gt_test_worker *worker, unsigned int round)
{
	return gt_until(worker->order == round && gt_thread_state(worker->tid) == 'S' &&
			gt_state(worker->group, worker->slot) == GT_STATE_BLOCKED);
}

static bool take(struct gt_test_worker *worker)
{
	volatile __u64 *word = &worker->group->user[worker->slot].word;
	uint64_t old = *word;

	return GT_USER_STATE(old) == GT_USER_BLOCKED &&
	       __sync_bool_compare_and_swap(word, old, GT_USER_TAKEN);
}

static bool go_on(struct gt_test_worker *worker, int fd)
{
	unsigned int round = worker->order + 1;

	return write(fd, "x", 1) == 1 && blocked(worker, round);
}

GT_TEST(upcall_return, before_user_code)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(GT_UPCALL_RETURN, reasons);
	EXPECT_FALSE(back_at_upcall);
	EXPECT_EQ(1, self->group.worker[0].nr_upcalls);
	EXPECT_EQ(0, self->group.worker[0].nr_missed);
}

/* What is taken stays so: later blocks have nothing to lose. */
GT_TEST(upcall_return, once)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(GT_USER_TAKEN, self->group.user[0].word);
	EXPECT_EQ(1, self->group.worker[0].nr_upcalls);
	/* Until it holds something again. */
	self->group.user[0].word = GT_USER_HELD;
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(2, self->group.worker[0].nr_upcalls);
}

GT_TEST(upcall_return, not_taken)
{
	unsigned int i;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	for (i = 0; i < 20; i++)
		ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(0, self->group.worker[0].nr_upcalls);
	EXPECT_EQ(0, self->group.worker[0].nr_missed);
}

/* The taker may say more than TAKEN: then it is user space's own business. */
GT_TEST(upcall_return, another_state)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	self->group.user[0].word = GT_USER_OWN;
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(0, self->group.worker[0].nr_upcalls);
}

GT_TEST(upcall_return, not_covered)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	self->group.user[0].cover = 0;
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	self->group.user[0].word = GT_USER_TAKEN;
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(0, self->group.worker[0].nr_upcalls);
}

GT_TEST(upcall_return, no_preempt)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_no_preempt));
	ASSERT_TRUE(blocked(&self->worker, 0));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(0, self->group.worker[0].nr_upcalls);
	EXPECT_EQ(GT_UPCALL_RETURN, self->group.user[0].missed);
}

/* The signal that stands in for other upcalls does not for this one. */
GT_TEST(upcall_return, no_signal)
{
	struct sigaction action = { .sa_handler = on_signal };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	signalled = false;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_signal));
	ASSERT_TRUE(blocked(&self->worker, 0));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_EQ(GT_UPCALL_RETURN, self->group.user[0].missed);
	EXPECT_FALSE(signalled);
	/* Nothing else is lost by it. */
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_TRUE(go_on(&self->worker, self->pipe[1]));
	EXPECT_TRUE(signalled);
}

/* Such an upcall may wait, for what was taken or something in its place. */
static struct gt_test_group *waits_in;

static void wait_for_wake(struct gt_upcall_frame *frame)
{
	note(frame);
	gt_park(waits_in->fd, GT_DEADLINE_NONE, NULL);
}

GT_TEST(upcall_return, waits)
{
	gt_on_upcall = wait_for_wake;
	waits_in = &self->group;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	ASSERT_TRUE(blocked(&self->worker, 0));
	ASSERT_TRUE(take(&self->worker));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_PARKED));
	EXPECT_EQ(GT_UPCALL_RETURN, reasons);
	EXPECT_FALSE(back);
	ASSERT_EQ(0, gt_wake(self->group.fd, self->worker.slot));
	ASSERT_TRUE(blocked(&self->worker, 1));
	EXPECT_EQ(1, self->group.worker[0].nr_upcalls);
}

TEST_HARNESS_MAIN
