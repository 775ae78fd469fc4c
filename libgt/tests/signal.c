// SPDX-License-Identifier: GPL-2.0
/* Signals while tasks run: nothing is interrupted for good, and handlers work. */
#include "test.h"

static atomic_long signals, ran;
static atomic_bool stop;

static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	errno = EBADMSG;
	atomic_fetch_add(&signals, 1);
	errno = saved;
}

static void handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	CHECK_EQ(sigaction(sig, &action, NULL), 0);
}

/* ThreadSanitizer holds a signal back until the thread makes a call that it knows. */
static bool handled(long n)
{
	char byte;

	if (TEST_TSAN && read(-1, &byte, 1) >= 0)
		return false;
	return signals >= n;
}

/* A thread sends one signal after the other to the process, until told to stop. */
static void *sends_signals(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!stop) {
		kill(getpid(), SIGUSR1);
		gt_sleep(200 * GT_MICROSECOND);
	}
	return arg;
}

static pthread_t start_storm(int flags)
{
	pthread_t thread;

	handle(SIGUSR1, flags);
	CHECK_EQ(pthread_create(&thread, NULL, sends_signals, NULL), 0);
	AWAIT(handled(1));
	return thread;
}

static void end_storm(pthread_t thread)
{
	atomic_store(&stop, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ------------------------------------------------------------ in a storm ---- */

static struct gt_chan *there, *back;

static void answers(void *arg)
{
	long value;

	while (gt_chan_recv(there, &value))
		gt_chan_send(back, &value);
	(void)arg;
}

static void channels_in_a_storm(int flags)
{
	long i, value, n = scaled(10000);
	pthread_t storm;

	if (TEST_TSAN && flags & SA_RESTART)
		test_skip("ThreadSanitizer holds signals back from a thread whose wait is restarted");
	storm = start_storm(flags);

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(answers, NULL), 0);
	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
	}
	gt_chan_close(there);
	end_storm(storm);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

GT_TEST_PROCS(channels)
{
	channels_in_a_storm(0);
}

GT_TEST_PROCS(channels_with_restart)
{
	channels_in_a_storm(SA_RESTART);
}

static void *thread_answers(void *arg)
{
	answers(arg);
	return NULL;
}

GT_TEST_PROCS(thread_beside_tasks)
{
	pthread_t storm = start_storm(0), thread;
	long i, value, n = scaled(1000);

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(pthread_create(&thread, NULL, thread_answers, NULL), 0);
	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
	}
	gt_chan_close(there);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end_storm(storm);
	gt_chan_put(there);
	gt_chan_put(back);
}

GT_TEST_PROCS(sleep_is_not_cut_short)
{
	pthread_t storm = start_storm(0);
	int64_t start;
	int i;

	for (i = 0; i < 10; i++) {
		start = gt_now();
		gt_sleep(5 * GT_MILLISECOND);
		CHECK(gt_now() - start >= 5 * GT_MILLISECOND);
	}
	end_storm(storm);
}

static void *sleeps_on_thread(void *arg)
{
	int64_t start = gt_now();

	*(_Atomic pid_t *)arg = gettid();
	gt_sleep(50 * GT_MILLISECOND);
	CHECK(gt_now() - start >= 50 * GT_MILLISECOND);
	atomic_fetch_add(&ran, 1);
	return NULL;
}

/* Signals sent to the thread itself, by its number. */
PLAIN_TEST(sleep_of_a_thread_is_not_cut_short)
{
	_Atomic pid_t tid = 0;
	pthread_t thread;

	handle(SIGUSR1, 0);
	CHECK_EQ(pthread_create(&thread, NULL, sleeps_on_thread, &tid), 0);
	AWAIT(tid && thread_state(tid) == 'S');
	while (!ran)
		if (pthread_kill(thread, SIGUSR1))
			break;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(signals > 0);
}

static int pair[2];

static void writes_slowly(void *arg)
{
	long i, n = (long)arg;
	char byte;

	for (i = 0; i < n; i++) {
		byte = i;
		CHECK_EQ(gt_write(pair[1], &byte, 1), 1);
		gt_yield();
	}
	CHECK_EQ(gt_close(pair[1]), 0);
}

