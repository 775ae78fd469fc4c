// SPDX-License-Identifier: MIT
/* Locks, and what is shared by them or without them. */
#include <stdatomic.h>
#include <stdlib.h>

#include <gt/gt.h>

#include "bench.h"

#define LOCKERS 8
#define READ_MOSTLY 100		/* reads for each write */
#define MAP_KEYS 1000

static struct gt_mutex mutex;
static struct gt_rwmutex rwmutex;
static struct gt_map map;
static struct gt_pool pool;
static long shared, each;

static void mutex_alone(void)
{
	long n = bench_ops(20000000);
	int64_t start = bench_clock();

	for (long i = 0; i < n; i++) {
		gt_mutex_lock(&mutex);
		shared++;
		gt_mutex_unlock(&mutex);
	}
	bench_out_each("mutex", start, n);
}

static void mutex_locker(void *arg)
{
	(void)arg;
	for (long i = 0; i < each; i++) {
		gt_mutex_lock(&mutex);
		shared++;
		gt_mutex_unlock(&mutex);
	}
}

static void rwmutex_locker(void *arg)
{
	long sum = 0;

	(void)arg;
	for (long i = 0; i < each; i++) {
		if (i % READ_MOSTLY) {
			gt_rwmutex_rlock(&rwmutex);
			sum += shared;
			gt_rwmutex_runlock(&rwmutex);
		} else {
			gt_rwmutex_lock(&rwmutex);
			shared++;
			gt_rwmutex_unlock(&rwmutex);
		}
	}
	atomic_signal_fence(memory_order_seq_cst);
	if (sum < 0)
		abort();
}

static void map_loader(void *arg)
{
	(void)arg;
	for (long i = 0; i < each; i++) {
		long key = i % MAP_KEYS, value;

		if (!gt_map_load(&map, &key, &value))
			abort();
	}
}

static void pool_user(void *arg)
{
	(void)arg;
	for (long i = 0; i < each; i++)
		gt_pool_put(&pool, gt_pool_get(&pool));
}

/* ops, shared out among LOCKERS tasks. */
static void at_once(const char *name, void (*fn)(void *arg), long ops)
{
	struct gt_wg wg = {0};
	int64_t start;

	each = (ops + LOCKERS - 1) / LOCKERS;
	start = bench_clock();
	for (int i = 0; i < LOCKERS; i++)
		if (gt_wg_go(&wg, fn, NULL))
			abort();
	gt_wg_wait(&wg);
	bench_out_each(name, start, each * LOCKERS);
}

static void mutex_tasks(void)
{
	at_once("mutex_8", mutex_locker, bench_ops(10000000));
}

static void rwmutex_tasks(void)
{
	at_once("rwmutex", rwmutex_locker, bench_ops(10000000));
}

static void map_load(void)
{
	for (long key = 0; key < MAP_KEYS; key++)
		if (gt_map_store(&map, &key, &key))
			abort();
	at_once("map_load", map_loader, bench_ops(10000000));
}

static void *pool_make(void *arg)
{
	(void)arg;
	return malloc(64);
}

static void pool_free(void *object, void *arg)
{
	(void)arg;
	free(object);
}

static void pool_use(void)
{
	pool.make = pool_make;
	pool.free = pool_free;
	at_once("pool", pool_user, bench_ops(10000000));
}

const struct bench bench_syncs[] = {
	{ "mutex", mutex_alone, "lock and unlock of a mutex that nobody else wants" },
	{ "mutex_8", mutex_tasks, "the same by 8 tasks at once" },
	{ "rwmutex", rwmutex_tasks, "8 tasks read under a rwmutex, and write each 100th time" },
	{ "map_load", map_load, "8 tasks look up keys that are there" },
	{ "pool", pool_use, "8 tasks get from a pool and put back" },
	{ NULL, NULL, NULL },
};
