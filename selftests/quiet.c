// SPDX-License-Identifier: GPL-2.0
/*
 * A worker that becomes uncovered wakes nobody while there is something to spare, somebody
 * attends, and its own queue is empty. It is uncovered all the same.
 */
#include "gt_test.h"

FIXTURE(quiet) {
	struct gt_test_group group;
	volatile struct gt_group_user *common;
	struct gt_test_worker worker, standby;
	struct gt_queue queue;
	int pipe[2];
};

#define WORKERS 4

FIXTURE_SETUP(quiet)
{
	memset(&self->worker, 0, sizeof(self->worker));
	memset(&self->standby, 0, sizeof(self->standby));
	memset(&self->queue, 0, sizeof(self->queue));
	self->standby.deadline_ns = GT_DEADLINE_NONE;
	GT_TEST_GROUP_OPEN(&self->group, WORKERS, 0);
	self->common = (volatile struct gt_group_user *)(self->group.user + WORKERS);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby, GT_STATE_STANDBY));
}

FIXTURE_TEARDOWN(quiet)
{
}

static volatile uint64_t queue;

static void run_read(struct gt_test_worker *self)
{
	self->group->user[self->slot].queue = queue;
	gt_run_read_covered(self);
}

/* Blocked, covered, and for long enough. */
static bool uncover(struct gt_test_worker *worker, struct gt_test_group *group, uint64_t address)
{
	queue = address;
	return gt_worker_start(worker, group, run_read) &&
	       gt_until(gt_state(group, worker->slot) == GT_STATE_BLOCKED &&
			group->worker[worker->slot].reported == group->worker[worker->slot].word);
}

/* The standby is woken, by that block; or it is not, but is by a command. */
#define EXPECT_WOKEN() do { \
	EXPECT_TRUE(gt_until(self->standby.done)); \
	EXPECT_EQ(GT_EVENT_UNCOVERED, self->standby.events); \
	EXPECT_EQ(1, self->group.status->delivered); \
} while (0)

#define EXPECT_QUIET() do { \
	EXPECT_EQ(GT_STATE_STANDBY, gt_state(&self->group, self->standby.slot)); \
	EXPECT_EQ(0, gt_wake(self->group.fd, self->standby.slot)); \
	EXPECT_TRUE(gt_until(self->standby.done)); \
	EXPECT_EQ(GT_EVENT_WOKEN, self->standby.events); \
	EXPECT_EQ(0, self->group.status->delivered); \
	EXPECT_EQ(0, self->group.status->uncovered); \
} while (0)

GT_TEST(quiet, nothing_to_do)
{
	self->common->spare = 1;
	self->common->attended = 1;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)&self->queue));
	EXPECT_QUIET();
	EXPECT_LE(1, self->group.status->quiet);
	EXPECT_LE(1, self->group.worker[self->worker.slot].nr_uncovered);
}

GT_TEST(quiet, nothing_to_spare)
{
	self->common->attended = 1;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)&self->queue));
	EXPECT_WOKEN();
}

GT_TEST(quiet, unattended)
{
	self->common->spare = 1;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)&self->queue));
	EXPECT_WOKEN();
}

GT_TEST(quiet, no_queue)
{
	self->common->spare = 1;
	self->common->attended = 1;
	ASSERT_TRUE(uncover(&self->worker, &self->group, 0));
	EXPECT_WOKEN();
	EXPECT_EQ(0, self->group.status->quiet);
}

GT_TEST(quiet, something_queued)
{
	self->common->spare = 1;
	self->common->attended = 1;
	self->queue.head = 7;
	self->queue.tail = 8;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)&self->queue));
	EXPECT_WOKEN();
}

GT_TEST(quiet, something_next)
{
	self->common->spare = 1;
	self->common->attended = 1;
	self->queue.next = 1ULL << 63;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)&self->queue));
	EXPECT_WOKEN();
}

/* Anything may stand in the word: what cannot be read may be full of work. */
#define GT_TEST_BAD_QUEUE(name, address) \
	GT_TEST(quiet, name) \
	{ \
		self->common->spare = 1; \
		self->common->attended = 1; \
		ASSERT_TRUE(uncover(&self->worker, &self->group, (address))); \
		EXPECT_WOKEN(); \
	}

GT_TEST_BAD_QUEUE(unmapped_queue, 4096)
GT_TEST_BAD_QUEUE(unaligned_queue, (uintptr_t)&self->queue + 4)
GT_TEST_BAD_QUEUE(kernel_queue, 0xffff888000000000ULL)
GT_TEST_BAD_QUEUE(wild_queue, ~7ULL)

/* Its first page is there, the second is not. */
GT_TEST(quiet, half_a_queue)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0, page);
	ASSERT_EQ(0, munmap(map + page, page));
	self->common->spare = 1;
	self->common->attended = 1;
	ASSERT_TRUE(uncover(&self->worker, &self->group, (uintptr_t)map + page - 64));
	EXPECT_WOKEN();
}

/*
 * A worker blocks again and again, and what is to spare comes and goes: whoever takes it
 * finds each worker that is uncovered, or the event is raised.
 */
static void run_read_loop(struct gt_test_worker *self)
{
	self->group->user[self->slot].queue = queue;
	gt_run_read_loop(self);
}

GT_TEST(quiet, race)
{
	unsigned int i, k, rounds = 3000 / gt_test_scale(), raised = 0;
	volatile struct gt_worker_status *status;

	queue = (uintptr_t)&self->queue;
	self->common->attended = 1;
	ASSERT_EQ(0, gt_wake(self->group.fd, self->standby.slot));
	ASSERT_TRUE(gt_until(self->standby.done));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_read_loop));
	status = &self->group.worker[self->worker.slot];
	ASSERT_LE(0, gt_attach(self->group.fd));
	for (i = 0; i <= rounds; i++) {
		unsigned int event = 0;
		uint64_t seen, old;
		bool taken;

		/* In its block, which the kernel has done with: standby takes the same lock. */
		ASSERT_TRUE(gt_until(self->worker.order == i &&
				     GT_WORD_STATE(status->word) == GT_STATE_BLOCKED &&
				     status->reported == status->word));
		gt_standby(self->group.fd, 0, NULL);
		if (i == rounds)
			break;
		old = status->word;
		seen = self->group.status->quiet;
		__atomic_store_n(&self->common->spare, 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		for (k = i * 7 % 4096; k; k--)
			__asm__ volatile("" ::: "memory");
		__atomic_store_n(&self->common->spare, 0, __ATOMIC_SEQ_CST);
		__sync_synchronize();
		taken = self->group.status->quiet != seen && status->word != old &&
			GT_WORD_STATE(status->word) == GT_STATE_BLOCKED &&
			status->reported == status->word;
		ASSERT_TRUE(gt_until(self->worker.order == i + 1 &&
				     GT_WORD_STATE(status->word) == GT_STATE_BLOCKED &&
				     status->reported == status->word));
		gt_standby(self->group.fd, 0, &event);
		EXPECT_TRUE(taken || event == GT_EVENT_UNCOVERED);
		raised += !!event;
	}
	TH_LOG("%u events in %u blocks", raised, rounds);
}

TEST_HARNESS_MAIN
