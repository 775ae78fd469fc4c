// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_WORKER_SWAP: one worker is woken and the caller parks; a signal does not make
 * it wake twice.
 */
#include "gt_test.h"

#define ROUNDS	2000

static int gt_swap(int fd, unsigned int slot, uint64_t deadline_ns, unsigned int *events)
{
	struct gt_worker_swap arg = {
		.size = sizeof(arg), .slot = slot, .deadline_ns = deadline_ns,
	};
	int err = gt_ioctl(fd, GT_IOC_WORKER_SWAP, &arg);

	if (events)
		*events = arg.events;
	return err;
}

FIXTURE(swap) {
	struct gt_test_group group;
	struct gt_test_worker parked, swapper;
};

/* Slot 0 is parked; swappers get slot 1. */
FIXTURE_SETUP(swap)
{
	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 3, 0);
	self->parked.deadline_ns = GT_DEADLINE_NONE;
	self->swapper.deadline_ns = GT_DEADLINE_NONE;
	ASSERT_TRUE(gt_worker_start(&self->parked, &self->group, gt_run_park));
	ASSERT_EQ(0, self->parked.slot);
	ASSERT_TRUE(gt_worker_wait_state(&self->parked, GT_STATE_PARKED));
}

FIXTURE_TEARDOWN(swap)
{
}

static void run_swap(struct gt_test_worker *self)
{
	unsigned int events = 0;

	self->result = gt_swap(self->group->fd, 0, self->deadline_ns, &events);
	self->events = events;
}

GT_TEST(swap, wakes_and_parks)
{
	ASSERT_TRUE(gt_worker_start(&self->swapper, &self->group, run_swap));
	ASSERT_TRUE(gt_until(self->parked.done));
	EXPECT_EQ(0, self->parked.result);
	EXPECT_EQ(GT_EVENT_WOKEN, self->parked.events);
	ASSERT_TRUE(gt_worker_wait_state(&self->swapper, GT_STATE_PARKED));
	EXPECT_FALSE(self->swapper.done);
	ASSERT_EQ(0, gt_wake(self->group.fd, self->swapper.slot));
	ASSERT_TRUE(gt_until(self->swapper.done));
	EXPECT_EQ(0, self->swapper.result);
	EXPECT_EQ(GT_EVENT_WOKEN, self->swapper.events);
}

/* Back and forth: each return is one wake of the other's. */
static volatile unsigned int turn;
static volatile bool go;

static void run_ping_pong(struct gt_test_worker *self)
{
	unsigned int me = self->slot, rounds = ROUNDS / gt_test_scale();

	while (!go)
		sched_yield();
	while (!self->result && self->order < rounds) {
		if (turn != me) {
			self->result = gt_park(self->group->fd, GT_DEADLINE_NONE, NULL);
			continue;
		}
		self->order++;
		turn = 3 - me;
		self->result = gt_swap(self->group->fd, turn, GT_DEADLINE_NONE, NULL);
	}
	/* The last to swap is woken by nobody else. */
	gt_wake(self->group->fd, 3 - me);
}

GT_TEST(swap, back_and_forth)
{
	struct gt_test_worker other = { 0 };
	unsigned int rounds = ROUNDS / gt_test_scale();

	turn = 1;
	ASSERT_TRUE(gt_worker_start(&self->swapper, &self->group, run_ping_pong));
	ASSERT_TRUE(gt_worker_start(&other, &self->group, run_ping_pong));
	go = true;
	ASSERT_TRUE(gt_until(self->swapper.done && other.done));
	EXPECT_EQ(0, self->swapper.result);
	EXPECT_EQ(0, other.result);
	EXPECT_EQ(rounds, self->swapper.order);
	EXPECT_EQ(rounds, other.order);
}

GT_TEST(swap, nobody)
{
	ASSERT_EQ(1, gt_attach(self->group.fd));
	EXPECT_EQ(-ETIMEDOUT, gt_swap(self->group.fd, GT_SLOT_NONE, 0, NULL));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
}