static void reads_all(long n)
{
	long i;
	char byte;

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
		CHECK_EQ(byte, (char)i);
	}
	CHECK_EQ(gt_read(pair[0], &byte, 1), 0);
	CHECK_EQ(gt_close(pair[0]), 0);
}

GT_TEST_PROCS(network)
{
	pthread_t storm = start_storm(0);
	long n = scaled(2000);

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_go(writes_slowly, (void *)n), 0);
	reads_all(n);
	end_storm(storm);
}

static void *reads_on_thread(void *arg)
{
	reads_all((long)arg);
	return NULL;
}

GT_TEST_PROCS(network_on_a_thread)
{
	pthread_t storm = start_storm(0), thread;
	long n = scaled(1000);

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(pthread_create(&thread, NULL, reads_on_thread, (void *)n), 0);
	writes_slowly((void *)n);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end_storm(storm);
}

/* A thread that only receives signals, one after the other, in poll(). */
static void *reads_one(void *arg)
{
	char byte;

	*(_Atomic pid_t *)arg = gettid();
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	return NULL;
}

PLAIN_TEST(poll_of_a_thread_goes_on)
{
	_Atomic pid_t tid = 0;
	pthread_t thread;
	int i;

	handle(SIGUSR1, 0);
	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(pthread_create(&thread, NULL, reads_one, &tid), 0);
	AWAIT(tid && thread_state(tid) == 'S');
	for (i = 1; i <= 20; i++) {
		CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
		AWAIT(signals == i && thread_state(tid) == 'S');
	}
	CHECK_EQ(gt_write(pair[1], "x", 1), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ------------------------------------------------------------- handlers ---- */

/* What a handler may call of the library. */
static struct gt_chan *looked_at;
static atomic_long looks;

static void looks_around(int sig)
{
	int saved = errno;

	(void)sig;
	/* a late one may find the run at its end */
	gt_task_id();
	gt_task_count();
	gt_backend_name();
	CHECK(gt_now() > 0);
	CHECK_EQ(gt_chan_cap(looked_at), 3);
	CHECK(gt_chan_len(looked_at) <= 3);
	CHECK(gt_chan_get(looked_at) == looked_at);
	atomic_fetch_add(&looks, 1);
	errno = saved;
}

static void yields_until_stop(void *arg)
{
	while (!stop)
		gt_yield();
	(void)arg;
}

GT_TEST_PROCS(handler_uses_signal_safe_calls)
{
	struct sigaction action = { .sa_handler = looks_around };
	long i, n = scaled(1000);

	CHECK(looked_at = gt_chan_make(0, 3));
	CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(kill(getpid(), SIGUSR2), 0);
		gt_yield();
	}
	AWAIT(handled(0) && looks > 0);
	CHECK_EQ(signal(SIGUSR2, SIG_IGN) == SIG_ERR, 0);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	/* One on another thread may be under way still: the first reference stays. */
	for (i = looks; i > 0; i--)
		gt_chan_put(looked_at);
	CHECK_EQ(gt_chan_cap(looked_at), 3);
}

static atomic_bool told_to_end;

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&told_to_end, true);
}

static void waits_for_term(void)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	AWAIT(handled(0) && told_to_end);
}

static void ends_on_term(void)
{
	signal(SIGTERM, on_term);
	test_run(2, waits_for_term);
	_exit(6);
}

PLAIN_TEST(term_with_a_handler)
{
	static struct outcome outcome;

	in_child(&outcome, ends_on_term);
	expect_exit(&outcome, 6);
}

static void waits_for_death(void)
{
	CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	for (;;)
		gt_yield();
}

static void dies_of_term(void)
{
	signal(SIGTERM, SIG_DFL);
	test_run(2, waits_for_death);
}

PLAIN_TEST(term_without_a_handler)
{
	static struct outcome outcome;

	in_child(&outcome, dies_of_term);
	expect_signal(&outcome, SIGTERM, NULL);
}

/* An idle runtime, all tasks asleep, still handles and still dies. */
static void sleeps_through(void)
{
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	gt_sleep(3600 * GT_SECOND);
}

static void dies_asleep(void)
{
	signal(SIGTERM, SIG_DFL);
	test_run(2, sleeps_through);
}

PLAIN_TEST(term_while_all_sleep)
{
	static struct outcome outcome;

	in_child(&outcome, dies_asleep);
	expect_signal(&outcome, SIGTERM, NULL);
}

TEST_MAIN
