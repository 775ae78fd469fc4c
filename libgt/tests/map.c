// SPDX-License-Identifier: GPL-2.0
/* Maps. */
#include <sched.h>

#include "test.h"

static struct gt_map map;	/* zero bytes are ready to use */
static struct gt_wg wg;

static int load(long key, long *value)
{
	return gt_map_load(&map, &key, value);
}

static void store(long key, long value)
{
	CHECK_EQ(gt_map_store(&map, &key, &value), 0);
}

static long loaded(long key)
{
	long value;

	CHECK_EQ(load(key, &value), 1);
	return value;
}

static int counts(const void *key, const void *value, void *arg)
{
	(void)key, (void)value;
	++*(long *)arg;
	return 1;
}

static long count(void)
{
	long n = 0;

	CHECK_EQ(gt_map_range(&map, counts, &n), 0);
	return n;
}

GT_TEST_PROCS(each_call)
{
	long key = 1, other = 2, value = 10, next = 20, seen = -1;

	CHECK_EQ(gt_map_load(&map, &key, &seen), 0);
	CHECK_EQ(gt_map_load_and_delete(&map, &key, &seen), 0);
	CHECK_EQ(gt_map_compare_and_swap(&map, &key, &value, &next), 0);
	CHECK_EQ(gt_map_compare_and_delete(&map, &key, &value), 0);
	CHECK_EQ(count(), 0);
	gt_map_clear(&map);
	CHECK_EQ(seen, -1);

	CHECK_EQ(gt_map_load_or_store(&map, &key, &value, &seen), 0);
	CHECK_EQ(seen, -1);
	CHECK_EQ(gt_map_load_or_store(&map, &key, &next, &seen), 1);
	CHECK_EQ(seen, 10);
	CHECK_EQ(gt_map_load_or_store(&map, &key, &next, NULL), 1);
	CHECK_EQ(loaded(1), 10);
	CHECK_EQ(gt_map_load(&map, &key, NULL), 1);
	CHECK_EQ(gt_map_swap(&map, &key, &next, &seen), 1);
	CHECK_EQ(seen, 10);
	CHECK_EQ(gt_map_swap(&map, &other, &value, &seen), 0);
	CHECK_EQ(seen, 10);
	CHECK_EQ(gt_map_compare_and_swap(&map, &key, &value, &other), 0);
	CHECK_EQ(gt_map_compare_and_swap(&map, &key, &next, &other), 1);
	CHECK_EQ(loaded(1), 2);
	CHECK_EQ(count(), 2);
	CHECK_EQ(gt_map_compare_and_delete(&map, &key, &next), 0);
	CHECK_EQ(gt_map_compare_and_delete(&map, &key, &other), 1);
	CHECK_EQ(gt_map_load(&map, &key, &seen), 0);
	CHECK_EQ(gt_map_load_and_delete(&map, &other, &seen), 1);
	CHECK_EQ(seen, 10);
	CHECK_EQ(gt_map_load_and_delete(&map, &other, NULL), 0);

	store(1, 1);
	store(1, 2);
	store(2, 3);
	gt_map_clear(&map);
	CHECK_EQ(count(), 0);
	CHECK_EQ(load(1, &seen), 0);
	store(2, 4);
	CHECK_EQ(loaded(2), 4);
	/* In place: the value and what was there before. */
	seen = 5;
	CHECK_EQ(gt_map_swap(&map, &other, &seen, &seen), 1);
	CHECK_EQ(seen, 4);
	CHECK_EQ(loaded(2), 5);
	gt_map_destroy(&map);
	CHECK_EQ(load(2, &seen), 0);
	store(2, 6);
	CHECK_EQ(loaded(2), 6);
	gt_map_destroy(&map);
	check_leaks();
}

/* --------------------------------------------------------- against a model ---- */

#define KEYS 5000

static struct {
	bool there;
	long value;
} model[KEYS];

static long in_model;

struct comparison {
	long count;
	unsigned char seen[KEYS];
};

static int compares(const void *key, const void *value, void *arg)
{
	struct comparison *comparison = arg;
	long k = *(const long *)key;

	CHECK(k >= 0 && k < KEYS);
	CHECK(model[k].there);
	CHECK_EQ(*(const long *)value, model[k].value);
	CHECK_EQ(comparison->seen[k]++, 0);
	comparison->count++;
	return 1;
}

