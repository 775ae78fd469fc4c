// SPDX-License-Identifier: GPL-2.0
/* Sharded maps. */
#include "test.h"

#define KEYS 3000

static struct gt_sharded map;	/* zero bytes are ready to use */
static struct gt_wg wg;

static struct {
	bool there;
	long value;
} model[KEYS];

static long in_model;

static void set_model(long key, bool there, long value)
{
	in_model += there - model[key].there;
	model[key].there = there;
	model[key].value = value;
}

static int compares(const void *key, void *value, void *arg)
{
	long k = *(const long *)key;

	CHECK(k >= 0 && k < KEYS && model[k].there);
	CHECK_EQ(*(long *)value, model[k].value);
	++*(long *)arg;
	return 1;
}

static void compare_all(void)
{
	long n = 0;

	gt_sharded_range(&map, compares, &n);
	CHECK_EQ(n, in_model);
}

/* Even values are kept, one higher; odd ones go. */
static int changes(void *value, int there, void *arg)
{
	long *v = value;

	CHECK_EQ(there, *(bool *)arg);
	if (!there)
		CHECK_EQ(*v, 0);
	return (++*v) % 4 != 0;
}

static void random_call(uint64_t *random)
{
	long key = test_random(random) % KEYS, value = test_random(random) % 8, seen = -1;
	bool there = model[key].there, stays;

	switch (test_random(random) % 5) {
	case 0:
		CHECK_EQ(gt_sharded_load(&map, &key, &seen), there);
		break;
	case 1:
		CHECK_EQ(gt_sharded_store(&map, &key, &value), 0);
		set_model(key, true, value);
		return;
	case 2:
		value = there ? model[key].value + 1 : 1;
		stays = value % 4 != 0;
		CHECK_EQ(gt_sharded_update(&map, &key, changes, &there), stays);
		set_model(key, stays, value);
		return;
	default:
		CHECK_EQ(gt_sharded_load_and_delete(&map, &key, &seen), there);
		if (there)
			CHECK_EQ(seen, model[key].value);
		set_model(key, false, 0);
		return;
	}
	CHECK_EQ(seen, there ? model[key].value : -1);
}

GT_TEST(random_calls_against_a_model)
{
	long i, n = scaled(300000), zero = 0;
	uint64_t random = 1;

	for (i = 0; i < n; i++) {
		random_call(&random);
		if (i % (n / 8 + 1) == 0)
			compare_all();
		if (i == n / 2) {
			gt_sharded_clear(&map);
			memset(model, 0, sizeof(model));
			in_model = 0;
		}
	}
	compare_all();
	gt_sharded_destroy(&map);
	CHECK_EQ(gt_sharded_load(&map, &zero, NULL), 0);
	check_leaks();
}

static int adds(void *value, int there, void *arg)
{
	(void)there, (void)arg;
	++*(long *)value;
	return 1;
}

static void counts(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i;

	for (i = 0; i < scaled(5000); i++) {
		long key = test_random(&random) % 50;

		CHECK_EQ(gt_sharded_update(&map, &key, adds, NULL), 1);
	}
}

static void *thread_counts(void *arg)
{
	counts(arg);
	return NULL;
}

static int sums(const void *key, void *value, void *arg)
{
	(void)key;
	*(long *)arg += *(long *)value;
	return 1;
}

GT_TEST_PROCS(no_update_is_lost)
{
	pthread_t thread[2];
	long i, sum = 0;

	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, thread_counts, (void *)i), 0);
	for (i = 2; i < 8; i++)
		CHECK_EQ(gt_wg_go(&wg, counts, (void *)i), 0);
	gt_wg_wait(&wg);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	gt_sharded_range(&map, sums, &sum);
	CHECK_EQ(sum, 8 * scaled(5000));
	gt_sharded_destroy(&map);
	check_leaks();
}

/* References: one for each that was handed out, and the map's own. */
static atomic_long refs;

static void get_value(void *value)
{
	(void)value;
	atomic_fetch_add(&refs, 1);
}

static void put_value(void *value)
{
	(void)value;
	CHECK(atomic_fetch_sub(&refs, 1) > 0);
}

static const struct gt_map_type counted = {
	.key_size = sizeof(long), .value_size = sizeof(void *),
	.value_get = get_value, .value_put = put_value,
};

GT_TEST_PROCS(references_are_counted)
{
	long key;
	void *value = &refs;

	map.type = &counted;
	for (key = 0; key < 100; key++) {
		refs += 2;
		CHECK_EQ(gt_sharded_store(&map, &key, &value), 0);
		CHECK_EQ(gt_sharded_store(&map, &key, &value), 0);
	}
	CHECK_EQ(refs, 100);
	key = 1;
	CHECK_EQ(gt_sharded_load(&map, &key, &value), 1);
	CHECK_EQ(refs, 101);
	CHECK_EQ(gt_sharded_load(&map, &key, NULL), 1);
	CHECK_EQ(refs, 101);
	CHECK_EQ(gt_sharded_load_and_delete(&map, &key, &value), 1);
	CHECK_EQ(refs, 101);
	key = 2;
	CHECK_EQ(gt_sharded_load_and_delete(&map, &key, NULL), 1);
	CHECK_EQ(refs, 100);
	gt_sharded_destroy(&map);
	CHECK_EQ(refs, 2);
}

GT_TEST_PROCS(strings)
{
	char text[64], *key = text;
	long i, value;

	map.type = &gt_map_strings;
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "key %ld", i % 500);
		value = i;
		CHECK_EQ(gt_sharded_store(&map, &key, &value), 0);
	}
	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "key %ld", i);
		CHECK_EQ(gt_sharded_load_and_delete(&map, &key, &value), 1);
		CHECK_EQ(value, i + 500);
		CHECK_EQ(gt_sharded_load(&map, &key, &value), 0);
	}
	gt_sharded_destroy(&map);
	check_leaks();
}

TEST_MAIN
