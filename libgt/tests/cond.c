// SPDX-License-Identifier: GPL-2.0
/* Conditions. */
#include "test.h"

static struct gt_mutex mutex;
static struct gt_cond cond;	/* zero bytes are ready to use */
static struct gt_wg wg;
static long waiting, tickets;	/* the mutex's */
static long order[100], woken;	/* the mutex's */

static void waits(void *arg)
{
	gt_mutex_lock(&mutex);
	waiting++;
	gt_cond_wait(&cond, &mutex);
	CHECK_EQ(gt_mutex_try_lock(&mutex), -EAGAIN);
	order[woken++] = (long)arg;
	gt_mutex_unlock(&mutex);
}

static long seen(const long *value)
{
	long n;

	gt_mutex_lock(&mutex);
	n = *value;
	gt_mutex_unlock(&mutex);
	return n;
}

GT_TEST_PROCS(no_waiter_no_effect)
{
	gt_cond_signal(&cond);
	gt_cond_broadcast(&cond);
	CHECK_EQ(gt_go(waits, NULL), 0);
	AWAIT(seen(&waiting) == 1);
	gt_yield();
	CHECK_EQ(seen(&woken), 0);
	gt_cond_signal(&cond);
	AWAIT(seen(&woken) == 1);
	AWAIT(gt_task_count() == 1);
}

/* One signal, one waiter: whoever came first, on any number of processors. */
GT_TEST_PROCS(signals_in_order)
{
	long i, n = 50;

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(waits, (void *)i), 0);
		AWAIT(seen(&waiting) == i + 1);
	}
	for (i = 0; i < n; i++) {
		CHECK_EQ(seen(&woken), i);
		gt_cond_signal(&cond);
		AWAIT(seen(&woken) == i + 1);
	}
	for (i = 0; i < n; i++)
		CHECK_EQ(order[i], i);
	AWAIT(gt_task_count() == 1);
}

GT_TEST_PROCS(broadcast_wakes_all)
{
	long round, i;

	for (round = 0; round < scaled(200); round++) {
		waiting = woken = 0;
		for (i = 0; i < 20; i++)
			CHECK_EQ(gt_wg_go(&wg, waits, (void *)i), 0);
		AWAIT(seen(&waiting) == 20);
		CHECK_EQ(woken, 0);
		if (round % 2) {
			gt_mutex_lock(&mutex);
			gt_cond_broadcast(&cond);
			gt_mutex_unlock(&mutex);
		} else {
			gt_cond_broadcast(&cond);
		}
		gt_wg_wait(&wg);
		CHECK_EQ(woken, 20);
	}
}

GT_TEST_ORDER(broadcast_in_order)
{
	long i;

	for (i = 0; i < 100; i++) {
		CHECK_EQ(gt_go(waits, (void *)i), 0);
		gt_yield();
	}
	gt_cond_broadcast(&cond);
	AWAIT(gt_task_count() == 1);
	for (i = 0; i < 100; i++)
		CHECK_EQ(order[i], i);
}

/* A signal is never lost: each ticket is taken, though each is signalled once. */
static long to_take;

static void takes(void *arg)
{
	for (;;) {
		gt_mutex_lock(&mutex);
		while (!tickets && to_take)
			gt_cond_wait(&cond, &mutex);
		if (!to_take) {
			gt_mutex_unlock(&mutex);
			return;
		}
		tickets--;
		if (!--to_take)
			gt_cond_broadcast(&cond);
		gt_mutex_unlock(&mutex);
	}
	(void)arg;
}

static void gives(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(5000);

	for (i = 0; i < n; i++) {
		bool locked = test_random(&random) % 2;

		gt_mutex_lock(&mutex);
		tickets++;
		if (locked)
			gt_cond_signal(&cond);
		gt_mutex_unlock(&mutex);
		if (!locked)
			gt_cond_signal(&cond);
		if (test_random(&random) % 4 == 0)
			gt_yield();
	}
}

static void *thread_takes(void *arg)
{
	takes(arg);
	return NULL;
}

static void *thread_gives(void *arg)
{
	gives(arg);
	return NULL;
}

