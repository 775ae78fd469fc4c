// SPDX-License-Identifier: GPL-2.0
/* A runtime that starts and ends many times leaves no thread, descriptor or memory. */
#include "test.h"

static atomic_long ran;
static struct gt_chan *chan;
static int pair[2];

struct leftover {
	int threads, fds, maps;
	long kib;
};

static int count_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	int c, n = 0;

	CHECK(file);
	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static struct leftover look(void)
{
	struct leftover leftover;

	/* a thread that was joined is gone from /proc a moment later */
	AWAIT_ONE_THREAD();
	leftover.threads = 1;
	leftover.fds = count_fds();
	leftover.maps = count_maps();
	leftover.kib = status_kib("VmSize:");
	return leftover;
}

static pthread_barrier_t met;

static void *meets(void *arg)
{
	pthread_barrier_wait(&met);
	return arg;
}

/*
 * libc keeps the stacks of threads that have ended: so many that no run, however its
 * threads meet, needs more. Each is as large as the runtime's.
 */
static void fill_cache_of_stacks(void)
{
	enum { THREADS = 32 };
	pthread_t threads[THREADS];
	pthread_attr_t attr;
	int i;

	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attr, 512 << 10), 0);
	CHECK_EQ(pthread_barrier_init(&met, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], &attr, meets, NULL), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	pthread_barrier_destroy(&met);
	pthread_attr_destroy(&attr);
}

/*
 * Run a body often, and compare what there is after a fifth of the runs with what
 * there is after all: a leak of any size a run shows, a cache that fills does not.
 */
static void run_often(int procs, void (*body)(void))
{
	struct leftover early, late;
	long i, n = scaled(200), runs;

	if (n < 10 || TEST_TSAN)
		n = 10;
	ONE_MALLOC_ARENA();
	if (!TEST_TSAN && !TEST_ASAN)
		fill_cache_of_stacks();
	for (i = 0; i < n / 5; i++)
		test_run(procs, body);
	early = look();
	for (; i < n; i++)
		test_run(procs, body);
	late = look();
	CHECK_EQ(late.threads, early.threads);
	CHECK_EQ(late.fds, early.fds);
	if (TEST_TSAN || TEST_ASAN)
		return;		/* their own memory grows with each thread */
	/* far less than one mapping and one stack a run, and some for more threads at once */
	runs = n - n / 5;
	if (late.maps > early.maps + runs / 4 + 8 || late.kib > early.kib + runs * 16 + 3072)
		test_fail(__FILE__, __LINE__, "%ld runs: %d maps and %ld KiB became %d and %ld",
			  runs, early.maps, early.kib, late.maps, late.kib);
}

static void nothing(void)
{
}

PLAIN_TEST(empty_runs)
{
	run_often(2, nothing);
	run_often(8, nothing);
	check_leaks();
}

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void does_some_of_everything(void)
{
	struct gt_wg wg = {0};
	long i;
	char byte;

	for (i = 0; i < 200; i++)
		CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
	gt_wg_wait(&wg);
	gt_sleep(10 * GT_MICROSECOND);
	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_write(pair[1], "x", 1), 1);
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	CHECK_EQ(gt_close(pair[0]), 0);
	CHECK_EQ(gt_close(pair[1]), 0);
	CHECK(chan = gt_chan_make(4, 100));
	gt_chan_put(chan);
}

PLAIN_TEST(busy_runs)
{
	run_often(1, does_some_of_everything);
	run_often(2, does_some_of_everything);
	check_leaks();
}

static void waits_for_ever(void *arg)
{
	atomic_fetch_add(&ran, 1);
	gt_chan_recv(NULL, arg);
}

static void sleeps_for_ever(void *arg)
{
	atomic_fetch_add(&ran, 1);
	gt_sleep(INT64_MAX);
	(void)arg;
}

static void yields_for_ever(void *arg)
{
	atomic_fetch_add(&ran, 1);
	for (;;)
		gt_yield();
	(void)arg;
}

static void leaves_tasks(void)
{
	long i, before = ran;

	for (i = 0; i < 30; i++) {
		CHECK_EQ(gt_go(waits_for_ever, NULL), 0);
		CHECK_EQ(gt_go(sleeps_for_ever, NULL), 0);
		CHECK_EQ(gt_go(yields_for_ever, NULL), 0);
	}
	AWAIT(ran == before + 90);
	for (i = 0; i < 10; i++)	/* these never started */
		CHECK_EQ(gt_go(count_one, NULL), 0);
}

