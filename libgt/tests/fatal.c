// SPDX-License-Identifier: GPL-2.0
/*
 * What ends the process, and what is said then: a deadlock, with a dump of those
 * who wait, and a stack overflow, with the name of its task.
 */
#include <time.h>

#include "test.h"

static struct outcome outcome;
static struct gt_chan *chan;
static void (*body)(void);

static void runs(void)
{
	test_run(2, body);
}

static void expect_deadlock(void (*fn)(void), const char *const *texts)
{
	body = fn;
	in_child(&outcome, runs);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "fatal: all tasks are asleep - deadlock!"));
	for (; *texts; texts++)
		if (!strstr(outcome.text, *texts))
			test_fail(__FILE__, __LINE__, "no \"%s\" in: %.300s", *texts, outcome.text);
}

/* --------------------------------------------------------------- deadlocks ---- */

static void receives(void *arg)
{
	gt_chan_recv(chan, arg);
}

static void sends(void *arg)
{
	gt_chan_send(chan, arg);
}

static void main_receives(void)
{
	CHECK(chan = gt_chan_make(0, 0));
	receives(NULL);
}

static void main_sends_to_a_full_one(void)
{
	CHECK(chan = gt_chan_make(0, 1));
	sends(NULL);
	sends(NULL);
}

static void main_waits_for_itself(void)
{
	struct gt_wg wg = {0};

	gt_wg_add(&wg, 1);
	gt_wg_wait(&wg);
}

static void main_uses_nil(void)
{
	gt_chan_recv(NULL, NULL);
}

static void all_wait_in_a_circle(void)
{
	static const struct gt_task_attr parser = { .name = "parser" };
	int i;

	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go_attr(receives, NULL, &parser), 0);
	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(receives, NULL), 0);
	receives(NULL);
}

static void main_exits(void)
{
	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(receives, NULL), 0);
	gt_exit();
}

static void main_selects(void)
{
	struct gt_case cases[2];

	CHECK(chan = gt_chan_make(0, 0));
	cases[0] = gt_case_recv(chan, NULL);
	cases[1] = gt_case_send(chan, NULL);
	gt_select(cases, 2, 0);
}

static void main_locks_twice(void)
{
	struct gt_mutex mutex = {0};

	gt_mutex_lock(&mutex);
	gt_mutex_lock(&mutex);
}

static void main_reads_what_it_writes(void)
{
	struct gt_rwmutex rwmutex = {0};

	gt_rwmutex_lock(&rwmutex);
	gt_rwmutex_rlock(&rwmutex);
}

static void main_writes_what_it_reads(void)
{
	struct gt_rwmutex rwmutex = {0};

	gt_rwmutex_rlock(&rwmutex);
	gt_rwmutex_lock(&rwmutex);
}

static void main_waits_for_nobody(void)
{
	struct gt_mutex mutex = {0};
	struct gt_cond cond = {0};

	gt_mutex_lock(&mutex);
	gt_cond_wait(&cond, &mutex);
}

static const struct {
	void (*fn)(void);
	const char *texts[3];
} deadlocks[] = {
	{ main_receives, { "task 1 'main': waits for channel receive\n" } },
	{ main_sends_to_a_full_one, { "task 1 'main': waits for channel send\n" } },
	{ main_waits_for_itself, { "task 1 'main': waits for waitgroup\n" } },
	{ main_uses_nil, { "task 1 'main': waits for nil channel\n" } },
	{ main_selects, { "task 1 'main': waits for select\n" } },
	{ main_locks_twice, { "task 1 'main': waits for mutex\n" } },
	{ main_reads_what_it_writes, { "task 1 'main': waits for rwmutex for reading\n" } },
	{ main_writes_what_it_reads, { "task 1 'main': waits for rwmutex for writing\n" } },
	{ main_waits_for_nobody, { "task 1 'main': waits for cond\n" } },
	{ all_wait_in_a_circle, { "'parser': waits for channel receive, created by task 1 at " } },
	{ main_exits, { ": waits for channel receive, created by task 1 at " } },
};

static void needs_deadlocks(void)
{
	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
}

PLAIN_TEST(deadlock_is_reported)
{
	size_t i;

	needs_deadlocks();
	for (i = 0; i < ARRAY_SIZE(deadlocks); i++)
		expect_deadlock(deadlocks[i].fn, deadlocks[i].texts);
}

