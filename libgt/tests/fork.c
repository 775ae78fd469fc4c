// SPDX-License-Identifier: GPL-2.0
/*
 * fork() and exec in a task: the child is one thread without a runtime. It may use
 * what needs no runtime, run another program, or exit; the parent does not notice.
 */
#include "test.h"

static atomic_long ran;

/*
 * What AddressSanitizer's malloc() holds in another thread at the fork stays held in the
 * child for ever (gcc 12; libc's own does not), so there the child must do without.
 */
static struct gt_chan *inherited;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

/* Fork in a task, run the function in the child, and return the child's exit code. */
static int code_of_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		alarm(30);	/* a child that hangs fails, and does not stay */
		signal(SIGALRM, SIG_DFL);
		fn();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		test_fail(__FILE__, __LINE__, "the child's wait status is %#x", status);
	return WEXITSTATUS(status);
}

/* Tasks beside the forking one, in every state. */
static struct gt_chan *never;
static atomic_bool stop;

static void waits(void *arg)
{
	gt_chan_recv(never, NULL);
	(void)arg;
}

static void yields(void *arg)
{
	while (!stop)
		gt_yield();
	(void)arg;
}

static void sleeps(void *arg)
{
	while (!stop)
		gt_sleep(GT_MILLISECOND);
	(void)arg;
}

static void start_company(void)
{
	int i;

	CHECK(never = gt_chan_make(0, 0));
	for (i = 0; i < 5; i++) {
		CHECK_EQ(gt_go(waits, NULL), 0);
		CHECK_EQ(gt_go(yields, NULL), 0);
		CHECK_EQ(gt_go(sleeps, NULL), 0);
	}
	gt_yield();
}

static void end_company(void)
{
	atomic_store(&stop, true);
	gt_chan_close(never);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(never);
}

/* ------------------------------------------------------------------ the child ---- */

static void has_no_runtime(void)
{
	struct gt_wg wg = {0};
	char block[16] = "";

	CHECK_EQ(gt_go(count_one, NULL), -ESRCH);
	CHECK_EQ(gt_go_copy(count_one, block, sizeof(block)), -ESRCH);
	CHECK_EQ(gt_go_attr(count_one, NULL, NULL), -ESRCH);
	CHECK_EQ(gt_wg_go(&wg, count_one, NULL), -ESRCH);
	CHECK_EQ(ran, 0);
}

GT_TEST_PROCS(child_starts_no_tasks)
{
	start_company();
	CHECK_EQ(code_of_child(has_no_runtime), 0);
	end_company();
}

static void uses_channels(void)
{
	struct gt_chan *chan = TEST_ASAN ? inherited : gt_chan_make(sizeof(int), 2);
	struct gt_wg wg = {0};
	int value = 4;

	CHECK(chan);
	gt_chan_send(chan, &value);
	CHECK_EQ(gt_chan_try_send(chan, &value), 0);
	CHECK_EQ(gt_chan_try_send(chan, &value), -EAGAIN);
	value = 0;
	CHECK_EQ(gt_chan_recv(chan, &value), 1);
	CHECK_EQ(value, 4);
	gt_chan_close(chan);
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	CHECK_EQ(gt_chan_try_recv(chan, NULL), 0);
	gt_chan_put(chan);
	gt_wg_add(&wg, 1);
	gt_wg_done(&wg);
	gt_wg_wait(&wg);
	gt_yield();
	gt_sleep(GT_MICROSECOND);
	CHECK_EQ(gt_now() > 0, 1);
}

GT_TEST_PROCS(child_uses_channels)
{
	CHECK(inherited = gt_chan_make(sizeof(int), 2));
	start_company();
	CHECK_EQ(code_of_child(uses_channels), 0);
	end_company();
	gt_chan_put(inherited);
}

static void exits_with_handlers(void)
{
	exit(3);
}

static void exits_at_once(void)
{
	_exit(4);
}

GT_TEST_PROCS(child_exits)
{
	start_company();
	CHECK_EQ(code_of_child(exits_with_handlers), 3);
	CHECK_EQ(code_of_child(exits_at_once), 4);
	end_company();
}

static void runs_a_program(void)
{
	char *const argv[] = { "again", NULL };
	char *const env[] = { "GT_TEST_EXECED=1", NULL };

	execve("/proc/self/exe", argv, env);
	_exit(99);
}

GT_TEST_PROCS(child_runs_a_program)
{
	start_company();
	CHECK_EQ(code_of_child(runs_a_program), 42);
	end_company();
}

/* ----------------------------------------------------------------- the parent ---- */

static void forks_often(void *arg)
{
	long i, n = scaled(20);

	for (i = 0; i < n; i++)
		CHECK_EQ(code_of_child(exits_at_once), 4);
	count_one(arg);
}

GT_TEST_PROCS(parent_goes_on)
{
	int i;

	start_company();
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(forks_often, NULL), 0);
	AWAIT(ran == 4);
	end_company();
}

/* exec replaces the whole process, from a task beside others. */
static void execs(void)
{
	start_company();
	runs_a_program();
}

static void runs_and_execs(void)
{
	test_run(2, execs);
}

PLAIN_TEST(task_runs_a_program)
{
	static struct outcome outcome;

	in_child(&outcome, runs_and_execs);
	expect_exit(&outcome, 42);
}

/* exit() from a task ends the process with its handlers and its status. */
static void says_goodbye(void)
{
	printf("goodbye\n");
}

static void exits_from_task(void)
{
	atexit(says_goodbye);
	start_company();
	exit(5);
}

static void runs_and_exits(void)
{
	test_run(2, exits_from_task);
}

PLAIN_TEST(task_exits_the_process)
{
	static struct outcome outcome;

	in_child(&outcome, runs_and_exits);
	expect_exit(&outcome, 5);
	CHECK(strstr(outcome.text, "goodbye"));
}

/* A runtime of its own in a child that was forked before any ran, beside the parent's. */
static void runs_on_its_own(void)
{
	test_run(2, gt_yield);
}

PLAIN_TEST(child_of_a_finished_run)
{
	static struct outcome outcome;

	test_run(2, gt_yield);
	if (TEST_TSAN)
		test_skip("ThreadSanitizer starts no threads in the child of a process that had some");
	in_child(&outcome, runs_on_its_own);
	expect_exit(&outcome, 0);
}

static void __attribute__((constructor)) is_execed(void)
{
	if (getenv("GT_TEST_EXECED"))
		_exit(42);
}

TEST_MAIN
