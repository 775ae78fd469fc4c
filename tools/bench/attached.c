// SPDX-License-Identifier: MIT
/*
 * What it costs a thread to be attached, when nothing comes of it: two threads on one
 * processor that let each other run, by sched_yield() or through two pipes, not covered.
 * The figure is the time from one context switch to the next.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "raw.h"

static struct {
	long rounds;
	uint64_t slice_ns;
	int to[2][2];
	_Atomic uint32_t there;
	struct {
		long switches;
		int64_t begun, ended;
	} thread[2];
} attached;

/* Of the calling thread. */
static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

static void begin(int me)
{
	struct gt_worker_slice slice = { .size = sizeof(slice), .slice_ns = attached.slice_ns };

	raw_pin(0);
	raw_attach();
	if (raw.kmod && attached.slice_ns)
		raw_command(GT_IOC_WORKER_SLICE, &slice);
	atomic_fetch_add(&attached.there, 1);
	while (atomic_load(&attached.there) < 2)
		sched_yield();
	attached.thread[me].switches = -switches();
	attached.thread[me].begun = bench_clock();
}

static void end(int me)
{
	attached.thread[me].ended = bench_clock();
	attached.thread[me].switches += switches();
}

static void *yields(void *arg)
{
	int me = (int)(intptr_t)arg;

	begin(me);
	for (long i = 0; i < attached.rounds; i++)
		sched_yield();
	end(me);
	return arg;
}

static void *passes(void *arg)
{
	int me = (int)(intptr_t)arg;
	char byte;

	begin(me);
	for (long i = 0; i < attached.rounds; i++) {
		if (me && read(attached.to[me][0], &byte, 1) != 1)
			abort();
		if (write(attached.to[1 - me][1], "", 1) != 1)
			abort();
		if (!me && read(attached.to[me][0], &byte, 1) != 1)
			abort();
	}
	end(me);
	return arg;
}

static void measure(const char *name, void *(*run)(void *arg), uint64_t slice_ns)
{
	int64_t begun, ended;
	pthread_t thread[2];

	attached.rounds = bench_ops(200000);
	attached.slice_ns = slice_ns;
	if (pipe(attached.to[0]) || pipe(attached.to[1]))
		abort();
	raw_setup(2);
	for (intptr_t i = 0; i < 2; i++)
		raw_start(&thread[i], run, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	begun = attached.thread[attached.thread[0].begun > attached.thread[1].begun].begun;
	ended = attached.thread[attached.thread[0].ended < attached.thread[1].ended].ended;
	bench_out(name, (double)(ended - begun) /
			(double)(attached.thread[0].switches + attached.thread[1].switches));
}

static void by_yield(void)
{
	measure("raw_attached_yield", yields, 0);
}

static void by_pipe(void)
{
	measure("raw_attached_pipe", passes, 0);
}

static void with_slice(void)
{
	measure("raw_attached_slice", yields, 10000000);
}

const struct bench raw_attached[] = {
	{ "raw_attached_yield", by_yield, "a context switch of attached threads, by sched_yield()" },
	{ "raw_attached_pipe", by_pipe, "the same through pipes" },
	{ "raw_attached_slice", with_slice, "by sched_yield(), with a time slice" },
	{ NULL, NULL, NULL },
};