/* ---------------------------------------------- deadlocks that come to be later ---- */

static void does_nothing(void *arg)
{
	(void)arg;
}

static const char *const main_receiving[] = { "task 1 'main': waits for channel receive\n", NULL };

/* The processors have been idle for long when the last other thread ends. */
static void *ends_later(void *arg)
{
	static const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };

	nanosleep(&nap, NULL);
	return arg;
}

static void waits_beside_a_thread(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, ends_later, NULL), 0);
	main_receives();
}

PLAIN_TEST(deadlock_once_a_thread_has_ended)
{
	needs_deadlocks();
	expect_deadlock(waits_beside_a_thread, main_receiving);
}

/* A thread waits for the timer of a far day, which then is none any more. */
static struct gt_timer *far;

static void stops_far(void)
{
	CHECK_EQ(gt_timer_stop(far), 1);
	gt_timer_put(far);
}

static atomic_int met;

static void meets(void *arg)
{
	(void)arg;
	atomic_fetch_add(&met, 1);
	while (met < 2)
		;
}

/* Of two processors' threads one is there by then: it has had nothing to do for long. */
static void stops_a_timer_and_waits(void)
{
	int64_t end;

	CHECK(far = gt_after_func(3600 * GT_SECOND, does_nothing, NULL));
	CHECK_EQ(gt_go(meets, NULL), 0);
	meets(NULL);
	for (end = gt_now() + 50 * GT_MILLISECOND; gt_now() < end;)
		;
	stops_far();
	main_receives();
}

static void *stops_later(void *arg)
{
	ends_later(NULL);
	stops_far();
	return arg;
}

static void waits_while_a_thread_stops_a_timer(void)
{
	pthread_t thread;

	CHECK(far = gt_after_func(3600 * GT_SECOND, does_nothing, NULL));
	CHECK_EQ(pthread_create(&thread, NULL, stops_later, NULL), 0);
	main_receives();
}

PLAIN_TEST(deadlock_once_a_timer_is_stopped)
{
	needs_deadlocks();
	expect_deadlock(stops_a_timer_and_waits, main_receiving);
	expect_deadlock(waits_while_a_thread_stops_a_timer, main_receiving);
}

static int line[2];

static void *reads_then_ends_later(void *arg)
{
	char byte;

	CHECK_EQ(gt_read(line[0], &byte, 1), -ECANCELED);
	return ends_later(arg);
}

static void *closes_later(void *arg)
{
	ends_later(NULL);
	CHECK_EQ(gt_close(line[0]), 0);
	return arg;
}

/* Nobody but a thread waits for the descriptor, and that one goes. */
static void waits_while_a_thread_reads(void)
{
	pthread_t reader, closer;

	CHECK_EQ(pipe(line), 0);
	CHECK_EQ(pthread_create(&reader, NULL, reads_then_ends_later, NULL), 0);
	CHECK_EQ(pthread_create(&closer, NULL, closes_later, NULL), 0);
	main_receives();
}

static void reads_a_byte(void *arg)
{
	char byte;

	(void)arg;
	CHECK_EQ(gt_read(line[0], &byte, 1), 1);
}

static void waits_once_a_task_has_read(void)
{
	CHECK_EQ(pipe(line), 0);
	CHECK_EQ(gt_go(reads_a_byte, NULL), 0);
	gt_sleep(20 * GT_MILLISECOND);
	CHECK_EQ(write(line[1], "x", 1), 1);
	main_receives();
}

PLAIN_TEST(deadlock_once_no_descriptor_is_awaited)
{
	needs_deadlocks();
	expect_deadlock(waits_while_a_thread_reads, main_receiving);
	expect_deadlock(waits_once_a_task_has_read, main_receiving);
}

static void resizes_and_waits(void)
{
	gt_gomaxprocs(8);
	gt_gomaxprocs(1);
	main_receives();
}

PLAIN_TEST(deadlock_after_a_resize)
{
	needs_deadlocks();
	expect_deadlock(resizes_and_waits, main_receiving);
}

/* --------------------------------------------------------------------- life ---- */

/* Whoever may still ready a task is life: a timer, a descriptor, a thread. */
static void sleeps_then_sends(void *arg)
{
	gt_sleep(30 * GT_MILLISECOND);
	sends(arg);
}

GT_TEST_PROCS(timer_is_life)
{
	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(sleeps_then_sends, NULL), 0);
	receives(NULL);
	gt_chan_put(chan);
}

