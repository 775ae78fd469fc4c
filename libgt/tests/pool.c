// SPDX-License-Identifier: GPL-2.0
/* Pools. */
#include "test.h"

struct object {
	atomic_int users;
	long written;		/* no atomics: the pool orders it */
};

static atomic_long made, freed;

static void *make(void *arg)
{
	struct object *object = calloc(1, sizeof(*object));

	CHECK(arg == &made);
	CHECK(object);
	atomic_fetch_add(&made, 1);
	return object;
}

static void frees(void *object, void *arg)
{
	CHECK(arg == &made);
	CHECK_EQ(((struct object *)object)->users, 0);
	free(object);
	atomic_fetch_add(&freed, 1);
}

static struct gt_pool pool = { .make = make, .free = frees, .arg = &made };

GT_TEST_ORDER(what_was_put_is_got)
{
	void *object = gt_pool_get(&pool);

	CHECK_EQ(made, 1);
	gt_pool_put(&pool, NULL);
	gt_pool_put(&pool, object);
	CHECK(gt_pool_get(&pool) == object);
	CHECK_EQ(made, 1);
	CHECK(gt_pool_get(&pool) != object);
	CHECK_EQ(made, 2);
	CHECK_EQ(freed, 0);
}

GT_TEST_PROCS(without_functions)
{
	struct gt_pool bare = {0};
	int object;

	CHECK(!gt_pool_get(&bare));
	gt_pool_put(&bare, &object);
	CHECK(gt_pool_get(&bare) == &object || !gt_pool_get(&bare));
	gt_pool_destroy(&bare);
	CHECK(!gt_pool_get(&bare));
	gt_pool_destroy(&bare);
	check_leaks();
}

/* An object has one user at a time, and none is in the pool twice. */
static void uses(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct object *mine[8];
	long i, n = scaled(3000);
	int have = 0;

	for (i = 0; i < n; i++) {
		if (have < 8 && (!have || test_random(&random) % 2)) {
			mine[have] = gt_pool_get(&pool);
			CHECK_EQ(atomic_fetch_add(&mine[have]->users, 1), 0);
			mine[have++]->written++;
		} else {
			CHECK_EQ(atomic_fetch_sub(&mine[--have]->users, 1), 1);
			gt_pool_put(&pool, mine[have]);
		}
		if (test_random(&random) % 32 == 0)
			gt_yield();
		if (test_random(&random) % 1024 == 0)
			gt_pool_drain(&pool);
	}
	while (have--) {
		mine[have]->users = 0;
		gt_pool_put(&pool, mine[have]);
	}
}

static void all_use(long tasks, long threads)
{
	run_on_each(uses, tasks, threads);
	gt_pool_destroy(&pool);
	CHECK_EQ(made, freed);
	check_leaks();
}

GT_TEST_PROCS(one_user_at_a_time)
{
	all_use(10, 0);
}

GT_TEST_PROCS(one_user_at_a_time_with_threads)
{
	all_use(6, 3);
}

PLAIN_TEST(one_user_at_a_time_among_threads)
{
	all_use(0, 4);
}

/* What one processor has too much of, another finds. */
GT_TEST_PROCS(others_caches_are_found)
{
	struct object *objects[40];
	int i;

	for (i = 0; i < 40; i++)
		objects[i] = gt_pool_get(&pool);
	for (i = 0; i < 40; i++)
		gt_pool_put(&pool, objects[i]);
	for (i = 0; i < 40; i++)
		gt_pool_get(&pool);
	/* Each processor it was on may have kept one for itself. */
	CHECK(made <= 40 + test_procs);
}

/* It does not grow without bound, and what is not used goes. */
GT_TEST_ORDER(caches_are_bounded_and_age)
{
	static struct object *objects[1000];
	long i;

	for (i = 0; i < 1000; i++)
		objects[i] = gt_pool_get(&pool);
	for (i = 0; i < 1000; i++)
		gt_pool_put(&pool, objects[i]);
	CHECK_EQ(made, 1000);
	CHECK(freed >= 1000 - 65);
	/* Two are in use all the time; 65 are there. */
	for (i = 0; i < 3000; i++) {
		void *a = gt_pool_get(&pool), *b = gt_pool_get(&pool);

		gt_pool_put(&pool, a);
		gt_pool_put(&pool, b);
	}
	CHECK_EQ(made, 1000);
	CHECK(made - freed <= 3);
	gt_pool_drain(&pool);
	CHECK_EQ(made, freed);
	gt_pool_destroy(&pool);
	check_leaks();
}

TEST_MAIN