GT_TEST(swap, oneself)
{
	unsigned int events;

	ASSERT_EQ(1, gt_attach(self->group.fd));
	EXPECT_EQ(0, gt_swap(self->group.fd, 1, GT_DEADLINE_NONE, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
}

/* A wake that came before is not lost, and neither is the one that is sent. */
GT_TEST(swap, remembered)
{
	unsigned int events;

	ASSERT_EQ(1, gt_attach(self->group.fd));
	ASSERT_EQ(0, gt_wake(self->group.fd, 1));
	EXPECT_EQ(0, gt_swap(self->group.fd, 0, GT_DEADLINE_NONE, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
	EXPECT_TRUE(gt_until(self->parked.done));
	EXPECT_EQ(GT_EVENT_WOKEN, self->parked.events);
}

GT_TEST(swap, deadline)
{
	uint64_t deadline = gt_now() + 20 * MSEC;

	ASSERT_EQ(1, gt_attach(self->group.fd));
	EXPECT_EQ(-ETIMEDOUT, gt_swap(self->group.fd, 0, deadline, NULL));
	EXPECT_GE(gt_now(), deadline);
	EXPECT_TRUE(gt_until(self->parked.done));
}

GT_TEST(swap, bad_values)
{
	struct gt_worker_swap arg = { .size = sizeof(arg), .flags = 1 };

	EXPECT_EQ(-ESRCH, gt_swap(self->group.fd, 0, 0, NULL));
	ASSERT_EQ(1, gt_attach(self->group.fd));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_SWAP, &arg));
	EXPECT_EQ(-EINVAL, gt_swap(self->group.fd, 3, GT_DEADLINE_NONE, NULL));
	EXPECT_EQ(-EINVAL, gt_swap(self->group.fd, GT_SLOT_NONE - 1, GT_DEADLINE_NONE, NULL));
	EXPECT_EQ(-ESRCH, gt_swap(self->group.fd, 2, GT_DEADLINE_NONE, NULL));
	EXPECT_EQ(GT_STATE_RUNNING, gt_state(&self->group, 1));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
}

GT_TEST(swap, unwritable)
{
	struct gt_worker_swap *arg;
	unsigned int events;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	*arg = (struct gt_worker_swap){ .size = sizeof(*arg), .slot = 0 };
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	ASSERT_EQ(1, gt_attach(self->group.fd));
	ASSERT_EQ(0, gt_wake(self->group.fd, 1));
	EXPECT_EQ(-EFAULT, gt_ioctl(self->group.fd, GT_IOC_WORKER_SWAP, arg));
	EXPECT_TRUE(gt_until(self->parked.done));
	EXPECT_EQ(0, gt_park(self->group.fd, 0, &events));
	EXPECT_EQ(GT_EVENT_WOKEN, events);
}

static struct gt_worker_swap argument;

static void run_swap_argument(struct gt_test_worker *self)
{
	self->result = gt_ioctl(self->group->fd, GT_IOC_WORKER_SWAP, &argument);
}

static void run_park_twice(struct gt_test_worker *self)
{
	while (self->order < 2) {
		self->result = gt_park(self->group->fd, GT_DEADLINE_NONE, NULL);
		self->order++;
	}
}

/* The woken one has parked again; the restarted swap leaves it alone. */
GT_TEST(swap, restarted)
{
	struct gt_test_worker twice = { 0 };
	unsigned int i;

	ASSERT_EQ(0, gt_signal_count(SIGUSR1, SA_RESTART));
	ASSERT_TRUE(gt_worker_start(&twice, &self->group, run_park_twice));
	ASSERT_EQ(1, twice.slot);
	ASSERT_TRUE(gt_until(gt_sleeps_parked(&twice)));
	argument = (struct gt_worker_swap){
		.size = sizeof(argument), .slot = 1, .deadline_ns = GT_DEADLINE_NONE,
	};
	ASSERT_TRUE(gt_worker_start(&self->swapper, &self->group, run_swap_argument));
	ASSERT_TRUE(gt_until(twice.order == 1 && gt_sleeps_parked(&twice)));
	for (i = 1; i <= 10; i++) {
		ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->swapper)));
		ASSERT_EQ(0, pthread_kill(self->swapper.thread, SIGUSR1));
		ASSERT_TRUE(gt_until(gt_signals == i));
	}
	ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->swapper)));
	EXPECT_EQ(1, twice.order);
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 1));
	EXPECT_EQ(GT_SLOT_NONE, argument.slot);
	ASSERT_EQ(0, gt_wake(self->group.fd, self->swapper.slot));
	ASSERT_TRUE(gt_until(self->swapper.done));
	EXPECT_EQ(0, self->swapper.result);
	EXPECT_EQ(1, twice.order);
}

/* Who restarts it by hand does not wake again either. */
GT_TEST(swap, interrupted)
{
	ASSERT_EQ(0, gt_signal_count(SIGUSR1, 0));
	argument = (struct gt_worker_swap){
		.size = sizeof(argument), .slot = 0, .deadline_ns = GT_DEADLINE_NONE,
	};
	ASSERT_TRUE(gt_worker_start(&self->swapper, &self->group, run_swap_argument));
	ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->swapper)));
	ASSERT_EQ(0, pthread_kill(self->swapper.thread, SIGUSR1));
	ASSERT_TRUE(gt_until(self->swapper.done));
	EXPECT_EQ(-EINTR, self->swapper.result);
	EXPECT_EQ(GT_SLOT_NONE, argument.slot);
}

TEST_HARNESS_MAIN
