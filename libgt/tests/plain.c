// SPDX-License-Identifier: GPL-2.0
/*
 * Plain threads beside tasks, in every role: they may come, use any primitive, and
 * go, and leave nothing behind.
 */
#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

/* ---------------------------------------------------------------- each call ---- */

static struct gt_chan *to_task, *to_thread;

static void echoes(void *arg)
{
	long value;

	while (gt_chan_recv(to_task, &value)) {
		value = -value;
		gt_chan_send(to_thread, &value);
	}
	gt_chan_close(to_thread);
	(void)arg;
}

static void *uses_everything(void *arg)
{
	struct gt_wg wg = {0};
	struct gt_chan *mine;
	long i, value;
	int fds[2];
	char byte;

	CHECK_EQ(gt_task_id(), 0);
	CHECK(gt_task_count() >= 1);
	CHECK(gt_backend_name());
	CHECK_EQ(gt_gomaxprocs(0), test_procs);
	CHECK_EQ(gt_gomaxprocs(test_procs + 1), test_procs);
	CHECK_EQ(gt_gomaxprocs(test_procs), test_procs + 1);
	(void)stats_now();
	gt_yield();
	gt_sleep(GT_MICROSECOND);
	gt_sleep_until(0);

	for (i = 1; i <= 20; i++) {
		gt_chan_send(to_task, &i);
		CHECK_EQ(gt_chan_recv(to_thread, &value), 1);
		CHECK_EQ(value, -i);
	}
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
	gt_wg_wait(&wg);
	CHECK(mine = gt_chan_make(sizeof(long), 1));
	CHECK_EQ(gt_chan_try_recv(mine, &value), -EAGAIN);
	CHECK_EQ(gt_chan_try_send(mine, &i), 0);
	CHECK_EQ(gt_chan_try_send(mine, &i), -EAGAIN);
	gt_chan_close(gt_chan_get(mine));
	CHECK_EQ(gt_chan_recv(mine, &value), 1);
	CHECK_EQ(gt_chan_recv(mine, &value), 0);
	gt_chan_put(mine);
	gt_chan_put(mine);

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(gt_write(fds[1], "x", 1), 1);
	CHECK_EQ(gt_read(fds[0], &byte, 1), 1);
	CHECK_EQ(gt_close(fds[1]), 0);
	CHECK_EQ(gt_read(fds[0], &byte, 1), 0);
	CHECK_EQ(gt_close(fds[0]), 0);
	return arg;
}

GT_TEST_PROCS(thread_uses_every_call)
{
	pthread_t thread;
	int i;

	CHECK(to_task = gt_chan_make(sizeof(long), 0));
	CHECK(to_thread = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(echoes, NULL), 0);
	for (i = 1; i <= 3; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, uses_everything, NULL), 0);
		AWAIT(ran == 10 * i);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	gt_chan_close(to_task);
	CHECK_EQ(gt_chan_recv(to_thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(to_task);
	gt_chan_put(to_thread);
}

/* --------------------------------------------------------- close and threads ---- */

static struct gt_chan *chan;
static _Atomic pid_t tids[8];

static void *receives_the_end(void *arg)
{
	long value = 5;

	atomic_store((_Atomic pid_t *)arg, gettid());
	CHECK_EQ(gt_chan_recv(chan, &value), 0);
	CHECK_EQ(value, 0);
	count_one(NULL);
	return NULL;
}

static void close_under_threads(void)
{
	pthread_t threads[ARRAY_SIZE(tids)];
	size_t i;

	CHECK(chan = gt_chan_make(sizeof(long), 2));
	for (i = 0; i < ARRAY_SIZE(tids); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, receives_the_end, &tids[i]), 0);
	for (i = 0; i < ARRAY_SIZE(tids); i++)
		AWAIT(tids[i] && thread_state(tids[i]) == 'S');
	CHECK_EQ(ran, 0);
	gt_chan_close(chan);
	for (i = 0; i < ARRAY_SIZE(tids); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(ran, ARRAY_SIZE(tids));
	gt_chan_put(chan);
}

GT_TEST_PROCS(close_wakes_threads)
{
	close_under_threads();
}

PLAIN_TEST(close_wakes_threads_without_runtime)
{
	close_under_threads();
}

/* A waiting thread takes its turn among tasks. */
static char order[8];
static atomic_int order_length;

static void *thread_receives(void *arg)
{
	atomic_store(&tids[0], gettid());
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	order[atomic_fetch_add(&order_length, 1)] = 't';
	return arg;
}

static void task_receives(void *arg)
{
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	order[atomic_fetch_add(&order_length, 1)] = (char)(uintptr_t)arg;
}

GT_TEST_ORDER(thread_waits_in_turn)
{
	pthread_t thread;
	int i;

	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(task_receives, (void *)'a'), 0);
	gt_yield();
	CHECK_EQ(pthread_create(&thread, NULL, thread_receives, NULL), 0);
	AWAIT(tids[0] && thread_state(tids[0]) == 'S');
	CHECK_EQ(gt_go(task_receives, (void *)'b'), 0);
	gt_yield();
	for (i = 1; i <= 3; i++) {
		gt_chan_send(chan, NULL);
		AWAIT(order_length == i);
	}
	CHECK(!strcmp(order, "atb"));
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_chan_put(chan);
}

/* ------------------------------------------------------ threads come and go ---- */

static void *visits(void *arg)
{
	long value = 1;
	struct gt_wg wg = {0};

	gt_chan_send(to_task, &value);
	CHECK_EQ(gt_chan_recv(to_thread, &value), 1);
	CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
	gt_wg_wait(&wg);
	gt_yield();
	return arg;
}

GT_TEST_PROCS(threads_leave_nothing)
{
	int fds = 0, threads = 0;
	long kib = 0, i, n = scaled(400);
	pthread_t thread;

	ONE_MALLOC_ARENA();
	CHECK(to_task = gt_chan_make(sizeof(long), 0));
	CHECK(to_thread = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(echoes, NULL), 0);
	for (i = 1; i <= n; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, visits, NULL), 0);
		AWAIT(ran == i);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		if (i == n / 2) {
			fds = count_fds();
			threads = count_threads();
			kib = status_kib("VmSize:");
		}
	}
	/*
	 * The most workers at once may be more than before, with a descriptor each: on a
	 * busy machine some are on their way to sleep. A leak would be one a visit.
	 */
	CHECK(count_threads() <= threads + 3 * test_procs + 10);
	CHECK(count_fds() <= fds + 3 * test_procs + 10);
	if (!TEST_ASAN && !TEST_TSAN)
		CHECK(status_kib("VmSize:") <= kib + 32 * 1024);
	gt_chan_close(to_task);
	CHECK_EQ(gt_chan_recv(to_thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(to_task);
	gt_chan_put(to_thread);
}

/* A thread that waits when the runtime ends goes on waiting, and may be woken. */
static pthread_t waiter;

static void leaves_a_waiter(void)
{
	CHECK_EQ(pthread_create(&waiter, NULL, thread_receives, NULL), 0);
	AWAIT(tids[0] && thread_state(tids[0]) == 'S');
}

PLAIN_TEST(thread_waits_beyond_the_run)
{
	CHECK(chan = gt_chan_make(0, 0));
	test_run(2, leaves_a_waiter);
	CHECK_EQ(order_length, 0);
	gt_chan_send(chan, NULL);
	CHECK_EQ(pthread_join(waiter, NULL), 0);
	CHECK_EQ(order_length, 1);
	gt_chan_put(chan);
}

TEST_MAIN
