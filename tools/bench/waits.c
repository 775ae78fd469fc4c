// SPDX-License-Identifier: MIT
/* Tasks that wait: what they cost, and how soon others or they themselves go on. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <gt/gt.h>

#include "bench.h"

#define BLOCK (20 * GT_MILLISECOND)
#define QUIET (15 * GT_MILLISECOND)
#define TASK_BYTES ((int64_t)5 << 10)	/* enough for a parked task of any runtime here */

static struct {
	struct gt_chan *gate;
	_Atomic long there;
} parking;

static void parker(void *arg)
{
	(void)arg;
	atomic_fetch_add(&parking.there, 1);
	gt_chan_recv(parking.gate, NULL);
}

/* Start count tasks that wait on one channel, then close it. */
static void parked(const char *bytes, const char *create, const char *wake, long count)
{
	int64_t before, start, available = bench_memory_available();

	if (available < count * TASK_BYTES) {
		bench_skip("%ld parked tasks need %lld MB of memory, and there are %lld", count,
			   (long long)(count * TASK_BYTES >> 20), (long long)(available >> 20));
		return;
	}
	parking.gate = bench_chan(sizeof(int64_t), 0);
	before = bench_memory();
	start = bench_clock();
	for (long i = 0; i < count; i++)
		bench_go(parker, NULL);
	while (atomic_load(&parking.there) < count)
		gt_yield();
	bench_out_each(create, start, count);
	bench_out(bytes, (double)(bench_memory() - before) / (double)count);
	start = bench_clock();
	gt_chan_close(parking.gate);
	while (gt_task_count() > 1)
		gt_yield();
	bench_out_each(wake, start, count);
	gt_chan_put(parking.gate);
}

static void parked_100k(void)
{
	parked("parked_100k_bytes", "parked_100k_create", "parked_100k_wake", bench_ops(100000));
}

static void parked_1m(void)
{
	parked("parked_1m_bytes", "parked_1m_create", "parked_1m_wake", bench_ops(1000000));
}

static void sleeping(void)
{
	long count = bench_samples(1000);
	int64_t *late = bench_alloc(count, sizeof(*late));

	for (long i = 0; i < count; i++) {
		int64_t start = gt_now();

		gt_sleep(GT_MILLISECOND);
		late[i] = gt_now() - start - GT_MILLISECOND;
	}
	bench_out_percentiles("sleep_late", late, count);
	free(late);
}

/* Runs when the reader's processor is handed on. */
static void recorder(void *ran)
{
	*(int64_t *)ran = gt_now();
}

/*
 * The only processor is with a task that blocks in read(); how long does another,
 * ready before, wait for it? The read ends by a timer of the kernel's, so that no
 * thread of the runtime is busy with ending it. quiet: so long nothing has blocked
 * before.
 */
static void handoff_samples(const char *name, ssize_t (*reads)(int, void *, size_t), long count,
			    int64_t block, int64_t quiet)
{
	const struct itimerspec after = { .it_value.tv_nsec = block };
	int64_t *latency = bench_alloc(count, sizeof(*latency));
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	for (long i = 0; i < count; i++) {
		int64_t start = gt_now(), ran = 0;
		uint64_t expired;

		while (gt_now() - start < quiet)
			;
		if (timerfd_settime(fd, 0, &after, NULL))
			abort();
		bench_go(recorder, &ran);
		start = gt_now();
		if (reads(fd, &expired, sizeof(expired)) != sizeof(expired))
			abort();
		/* Into the runtime, so that the quiet time is spent with a processor. */
		do
			gt_yield();
		while (!ran);
		latency[i] = ran - start;
	}
	close(fd);
	bench_out_percentiles(name, latency, count);
	free(latency);
}

static void handoff(void)
{
	handoff_samples("handoff", read, bench_samples(100), BLOCK, 0);
}

static void handoff_declared(void)
{
	handoff_samples("handoff_declared", gt_syscall_read, bench_samples(100), BLOCK, 0);
}

static void handoff_quiet(void)
{
	handoff_samples("handoff_quiet", read, bench_samples(50), BLOCK, QUIET);
}

static _Atomic bool looping;
static _Atomic long turns;

static void loops(void *arg)
{
	(void)arg;
	while (atomic_load_explicit(&looping, memory_order_relaxed))
		atomic_store_explicit(&turns, atomic_load_explicit(&turns, memory_order_relaxed) + 1,
				      memory_order_relaxed);
}

/* Beside a task that calls nothing: when does one that has let go run again? */
static void tight(void)
{
	long count = bench_samples(100);
	int64_t *late = bench_alloc(count, sizeof(*late));

	atomic_store(&looping, true);
	bench_go(loops, NULL);
	for (long i = 0; i < count;) {
		long before = atomic_load(&turns);
		int64_t start = gt_now();

		gt_yield();
		late[i] = gt_now() - start;
		/* It is not always there to have the processor, or goes on for a moment without. */
		i += atomic_load(&turns) != before && late[i] > GT_MILLISECOND;
	}
	atomic_store(&looping, false);
	bench_out_percentiles("tight", late, count);
	free(late);
}

const struct bench bench_waits[] = {
	{ "parked_100k", parked_100k, "100,000 tasks wait: memory and time for each" },
	{ "parked_1m", parked_1m, "the same with a million" },
	{ "sleep", sleeping, "by how much a sleep of 1 ms is late" },
	{ "tight", tight, "a task loops and calls nothing: when does the next one run" },
	{ "handoff", handoff, "a task blocks in read(): when does the next one run" },
	{ "handoff_declared", handoff_declared, "the same in a read() that is declared" },
	{ "handoff_quiet", handoff_quiet, "the same after 15 ms in which nothing blocked" },
	{ NULL, NULL, NULL },
};
