// SPDX-License-Identifier: GPL-2.0
/*
 * Undeclared blocking: a task may sit in any system call of any library, and its
 * processor goes to another thread meanwhile. Most of these tests would hang with
 * one processor that stays where it is.
 */
#include <poll.h>
#include <sys/mman.h>
#include <time.h>

#include "test.h"

static atomic_long ran;
static int pair[2];

/*
 * The task that calls this goes on blocking until its processor has been taken
 * once; @block must block for a bounded time.
 */
static void block_until_handed_off(void (*block)(void))
{
	uint64_t before = stats_now().handoffs;

	while (stats_now().handoffs == before)
		block();
}

#define ONE_PROCESSOR_TEST(name) \
	static void name##_task(void); \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		setenv("GTHANDOFF", "on", 1); \
		test_run(1, name##_task); \
	} \
	static void name##_task(void)

/* -------------------------------------------------------- who waits for whom ---- */

static void writes_a_byte(void *arg)
{
	CHECK_EQ(write(pair[1], "x", 1), 1);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

ONE_PROCESSOR_TEST(read_of_a_pipe)
{
	uint64_t handoffs = stats_now().handoffs;
	char byte;
	long i, n = scaled(20);

	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
		CHECK_EQ(read(pair[0], &byte, 1), 1);
	}
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n);
	CHECK(stats_now().handoffs > handoffs);
}

