// SPDX-License-Identifier: GPL-2.0
/* Signals on channels and as the end of contexts, and that they go back to what was. */
#include "test.h"

static struct gt_chan *chan, *other;
static atomic_long handled_before;
static struct outcome outcome;

static void count_handled(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled_before, 1);
}

/* To the calling thread: ThreadSanitizer lets it through at the next call it knows. */
static void send_signal(int sig)
{
	char byte;

	CHECK_EQ(raise(sig), 0);
	CHECK(read(-1, &byte, 1) < 0);
}

static struct gt_chan *chan_of(size_t capacity)
{
	struct gt_chan *made = gt_chan_make(sizeof(int), capacity);

	CHECK(made);
	return made;
}

static void want(struct gt_chan *on, int sig)
{
	CHECK_EQ(gt_signal_notify(on, &sig, 1), 0);
}

static void expect_signal_on(struct gt_chan *on, int sig)
{
	int seen = 0;

	CHECK_EQ(gt_chan_recv(on, &seen), 1);
	CHECK_EQ(seen, sig);
}

static void expect_nothing_on(struct gt_chan *on)
{
	CHECK_EQ(gt_chan_try_recv(on, NULL), -EAGAIN);
}

/* ---------------------------------------------------------------- channels ---- */

static void each_gets_what_it_asked_for(void)
{
	chan = chan_of(4);
	other = chan_of(4);
	want(chan, SIGUSR1);
	want(chan, SIGUSR2);
	want(other, SIGUSR2);
	send_signal(SIGUSR1);
	expect_signal_on(chan, SIGUSR1);
	send_signal(SIGUSR2);
	expect_signal_on(chan, SIGUSR2);
	expect_signal_on(other, SIGUSR2);
	expect_nothing_on(chan);
	expect_nothing_on(other);

	gt_signal_stop(chan);
	gt_signal_stop(chan);
	send_signal(SIGUSR2);
	expect_signal_on(other, SIGUSR2);
	expect_nothing_on(chan);
	want(chan, SIGRTMIN);
	want(chan, SIGRTMAX);
	send_signal(SIGRTMAX);
	expect_signal_on(chan, SIGRTMAX);
	gt_signal_stop(chan);
	gt_signal_stop(other);
	gt_chan_put(chan);
	gt_chan_put(other);
}

static void send_does_not_wait(void)
{
	struct gt_chan *full = chan_of(1), *none = chan_of(0);
	long i;

	chan = chan_of(1);
	want(full, SIGUSR1);
	want(none, SIGUSR1);
	want(chan, SIGUSR1);
	for (i = 0; i < 10; i++) {
		send_signal(SIGUSR1);
		expect_signal_on(chan, SIGUSR1);
	}
	gt_signal_stop(chan);
	gt_signal_stop(none);
	gt_signal_stop(full);
	expect_signal_on(full, SIGUSR1);
	expect_nothing_on(full);
	gt_chan_put(full);
	gt_chan_put(none);
	gt_chan_put(chan);
}

static void what_came_before_the_stop_is_there(void)
{
	long i;

	for (i = 0; i < scaled(100); i++) {
		chan = chan_of(1);
		want(chan, SIGUSR1);
		send_signal(SIGUSR1);
		gt_signal_stop(chan);
		CHECK_EQ(gt_chan_try_recv(chan, NULL), 1);
		gt_chan_put(chan);
	}
}

