// SPDX-License-Identifier: GPL-2.0
/*
 * GTDEBUG=migrate=1 moves a task to another thread at every suspension, even with
 * one processor, so that code which keeps the address of a thread-local variable
 * across a call is found.
 */
#include "test.h"

static atomic_long ran;
static struct gt_chan *there, *back;
static int pair[2];

/* Without hand-off and preemption, which may leave a call nothing to wait for. */
#define MIGRATE_TEST(name) \
	static void name##_task(void); \
	TEST(name##_p1) \
	{ \
		test_begin(_metadata); \
		setenv("GTDEBUG", "migrate=1,preempt=off", 1); \
		setenv("GTHANDOFF", "off", 1); \
		test_run(1, name##_task); \
	} \
	TEST(name##_p2) \
	{ \
		test_begin(_metadata); \
		setenv("GTDEBUG", "migrate=1,preempt=off", 1); \
		setenv("GTHANDOFF", "off", 1); \
		test_run(2, name##_task); \
	} \
	static void name##_task(void)

NOINLINE static pid_t thread_now(void)
{
	__asm__ volatile("" ::: "memory");
	return gettid();
}

#define MOVES(call) do { \
	pid_t tid_ = thread_now(); \
	call; \
	CHECK(thread_now() != tid_); \
} while (0)

MIGRATE_TEST(yield)
{
	int i;

	for (i = 0; i < 50; i++)
		MOVES(gt_yield());
}

static void answers(void *arg)
{
	while (gt_chan_recv(there, NULL))
		gt_chan_send(back, NULL);
	(void)arg;
}

/* With one processor the answer comes only while the asker waits. */
MIGRATE_TEST(channels)
{
	int i;

	CHECK(there = gt_chan_make(0, 0));
	CHECK(back = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(answers, NULL), 0);
	gt_yield();		/* it waits, so only the receive below suspends */
	for (i = 0; i < 20; i++) {
		gt_chan_send(there, NULL);
		if (test_procs == 1)
			MOVES(CHECK_EQ(gt_chan_recv(back, NULL), 1));
		else
			CHECK_EQ(gt_chan_recv(back, NULL), 1);
	}
}

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

MIGRATE_TEST(waitgroup_and_sleep)
{
	struct gt_wg wg = {0};
	int i;

	for (i = 0; i < 20; i++) {
		CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
		if (test_procs == 1)
			MOVES(gt_wg_wait(&wg));
		else
			gt_wg_wait(&wg);
		MOVES(gt_sleep(10 * GT_MICROSECOND));
		MOVES(gt_sleep(0));
	}
	CHECK_EQ(ran, 20);
}

static void writes_a_byte(void *arg)
{
	CHECK_EQ(gt_write(pair[1], "x", 1), 1);
	(void)arg;
}

MIGRATE_TEST(network)
{
	char byte;
	int i;

	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
		if (test_procs == 1)
			MOVES(CHECK_EQ(gt_read(pair[0], &byte, 1), 1));
		else
			CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	}
}

/* Off, a task that runs alone stays where it is. */
static void stays(void)
{
	pid_t tid = thread_now();
	int i, moved = 0;

	for (i = 0; i < 100; i++) {
		gt_yield();
		moved += thread_now() != tid;
	}
	CHECK_EQ(moved, 0);
}

PLAIN_TEST(off)
{
	unsetenv("GTDEBUG");
	setenv("GTHANDOFF", "off", 1);
	test_run(1, stays);
}

TEST_MAIN