static void compare_all(void)
{
	static struct comparison comparison;

	memset(&comparison, 0, sizeof(comparison));
	CHECK_EQ(gt_map_range(&map, compares, &comparison), 0);
	CHECK_EQ(comparison.count, in_model);
}

static void set_model(long key, bool there, long value)
{
	in_model += there - model[key].there;
	model[key].there = there;
	model[key].value = value;
}

static void random_call(uint64_t *random, long keys)
{
	long key = test_random(random) % keys, value = test_random(random) % 4, seen = -1;
	long old = test_random(random) % 4;
	bool there = model[key].there, same = there && model[key].value == old;

	switch (test_random(random) % 8) {
	case 0:
		CHECK_EQ(gt_map_load(&map, &key, &seen), there);
		break;
	case 1:
		CHECK_EQ(gt_map_store(&map, &key, &value), 0);
		set_model(key, true, value);
		return;
	case 2:
		CHECK_EQ(gt_map_load_or_store(&map, &key, &value, &seen), there);
		if (!there)
			set_model(key, true, value);
		break;
	case 3:
		CHECK_EQ(gt_map_swap(&map, &key, &value, &seen), there);
		if (there)
			CHECK_EQ(seen, model[key].value);
		set_model(key, true, value);
		return;
	case 4:
		CHECK_EQ(gt_map_compare_and_swap(&map, &key, &old, &value), same);
		if (same)
			set_model(key, true, value);
		return;
	case 5:
	case 6:
		CHECK_EQ(gt_map_load_and_delete(&map, &key, &seen), there);
		if (there)
			CHECK_EQ(seen, model[key].value);
		set_model(key, false, 0);
		return;
	default:
		CHECK_EQ(gt_map_compare_and_delete(&map, &key, &old), same);
		if (same)
			set_model(key, false, 0);
		return;
	}
	CHECK_EQ(seen, there ? model[key].value : -1);
}

/* Few keys, many, few again: the table grows and shrinks. */
GT_TEST(random_calls_against_a_model)
{
	static const long ranges[] = { 10, 200, KEYS, 200, 10 };
	long i, n = scaled(200000);
	uint64_t random = 1;
	size_t range;

	for (range = 0; range < sizeof(ranges) / sizeof(ranges[0]); range++) {
		for (i = 0; i < n; i++) {
			random_call(&random, ranges[range]);
			if (i % (n / 8 + 1) == 0)
				compare_all();
			if (ranges[range] == KEYS && i == n / 2)
				for (long key = 0; key < KEYS; key++) {
					store(key, key);
					set_model(key, true, key);
				}
		}
		compare_all();
	}
	gt_map_clear(&map);
	CHECK_EQ(count(), 0);
	gt_map_destroy(&map);
	check_leaks();
}

/* ------------------------------------------------------------- many at once ---- */

#define HOT 7

/* Each adds to keys by compare-and-swap: no addition is lost. */
static void adds(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(5000);

	for (i = 0; i < n; i++) {
		long key = test_random(&random) % HOT, value, next;

		do {
			value = loaded(key);
			next = value + 1;
		} while (!gt_map_compare_and_swap(&map, &key, &value, &next));
		if (test_random(&random) % 64 == 0)
			gt_yield();
	}
}

/* Each token is put by one and taken by one. */
static atomic_long put, taken;

static void passes_tokens(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(5000);

	for (i = 0; i < n; i++) {
		long key = 1000 + test_random(&random) % HOT, value = 1;

		if (test_random(&random) % 2)
			atomic_fetch_add(&put, !gt_map_load_or_store(&map, &key, &value, NULL));
		else
			atomic_fetch_add(&taken, gt_map_load_and_delete(&map, &key, NULL));
	}
}

/* Makes the table grow and shrink beneath the others. */
static void grows(void *arg)
{
	long base = 1000000 * ((uintptr_t)arg + 1), round, i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < scaled(3000); i++)
			store(base + i, i);
		for (i = 0; i < scaled(3000); i++)
			CHECK_EQ(loaded(base + i), i);
		for (i = 0; i < scaled(3000); i++) {
			long key = base + i;

			CHECK_EQ(gt_map_load_and_delete(&map, &key, NULL), 1);
		}
	}
}