static void handler_from_before_comes_back(void)
{
	struct sigaction mine = { .sa_handler = count_handled, .sa_flags = SA_NODEFER }, seen;
	long before = atomic_load(&handled_before);

	CHECK_EQ(sigaction(SIGUSR1, &mine, NULL), 0);
	chan = chan_of(1);
	other = chan_of(1);
	want(chan, SIGUSR1);
	want(other, SIGUSR1);
	send_signal(SIGUSR1);
	expect_signal_on(chan, SIGUSR1);
	gt_signal_stop(chan);
	send_signal(SIGUSR1);
	CHECK_EQ(handled_before, before);
	gt_signal_stop(other);
	send_signal(SIGUSR1);
	CHECK_EQ(handled_before, before + 1);
	CHECK_EQ(sigaction(SIGUSR1, NULL, &seen), 0);
	CHECK(seen.sa_handler == count_handled && seen.sa_flags & SA_NODEFER);
	gt_chan_put(chan);
	gt_chan_put(other);
}

static void refuses_what_cannot_be(void)
{
	static const int bad[] = { 0, -1, 65, 1000, 32, 33, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
				   SIGFPE, SIGILL, SIGURG };
	struct gt_context *ctx;
	struct sigaction seen;
	int both[2] = { SIGUSR2, 0 };
	size_t i;

	chan = chan_of(1);
	CHECK_EQ(gt_signal_notify(chan, NULL, 0), -EINVAL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		both[1] = bad[i];
		CHECK_EQ(gt_signal_notify(chan, both, 2), -EINVAL);
		CHECK_EQ(gt_signal_context(gt_context_background(), both, 2, &ctx), -EINVAL);
	}
	CHECK_EQ(sigaction(SIGUSR2, NULL, &seen), 0);
	CHECK(seen.sa_handler == SIG_DFL);
	gt_chan_put(chan);
}

/* ---------------------------------------------------------------- contexts ---- */

static struct gt_context *context_of(int one, int two)
{
	int both[] = { one, two };
	struct gt_context *ctx;

	CHECK_EQ(gt_signal_context(gt_context_background(), both, 2, &ctx), 0);
	return ctx;
}

static void context_ends(void)
{
	struct gt_context *ctx = context_of(SIGTERM, SIGRTMIN), *late = context_of(SIGRTMIN, SIGRTMIN),
			  *stopped = context_of(SIGUSR1, SIGUSR1);
	char text[64];

	CHECK_EQ(gt_context_err(ctx), 0);
	send_signal(SIGTERM);
	CHECK_EQ(gt_chan_recv(gt_context_done(ctx), NULL), 0);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	CHECK_EQ(gt_context_cause(ctx), -EINTR);
	CHECK(!strcmp(gt_context_cause_text(ctx), "terminated signal received"));
	send_signal(SIGTERM);		/* is still caught */
	CHECK_EQ(gt_context_err(late), 0);
	send_signal(SIGRTMIN);
	CHECK_EQ(gt_chan_recv(gt_context_done(late), NULL), 0);
	snprintf(text, sizeof(text), "signal %d received", SIGRTMIN);
	CHECK(!strcmp(gt_context_cause_text(late), text));
	gt_signal_context_stop(ctx);
	gt_signal_context_stop(late);
	gt_signal_context_stop(stopped);
	CHECK_EQ(gt_context_cause(stopped), -ECANCELED);
	gt_context_put(ctx);
	gt_context_put(late);
	gt_context_put(stopped);
}

static void context_follows_its_parent(void)
{
	struct gt_context *top = gt_context_with_cancel(gt_context_background()), *ctx;
	int sig = SIGUSR1;

	CHECK(top);
	CHECK_EQ(gt_signal_context(top, &sig, 1, &ctx), 0);
	gt_context_cancel(top);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	send_signal(SIGUSR1);		/* is caught until the stop */
	gt_signal_context_stop(ctx);
	gt_context_put(ctx);
	gt_context_put(top);
}

/* ------------------------------------------------------------ each setting ---- */

static void each_way(void)
{
	each_gets_what_it_asked_for();
	send_does_not_wait();
	what_came_before_the_stop_is_there();
	handler_from_before_comes_back();
	refuses_what_cannot_be();
	context_ends();
	context_follows_its_parent();
}

GT_TEST_PROCS(each_way_in_tasks)
{
	each_way();
}