static void *thread_sleeps_then_sends(void *arg)
{
	sleeps_then_sends(arg);
	return NULL;
}

GT_TEST_PROCS(thread_is_life)
{
	pthread_t thread;

	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(pthread_create(&thread, NULL, thread_sleeps_then_sends, NULL), 0);
	receives(NULL);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_chan_put(chan);
}

static int pair[2];

/* Another process writes: nothing in this one shows that it will. */
GT_TEST_PROCS(descriptor_is_life)
{
	static const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };
	int status;
	pid_t pid;
	char byte;

	CHECK_EQ(pipe(pair), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		nanosleep(&nap, NULL);
		_exit(write(pair[1], "x", 1) != 1);
	}
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* A task inside a blocking call, which will end, and which then sends. */
static void blocks_then_sends(void *arg)
{
	static const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };

	nanosleep(&nap, NULL);
	sends(arg);
}

GT_TEST_PROCS(blocked_task_is_life)
{
	int i;

	CHECK(chan = gt_chan_make(0, 0));
	for (i = 0; i < 5; i++) {
		CHECK_EQ(gt_go(blocks_then_sends, NULL), 0);
		receives(NULL);
	}
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
}

/* The same, declared: its processor is taken, and all are idle. */
static void blocks_declared_then_sends(void *arg)
{
	static const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };

	gt_entersyscall();
	nanosleep(&nap, NULL);
	gt_exitsyscall();
	sends(arg);
}

GT_TEST_PROCS(task_in_a_system_call_is_life)
{
	int i;

	CHECK(chan = gt_chan_make(0, 0));
	for (i = 0; i < 5; i++) {
		CHECK_EQ(gt_go(blocks_declared_then_sends, NULL), 0);
		receives(NULL);
	}
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
}

/*
 * Many times at the edge: all wait for a timer, a thread, or another processor, which
 * then takes part at once.
 */
static void *thread_sends_at_once(void *arg)
{
	sends(arg);
	return NULL;
}

static void sleeps_shortly_then_sends(void *arg)
{
	gt_sleep((intptr_t)arg * GT_MICROSECOND);
	sends(NULL);
}

GT_TEST_PROCS(no_false_alarm)
{
	long i, n = scaled(300);
	pthread_t thread;

	CHECK(chan = gt_chan_make(0, 0));
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(sleeps_shortly_then_sends, (void *)(i % 100)), 0);
		receives(NULL);
		if (i % 4)
			continue;
		CHECK_EQ(pthread_create(&thread, NULL, thread_sends_at_once, NULL), 0);
		receives(NULL);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
}

/* ------------------------------------------------------------- too many threads ---- */

static int never[2];
static atomic_int blocked;

static void blocks_for_ever(void *arg)
{
	char byte;

	(void)arg;
	atomic_fetch_add(&blocked, 1);
	CHECK_EQ(read(never[0], &byte, 1), 0);
}

static void blocks_many(void)
{
	int i;

	CHECK_EQ(pipe(never), 0);
	CHECK_EQ(gt_max_threads(20), 10000);
	CHECK_EQ(gt_max_threads(0), 20);
	for (i = 0; i < 40; i++)
		CHECK_EQ(gt_go(blocks_for_ever, NULL), 0);
	AWAIT(blocked == 40);
}

static void blocks_some_then_allows_fewer(void)
{
	int i;

	CHECK_EQ(pipe(never), 0);
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(blocks_for_ever, NULL), 0);
	AWAIT(blocked == 10);
	gt_max_threads(5);
	CHECK(false);
}

PLAIN_TEST(too_many_threads_end_the_process)
{
	if (TEST_TSAN)
		test_skip("the dump looks at tasks that run, which ThreadSanitizer takes for a race");
	body = blocks_many;
	in_child(&outcome, runs);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "fatal: program exceeds 20-thread limit"));
	CHECK(strstr(outcome.text, "task 1 'main': "));
	CHECK(strstr(outcome.text, ": running, created by task 1 at "));
	body = blocks_some_then_allows_fewer;
	in_child(&outcome, runs);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, "fatal: program exceeds 5-thread limit"));
}

static void blocks_a_few(void)
{
	int i;

	CHECK_EQ(pipe(never), 0);
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(blocks_for_ever, NULL), 0);
	AWAIT(blocked == 10);
	CHECK_EQ(close(never[1]), 0);
	AWAIT(gt_task_count() == 1);
}