static void works(void *arg)
{
	long which = (long)arg;

	if (which % 3 == 0)
		adds(arg);
	else if (which % 3 == 1)
		passes_tokens(arg);
	else
		grows(arg);
}

static void *thread_works(void *arg)
{
	works(arg);
	return NULL;
}

static int sums(const void *key, const void *value, void *arg)
{
	if (*(const long *)key < HOT)
		*(long *)arg += *(const long *)value;
	return 1;
}

static void all_work(long tasks, long threads)
{
	long i, sum = 0, adders = (tasks + 2) / 3 + (threads + 2) / 3;
	pthread_t thread[6];

	for (i = 0; i < HOT; i++)
		store(i, 0);
	for (i = 0; i < threads; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, thread_works, (void *)(i + 30)), 0);
	for (i = 0; i < tasks; i++)
		CHECK_EQ(gt_wg_go(&wg, works, (void *)i), 0);
	gt_wg_wait(&wg);
	for (i = 0; i < threads; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(gt_map_range(&map, sums, &sum), 0);
	CHECK_EQ(sum, adders * scaled(5000));
	CHECK_EQ(count(), HOT + put - taken);
	gt_map_destroy(&map);
	check_leaks();
}

GT_TEST_PROCS(tasks_at_once)
{
	all_work(9, 0);
}

GT_TEST_PROCS(tasks_and_threads_at_once)
{
	all_work(6, 3);
}

PLAIN_TEST(threads_at_once)
{
	all_work(0, 6);
}

/* -------------------------------------------------------------------- range ---- */

#define STABLE 500

static atomic_bool enough;

static void disturbs(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	while (!enough) {
		long key = STABLE + test_random(&random) % 500;

		if (test_random(&random) % 2)
			store(key, key);
		else
			gt_map_load_and_delete(&map, &key, NULL);
		key = test_random(&random) % STABLE;
		store(key, -key);	/* another node of the same key */
		if (test_random(&random) % 16 == 0)
			gt_yield();
	}
}

static unsigned char seen[2 * STABLE];

/* It waits, overwrites what it visits and others, and deletes what may be. */
static int visits(const void *key, const void *value, void *arg)
{
	long k = *(const long *)key, v = *(const long *)value;

	CHECK(k >= 0 && k < 2 * STABLE);
	CHECK_EQ(seen[k]++, 0);
	CHECK(v == k || v == -k);
	gt_yield();
	CHECK_EQ(*(const long *)key, k);
	CHECK_EQ(*(const long *)value, v);
	store(k, k);
	if (k >= STABLE)
		gt_map_load_and_delete(&map, key, NULL);
	(void)arg;
	return 1;
}

GT_TEST_PROCS(range_meets_each_key_once)
{
	long round, i;

	for (i = 0; i < STABLE; i++)
		store(i, i);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_wg_go(&wg, disturbs, (void *)i), 0);
	for (round = 0; round < scaled(50); round++) {
		memset(seen, 0, sizeof(seen));
		CHECK_EQ(gt_map_range(&map, visits, NULL), 0);
		for (i = 0; i < STABLE; i++)
			CHECK_EQ(seen[i], 1);
	}
	enough = true;
	gt_wg_wait(&wg);
	gt_map_destroy(&map);
	check_leaks();
}

static int deletes_all(const void *key, const void *value, void *arg)
{
	CHECK_EQ(gt_map_compare_and_delete(&map, key, value), 1);
	++*(long *)arg;
	return 1;
}

static int ends_at_ten(const void *key, const void *value, void *arg)
{
	(void)key, (void)value;
	return ++*(long *)arg < 10;
}

GT_TEST_PROCS(range_that_deletes_and_range_that_ends)
{
	long i, n = 0;

	for (i = 0; i < 1000; i++)
		store(i, i);
	CHECK_EQ(gt_map_range(&map, ends_at_ten, &n), 0);
	CHECK_EQ(n, 10);
	n = 0;
	CHECK_EQ(gt_map_range(&map, deletes_all, &n), 0);
	CHECK_EQ(n, 1000);
	CHECK_EQ(count(), 0);
	gt_map_destroy(&map);
	check_leaks();
}