ONE_PROCESSOR_TEST(poll_of_a_pipe)
{
	struct pollfd poll_fd;

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
	poll_fd = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	CHECK_EQ(poll(&poll_fd, 1, -1), 1);
	AWAIT(ran == 1);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool signaled;

static void signals_cond(void *arg)
{
	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	signaled = true;
	CHECK_EQ(pthread_cond_signal(&cond), 0);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	(void)arg;
}

ONE_PROCESSOR_TEST(pthread_cond)
{
	CHECK_EQ(gt_go(signals_cond, NULL), 0);
	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	while (!signaled)
		CHECK_EQ(pthread_cond_wait(&cond, &mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	AWAIT(gt_task_count() == 1);
}

/*
 * The holder of the mutex is blocked too, and the third task releases both. The
 * holder's thread stays its own while it sits in read(), so the unlock comes from
 * the thread that locked.
 */
static atomic_bool holds;

static void holds_mutex_in_read(void *arg)
{
	char byte;

	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	atomic_store(&holds, true);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void locks_mutex(void *arg)
{
	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

ONE_PROCESSOR_TEST(pthread_mutex)
{
	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_go(holds_mutex_in_read, NULL), 0);
	AWAIT(holds);
	CHECK_EQ(gt_go(locks_mutex, NULL), 0);
	CHECK_EQ(gt_go(locks_mutex, NULL), 0);
	gt_yield();
	CHECK_EQ(ran, 0);
	writes_a_byte(NULL);
	AWAIT(ran == 4);
	AWAIT(gt_task_count() == 1);
}

static atomic_bool stop;

static void counts_until_stop(void *arg)
{
	while (!stop) {
		atomic_fetch_add(&ran, 1);
		gt_yield();
	}
	(void)arg;
}

static void naps(void)
{
	static const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };

	nanosleep(&nap, NULL);
}

ONE_PROCESSOR_TEST(nanosleep_lets_others_run)
{
	long before;

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	gt_yield();
	before = ran;
	while (ran == before)
		naps();		/* the loop never enters the runtime */
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

static void releases_child(void *arg)
{
	CHECK_EQ(close(pair[1]), 0);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

ONE_PROCESSOR_TEST(waitpid_of_a_child)
{
	int status;
	char byte;
	pid_t pid;

	CHECK_EQ(pipe(pair), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		close(pair[1]);
		_exit(read(pair[0], &byte, 1) == 0 ? 7 : 8);
	}
	CHECK_EQ(gt_go(releases_child, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	AWAIT(ran == 1);
}

/* A join of a thread that needs a task to run. */
static struct gt_chan *chan;

static void *sends_to_chan(void *arg)
{
	gt_chan_send(chan, NULL);
	return arg;
}

static void receives(void *arg)
{
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	(void)arg;
}

ONE_PROCESSOR_TEST(pthread_join_of_a_peer)
{
	pthread_t thread;

	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(pthread_create(&thread, NULL, sends_to_chan, NULL), 0);
	CHECK_EQ(gt_go(receives, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
}

/* ------------------------------------------------------- several at once ---- */

static void reads_a_byte(void *arg)
{
	char byte;

	CHECK_EQ(read(pair[0], &byte, 1), 1);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void several_blocked(void)
{
	long i, n = 20;

	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(reads_a_byte, NULL), 0);
	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	AWAIT(ran > 100);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == (size_t)n + 1);
	atomic_store(&ran, 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(write(pair[1], "x", 1), 1);
	AWAIT(ran == n);
	AWAIT(gt_task_count() == 1);
}

ONE_PROCESSOR_TEST(several_blocked_on_one_processor)
{
	several_blocked();
}

TEST_ON(several_blocked_on_two, several_blocked, 2)
TEST_ON(several_blocked_on_eight, several_blocked, 8)

/* A blocked chain: each releases the next, in a way that only the kernel sees. */
enum { LINKS = 12 };
static int links[LINKS + 1][2];

static void passes_on(void *arg)
{
	long i = (long)arg;
	char byte;

	CHECK_EQ(read(links[i][0], &byte, 1), 1);
	CHECK_EQ(write(links[i + 1][1], &byte, 1), 1);
}

ONE_PROCESSOR_TEST(chain_of_blocked_tasks)
{
	char byte;
	long i;

	for (i = 0; i <= LINKS; i++)
		CHECK_EQ(pipe(links[i]), 0);
	for (i = LINKS - 1; i >= 0; i--)
		CHECK_EQ(gt_go(passes_on, (void *)i), 0);
	CHECK_EQ(write(links[0][1], "x", 1), 1);
	CHECK_EQ(read(links[LINKS][0], &byte, 1), 1);
	AWAIT(gt_task_count() == 1);
}

/* Network, timers and threads go on beside a blocked task. */
static void sleeps(void *arg)
{
	int i;

	for (i = 0; i < 5; i++)
		gt_sleep(2 * GT_MILLISECOND);
	writes_a_byte(arg);
}

ONE_PROCESSOR_TEST(timers_beside_a_blocked_task)
{
	char byte;

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_go(sleeps, NULL), 0);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	AWAIT(gt_task_count() == 1);
}

static int wires[2];

static void reads_from_net(void *arg)
{
	char byte;

	CHECK_EQ(gt_read(wires[0], &byte, 1), 1);
	writes_a_byte(arg);
}

static void *writes_to_net(void *arg)
{
	CHECK_EQ(gt_write(wires[1], "x", 1), 1);
	return arg;
}

ONE_PROCESSOR_TEST(network_beside_a_blocked_task)
{
	pthread_t thread;
	char byte;

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(pipe(wires), 0);
	CHECK_EQ(gt_go(reads_from_net, NULL), 0);
	gt_yield();
	CHECK_EQ(pthread_create(&thread, NULL, writes_to_net, NULL), 0);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
}

/* ------------------------------------------------------------- the return ---- */

/* Back from a block, a task must win a processor before the others see two. */
static atomic_int inside;

static void is_inside_a_while(void)
{
	int i;

	gt_preempt_off();
	CHECK_EQ(atomic_fetch_add(&inside, 1), 0);
	for (i = 0; i < 1000; i++)
		atomic_signal_fence(memory_order_seq_cst);
	atomic_fetch_sub(&inside, 1);
	gt_preempt_on();
}

static void alternates(void *arg)
{
	while (!stop) {
		is_inside_a_while();
		gt_yield();
	}
	(void)arg;
}

ONE_PROCESSOR_TEST(one_at_once_after_the_return)
{
	struct gt_stats stats;
	long i, n = scaled(10);

	CHECK_EQ(gt_go(alternates, NULL), 0);
	CHECK_EQ(gt_go(alternates, NULL), 0);
	for (i = 0; i < n; i++) {
		block_until_handed_off(naps);
		gt_yield();		/* the entry into the runtime */
		is_inside_a_while();
	}
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(stats.handoffs >= (uint64_t)n);
}

/* Every taken processor's task came back, in one of the two ways. */
ONE_PROCESSOR_TEST(returns_are_counted)
{
	struct gt_stats stats;
	long i, n = scaled(10);

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	for (i = 0; i < n; i++) {
		block_until_handed_off(naps);
		gt_yield();
	}
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(stats.handoffs >= (uint64_t)n);
	CHECK_EQ(stats.regains + stats.requeues, stats.handoffs);
	if (!strcmp(gt_backend_name(), "kmod")) {
		CHECK(stats.kernel_blocks >= stats.handoffs);
		CHECK(stats.kernel_uncovered >= 1);
	} else {
		CHECK_EQ(stats.gap_ns, 0);
		CHECK_EQ(stats.kernel_blocks, 0);
		CHECK_EQ(stats.kernel_uncovered, 0);
	}
}

/* Threads for blocked tasks do not pile up when nothing is blocked any more. */
ONE_PROCESSOR_TEST(threads_are_bounded)
{
	long round, i;

	CHECK_EQ(pipe(pair), 0);
	for (round = 0; round < 5; round++) {
		atomic_store(&ran, 0);
		for (i = 0; i < 10; i++)
			CHECK_EQ(gt_go(reads_a_byte, NULL), 0);
		block_until_handed_off(naps);
		for (i = 0; i < 10; i++)
			CHECK_EQ(write(pair[1], "x", 1), 1);
		AWAIT(ran == 10);
		AWAIT(gt_task_count() == 1);
	}
	CHECK(count_threads() <= 40);
}

/* ------------------------------------------------------------ hand-off off ---- */

static void no_handoff_while_napping(void)
{
	long before;
	int i;

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	gt_yield();
	before = ran;
	CHECK(before > 0);
	for (i = 0; i < 5; i++) {
		naps();
		CHECK_EQ(ran, before);
	}
	CHECK_EQ(stats_now().handoffs, 0);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

PLAIN_TEST(handoff_off_keeps_the_processor)
{
	setenv("GTHANDOFF", "off", 1);
	setenv("GTDEBUG", "preempt=off", 1);
	test_run(1, no_handoff_while_napping);
}

TEST_MAIN
