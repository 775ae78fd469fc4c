// SPDX-License-Identifier: GPL-2.0
/* Pointers that are replaced under their readers' hands. */
#include "test.h"

#define MAGIC 0x600d600d

struct config {
	atomic_long refs;
	long version, same;	/* no atomics: the value orders them */
	long magic;
};

static struct gt_value value;	/* zero bytes and two functions are ready to use */
static struct gt_wg wg;
static atomic_long alive, newest;
static atomic_bool enough;

static struct config *config_make(long version)
{
	struct config *config = malloc(sizeof(*config));

	CHECK(config);
	*config = (struct config){ .refs = 1, .version = version, .same = version,
				   .magic = MAGIC };
	atomic_fetch_add(&alive, 1);
	return config;
}

static void config_get(void *object)
{
	struct config *config = object;

	CHECK_EQ(config->magic, MAGIC);
	CHECK(atomic_fetch_add(&config->refs, 1) > 0);
}

static void config_put(void *object)
{
	struct config *config = object;

	CHECK_EQ(config->magic, MAGIC);
	if (atomic_fetch_sub(&config->refs, 1) > 1)
		return;
	config->magic = 0;
	free(config);
	atomic_fetch_sub(&alive, 1);
}

static void set_up(void)
{
	value.get = config_get;
	value.put = config_put;
}

GT_TEST_PROCS(each_call)
{
	struct config *one = config_make(1), *two = config_make(2), *three = config_make(3);

	set_up();
	CHECK(!gt_value_load(&value));
	CHECK_EQ(gt_value_compare_and_swap(&value, two, one), 0);
	CHECK_EQ(gt_value_compare_and_swap(&value, NULL, one), 1);
	CHECK(gt_value_load(&value) == one);
	CHECK_EQ(one->refs, 2);
	CHECK(gt_value_swap(&value, two) == one);
	config_put(one);
	CHECK_EQ(gt_value_compare_and_swap(&value, one, three), 0);
	CHECK(gt_value_load(&value) == two);
	CHECK_EQ(gt_value_compare_and_swap(&value, two, three), 1);
	config_put(two);
	config_put(one);
	gt_value_destroy(&value);
	CHECK_EQ(alive, 0);
	CHECK(!gt_value_load(&value));
	check_leaks();
}

/* Without the functions it is a pointer. */
GT_TEST_PROCS(nothing_is_counted_without_functions)
{
	static int a, b;

	gt_value_store(&value, &a);
	CHECK(gt_value_load(&value) == &a);
	CHECK(gt_value_swap(&value, &b) == &a);
	CHECK_EQ(gt_value_compare_and_swap(&value, &a, &b), 0);
	CHECK_EQ(gt_value_compare_and_swap(&value, &b, &a), 1);
	gt_value_destroy(&value);
	CHECK(!gt_value_load(&value));
}

/* What a reader has is whole, stays while it waits, and is never older than before. */
static void reads(void *arg)
{
	long before = 0;

	while (!enough) {
		struct config *config = gt_value_load(&value);

		CHECK_EQ(config->magic, MAGIC);
		CHECK_EQ(config->version, config->same);
		CHECK(config->version >= before);
		before = config->version;
		gt_yield();
		CHECK_EQ(config->magic, MAGIC);
		config_put(config);
	}
	(void)arg;
}

static void *thread_reads(void *arg)
{
	reads(arg);
	return NULL;
}

static void writes(void *arg)
{
	long i, n = scaled(5000);

	for (i = 0; i < n; i++) {
		for (;;) {
			struct config *old = gt_value_load(&value);
			struct config *config = config_make(old->version + 1);
			int swapped = gt_value_compare_and_swap(&value, old, config);

			config_put(old);
			if (swapped)
				break;
			config_put(config);
		}
		if (i % 16 == 0)
			gt_yield();
	}
	atomic_fetch_add(&newest, n);
	(void)arg;
}

GT_TEST_PROCS(reader_owns_what_it_loaded)
{
	struct gt_wg writers = {0};
	struct config *config;
	pthread_t thread;
	long i;

	set_up();
	gt_value_store(&value, config_make(0));
	CHECK_EQ(pthread_create(&thread, NULL, thread_reads, NULL), 0);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(gt_wg_go(&wg, reads, NULL), 0);
		CHECK_EQ(gt_wg_go(&writers, writes, NULL), 0);
	}
	gt_wg_wait(&writers);
	enough = true;
	gt_wg_wait(&wg);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	config = gt_value_load(&value);
	CHECK_EQ(config->version, newest);
	config_put(config);
	CHECK(alive <= 1024 + 1);
	gt_value_destroy(&value);
	CHECK_EQ(alive, 0);
	check_leaks();
}

static void stores_nil(void)
{
	gt_value_store(&value, NULL);
}

static void swaps_nil(void)
{
	gt_value_swap(&value, NULL);
}

static void compares_and_swaps_nil(void)
{
	gt_value_compare_and_swap(&value, NULL, NULL);
}

PLAIN_TEST(nil_panics)
{
	expect_panic(stores_nil, "sync/atomic: store of nil value into Value");
	expect_panic(swaps_nil, "sync/atomic: swap of nil value into Value");
	expect_panic(compares_and_swaps_nil,
		     "sync/atomic: compare and swap of nil value into Value");
}

TEST_MAIN
