// SPDX-License-Identifier: GPL-2.0
/* Weighted semaphores: order, weights, and those who give up. */
#include "test.h"

static struct gt_semaphore sem = GT_SEMAPHORE_INIT(10);
static struct gt_wg wg;
static atomic_long taken, most, got[64], order;

static struct gt_context *fresh_context(void)
{
	struct gt_context *ctx = gt_context_with_cancel(gt_context_background());

	CHECK(ctx);
	return ctx;
}

static void expect_free(long n)
{
	CHECK_EQ(gt_semaphore_try_acquire(&sem, n + 1), -EAGAIN);
	CHECK_EQ(gt_semaphore_try_acquire(&sem, n), 0);
	gt_semaphore_release(&sem, n);
}

static void units_are_counted(void)
{
	struct gt_semaphore none = { 0 }, made;

	expect_free(10);
	gt_semaphore_acquire(&sem, 4);
	gt_semaphore_acquire(&sem, 0);
	expect_free(6);
	CHECK_EQ(gt_semaphore_acquire_until(&sem, 6, GT_NO_DEADLINE), 0);
	CHECK_EQ(gt_semaphore_try_acquire(&sem, 0), 0);
	CHECK_EQ(gt_semaphore_try_acquire(&sem, 1), -EAGAIN);
	gt_semaphore_release(&sem, 3);
	expect_free(3);
	gt_semaphore_release(&sem, 7);
	gt_semaphore_release(&sem, 0);
	expect_free(10);

	CHECK_EQ(gt_semaphore_try_acquire(&none, 1), -EAGAIN);
	CHECK_EQ(gt_semaphore_try_acquire(&none, 0), 0);
	gt_semaphore_init(&made, INT64_MAX);
	CHECK_EQ(gt_semaphore_try_acquire(&made, INT64_MAX), 0);
	CHECK_EQ(gt_semaphore_try_acquire(&made, 1), -EAGAIN);
	gt_semaphore_release(&made, INT64_MAX);
}

static void those_who_are_late_take_nothing(void)
{
	struct gt_context *ctx = fresh_context();

	CHECK_EQ(gt_semaphore_acquire_ctx(&sem, 5, ctx), 0);
	gt_context_cancel(ctx);
	CHECK_EQ(gt_semaphore_acquire_ctx(&sem, 5, ctx), -ECANCELED);
	CHECK_EQ(gt_semaphore_acquire_until(&sem, 5, gt_now()), -ETIMEDOUT);
	CHECK_EQ(gt_semaphore_acquire_until(&sem, 5, -1), -ETIMEDOUT);
	expect_free(5);
	CHECK_EQ(gt_semaphore_acquire_until(&sem, 6, gt_now() + GT_MILLISECOND), -ETIMEDOUT);
	CHECK_EQ(gt_semaphore_acquire_until(&sem, 11, gt_now() + GT_MILLISECOND), -ETIMEDOUT);
	expect_free(5);
	gt_semaphore_release(&sem, 5);
	gt_context_put(ctx);
}

GT_TEST_PROCS(simple)
{
	units_are_counted();
	those_who_are_late_take_nothing();
}

PLAIN_TEST(simple_on_a_plain_thread)
{
	units_are_counted();
	those_who_are_late_take_nothing();
}

/* ---------------------------------------------------------------- waiting ---- */

/* A waiter that wants n units; who it is and how it ends. */
struct want {
	long n;
	struct gt_context *ctx;
	atomic_int state;	/* 1: about to wait; 2: has them; negative: its error */
	long place;		/* when it got them */
};

static void wants(void *arg)
{
	struct want *want = arg;
	int error = 0;

	atomic_store(&want->state, 1);
	if (want->ctx)
		error = gt_semaphore_acquire_ctx(&sem, want->n, want->ctx);
	else
		gt_semaphore_acquire(&sem, want->n);
	want->place = atomic_fetch_add(&order, 1);
	atomic_store(&want->state, error ? error : 2);
}

