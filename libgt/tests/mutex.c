// SPDX-License-Identifier: GPL-2.0
/* Mutexes. */
#include "test.h"

static struct gt_mutex mutex;	/* zero bytes are ready to use */
static struct gt_wg wg;
static long counter;		/* the mutex's */
static atomic_long done, inside;

GT_TEST_PROCS(alone)
{
	struct gt_mutex fresh = {0};
	int i;

	for (i = 0; i < 1000; i++) {
		gt_mutex_lock(&fresh);
		CHECK_EQ(gt_mutex_try_lock(&fresh), -EAGAIN);
		gt_mutex_unlock(&fresh);
		CHECK_EQ(gt_mutex_try_lock(&fresh), 0);
		CHECK_EQ(gt_mutex_try_lock(&fresh), -EAGAIN);
		gt_mutex_unlock(&fresh);
	}
}

/* ------------------------------------------------------- mutual exclusion ---- */

static void counts(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(3000);

	for (i = 0; i < n; i++) {
		if (test_random(&random) % 8 || gt_mutex_try_lock(&mutex))
			gt_mutex_lock(&mutex);
		CHECK_EQ(atomic_fetch_add(&inside, 1), 0);
		counter++;
		if (test_random(&random) % 16 == 0)
			gt_yield();
		CHECK_EQ(atomic_fetch_sub(&inside, 1), 1);
		gt_mutex_unlock(&mutex);
		if (test_random(&random) % 16 == 0)
			gt_yield();
	}
	atomic_fetch_add(&done, 1);
}

static void one_at_a_time(long tasks, long threads)
{
	run_on_each(counts, tasks, threads);
	CHECK_EQ(done, tasks + threads);
	CHECK_EQ(counter, (tasks + threads) * scaled(3000));
	CHECK_EQ(gt_mutex_try_lock(&mutex), 0);
}

GT_TEST_PROCS(tasks_one_at_a_time)
{
	one_at_a_time(10, 0);
}

GT_TEST_PROCS(tasks_and_threads_one_at_a_time)
{
	one_at_a_time(6, 4);
}

PLAIN_TEST(threads_one_at_a_time)
{
	one_at_a_time(0, 4);
}

/* One locks, another unlocks. */
static void unlocks(void *arg)
{
	gt_mutex_unlock(arg);
}

GT_TEST_PROCS(another_may_unlock)
{
	long i;

	for (i = 0; i < scaled(1000); i++) {
		gt_mutex_lock(&mutex);
		CHECK_EQ(gt_go(unlocks, &mutex), 0);
		gt_mutex_lock(&mutex);
		gt_mutex_unlock(&mutex);
	}
}

/* ---------------------------------------------------------------- leaning ---- */

/* A mutex that one processor has used for long leans to it, until others come. */
static atomic_bool came;

enum { LONG = 1500 };

static void *comes_from_elsewhere(void *arg)
{
	struct gt_mutex *leaning = arg;
	long i;

	for (i = 0; i < 300; i++) {
		if (i % 4 || gt_mutex_try_lock(leaning))
			gt_mutex_lock(leaning);
		counter++;
		gt_mutex_unlock(leaning);
		came = true;
	}
	return NULL;
}

static void task_comes(void *arg)
{
	comes_from_elsewhere(arg);
}

GT_TEST_PROCS(leaning_ends_as_others_come)
{
	long rounds = scaled(60), i;
	pthread_t thread;

	while (rounds--) {
		struct gt_mutex *leaning = calloc(1, sizeof(*leaning));
		bool by_task = rounds % 2;

		counter = 0;
		came = false;
		for (i = 0; i < LONG; i++) {
			gt_mutex_lock(leaning);
			counter++;
			gt_mutex_unlock(leaning);
		}
		if (by_task)
			CHECK_EQ(gt_wg_go(&wg, task_comes, leaning), 0);
		else
			CHECK_EQ(pthread_create(&thread, NULL, comes_from_elsewhere, leaning), 0);
		for (i = 0; !came || i < LONG; i++) {
			gt_mutex_lock(leaning);
			counter++;
			if (by_task && i % 64 == 0)
				gt_yield();
			gt_mutex_unlock(leaning);
		}
		if (by_task)
			gt_wg_wait(&wg);
		else
			CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(counter, LONG + i + 300);
		CHECK_EQ(gt_mutex_try_lock(leaning), 0);
		free(leaning);
	}
}

