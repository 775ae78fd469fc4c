// SPDX-License-Identifier: MIT
/* Timers: to set, stop and move them; and many sleepers, and how late they wake. */
#include <stdlib.h>

#include <gt/gt.h>

#include "bench.h"

#define HOUR (3600 * GT_SECOND)
#define SLEEP_MAX GT_SECOND
#define TASK_BYTES ((int64_t)5 << 10)	/* enough for a sleeping task of any runtime here */

static void nothing(void *arg)
{
	(void)arg;
}

/* The same sequence in Go. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static struct gt_timer *set(int64_t ns)
{
	struct gt_timer *timer = gt_after_func(ns, nothing, NULL);

	if (!timer)
		abort();
	return timer;
}

static void stopping(void)
{
	long n = bench_ops(3000000);
	int64_t start = bench_clock();

	for (long i = 0; i < n; i++) {
		struct gt_timer *timer = set(HOUR);

		gt_timer_stop(timer);
		gt_timer_put(timer);
	}
	bench_out_each("timer_stop", start, n);
}

static void resetting(void)
{
	struct gt_timer *timer = gt_timer_make(HOUR);
	long n = bench_ops(3000000);
	int64_t start = bench_clock();

	for (long i = 0; i < n; i++)
		gt_timer_reset(timer, HOUR + i);
	bench_out_each("timer_reset", start, n);
	gt_timer_put(timer);
}

/* Many at once, at random times, stopped in another random order. */
static void random_ones(void)
{
	long n = bench_ops(1000000);
	struct gt_timer **timers = bench_alloc(n, sizeof(*timers));
	int64_t *times = bench_alloc(n, sizeof(*times)), start;
	uint64_t state = 1;

	for (long i = 0; i < n; i++) {
		times[i] = HOUR + (int64_t)next_random(&state) * 400;
		timers[i] = NULL;
	}
	start = bench_clock();
	for (long i = 0; i < n; i++)
		timers[i] = set(times[i]);
	bench_out_each("timer_add_1m", start, n);
	for (long i = n - 1; i > 0; i--) {
		long j = (long)(next_random(&state) % (uint64_t)(i + 1));
		struct gt_timer *other = timers[i];

		timers[i] = timers[j];
		timers[j] = other;
	}
	start = bench_clock();
	for (long i = 0; i < n; i++) {
		gt_timer_stop(timers[i]);
		gt_timer_put(timers[i]);
	}
	bench_out_each("timer_stop_1m", start, n);
	free(times);
	free(timers);
}

struct sleeper {
	int64_t ns;	/* how long; then, how late */
	struct gt_wg *wg;
};

static void sleeper(void *arg)
{
	struct sleeper *self = arg;
	int64_t start = gt_now();

	gt_sleep(self->ns);
	self->ns = gt_now() - start - self->ns;
	gt_wg_done(self->wg);
}

static void sleepers(const char *total, const char *late, long count)
{
	int64_t start, available = bench_memory_available();
	struct gt_wg wg = { 0 };
	struct sleeper *all;
	uint64_t state = 1;
	int64_t *samples;

	if (available < count * TASK_BYTES) {
		bench_skip("%ld sleepers need %lld MB of memory, and there are %lld", count,
			   (long long)(count * TASK_BYTES >> 20), (long long)(available >> 20));
		return;
	}
	all = bench_alloc(count, sizeof(*all));
	samples = bench_alloc(count, sizeof(*samples));
	for (long i = 0; i < count; i++) {
		all[i].ns = (int64_t)next_random(&state) % SLEEP_MAX;
		all[i].wg = &wg;
	}
	gt_wg_add(&wg, (int)count);
	start = gt_now();
	for (long i = 0; i < count; i++)
		bench_go(sleeper, &all[i]);
	gt_wg_wait(&wg);
	bench_out(total, (double)(gt_now() - start));
	for (long i = 0; i < count; i++)
		samples[i] = all[i].ns;
	bench_out_percentiles(late, samples, count);
	free(samples);
	free(all);
}

static void sleepers_100k(void)
{
	sleepers("sleepers_100k_total", "sleepers_100k_late", bench_ops(100000));
}

static void sleepers_1m(void)
{
	sleepers("sleepers_1m_total", "sleepers_1m_late", bench_ops(1000000));
}

const struct bench bench_timers[] = {
	{ "timer_stop", stopping, "set a timer of a function, and stop it" },
	{ "timer_reset", resetting, "set a timer that is set to another time" },
	{ "timer_random", random_ones, "a million timers at random times: set, stop" },
	{ "sleepers_100k", sleepers_100k, "100,000 tasks sleep up to 1 s: how late they are" },
	{ "sleepers_1m", sleepers_1m, "the same with a million" },
	{ NULL, NULL, NULL },
};