/* Two for the processors, one that stands by for blocked ones. */
PLAIN_TEST(as_many_threads_as_allowed)
{
	CHECK_EQ(gt_max_threads(13), 10000);
	test_run(2, blocks_a_few);
	CHECK_EQ(gt_max_threads(-1), 13);
}

/* ---------------------------------------------------------- stack overflow ---- */

NOINLINE static int dig(int depth)
{
	volatile char frame[256];

	frame[0] = (char)depth;
	return depth ? dig(depth - 1) + frame[0] : 0;
}

static void overflows(void *arg)
{
	(void)arg;
	dig(1 << 20);
}

static void starts_an_overflow(void)
{
	static const struct gt_task_attr attr = { .name = "parse" };

	CHECK_EQ(gt_go_attr(overflows, NULL, &attr), 0);
	for (;;)
		gt_yield();
}

PLAIN_TEST(stack_overflow_names_the_task)
{
	body = starts_an_overflow;
	in_child(&outcome, runs);
	expect_signal(&outcome, SIGSEGV, "fatal: stack overflow in task ");
	expect_signal(&outcome, SIGSEGV, "'parse'");
	expect_signal(&outcome, SIGSEGV, "created by task 1 at starts_an_overflow+0x");
}

/* The name is as long as it likes; the rest is still said. */
static char long_name[2000];

static void starts_an_overflow_with_a_long_name(void)
{
	struct gt_task_attr attr = { .name = long_name };

	memset(long_name, 'x', sizeof(long_name) - 1);
	CHECK_EQ(gt_go_attr(overflows, NULL, &attr), 0);
	for (;;)
		gt_yield();
}

PLAIN_TEST(stack_overflow_of_a_task_with_a_long_name)
{
	body = starts_an_overflow_with_a_long_name;
	in_child(&outcome, runs);
	expect_signal(&outcome, SIGSEGV, "xxx'");
	expect_signal(&outcome, SIGSEGV, "created by task 1 at starts_an_overflow_with_a_long_name+0x");
}

/* Each call that starts a task is found in what its caller is named by. */
static void waits_for_ever(void *arg)
{
	gt_chan_recv(NULL, NULL);
	(void)arg;
}

NOINLINE static void starts_by_go(void)
{
	CHECK_EQ(gt_go(waits_for_ever, NULL), 0);
	(void)*(volatile char *)"";	/* the call is no jump */
}

NOINLINE static void starts_by_go_copy(void)
{
	CHECK_EQ(gt_go_copy(waits_for_ever, "", 1), 0);
	(void)*(volatile char *)"";
}

NOINLINE static void starts_by_wg_go(void)
{
	static struct gt_wg wg;

	CHECK_EQ(gt_wg_go(&wg, waits_for_ever, NULL), 0);
	(void)*(volatile char *)"";
}

NOINLINE static void starts_by_timer(void)
{
	gt_timer_put(gt_after_func(0, waits_for_ever, NULL));
	(void)*(volatile char *)"";
}

static void starts_in_each_way(void)
{
	starts_by_go();
	starts_by_go_copy();
	starts_by_wg_go();
	starts_by_timer();
	waits_for_ever(NULL);
}

PLAIN_TEST(creators_are_named)
{
	static const char *const names[] = { "created by task 1 at starts_by_go+0x",
		"starts_by_go_copy+0x", "starts_by_wg_go+0x", "starts_by_timer+0x",
		"task 1 'main': waits for nil channel\n", NULL };

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has a thread of its own, which counts as life");
	expect_deadlock(starts_in_each_way, names);
}

/* Any other SIGSEGV is left to who handled it before. */
static char *volatile nothing = (char *)16;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	_exit(info->si_addr == nothing ? 33 : 34);
}

static void touches_nothing(void)
{
	*nothing = 0;
}

static void runs_with_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };

	CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
	runs();
}

PLAIN_TEST(other_faults_go_to_the_old_handler)
{
	struct sigaction action;

	if (TEST_ASAN)
		test_skip("UBSan takes the fault's place");
	body = touches_nothing;
	in_child(&outcome, runs_with_handler);
	expect_exit(&outcome, 33);
	in_child(&outcome, runs);
	expect_signal(&outcome, SIGSEGV, NULL);
	CHECK(!strstr(outcome.text, "stack overflow"));

	test_run(2, gt_yield);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
}

TEST_MAIN