/* A hash that is no help: all keys of one order. */
static uint64_t same_hash(const void *key)
{
	(void)key;
	return 42;
}

GT_TEST_PROCS(all_keys_of_one_hash)
{
	static const struct gt_map_type type = {
		.key_size = sizeof(long), .value_size = sizeof(long), .hash = same_hash,
	};
	long i, n = 0;

	map.type = &type;
	for (i = 0; i < 300; i++)
		store(i, i);
	for (i = 0; i < 300; i++)
		CHECK_EQ(loaded(i), i);
	CHECK_EQ(count(), 300);
	memset(seen, 0, sizeof(seen));
	CHECK_EQ(gt_map_range(&map, visits, NULL), 0);
	for (i = 0; i < 300; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(gt_map_range(&map, deletes_all, &n), 0);
	CHECK_EQ(n, 300);
	gt_map_destroy(&map);
	check_leaks();
}

/* ----------------------------------------------------------------- ownership ---- */

#define MAGIC 0x600d600d

struct object {
	atomic_long refs;
	long magic;
};

static atomic_long alive;

static struct object *object_make(void)
{
	struct object *object = malloc(sizeof(*object));

	CHECK(object);
	object->refs = 1;
	object->magic = MAGIC;
	atomic_fetch_add(&alive, 1);
	return object;
}

static void object_put(struct object *object)
{
	CHECK_EQ(object->magic, MAGIC);
	if (atomic_fetch_sub(&object->refs, 1) > 1)
		return;
	object->magic = 0;
	free(object);
	atomic_fetch_sub(&alive, 1);
}

static void get_value(void *value)
{
	struct object *object = *(struct object **)value;

	CHECK_EQ(object->magic, MAGIC);
	CHECK(atomic_fetch_add(&object->refs, 1) > 0);
}

static void put_value(void *value)
{
	object_put(*(struct object **)value);
}

static const struct gt_map_type objects = {
	.key_size = sizeof(long), .value_size = sizeof(struct object *),
	.value_get = get_value, .value_put = put_value,
};

/* What was loaded stays, whatever others do, until it is put. */
static void replaces_objects(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(3000);

	for (i = 0; i < n; i++) {
		struct object *object = object_make(), *other = NULL;
		long key = test_random(&random) % 3;

		switch (test_random(&random) % 6) {
		case 0:
			if (gt_map_swap(&map, &key, &object, &other))
				object_put(other);
			break;
		case 1:
			CHECK_EQ(gt_map_store(&map, &key, &object), 0);
			break;
		case 2:
			if (gt_map_load_or_store(&map, &key, &object, &other)) {
				object_put(object);
				object_put(other);
			}
			break;
		case 3:
			if (gt_map_load_and_delete(&map, &key, &other))
				object_put(other);
			object_put(object);
			break;
		default:
			if (!gt_map_load(&map, &key, &other)) {
				object_put(object);
				break;
			}
			gt_yield();
			CHECK_EQ(other->magic, MAGIC);
			if (!gt_map_compare_and_swap(&map, &key, &other, &object))
				object_put(object);
			object_put(other);
		}
	}
}

static void *thread_replaces(void *arg)
{
	replaces_objects(arg);
	return NULL;
}

GT_TEST_PROCS(reader_owns_what_it_loaded)
{
	pthread_t thread;
	long i;

	map.type = &objects;
	CHECK_EQ(pthread_create(&thread, NULL, thread_replaces, (void *)9), 0);
	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_wg_go(&wg, replaces_objects, (void *)i), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	gt_map_destroy(&map);
	CHECK_EQ(alive, 0);
}

/* What was overwritten does not pile up. */
GT_TEST_PROCS(garbage_is_bounded)
{
	long key = 1, i;

	map.type = &objects;
	for (i = 0; i < 10000; i++) {
		struct object *object = object_make();

		CHECK_EQ(gt_map_store(&map, &key, &object), 0);
		CHECK(alive <= 1025 + 1);
	}
	gt_map_clear(&map);
	gt_map_destroy(&map);
	CHECK_EQ(alive, 0);
}

static int has_text(const void *key, const void *value, void *arg)
{
	CHECK_EQ(atol(*(char *const *)key), *(const long *)value);
	++*(long *)arg;
	return 1;
}

GT_TEST_PROCS(strings)
{
	long i, n = scaled(2000), seen_count = 0, value;
	char text[64], *key = text;

	map.type = &gt_map_strings;
	for (i = 0; i < 2 * n; i++) {
		snprintf(text, sizeof(text), "%ld with some text behind it", i % n);
		value = i % n;
		CHECK_EQ(gt_map_store(&map, &key, &value), 0);
	}
	memset(text, 'x', sizeof(text) - 1);
	CHECK_EQ(gt_map_load(&map, &key, &value), 0);
	CHECK_EQ(gt_map_range(&map, has_text, &seen_count), 0);
	CHECK_EQ(seen_count, n);
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%ld with some text behind it", i);
		CHECK_EQ(gt_map_load_and_delete(&map, &key, &value), 1);
		CHECK_EQ(value, i);
	}
	CHECK_EQ(count(), 0);
	gt_map_destroy(&map);
	check_leaks();
}

