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

PLAIN_TEST(deadlock_is_reported)
{
	static const char *const recv[] = { "task 1 'main'", "channel receive", NULL };
	static const char *const send[] = { "task 1 'main'", "channel send", NULL };
	static const char *const wait[] = { "task 1 'main'", "waitgroup", NULL };
	static const char *const nil[] = { "task 1 'main'", "nil channel", NULL };
	static const char *const many[] = { "'parser'", "created by task 1", NULL };
	static const char *const exited[] = { "channel receive", NULL };

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
	expect_deadlock(main_receives, recv);
	expect_deadlock(main_sends_to_a_full_one, send);
	expect_deadlock(main_waits_for_itself, wait);
	expect_deadlock(main_uses_nil, nil);
	expect_deadlock(all_wait_in_a_circle, many);
	expect_deadlock(main_exits, exited);
}

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
	expect_signal(&outcome, SIGSEGV, "created by task 1");
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