/* It is locked while it leans, and unlocked by a thread that no P belongs to. */
static void *unlocks_from_elsewhere(void *arg)
{
	CHECK_EQ(gt_mutex_try_lock(arg), -EAGAIN);
	gt_mutex_unlock(arg);
	return NULL;
}

GT_TEST_PROCS(another_may_unlock_what_leans)
{
	struct gt_mutex leaning = {0};
	pthread_t thread;
	long i;

	for (i = 0; i < LONG; i++) {
		gt_mutex_lock(&leaning);
		gt_mutex_unlock(&leaning);
	}
	gt_mutex_lock(&leaning);
	CHECK_EQ(gt_mutex_try_lock(&leaning), -EAGAIN);
	CHECK_EQ(gt_mutex_lock_until(&leaning, 0), -ETIMEDOUT);
	CHECK_EQ(pthread_create(&thread, NULL, unlocks_from_elsewhere, &leaning), 0);
	gt_mutex_lock(&leaning);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_mutex_unlock(&leaning);
}

/* --------------------------------------------------------------- fairness ---- */

static long order[100];

static void notes_its_turn(void *arg)
{
	gt_mutex_lock(&mutex);
	order[counter++] = (long)arg;
	gt_mutex_unlock(&mutex);
}

GT_TEST_ORDER(waiters_in_their_order)
{
	long i;

	gt_mutex_lock(&mutex);
	for (i = 0; i < 100; i++) {
		CHECK_EQ(gt_go(notes_its_turn, (void *)i), 0);
		gt_yield();	/* it waits now */
	}
	gt_mutex_unlock(&mutex);
	AWAIT(gt_task_count() == 1);
	for (i = 0; i < 100; i++)
		CHECK_EQ(order[i], i);
}

/*
 * A hog has the mutex whenever somebody else runs: it suspends only while it holds
 * it. Who waits loses every race, until its millisecond is over: from then on the
 * first unlock hands it the mutex.
 */
static atomic_llong began[3];
static atomic_long served;

static void starves(void *arg)
{
	atomic_store(&began[(long)arg], gt_now());
	gt_mutex_lock(&mutex);
	CHECK_EQ(atomic_fetch_add(&served, 1), (long)arg);
	gt_mutex_unlock(&mutex);
}

GT_TEST_ORDER(starving_waiter_is_handed_it)
{
	long i, late = 0, turns = 0;

	gt_mutex_lock(&mutex);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(gt_go(starves, (void *)i), 0);
		gt_yield();
		CHECK(began[i]);
	}
	while (served < 3) {
		bool overdue = gt_now() - began[2] > 2 * GT_MILLISECOND;

		gt_mutex_unlock(&mutex);
		gt_mutex_lock(&mutex);
		gt_yield();
		turns++;
		late += overdue;
	}
	gt_mutex_unlock(&mutex);
	/* A lock that finds it handed over waits for all who are. */
	CHECK(late <= 1);
	CHECK(turns > 0);
}

/* The same with processors enough for all: nobody is left out. */
static atomic_bool enough;

static void hogs(void *arg)
{
	long *turns = arg;

	while (!enough) {
		gt_mutex_lock(&mutex);
		++*turns;
		gt_yield();
		gt_mutex_unlock(&mutex);
	}
}

GT_TEST_PROCS(nobody_is_left_out)
{
	long turns[4] = {0}, i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_wg_go(&wg, hogs, &turns[i]), 0);
	for (i = 0; i < scaled(10); i++) {
		gt_mutex_lock(&mutex);
		gt_mutex_unlock(&mutex);
	}
	for (i = 0; i < 4; i++)
		for (;;) {
			bool had;

			gt_mutex_lock(&mutex);
			had = turns[i] > 0;
			gt_mutex_unlock(&mutex);
			if (had)
				break;
			gt_yield();
		}
	enough = true;
	gt_wg_wait(&wg);
}

/* ----------------------------------------------------------------- deadlines ---- */