/* Of a task that is still alive the stack is freed. */
PLAIN_TEST(runs_that_leave_tasks)
{
	run_often(2, leaves_tasks);
	run_often(8, leaves_tasks);
	check_leaks();
}

static void reads_for_ever(void *arg)
{
	char byte;

	atomic_fetch_add(&ran, 1);
	gt_read(pair[0], &byte, 1);
	(void)arg;
}

static void leaves_readers(void)
{
	long before = ran;

	CHECK_EQ(gt_go(reads_for_ever, NULL), 0);
	AWAIT(ran == before + 1);
	gt_yield();
}

/* A descriptor that tasks waited on when the run ended works in the next run. */
PLAIN_TEST(runs_that_leave_readers)
{
	char byte = 0;
	int fds;

	CHECK_EQ(pipe(pair), 0);
	fds = count_fds();
	test_run(2, leaves_readers);
	test_run(2, leaves_readers);
	AWAIT_ONE_THREAD();
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(gt_write(pair[1], "x", 1), 1);
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(gt_close(pair[0]), 0);
	CHECK_EQ(gt_close(pair[1]), 0);
}

/* Primitives share queues, so that others are found in them, in the next run, too. */
static struct gt_mutex mutexes[512], threads_own;
static atomic_long came;

static void locks(void *arg)
{
	atomic_fetch_add(&came, 1);
	gt_mutex_lock(arg);
	gt_mutex_unlock(arg);
	count_one(NULL);
}

static void *thread_locks(void *arg)
{
	locks(arg);
	return NULL;
}

/* On one processor, where each that comes goes on until it waits. */
static void make_waiters(void)
{
	long before = came;
	size_t i;

	memset(mutexes, 0, sizeof(mutexes));
	for (i = 0; i < ARRAY_SIZE(mutexes); i++) {
		gt_mutex_lock(&mutexes[i]);
		CHECK_EQ(gt_go(locks, &mutexes[i]), 0);
	}
	AWAIT(came == before + (long)ARRAY_SIZE(mutexes));
}

static void lets_waiters_go(void)
{
	long i, before = ran;

	make_waiters();
	for (i = 0; i < (long)ARRAY_SIZE(mutexes); i++)
		gt_mutex_unlock(&mutexes[i]);
	AWAIT(ran == before + i);
}

PLAIN_TEST(runs_that_leave_waiters)
{
	pthread_t thread;
	long before = ran;

	gt_mutex_lock(&threads_own);
	CHECK_EQ(pthread_create(&thread, NULL, thread_locks, &threads_own), 0);
	AWAIT(came);
	test_run(1, make_waiters);
	test_run(1, make_waiters);
	CHECK_EQ(ran, before);
	test_run(1, lets_waiters_go);
	before = ran;
	gt_mutex_unlock(&threads_own);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ran, before + 1);
}

static void blocks_a_while(void *arg)
{
	char byte;

	CHECK_EQ(read(pair[0], &byte, 1), 1);
	count_one(arg);
}

static void hands_off(void)
{
	long i, before = ran;

	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_go(blocks_a_while, NULL), 0);
	gt_yield();
	for (i = 0; i < 5; i++)
		CHECK_EQ(write(pair[1], "x", 1), 1);
	AWAIT(ran == before + 5);
}

PLAIN_TEST(runs_with_handoffs)
{
	CHECK_EQ(pipe(pair), 0);
	run_often(1, hands_off);
}

/* A plain thread that comes in another run than it was made in. */
static atomic_int turn;

static void *visits_each_run(void *arg)
{
	int i;

	for (i = 1; i <= 10; i++) {
		AWAIT(turn == i);
		CHECK_EQ(gt_go(count_one, NULL), 0);
	}
	return arg;
}

static void is_visited(void)
{
	long before = ran;

	atomic_fetch_add(&turn, 1);
	AWAIT(ran == before + 1);
}

/* On one CPU, where it is always in the middle of a call when the end of a run looks. */
PLAIN_TEST(thread_outlives_runs)
{
	pthread_t thread;
	cpu_set_t one;
	int i;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	CHECK_EQ(pthread_create(&thread, NULL, visits_each_run, NULL), 0);
	for (i = 0; i < 10; i++)
		test_run(2, is_visited);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_MAIN
