// SPDX-License-Identifier: GPL-2.0
/* gt_lock_os_thread(): one task and one thread have only each other. */
#include "test.h"

static atomic_long ran, destroyed;
static atomic_int owned;		/* the thread that is locked, or 0 */
static atomic_bool stop;
static struct gt_chan *there, *back;
static int pair[2];

/* A task that is not locked must not be here. */
static void looks_for_the_owned(void *arg)
{
	while (!stop) {
		int tid = owned;

		CHECK(gettid() != tid || owned != tid);
		atomic_fetch_add(&ran, 1);
		gt_yield();
	}
	(void)arg;
}

static void start_lookers(long n)
{
	long i;

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(looks_for_the_owned, NULL), 0);
}

static void end_lookers(void)
{
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

/* ----------------------------------------------------------------- staying ---- */

static void answers(void *arg)
{
	long value;

	while (gt_chan_recv(there, &value))
		gt_chan_send(back, &value);
	(void)arg;
}

static void writes_a_byte(void *arg)
{
	gt_yield();
	CHECK_EQ(write(pair[1], "x", 1), 1);
	(void)arg;
}

static void suspends_in_every_way(long i)
{
	long value = i;
	char byte;

	switch (i % 6) {
	case 0:
		gt_yield();
		break;
	case 1:
		gt_sleep(1000);
		break;
	case 2:
		gt_chan_send(there, &value);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
		break;
	case 3:
		CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
		CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
		break;
	case 4:
		gt_entersyscall();
		sched_yield();
		gt_exitsyscall();
		break;
	default:
		usleep(100);
	}
}

GT_TEST_PROCS(stays_whatever_it_does)
{
	long i, n = scaled(600);

	CHECK_EQ(pipe(pair), 0);
	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(answers, NULL), 0);
	start_lookers(4);
	gt_lock_os_thread();
	owned = gettid();
	for (i = 0; i < n; i++) {
		suspends_in_every_way(i);
		CHECK_EQ(gettid(), owned);
	}
	owned = 0;
	gt_unlock_os_thread();
	gt_chan_close(there);
	end_lookers();
	gt_chan_put(there);
	gt_chan_put(back);
	CHECK_EQ(gt_close(pair[0]), 0);
}

GT_TEST_PROCS(nests)
{
	int i;

	start_lookers(2);
	gt_unlock_os_thread();
	gt_lock_os_thread();
	gt_lock_os_thread();
	owned = gettid();
	gt_unlock_os_thread();
	for (i = 0; i < 50; i++) {
		gt_yield();
		CHECK_EQ(gettid(), owned);
	}
	owned = 0;
	gt_unlock_os_thread();
	gt_unlock_os_thread();
	/* Not locked any more: its processor's tasks run here as well. */
	gt_yield();
	end_lookers();
}

static void locked_answers(void *arg)
{
	int tid;

	gt_lock_os_thread();
	tid = gettid();
	answers(arg);
	CHECK_EQ(gettid(), tid);
	gt_unlock_os_thread();
}

/* Both ends locked, and with one processor that must go to and fro. */
GT_TEST_PROCS(two_locked_tasks_talk)
{
	long i, n = scaled(1000), value;
	int tid;

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(locked_answers, NULL), 0);
	gt_lock_os_thread();
	tid = gettid();
	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
	}
	CHECK_EQ(gettid(), tid);
	gt_unlock_os_thread();
	gt_chan_close(there);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

static __thread long counter;

NOINLINE static long counts_here(void)
{
	return ++counter;
}

static void counts_on_its_thread(void *arg)
{
	long i, n = scaled(200);

	gt_lock_os_thread();
	counter = 0;
	for (i = 1; i <= n; i++) {
		gt_yield();
		CHECK_EQ(counts_here(), i);
	}
	gt_unlock_os_thread();
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(many_locked_tasks)
{
	int i;

	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_go(counts_on_its_thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, 20);
}

PLAIN_TEST(plain_threads_may_call)
{
	gt_unlock_os_thread();
	gt_lock_os_thread();
	gt_unlock_os_thread();
}

/* ------------------------------------------------------------------ ending ---- */

static pthread_key_t key;

static void on_destroy(void *value)
{
	CHECK_EQ(gt_task_id(), 0);
	atomic_fetch_add(&destroyed, (long)value);
}

static void ends_locked(void *arg)
{
	gt_lock_os_thread();
	gt_lock_os_thread();
	gt_unlock_os_thread();
	owned = gettid();
	CHECK_EQ(pthread_setspecific(key, (void *)1L), 0);
	atomic_fetch_add(&ran, 1);
	if (arg)
		gt_exit();
}

GT_TEST_PROCS(a_task_that_ends_locked_ends_its_thread)
{
	long i, n = scaled(100);

	CHECK_EQ(pthread_key_create(&key, on_destroy), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(ends_locked, i % 2 ? &key : NULL), 0);
		AWAIT(ran == i + 1);
		AWAIT(!thread_state(owned));
		CHECK_EQ(destroyed, i + 1);
	}
	AWAIT(gt_task_count() == 1);
}

