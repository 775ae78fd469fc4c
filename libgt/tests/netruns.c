// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors that are in use as a run ends: tasks leave them as if they had never come,
 * plain threads go on with what they have.
 */
#include "test.h"

static atomic_long came, got;
static int pair[2];

static void reads(void *arg)
{
	char byte;

	atomic_fetch_add(&came, 1);
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	atomic_fetch_add(&got, 1);
	(void)arg;
}

struct reader {
	pthread_t thread;
	_Atomic pid_t tid;
};

static void *thread_reads(void *arg)
{
	struct reader *reader = arg;

	atomic_store(&reader->tid, gettid());
	reads(NULL);
	return NULL;
}

/* It sleeps, for a byte or for its turn. */
static void reader_start(struct reader *reader)
{
	atomic_store(&reader->tid, 0);
	CHECK_EQ(pthread_create(&reader->thread, NULL, thread_reads, reader), 0);
	AWAIT(reader->tid && thread_state(reader->tid) == 'S');
}

static void reader_join(struct reader *reader)
{
	CHECK_EQ(pthread_join(reader->thread, NULL), 0);
}

/* On one processor it then goes on until it waits. */
static void task_start(void (*fn)(void *arg))
{
	CHECK_EQ(gt_go(fn, NULL), 0);
	AWAIT(came);
}

static void nothing(void)
{
}

/* The turn, and the wait for it, of threads that came before. */
PLAIN_TEST(threads_keep_their_turns)
{
	struct reader first, second, third;
	int fds = count_fds();

	CHECK_EQ(pipe(pair), 0);
	reader_start(&first);
	reader_start(&second);
	test_run(2, nothing);
	test_run(2, nothing);
	CHECK_EQ(gt_write(pair[1], "xy", 2), 2);
	reader_join(&first);
	reader_join(&second);
	reader_start(&third);
	CHECK_EQ(gt_write(pair[1], "z", 1), 1);
	reader_join(&third);
	CHECK_EQ(got, 3);
	CHECK_EQ(gt_close(pair[0]), 0);
	CHECK_EQ(gt_close(pair[1]), 0);
	CHECK_EQ(count_fds(), fds);
}

static struct reader waiting;

static void leaves_a_thread(void)
{
	reader_start(&waiting);
}

/* It waited in the poller, or was on the way there. */
PLAIN_TEST(threads_go_on_without_a_poller)
{
	CHECK_EQ(pipe(pair), 0);
	test_run(2, leaves_a_thread);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	reader_join(&waiting);
	test_run(2, leaves_a_thread);
	test_run(2, nothing);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	reader_join(&waiting);
}

static int blocked[2];

static void blocks(void *arg)
{
	char byte;

	atomic_fetch_add(&came, 1);
	CHECK_EQ(read(blocked[0], &byte, 1), 1);
	(void)arg;
}

static void nothing_at_all(void *arg)
{
	(void)arg;
}

static void leaves_a_thread_and_a_block(void)
{
	task_start(blocks);
	reader_start(&waiting);
}

/* A run whose end waits for a thread that cannot be ended: there is no poller any more. */
PLAIN_TEST(threads_go_on_beside_a_stuck_one)
{
	int result;

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(pipe(blocked), 0);
	test_run(2, leaves_a_thread_and_a_block);
	CHECK_EQ(gt_run(nothing_at_all, NULL), -EBUSY);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	reader_join(&waiting);
	CHECK_EQ(write(blocked[1], "x", 1), 1);
	AWAIT((result = gt_run(nothing_at_all, NULL)) != -EBUSY);
	CHECK_EQ(result, 0);
}

static void leaves_a_task_and_a_thread(void)
{
	task_start(reads);
	reader_start(&waiting);
}

PLAIN_TEST(turns_of_tasks_are_taken_back)
{
	CHECK_EQ(pipe(pair), 0);
	test_run(1, leaves_a_task_and_a_thread);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	reader_join(&waiting);
	CHECK_EQ(got, 1);
}

static void closes_what_a_task_reads(void)
{
	task_start(reads);
	CHECK_EQ(gt_close(pair[0]), 0);
}

/* The task would have closed it as its last reader, but does not run any more. */
PLAIN_TEST(closed_though_the_reader_is_gone)
{
	CHECK_EQ(pipe(pair), 0);
	test_run(1, closes_what_a_task_reads);
	CHECK_EQ(fcntl(pair[0], F_GETFD), -1);
	CHECK_EQ(got, 0);
	CHECK_EQ(close(pair[1]), 0);
}

TEST_MAIN