static void no_signal_is_lost(long tasks, long threads)
{
	pthread_t thread[8];
	long i;

	to_take = (tasks + threads) * scaled(5000);
	for (i = 0; i < tasks; i++) {
		CHECK_EQ(gt_wg_go(&wg, takes, NULL), 0);
		CHECK_EQ(gt_wg_go(&wg, gives, (void *)i), 0);
	}
	for (i = 0; i < threads; i++) {
		CHECK_EQ(pthread_create(&thread[2 * i], NULL, thread_takes, NULL), 0);
		CHECK_EQ(pthread_create(&thread[2 * i + 1], NULL, thread_gives, (void *)i), 0);
	}
	for (i = 0; i < 2 * threads; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(tickets, 0);
}

GT_TEST_PROCS(no_signal_is_lost_between_tasks)
{
	no_signal_is_lost(4, 0);
}

GT_TEST_PROCS(no_signal_is_lost_with_threads)
{
	no_signal_is_lost(2, 2);
}

PLAIN_TEST(no_signal_is_lost_between_threads)
{
	no_signal_is_lost(0, 2);
}

/* ----------------------------------------------------------------- deadlines ---- */

GT_TEST_PROCS(until_gives_up_with_the_mutex)
{
	int64_t deadline = gt_now() + 3 * GT_MILLISECOND;

	gt_mutex_lock(&mutex);
	CHECK_EQ(gt_cond_wait_until(&cond, &mutex, deadline), -ETIMEDOUT);
	CHECK(gt_now() >= deadline);
	CHECK_EQ(gt_mutex_try_lock(&mutex), -EAGAIN);
	CHECK_EQ(gt_cond_wait_until(&cond, &mutex, 0), -ETIMEDOUT);
	CHECK_EQ(gt_cond_wait_until(&cond, &mutex, INT64_MIN), -ETIMEDOUT);
	CHECK_EQ(gt_mutex_try_lock(&mutex), -EAGAIN);
	gt_mutex_unlock(&mutex);
}

/*
 * As many signals as there are waiters without a deadline; others come and go at
 * theirs. Each signal ends one wait: if one went to somebody who had given up, the
 * sum would not be reached.
 */
static atomic_long ended;
static atomic_bool enough;

static void stays(void *arg)
{
	gt_mutex_lock(&mutex);
	waiting++;
	gt_cond_wait(&cond, &mutex);
	if (!enough)
		atomic_fetch_add(&ended, 1);
	gt_mutex_unlock(&mutex);
	(void)arg;
}

static void comes_and_goes(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	while (!enough) {
		int64_t deadline = gt_now() + test_random(&random) % 20000;

		gt_mutex_lock(&mutex);
		if (!gt_cond_wait_until(&cond, &mutex, deadline) && !enough)
			atomic_fetch_add(&ended, 1);
		gt_mutex_unlock(&mutex);
	}
}

static void *thread_comes_and_goes(void *arg)
{
	comes_and_goes(arg);
	return NULL;
}

GT_TEST_PROCS(signal_is_not_spent_on_who_gave_up)
{
	long i, round, n = 20;
	pthread_t thread;

	for (round = 0; round < scaled(50); round++) {
		ended = waiting = 0;
		enough = false;
		for (i = 0; i < n; i++)
			CHECK_EQ(gt_wg_go(&wg, stays, NULL), 0);
		AWAIT(seen(&waiting) == n);
		for (i = 0; i < 4; i++)
			CHECK_EQ(gt_wg_go(&wg, comes_and_goes, (void *)i), 0);
		CHECK_EQ(pthread_create(&thread, NULL, thread_comes_and_goes, (void *)9), 0);
		for (i = 0; i < n; i++) {
			gt_cond_signal(&cond);
			gt_yield();
		}
		AWAIT(ended == n);
		gt_mutex_lock(&mutex);
		enough = true;
		gt_cond_broadcast(&cond);
		gt_mutex_unlock(&mutex);
		gt_wg_wait(&wg);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(ended, n);
	}
}

/* ------------------------------------------------------------------- misuse ---- */

static void signals_a_copy(void)
{
	struct gt_cond copy;

	gt_cond_signal(&cond);
	copy = cond;
	gt_cond_signal(&copy);
}

static void waits_on_a_copy(void)
{
	struct gt_cond copy;

	gt_cond_broadcast(&cond);
	copy = cond;
	gt_mutex_lock(&mutex);
	gt_cond_wait(&copy, &mutex);
}

static void waits_without_the_mutex(void)
{
	gt_cond_wait(&cond, &mutex);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(signals_a_copy, "sync.Cond is copied");
	expect_panic(waits_on_a_copy, "sync.Cond is copied");
	expect_panic(waits_without_the_mutex, "sync: unlock of unlocked mutex");
}

/* A panic that is recovered leaves nobody in the queue. */
static void task_waits_without(void *arg)
{
	waits_without_the_mutex();
	(void)arg;
}

GT_TEST_PROCS(misuse_can_be_recovered)
{
	CHECK_EQ(gt_try(task_waits_without, NULL, NULL), GT_PANICKED);
	gt_cond_broadcast(&cond);
	CHECK_EQ(gt_go(waits, NULL), 0);
	AWAIT(seen(&waiting) == 1);
	gt_cond_signal(&cond);
	AWAIT(seen(&woken) == 1);
}

TEST_MAIN
