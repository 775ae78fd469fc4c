// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_WORKER_WAKE: a set of slots, in order, up to the first that is wrong.
 */
#include "gt_test.h"

#define WORKERS	4

FIXTURE(wake) {
	struct gt_test_group group;
	struct gt_test_worker worker[WORKERS];
};

/* Who has been woken stays a worker, for wakes that are still to come. */
static volatile bool stay;

static void run_park_and_stay(struct gt_test_worker *self)
{
	gt_run_park(self);
	self->order = 1;
	while (stay)
		sched_yield();
}

/* Workers in slots 0 to 2, parked; slot 3 is free. */
FIXTURE_SETUP(wake)
{
	unsigned int i;

	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, WORKERS, 0);
	for (i = 0; i < WORKERS - 1; i++) {
		self->worker[i].deadline_ns = GT_DEADLINE_NONE;
		ASSERT_TRUE(gt_worker_start(&self->worker[i], &self->group, run_park_and_stay));
		ASSERT_EQ(i, self->worker[i].slot);
		ASSERT_TRUE(gt_worker_wait_state(&self->worker[i], GT_STATE_PARKED));
	}
}

FIXTURE_TEARDOWN(wake)
{
}

GT_TEST(wake, all)
{
	static const unsigned int slots[] = { 2, 0, 1, 2 };
	unsigned int i;

	EXPECT_EQ(0, gt_wake_many(self->group.fd, slots, 3));
	for (i = 0; i < WORKERS - 1; i++) {
		EXPECT_TRUE(gt_until(self->worker[i].done));
		EXPECT_EQ(0, self->worker[i].result);
		EXPECT_EQ(GT_EVENT_WOKEN, self->worker[i].events);
	}
}

GT_TEST(wake, same_slot_again)
{
	static const unsigned int slots[] = { 1, 1, 1, 1 };

	stay = true;
	EXPECT_EQ(0, gt_wake_many(self->group.fd, slots, 4));
	EXPECT_TRUE(gt_until(self->worker[1].order));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 2));
}

GT_TEST(wake, bad_count)
{
	static const unsigned int slots[WORKERS + 1];

	EXPECT_EQ(-EINVAL, gt_wake_many(self->group.fd, slots, 0));
	EXPECT_EQ(-EINVAL, gt_wake_many(self->group.fd, slots, WORKERS + 1));
	EXPECT_EQ(-EINVAL, gt_wake_many(self->group.fd, slots, ~0U));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
}

/* What stands before the bad one has been woken, what stands after has not. */
GT_TEST(wake, bad_slot)
{
	static const unsigned int range[] = { 0, WORKERS, 1 };
	static const unsigned int huge[] = { 1, ~0U, 2 };

	EXPECT_EQ(-EINVAL, gt_wake_many(self->group.fd, range, 3));
	EXPECT_TRUE(gt_until(self->worker[0].done));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 1));
	EXPECT_EQ(-EINVAL, gt_wake_many(self->group.fd, huge, 3));
	EXPECT_TRUE(gt_until(self->worker[1].done));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 2));
}

GT_TEST(wake, free_slot)
{
	static const unsigned int slots[] = { 0, 3, 1 };

	EXPECT_EQ(-ESRCH, gt_wake_many(self->group.fd, slots, 3));
	EXPECT_TRUE(gt_until(self->worker[0].done));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 1));
	gt_worker_join(&self->worker[0]);
	EXPECT_TRUE(gt_worker_wait_state(&self->worker[0], GT_STATE_FREE));
	EXPECT_EQ(-ESRCH, gt_wake(self->group.fd, 0));
}

GT_TEST(wake, bad_memory)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned int *slots;
	char *map;

	EXPECT_EQ(-EFAULT, gt_wake_many(self->group.fd, NULL, 1));
	EXPECT_EQ(-EFAULT, gt_wake_many(self->group.fd, (void *)~0xfffUL, 1));
	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, page));
	slots = (unsigned int *)(map + page) - 1;
	*slots = 2;
	EXPECT_EQ(-EFAULT, gt_wake_many(self->group.fd, slots, 2));
	EXPECT_TRUE(gt_until(self->worker[2].done));
}

GT_TEST(wake, bad_values)
{
	unsigned int slot = 0;
	struct gt_worker_wake arg = {
		.size = sizeof(arg), .count = 1, .slots = (uintptr_t)&slot, .flags = 1,
	};

	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_WAKE, &arg));
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_WAKE, &arg));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
}

/* Groups do not reach each other. */
GT_TEST(wake, other_group)
{
	int other = gt_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, gt_setup(other, WORKERS, 0));
	EXPECT_EQ(-ESRCH, gt_wake(other, 0));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, 0));
}

TEST_HARNESS_MAIN