GT_TEST_PROCS(until_gives_up_in_time)
{
	int64_t deadline;

	CHECK_EQ(gt_mutex_lock_until(&mutex, 0), 0);	/* free: no time is needed */
	CHECK_EQ(gt_mutex_lock_until(&mutex, 0), -ETIMEDOUT);
	CHECK_EQ(gt_mutex_lock_until(&mutex, INT64_MIN), -ETIMEDOUT);
	deadline = gt_now() + 3 * GT_MILLISECOND;
	CHECK_EQ(gt_mutex_lock_until(&mutex, deadline), -ETIMEDOUT);
	CHECK(gt_now() >= deadline);
	gt_mutex_unlock(&mutex);
	CHECK_EQ(gt_mutex_lock_until(&mutex, GT_NO_DEADLINE), 0);
	CHECK_EQ(gt_go(unlocks, &mutex), 0);
	CHECK_EQ(gt_mutex_lock_until(&mutex, gt_now() + 60 * GT_SECOND), 0);
}

/* Deadlines that come while the mutex is passed on: no turn is lost, and no owner. */
static atomic_long taken, given_up;

static void tries_for_a_while(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(1000);

	for (i = 0; i < n; i++) {
		int64_t deadline = gt_now() + test_random(&random) % 50000;

		if (test_random(&random) % 8 == 0)
			deadline = GT_NO_DEADLINE;
		if (gt_mutex_lock_until(&mutex, deadline)) {
			CHECK(deadline != GT_NO_DEADLINE && gt_now() >= deadline);
			atomic_fetch_add(&given_up, 1);
			continue;
		}
		CHECK_EQ(atomic_fetch_add(&inside, 1), 0);
		counter++;
		if (test_random(&random) % 4 == 0)
			gt_yield();
		CHECK_EQ(atomic_fetch_sub(&inside, 1), 1);
		gt_mutex_unlock(&mutex);
		atomic_fetch_add(&taken, 1);
	}
}

static void until_races(long tasks, long threads)
{
	run_on_each(tries_for_a_while, tasks, threads);
	CHECK_EQ(counter, taken);
	CHECK_EQ(taken + given_up, (tasks + threads) * scaled(1000));
	CHECK_EQ(gt_mutex_try_lock(&mutex), 0);
}

GT_TEST_PROCS(until_races_the_handing_over)
{
	until_races(12, 0);
}

GT_TEST_PROCS(until_races_with_threads)
{
	until_races(6, 3);
}

PLAIN_TEST(until_races_between_threads)
{
	until_races(0, 4);
}

/* ------------------------------------------------------------------- memory ---- */

struct object {
	struct gt_mutex mutex;
	int users;
};

/* The last user frees it, while the unlock of the one before may be under way. */
static void uses(void *arg)
{
	struct object *object = arg;
	bool last;

	gt_mutex_lock(&object->mutex);
	last = !--object->users;
	gt_mutex_unlock(&object->mutex);
	if (last) {
		memset(object, 0xff, sizeof(*object));
		free(object);
	}
}

static void *thread_uses(void *arg)
{
	uses(arg);
	return NULL;
}

GT_TEST_PROCS(freed_by_the_next_owner)
{
	long i, j, n = scaled(3000);

	for (i = 0; i < n; i++) {
		struct object *object = calloc(1, sizeof(*object));
		bool thread = i % 64 == 0;
		pthread_t id;

		CHECK(object);
		object->users = 5;
		gt_mutex_lock(&object->mutex);
		for (j = 0; j < 4 - thread; j++)
			CHECK_EQ(gt_wg_go(&wg, uses, object), 0);
		if (thread)
			CHECK_EQ(pthread_create(&id, NULL, thread_uses, object), 0);
		if (i % 2)
			gt_yield();
		gt_mutex_unlock(&object->mutex);
		uses(object);
		if (thread)
			CHECK_EQ(pthread_join(id, NULL), 0);
		gt_wg_wait(&wg);
	}
}

/* ------------------------------------------------------------------- misuse ---- */

static void unlocks_unlocked(void)
{
	gt_mutex_unlock(&mutex);
}

static void unlocks_twice(void)
{
	gt_mutex_lock(&mutex);
	gt_mutex_unlock(&mutex);
	gt_mutex_unlock(&mutex);
}

PLAIN_TEST(unlock_of_unlocked_panics)
{
	expect_panic(unlocks_unlocked, "sync: unlock of unlocked mutex");
	expect_panic(unlocks_twice, "sync: unlock of unlocked mutex");
}

TEST_MAIN
