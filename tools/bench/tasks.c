// SPDX-License-Identifier: MIT
/* Yielding and starting tasks. */
#include <stddef.h>

#include <gt/gt.h>

#include "bench.h"

#define WAVE 1000

static struct {
	struct gt_wg wg;
	long times;
} yielding;

static void yielder(void *arg)
{
	(void)arg;
	for (long i = 0; i < yielding.times; i++)
		gt_yield();
	gt_wg_done(&yielding.wg);
}

static void yield(const char *name, int tasks, long ops)
{
	int64_t start;

	yielding.times = (ops + tasks - 1) / tasks;
	gt_wg_add(&yielding.wg, tasks);
	start = bench_clock();
	for (int i = 0; i < tasks; i++)
		bench_go(yielder, NULL);
	gt_wg_wait(&yielding.wg);
	bench_out_each(name, start, yielding.times * tasks);
}

static void yield2(void)
{
	yield("yield2", 2, bench_ops(10000000));
}

static void yield1000(void)
{
	yield("yield1000", 1000, bench_ops(10000000));
}

static void done(void *arg)
{
	gt_wg_done(arg);
}

/* Start count tasks and wait for all, as often as makes ops. */
static void spawn(const char *name, int count, long ops)
{
	long times = (ops + count - 1) / count;
	int64_t start = bench_clock();

	for (long k = 0; k < times; k++) {
		struct gt_wg wg = { 0 };

		gt_wg_add(&wg, count);
		for (int i = 0; i < count; i++)
			bench_go(done, &wg);
		gt_wg_wait(&wg);
	}
	bench_out_each(name, start, times * count);
}

static void spawn_one(void)
{
	spawn("spawn_one", 1, bench_ops(2000000));
}

static void spawn_wave(void)
{
	spawn("spawn_wave", WAVE, bench_ops(2000000));
}

/* All at once: first with memory fresh from the kernel, then with the same again. */
static void spawn_1m(void)
{
	int count = (int)bench_ops(1000000);

	spawn("spawn_1m_cold", count, count);
	spawn("spawn_1m", count, count);
}

const struct bench bench_tasks[] = {
	{ "yield2", yield2, "two tasks yield to each other" },
	{ "yield1000", yield1000, "a thousand tasks yield in turn" },
	{ "spawn_one", spawn_one, "start a task and wait for its end, one at a time" },
	{ "spawn_wave", spawn_wave, "start a thousand tasks, wait for all, again and again" },
	{ "spawn_1m", spawn_1m, "start a million tasks, wait for all, twice" },
	{ NULL, NULL, NULL },
};