/* Threads that end so leave nothing behind that grows. */
GT_TEST_PROCS(many_threads_end)
{
	long i, n = scaled(400);
	struct gt_stats stats;

	CHECK_EQ(pthread_key_create(&key, on_destroy), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(ends_locked, &key), 0);
		if (i % 16 == 15)
			AWAIT(gt_task_count() == 1);
	}
	AWAIT(gt_task_count() == 1);
	AWAIT(destroyed == n);
	stats = stats_now();
	CHECK(stats.threads <= 16 + 2 * (uint64_t)test_procs + 8);
	AWAIT(count_threads() <= (int)stats.threads + 16 + 2 * test_procs + 8);
}

static void main_ends_locked(void)
{
	gt_lock_os_thread();
	CHECK_EQ(pthread_setspecific(key, (void *)1L), 0);
}

PLAIN_TEST(main_returns_locked)
{
	int i;

	CHECK_EQ(pthread_key_create(&key, on_destroy), 0);
	for (i = 0; i < 5; i++)
		test_run(i + 1, main_ends_locked);
	AWAIT_ONE_THREAD();
	CHECK_EQ(destroyed, 5);
}

static void others_go_on(void *arg)
{
	AWAIT(!thread_state(owned));
	CHECK_EQ(write(STDOUT_FILENO, "another went on", 15), 15);
	(void)arg;
}

static void main_exits_locked(void)
{
	CHECK_EQ(gt_go(others_go_on, NULL), 0);
	gt_lock_os_thread();
	owned = gettid();
	gt_exit();
}

static void exiting_run(void)
{
	test_run(1, main_exits_locked);
}

PLAIN_TEST(main_exits_locked_and_others_go_on)
{
	static struct outcome outcome;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
	in_child(&outcome, exiting_run);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "another went on"));
}

static void waits_locked(void *arg)
{
	gt_lock_os_thread();
	atomic_fetch_add(&ran, 1);
	gt_chan_recv(arg, NULL);
	CHECK(false);
}

static void leaves_locked_tasks(void)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(waits_locked, there), 0);
	AWAIT(ran == 10);
}

PLAIN_TEST(the_run_ends_with_locked_tasks_waiting)
{
	CHECK(there = gt_chan_make(0, 0));
	test_run(2, leaves_locked_tasks);
	AWAIT_ONE_THREAD();
	ran = 0;
	/* Those that waited in the first have ended in it, and it is no use any more. */
	CHECK(there = gt_chan_make(0, 0));
	test_run(1, leaves_locked_tasks);
	AWAIT_ONE_THREAD();
}

static void deadlocks(void *arg)
{
	(void)arg;
	gt_go(waits_locked, NULL);
	gt_lock_os_thread();
	gt_chan_recv(NULL, NULL);
}

static void deadlocked_run(void)
{
	gt_gomaxprocs(2);
	gt_run(deadlocks, NULL);
}

PLAIN_TEST(locked_tasks_that_wait_are_no_life)
{
	static struct outcome outcome;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
	in_child(&outcome, deadlocked_run);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "all tasks are asleep - deadlock!"));
}

/* ------------------------------------------------------------- inheritance ---- */

static atomic_long blocked;

static void has_a_clean_thread(void *arg)
{
	sigset_t set;
	char byte;

	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	CHECK(!sigismember(&set, SIGUSR2));
	atomic_fetch_add(&blocked, 1);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	(void)arg;
}

/* Each that blocks makes the runtime start another thread, beside a locked one. */
GT_TEST_PROCS(new_threads_inherit_nothing)
{
	sigset_t set;
	int i, n = 8;

	CHECK_EQ(pipe(pair), 0);
	gt_lock_os_thread();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(has_a_clean_thread, NULL), 0);
	AWAIT(blocked == n);
	for (i = 0; i < n; i++)
		CHECK_EQ(write(pair[1], "x", 1), 1);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
	gt_unlock_os_thread();
}

TEST_MAIN