/* In the tests of order: when this returns it waits, or has what it wants. */
static void let_want(struct want *want, long n, struct gt_context *ctx)
{
	want->n = n;
	want->ctx = ctx;
	CHECK_EQ(gt_wg_go(&wg, wants, want), 0);
	AWAIT(want->state);
}

GT_TEST_ORDER(waiters_are_served_as_they_came)
{
	static struct want want[50];
	long i;

	gt_semaphore_acquire(&sem, 10);
	for (i = 0; i < 50; i++)
		let_want(&want[i], i % 3 + 1, NULL);
	for (i = 0; i < 50; i++) {
		gt_semaphore_release(&sem, want[i].n);
		AWAIT(want[i].state == 2);
		CHECK_EQ(want[i].place, i);
		CHECK(i == 49 || want[i + 1].state == 1);
	}
	gt_semaphore_release(&sem, 10);
	expect_free(10);
}

GT_TEST_ORDER(large_one_is_not_overtaken)
{
	static struct want large, small[3];
	int i;

	gt_semaphore_acquire(&sem, 1);
	let_want(&large, 10, NULL);
	for (i = 0; i < 3; i++)
		let_want(&small[i], 1, NULL);
	CHECK_EQ(gt_semaphore_try_acquire(&sem, 1), -EAGAIN);
	CHECK_EQ(gt_semaphore_try_acquire(&sem, 0), -EAGAIN);
	gt_yield();
	CHECK_EQ(small[0].state, 1);
	gt_semaphore_release(&sem, 1);
	AWAIT(large.state == 2);
	gt_yield();
	CHECK_EQ(small[0].state, 1);
	gt_semaphore_release(&sem, 10);
	gt_wg_wait(&wg);
	CHECK_EQ(small[0].place + small[1].place + small[2].place, 1 + 2 + 3);
	gt_semaphore_release(&sem, 3);
	expect_free(10);
}

GT_TEST_ORDER(those_behind_go_on_when_the_first_gives_up)
{
	static struct want large, small[3], last;
	struct gt_context *ctx = fresh_context();
	int i;

	gt_semaphore_acquire(&sem, 7);
	let_want(&large, 10, ctx);
	for (i = 0; i < 3; i++)
		let_want(&small[i], 1, NULL);
	let_want(&last, 1, NULL);
	gt_context_cancel(ctx);
	AWAIT(large.state == -ECANCELED);
	for (i = 0; i < 3; i++)
		AWAIT(small[i].state == 2);
	CHECK_EQ(last.state, 1);
	gt_semaphore_release(&sem, 10);
	AWAIT(last.state == 2);
	gt_semaphore_release(&sem, 1);
	gt_wg_wait(&wg);
	expect_free(10);
	gt_context_put(ctx);
}

GT_TEST_PROCS(more_than_there_are_is_in_nobodys_way)
{
	struct gt_context *ctx = fresh_context();
	struct want huge = { 0 };

	let_want(&huge, 11, ctx);
	gt_yield();
	expect_free(10);
	gt_semaphore_acquire(&sem, 10);
	gt_semaphore_release(&sem, 10);
	CHECK_EQ(huge.state, 1);
	gt_context_cancel(ctx);
	AWAIT(huge.state == -ECANCELED);
	gt_wg_wait(&wg);
	gt_context_put(ctx);
}

/* ------------------------------------------------------------------- races ---- */

static long guarded;		/* by all ten units; no atomic */

static void take_and_check(uint64_t *random)
{
	long n = test_random(random) % 10 + 1, now, seen;

	gt_semaphore_acquire(&sem, n);
	now = atomic_fetch_add(&taken, n) + n;
	CHECK(now <= 10);
	for (seen = atomic_load(&most); seen < now;)
		if (atomic_compare_exchange_weak(&most, &seen, now))
			break;
	if (n == 10)
		guarded++;
	if (test_random(random) % 4 == 0)
		gt_yield();
	atomic_fetch_sub(&taken, n);
	gt_semaphore_release(&sem, n);
}

