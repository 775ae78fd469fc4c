// SPDX-License-Identifier: GPL-2.0
/*
 * gt_worker_user.word: a covered block makes HELD BLOCKED, its end makes that HELD again,
 * and who takes in between has it. Whatever else is in the word stays there.
 */
#include "gt_test.h"

#define FLAGS	0x50

FIXTURE(word) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_SETUP(word)
{
	memset(&self->worker, 0, sizeof(self->worker));
	GT_TEST_GROUP_OPEN(&self->group, 2, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(word)
{
}

/* Block in read()s of one byte, until the other end is closed. */
static void run_read_loop(struct gt_test_worker *self)
{
	char byte;

	while (read(self->fd, &byte, 1) == 1)
		self->order++;
}

/* Blocked in the read() number @round, and nothing else. */
static bool blocked(struct gt_test_worker *worker, unsigned int round)
{
	return gt_until(worker->order == round &&
			gt_thread_state(worker->tid) == 'S' &&
			gt_state(worker->group, worker->slot) == GT_STATE_BLOCKED);
}

static volatile __u64 *start(struct gt_test_worker *worker, struct gt_test_group *group)
{
	if (!gt_worker_start(worker, group, run_read_loop))
		return NULL;
	return blocked(worker, 0) ? &group->user[worker->slot].word : NULL;
}

/* What is set while the worker sleeps counts from its next block on. */
static bool next(struct gt_test_worker *worker, int fd)
{
	unsigned int round = worker->order + 1;

	return write(fd, "x", 1) == 1 && blocked(worker, round);
}

static bool swap(volatile __u64 *word, uint64_t old, uint64_t new)
{
	return __sync_bool_compare_and_swap(word, old, new);
}

GT_TEST(word, blocked_and_back)
{
	volatile __u64 *word = start(&self->worker, &self->group);
	unsigned int i;

	ASSERT_NE(NULL, word);
	EXPECT_EQ(GT_USER_OFF, *word);
	self->group.user[0].cover = 1;
	*word = GT_USER_HELD | FLAGS;
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(next(&self->worker, self->pipe[1]));
		EXPECT_EQ(GT_USER_BLOCKED, GT_USER_STATE(*word));
		EXPECT_EQ(FLAGS, *word & GT_USER_FLAGS);
		EXPECT_EQ(GT_WORD_SEQ(self->group.worker[0].word), GT_USER_SEQ(*word));
	}
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(GT_USER_HELD | FLAGS, *word);
}

/* The flags are not the kernel's, and no reason to give up. */
GT_TEST(word, flags_that_change)
{
	volatile __u64 *word = start(&self->worker, &self->group);

	ASSERT_NE(NULL, word);
	self->group.user[0].cover = 1;
	*word = GT_USER_HELD;
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	ASSERT_TRUE(swap(word, *word, *word | FLAGS));
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(GT_USER_HELD | FLAGS, *word);
}

GT_TEST(word, taken)
{
	volatile __u64 *word = start(&self->worker, &self->group);

	ASSERT_NE(NULL, word);
	self->group.user[0].cover = 1;
	*word = GT_USER_HELD;
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	ASSERT_TRUE(swap(word, *word, GT_USER_TAKEN));
	/* Over one block's end, and through the next. */
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	EXPECT_EQ(GT_USER_TAKEN, *word);
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(GT_USER_TAKEN, *word);
}

GT_TEST(word, late_taker)
{
	volatile __u64 *word = start(&self->worker, &self->group);
	uint64_t old;

	ASSERT_NE(NULL, word);
	self->group.user[0].cover = 1;
	*word = GT_USER_HELD;
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	old = *word;
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	EXPECT_NE(old, *word);
	EXPECT_FALSE(swap(word, old, GT_USER_TAKEN));
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(GT_USER_HELD, *word);
}

GT_TEST(word, not_covered)
{
	volatile __u64 *word = start(&self->worker, &self->group);

	ASSERT_NE(NULL, word);
	*word = GT_USER_HELD;
	ASSERT_TRUE(next(&self->worker, self->pipe[1]));
	EXPECT_EQ(GT_USER_HELD, *word);
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(GT_USER_HELD, *word);
}

/* Words that are none of the kernel's business, or nonsense. */
GT_TEST(word, left_alone)
{
	static const uint64_t words[] = {
		GT_USER_OFF, GT_USER_TAKEN, GT_USER_OWN, 0xf, ~0ULL, 1ULL << 63,
		GT_USER_HELD | 1 << 8, GT_USER_BLOCKED, GT_USER_BLOCKED | 12345 << 8, FLAGS,
	};
	volatile __u64 *word = start(&self->worker, &self->group);
	unsigned int i;

	ASSERT_NE(NULL, word);
	self->group.user[0].cover = 1;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*word = words[i];
		ASSERT_TRUE(next(&self->worker, self->pipe[1]));
		EXPECT_EQ(words[i], *word);
	}
}

GT_TEST(word, off_at_first)
{
	ASSERT_EQ(0, gt_attach(self->group.fd));
	self->group.user[0].word = GT_USER_TAKEN;
	ASSERT_EQ(0, gt_detach(self->group.fd));
	ASSERT_EQ(0, gt_attach(self->group.fd));
	EXPECT_EQ(GT_USER_OFF, self->group.user[0].word);
}

/* The worker and a taker, as fast as they can: each time just one has it. */

static volatile unsigned long value, taken, given;

static void run_held_loop(struct gt_test_worker *self)
{
	volatile struct gt_worker_user *user = &self->group->user[self->slot];
	unsigned long mine = 0;
	char byte;

	user->word = GT_USER_HELD;
	user->cover = 1;
	while (read(self->fd, &byte, 1) == 1) {
		if (__atomic_load_n(&user->word, __ATOMIC_ACQUIRE) == GT_USER_HELD) {
			value++;
			mine++;
		} else {
			/* It comes back when the taker is done with it. */
			given++;
			while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) != given)
				sched_yield();
			__atomic_store_n(&user->word, GT_USER_HELD, __ATOMIC_RELEASE);
		}
		self->order++;
	}
	user->cover = 0;
	self->deadline_ns = mine;
}

static void *taker_main(void *arg)
{
	struct gt_test_worker *worker = arg;
	volatile __u64 *word = &worker->group->user[worker->slot].word;
	unsigned int pause = 0, i;

	while (!worker->stop) {
		uint64_t old = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		if (GT_USER_STATE(old) != GT_USER_BLOCKED) {
			sched_yield();
			continue;
		}
		/* Now at once, now as the worker wakes. */
		for (i = 0; i < pause % 4096; i++)
			__asm__ volatile("" ::: "memory");
		pause = pause * 5 + 77;
		if (swap(word, old, GT_USER_TAKEN)) {
			value++;
			__atomic_store_n(&taken, taken + 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

GT_TEST(word, race)
{
	unsigned int i, rounds = 5000 / gt_test_scale();
	pthread_t taker;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_held_loop));
	ASSERT_EQ(0, pthread_create(&taker, NULL, taker_main, &self->worker));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		ASSERT_TRUE(gt_until(self->worker.order > i));
	}
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
	self->worker.stop = true;
	pthread_join(taker, NULL);
	/* The taker may have taken in the last block, whose read() brought no byte. */
	EXPECT_LE(taken - given, 1);
	EXPECT_EQ(rounds, self->worker.deadline_ns + given);
	EXPECT_EQ(value, self->worker.deadline_ns + taken);
}

TEST_HARNESS_MAIN
