// SPDX-License-Identifier: GPL-2.0
/* Worker pools: bounds, order, refusal, and the two ways to stop. */
#include "test.h"

static struct gt_workers *pool;
static struct gt_wg wg;
static struct gt_chan *gate;
static atomic_long ran, begun, working, most, dropped, got_in;

static void count_dropped(void (*fn)(void *arg), void *arg)
{
	(void)fn, (void)arg;
	atomic_fetch_add(&dropped, 1);
}

static void make(size_t workers, size_t queue)
{
	pool = gt_workers_make(&(struct gt_workers_attr){
		.workers = workers, .queue = queue, .dropped = count_dropped });
	CHECK(pool);
	CHECK(gate = gt_chan_make(0, 0));
}

static void stop(enum gt_workers_end how)
{
	CHECK_EQ(gt_workers_stop(pool, how, GT_NO_DEADLINE), 0);
	CHECK_EQ(gt_context_err(gt_workers_context(pool)), -ECANCELED);
	gt_workers_free(pool);
	gt_chan_put(gate);
	check_leaks();
}

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void waits_at_gate(void *arg)
{
	atomic_fetch_add(&begun, 1);
	gt_chan_recv(gate, NULL);
	count_one(arg);
}

static void counts_workers(void *arg)
{
	long now = atomic_fetch_add(&working, 1) + 1, seen = atomic_load(&most);

	while (seen < now && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	gt_yield();
	atomic_fetch_sub(&working, 1);
	count_one(arg);
}

GT_TEST_PROCS(drains_all_and_never_more_at_once)
{
	long i, n = scaled(2000);

	make(3, 10);
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_workers_submit(pool, counts_workers, NULL), 0);
	stop(GT_WORKERS_DRAIN);
	CHECK_EQ(ran, n);
	CHECK(most <= 3);
	CHECK_EQ(dropped, 0);
}

static void submits_one(void *arg)
{
	if (!gt_workers_submit(pool, waits_at_gate, arg))
		atomic_fetch_add(&got_in, 1);
}

static void fill(long workers, long queue)
{
	long i;

	make(workers, queue);
	for (i = 0; i < workers + queue; i++)
		CHECK_EQ(gt_workers_try_submit(pool, waits_at_gate, NULL), 0);
	CHECK_EQ(gt_workers_try_submit(pool, waits_at_gate, NULL), -EAGAIN);
	AWAIT(begun == workers);
}

GT_TEST_PROCS(full_pool_refuses_or_lets_wait)
{
	struct gt_context *ctx = gt_context_with_cancel(gt_context_background());

	fill(2, 3);
	CHECK_EQ(gt_workers_submit_until(pool, count_one, NULL, gt_now() + GT_MILLISECOND),
		 -ETIMEDOUT);
	gt_context_cancel(ctx);
	CHECK_EQ(gt_workers_submit_ctx(pool, count_one, NULL, ctx), -ECANCELED);
	CHECK_EQ(gt_wg_go(&wg, submits_one, NULL), 0);
	gt_yield();
	CHECK_EQ(got_in, 0);
	gt_chan_send(gate, NULL);
	gt_wg_wait(&wg);
	CHECK_EQ(got_in, 1);
	gt_chan_close(gate);
	stop(GT_WORKERS_DRAIN);
	CHECK_EQ(ran, 6);
	gt_context_put(ctx);
}

GT_TEST_PROCS(without_a_queue_a_worker_has_to_be_free)
{
	fill(1, 0);
	gt_chan_close(gate);
	CHECK_EQ(gt_workers_submit(pool, count_one, NULL), 0);
	stop(GT_WORKERS_DRAIN);
	CHECK_EQ(ran, 2);
}

static void waits_for_context(void *arg)
{
	atomic_fetch_add(&begun, 1);
	CHECK_EQ(gt_sleep_ctx(3600 * GT_SECOND, gt_workers_context(pool)), -ECANCELED);
	count_one(arg);
}

static void submits_in_vain(void *arg)
{
	CHECK_EQ(gt_workers_submit(pool, count_one, arg), -ECANCELED);
	atomic_fetch_add(&got_in, 1);
}

GT_TEST_PROCS(cancel_drops_what_waits)
{
	int i;

	make(2, 3);
	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_workers_submit(pool, waits_for_context, NULL), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_wg_go(&wg, submits_in_vain, NULL), 0);
	AWAIT(begun == 2);
	CHECK_EQ(gt_workers_stop(pool, GT_WORKERS_DRAIN, gt_now() + GT_MILLISECOND), -ETIMEDOUT);
	CHECK_EQ(gt_workers_try_submit(pool, count_one, NULL), -ECANCELED);
	CHECK_EQ(gt_workers_stop(pool, GT_WORKERS_CANCEL, GT_NO_DEADLINE), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran + dropped, 5);
	CHECK_EQ(dropped, 3);
	CHECK_EQ(got_in, 4);
	stop(GT_WORKERS_CANCEL);
}

static void exits(void *arg)
{
	count_one(arg);
	gt_exit();
}

GT_TEST_PROCS(job_that_exits_costs_no_worker)
{
	long i;

	make(2, 0);
	for (i = 0; i < 50; i++)
		CHECK_EQ(gt_workers_submit(pool, exits, NULL), 0);
	CHECK_EQ(gt_workers_submit(pool, waits_at_gate, NULL), 0);
	CHECK_EQ(gt_workers_submit(pool, waits_at_gate, NULL), 0);
	AWAIT(begun == 2);		/* both are there */
	gt_chan_close(gate);
	stop(GT_WORKERS_DRAIN);
	CHECK_EQ(ran, 52);
}

static void *thread_uses_it(void *arg)
{
	long i;

	for (i = 0; i < scaled(200); i++)
		CHECK_EQ(gt_workers_submit(pool, count_one, NULL), 0);
	return arg;
}

GT_TEST_PROCS(threads_submit)
{
	pthread_t threads[2];
	int i;

	make(2, 1);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_uses_it, NULL), 0);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	stop(GT_WORKERS_DRAIN);
	CHECK_EQ(ran, 2 * scaled(200));
}

static atomic_long taken;

static void submits_until_it_ends(void *arg)
{
	while (!gt_workers_submit(pool, count_one, arg))
		atomic_fetch_add(&taken, 1);
}

/* What was taken is carried out or dropped: nothing in between. */
GT_TEST_PROCS(stop_meets_submits)
{
	long round, i;

	for (round = 0; round < scaled(60); round++) {
		atomic_store(&ran, 0);
		atomic_store(&taken, 0);
		atomic_store(&dropped, 0);
		make(2, 2);
		for (i = 0; i < 4; i++)
			CHECK_EQ(gt_wg_go(&wg, submits_until_it_ends, NULL), 0);
		AWAIT(ran > round);
		CHECK_EQ(gt_workers_stop(pool, round % 2, GT_NO_DEADLINE), 0);
		gt_wg_wait(&wg);
		CHECK_EQ(ran + dropped, taken);
		CHECK(round % 2 || !dropped);
		stop(GT_WORKERS_DRAIN);
	}
}

static void frees_at_work(void)
{
	make(1, 1);
	gt_workers_free(pool);
}

PLAIN_TEST(misuse)
{
	CHECK(!gt_workers_make(NULL));		/* no runtime */
	CHECK(!gt_workers_make(&(struct gt_workers_attr){ .queue = SIZE_MAX }));
	expect_panic(frees_at_work, "gt_workers_free() of a pool that has not been stopped");
	check_leaks();
}

TEST_MAIN