/* Bytes of odd sizes, and a set. */
GT_TEST_PROCS(keys_and_values_of_any_size)
{
	struct gt_map_type type;
	unsigned char key[40], value[40], got[40];
	size_t k, v;
	int i;

	for (k = 1; k < sizeof(key); k += 3) {
		for (v = 0; v < sizeof(value); v += 5) {
			type = (struct gt_map_type){ .key_size = k, .value_size = v };
			map.type = &type;
			for (i = 0; i < 40; i++) {
				memset(key, i, sizeof(key));
				memset(value, i + 1, sizeof(value));
				CHECK_EQ(gt_map_store(&map, key, v ? value : NULL), 0);
			}
			CHECK_EQ(count(), 40);
			for (i = 0; i < 40; i++) {
				memset(key, i, sizeof(key));
				memset(value, i + 1, sizeof(value));
				memset(got, 0, sizeof(got));
				CHECK_EQ(gt_map_load(&map, key, got), 1);
				CHECK(!memcmp(got, value, v));
				CHECK(v == sizeof(got) || !got[v]);
			}
			gt_map_destroy(&map);
		}
	}
	check_leaks();
}

/* -------------------------------------------------------- fork, sanitizers ---- */

static atomic_bool reads;

static void *reads_for_ever(void *arg)
{
	for (;;) {
		load(1, NULL);
		atomic_store(&reads, true);
	}
	return arg;
}

/* The child waits for readers of its own alone. */
PLAIN_TEST(child_of_a_fork)
{
	pthread_t thread;
	int i, status;
	pid_t pid;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer lets no child of many threads go on");
	store(1, 1);
	CHECK_EQ(pthread_create(&thread, NULL, reads_for_ever, NULL), 0);
	/* A thread that starts has locks of AddressSanitizer's malloc(), which a child inherits. */
	AWAIT(reads);
	for (i = 0; i < scaled(20); i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			alarm(20);
			for (i = 0; i < 3000; i++)
				store(1, i);
			CHECK_EQ(loaded(1), 2999);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

#if TEST_TSAN
/*
 * What the map orders is no race, and what it does not is found. Each has read before
 * either writes: a thread's first read and its end are ordered by liburcu's mutex.
 */
static atomic_int ready;

static void *writes_through(void *arg)
{
	long key = 1, *shared;

	gt_map_load(&map, &key, NULL);
	atomic_fetch_add(&ready, 1);
	while (!gt_map_load(&map, &key, &shared))
		;
	++*shared;
	return arg;
}

static void races(void)
{
	static long value;
	long key = 1, *shared = &value;
	pthread_t threads[2];
	int i;

	store(2, 0);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, writes_through, NULL), 0);
	while (ready < 2)
		sched_yield();
	value = 1;
	CHECK_EQ(gt_map_store(&map, &key, &shared), 0);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

PLAIN_TEST(a_race_is_still_found)
{
	static struct outcome outcome;

	in_child(&outcome, races);
	expect_exit(&outcome, 66);
	CHECK(strstr(outcome.text, "data race"));
	CHECK(strstr(outcome.text, "writes_through"));
}
#endif

TEST_MAIN