static void takes_often(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i;

	for (i = 0; i < scaled(3000); i++)
		take_and_check(&random);
	atomic_fetch_add(&got[(long)arg], i);
}

static void *thread_takes_often(void *arg)
{
	takes_often(arg);
	return NULL;
}

static void many_at_once(int tasks)
{
	pthread_t threads[3];
	long i;

	for (i = 0; i < tasks; i++)
		CHECK_EQ(gt_wg_go(&wg, takes_often, (void *)i), 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_takes_often, (void *)(tasks + i)), 0);
	gt_wg_wait(&wg);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	for (i = 0; i < tasks + 3; i++)
		CHECK(got[i] > 0);
	expect_free(10);
}

GT_TEST_PROCS(never_more_than_there_are)
{
	many_at_once(8);
	CHECK(guarded > 0);
}

PLAIN_TEST(never_more_than_there_are_without_a_runtime)
{
	many_at_once(0);
}

static struct gt_context *contexts[4];

static void takes_or_gives_up(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n;
	int error;

	for (i = 0; i < scaled(300); i++) {
		struct gt_context *ctx = gt_context_with_cancel(contexts[i % 4]);

		CHECK(ctx);
		n = test_random(&random) % 10 + 1;
		if (test_random(&random) % 2)
			error = gt_semaphore_acquire_ctx(&sem, n, ctx);
		else
			error = gt_semaphore_acquire_until(&sem, n, gt_now() + test_random(&random) % 20000);
		CHECK(!error || error == -ECANCELED || error == -ETIMEDOUT);
		if (!error) {
			CHECK(atomic_fetch_add(&taken, n) + n <= 10);
			gt_yield();
			atomic_fetch_sub(&taken, n);
			gt_semaphore_release(&sem, n);
		}
		gt_context_put(ctx);
	}
	gt_wg_done(&wg);
}

/* Grants meet cancels and deadlines: no unit is lost, and nobody waits for ever. */
GT_TEST_PROCS(grants_and_those_who_give_up)
{
	long round, i;

	for (round = 0; round < 8; round++) {
		for (i = 0; i < 4; i++)
			contexts[i] = fresh_context();
		gt_wg_add(&wg, 8);
		for (i = 0; i < 8; i++)
			CHECK_EQ(gt_go(takes_or_gives_up, (void *)(round * 8 + i)), 0);
		for (i = 0; i < 4; i++) {
			gt_yield();
			gt_context_cancel(contexts[i]);
		}
		gt_wg_wait(&wg);
		for (i = 0; i < 4; i++)
			gt_context_put(contexts[i]);
		expect_free(10);
	}
}

static void writes_then_releases(void *arg)
{
	*(long *)arg = 1;
	gt_semaphore_release(&sem, 10);
}

GT_TEST_PROCS(release_happens_before_acquire_returns)
{
	static long written;
	long round;

	for (round = 0; round < scaled(2000); round++) {
		written = 0;
		gt_semaphore_acquire(&sem, 10);
		CHECK_EQ(gt_go(writes_then_releases, &written), 0);
		gt_semaphore_acquire(&sem, 10);
		CHECK_EQ(written, 1);
		gt_semaphore_release(&sem, 10);
	}
}

/* ------------------------------------------------------------------ misuse ---- */

static void releases_too_much(void)
{
	gt_semaphore_acquire(&sem, 2);
	gt_semaphore_release(&sem, 3);
}

static void releases_less_than_none(void)
{
	gt_semaphore_release(&sem, -1);
}

static void acquires_less_than_none(void)
{
	gt_semaphore_acquire(&sem, -1);
}

static void has_less_than_none(void)
{
	gt_semaphore_init(&sem, -1);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(releases_too_much, "semaphore: released more than held");
	expect_panic(releases_less_than_none, "semaphore: negative count");
	expect_panic(acquires_less_than_none, "semaphore: negative count");
	expect_panic(has_less_than_none, "semaphore: negative count");
}

TEST_MAIN