PLAIN_TEST(each_way_on_a_plain_thread)
{
	each_way();
	AWAIT_ONE_THREAD();		/* nothing of it is left */
	check_leaks();
}

static void expects_on_chan(void)
{
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	expect_signal_on(chan, SIGUSR1);
}

/* Registered before a run, and used in it and after; with all others blocking it. */
PLAIN_TEST(before_during_and_after_a_run)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGALRM);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
	chan = chan_of(1);
	want(chan, SIGUSR1);
	expects_on_chan();
	test_run(2, expects_on_chan);
	expects_on_chan();
	test_run(1, expects_on_chan);
	gt_signal_stop(chan);
	gt_chan_put(chan);
}

/* -------------------------------------------------------- what kills again ---- */

static void dies_after_stop(void)
{
	struct gt_context *ctx = context_of(SIGTERM, SIGINT);

	raise(SIGINT);
	gt_chan_recv(gt_context_done(ctx), NULL);
	raise(SIGINT);
	fputs("alive\n", stdout);
	fflush(stdout);
	gt_signal_context_stop(ctx);
	raise(SIGINT);
	fputs("still alive\n", stdout);
}

static void child_of_a_fork_dies(void)
{
	pid_t pid;
	int status;

	chan = chan_of(1);
	want(chan, SIGUSR1);
	pid = fork();
	if (!pid) {
		raise(SIGUSR1);
		_exit(3);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGUSR1)
		_exit(1);
	raise(SIGUSR1);
	expect_signal_on(chan, SIGUSR1);
}

static void child_of_a_fork_may_want_it_too(void)
{
	pid_t pid;
	int status;

	chan = chan_of(1);
	want(chan, SIGUSR1);
	pid = fork();
	if (!pid) {
		want(chan, SIGUSR2);
		raise(SIGUSR2);
		expect_signal_on(chan, SIGUSR2);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		_exit(1);
}

PLAIN_TEST(default_action_comes_back)
{
	in_child(&outcome, dies_after_stop);
	expect_signal(&outcome, SIGINT, "alive\n");
	CHECK(!strstr(outcome.text, "still"));
}

PLAIN_TEST(forks)
{
	in_child(&outcome, child_of_a_fork_dies);
	expect_exit(&outcome, 0);
	if (TEST_TSAN)
		return;		/* it makes no threads after the fork of one that had some */
	in_child(&outcome, child_of_a_fork_may_want_it_too);
	expect_exit(&outcome, 0);
}

/* ------------------------------------------------------------------- races ---- */

static struct gt_wg wg;

static void comes_and_goes(void *arg)
{
	struct gt_chan *mine = chan_of(1);
	struct gt_context *ctx;
	long i;

	for (i = 0; i < scaled(100); i++) {
		want(mine, (long)arg % 2 ? SIGUSR1 : SIGUSR2);
		ctx = context_of(SIGUSR1, SIGUSR2);
		send_signal((long)arg % 2 ? SIGUSR1 : SIGUSR2);
		CHECK_EQ(gt_chan_recv(mine, NULL), 1);
		if (i % 2)
			CHECK_EQ(gt_chan_recv(gt_context_done(ctx), NULL), 0);
		gt_signal_context_stop(ctx);
		gt_context_put(ctx);
		gt_signal_stop(mine);
		while (gt_chan_try_recv(mine, NULL) == 1)
			;
	}
	gt_chan_put(mine);
}

GT_TEST_PROCS(registrations_come_and_go)
{
	long i;

	/* Of its own, so that no signal of another task finds the default action. */
	chan = chan_of(1);
	want(chan, SIGUSR1);
	want(chan, SIGUSR2);
	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_wg_go(&wg, comes_and_goes, (void *)i), 0);
	gt_wg_wait(&wg);
	gt_signal_stop(chan);
	gt_chan_put(chan);
	check_leaks();
}

TEST_MAIN
