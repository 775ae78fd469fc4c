// SPDX-License-Identifier: GPL-2.0
/* Error groups: the first error, the context, the limit, and members that end oddly. */
#include "test.h"

static struct gt_errgroup group;
static struct gt_chan *gate;
static atomic_long ran, working, most;

static struct gt_chan *gate_of(void)
{
	CHECK(gate = gt_chan_make(0, 0));
	return gate;
}

static int returns(void *arg)
{
	atomic_fetch_add(&ran, 1);
	return (intptr_t)arg;
}

static int waits_at_gate(void *arg)
{
	gt_chan_recv(gate, NULL);
	return returns(arg);
}

static int exits(void *arg)
{
	returns(arg);
	gt_exit();
}

static void go(int (*fn)(void *arg), long value)
{
	CHECK_EQ(gt_errgroup_go(&group, fn, (void *)value), 0);
}

GT_TEST_PROCS(nothing_to_wait_for)
{
	CHECK_EQ(gt_errgroup_wait(&group), 0);
}

GT_TEST_PROCS(waits_for_all_and_is_used_again)
{
	long round, i;

	for (round = 1; round <= scaled(200); round++) {
		for (i = 0; i < 20; i++)
			go(i % 5 ? returns : exits, 0);
		CHECK_EQ(gt_errgroup_wait(&group), 0);
		CHECK_EQ(ran, round * 20);
	}
	go(returns, -EIO);
	CHECK_EQ(gt_errgroup_wait(&group), -EIO);
	go(returns, -EPIPE);
	CHECK_EQ(gt_errgroup_wait(&group), -EIO);
}

GT_TEST_PROCS(first_error_counts_and_cancels)
{
	struct gt_context *ctx = gt_errgroup_with_context(&group, gt_context_background());

	CHECK(ctx);
	gate_of();
	go(waits_at_gate, -EPIPE);
	go(waits_at_gate, 0);
	go(returns, 0);
	AWAIT(ran == 1);
	CHECK_EQ(gt_context_err(ctx), 0);
	go(returns, -EIO);
	CHECK_EQ(gt_chan_recv(gt_context_done(ctx), NULL), 0);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	CHECK_EQ(gt_context_cause(ctx), -EIO);
	gt_chan_close(gate);
	CHECK_EQ(gt_errgroup_wait(&group), -EIO);
	CHECK_EQ(ran, 4);
	CHECK_EQ(gt_context_cause(ctx), -EIO);
	gt_context_put(ctx);
	gt_chan_put(gate);
	check_leaks();
}

static int waits_for_context(void *arg)
{
	CHECK_EQ(gt_sleep_ctx(3600 * GT_SECOND, arg), -ECANCELED);
	return returns((void *)-ECANCELED);
}

GT_TEST_PROCS(failure_ends_the_others_by_their_context)
{
	struct gt_context *ctx = gt_errgroup_with_context(&group, gt_context_background());
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_errgroup_go(&group, waits_for_context, ctx), 0);
	go(returns, 5);
	CHECK_EQ(gt_errgroup_wait(&group), 5);
	CHECK_EQ(ran, 11);
	gt_context_put(ctx);
}

GT_TEST_PROCS(wait_cancels_the_context)
{
	struct gt_context *ctx = gt_errgroup_with_context(&group, gt_context_background());

	go(returns, 0);
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	CHECK_EQ(gt_context_cause(ctx), -ECANCELED);
	gt_context_put(ctx);
	check_leaks();
}

/* ------------------------------------------------------------------- limit ---- */

static int counts_itself(void *arg)
{
	long now = atomic_fetch_add(&working, 1) + 1, seen = atomic_load(&most);

	while (seen < now && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	gt_yield();
	atomic_fetch_sub(&working, 1);
	if ((long)arg % 3 == 0)
		exits(NULL);
	return returns(NULL);
}

GT_TEST_PROCS(never_more_than_the_limit)
{
	long i, n = scaled(1000);

	gt_errgroup_set_limit(&group, 3);
	for (i = 0; i < n; i++)
		go(counts_itself, i);
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	CHECK_EQ(ran, n);
	CHECK(most <= 3);
}

GT_TEST_PROCS(try_go_refuses_over_the_limit)
{
	gate_of();
	gt_errgroup_set_limit(&group, 2);
	CHECK_EQ(gt_errgroup_try_go(&group, waits_at_gate, NULL), 0);
	CHECK_EQ(gt_errgroup_try_go(&group, waits_at_gate, NULL), 0);
	CHECK_EQ(gt_errgroup_try_go(&group, waits_at_gate, NULL), -EAGAIN);
	gt_chan_send(gate, NULL);
	AWAIT(!gt_errgroup_try_go(&group, waits_at_gate, NULL));
	gt_chan_close(gate);
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	CHECK_EQ(ran, 3);
	gt_errgroup_set_limit(&group, 0);
	CHECK_EQ(gt_errgroup_try_go(&group, returns, NULL), -EAGAIN);
	gt_errgroup_set_limit(&group, -1);
	CHECK_EQ(gt_errgroup_try_go(&group, returns, NULL), 0);
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	gt_chan_put(gate);
}

static void starts_another(void *arg)
{
	go(returns, 0);
	atomic_fetch_add(&ran, 100);
	(void)arg;
}

GT_TEST_ORDER(go_waits_for_room)
{
	gate_of();
	gt_errgroup_set_limit(&group, 1);
	go(waits_at_gate, 0);
	CHECK_EQ(gt_go(starts_another, NULL), 0);
	gt_yield();
	gt_yield();
	CHECK_EQ(ran, 0);
	gt_chan_close(gate);
	AWAIT(ran == 102);
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	gt_chan_put(gate);
}

/* ----------------------------------------------------------------- threads ---- */

static void *thread_uses_it(void *arg)
{
	go(returns, 7);
	CHECK_EQ(gt_errgroup_wait(&group), 7);
	return arg;
}

GT_TEST_PROCS(from_a_plain_thread)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_uses_it, NULL), 0);
	AWAIT(ran == 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

PLAIN_TEST(without_a_runtime)
{
	struct gt_context *ctx = gt_errgroup_with_context(&group, gt_context_background());

	gt_errgroup_set_limit(&group, 1);
	CHECK_EQ(gt_errgroup_go(&group, returns, NULL), -ESRCH);
	CHECK_EQ(gt_errgroup_go(&group, returns, NULL), -ESRCH);	/* the first left */
	CHECK_EQ(gt_errgroup_wait(&group), 0);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	gt_context_put(ctx);
	check_leaks();
}

/* ------------------------------------------------------------------ misuse ---- */

static int panics(void *arg)
{
	gt_panic("a member failed");
	return (intptr_t)arg;
}

/* Nobody may go on, and say that all is well, before the panic has ended the program. */
static void member_panics(void)
{
	go(panics, 0);
	gt_errgroup_wait(&group);
	_exit(0);
}

static void changes_the_limit_at_work(void)
{
	gate_of();
	gt_errgroup_set_limit(&group, 5);
	go(waits_at_gate, 0);
	go(waits_at_gate, 0);
	gt_errgroup_set_limit(&group, 4);
}

PLAIN_TEST(misuse_panics)
{
	int i;

	for (i = 0; i < 10; i++)
		expect_panic(member_panics, "a member failed");
	expect_panic(changes_the_limit_at_work,
		     "errgroup: modify limit while 2 tasks in the group are still active");
}

TEST_MAIN
