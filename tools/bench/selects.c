// SPDX-License-Identifier: MIT
/* Select. */
#include <stdint.h>
#include <stdlib.h>

#include <gt/gt.h>

#include "bench.h"

#define WAYS 4

struct sender {
	struct gt_chan *chan;
	long count;
};

/* A value into one of four buffers, and out by a select over all of them. */
static void select_ready(void)
{
	struct gt_case cases[WAYS];
	long count = bench_ops(5000000);
	int64_t start, value;

	for (int i = 0; i < WAYS; i++)
		cases[i] = gt_case_recv(bench_chan(sizeof(value), 1), &value);
	start = bench_clock();
	for (int64_t i = 0; i < count; i++) {
		gt_chan_send(cases[i % WAYS].chan, &i);
		if (gt_select(cases, WAYS, 0) != i % WAYS)
			abort();
	}
	bench_out_each("select_ready", start, count);
	for (int i = 0; i < WAYS; i++)
		gt_chan_put(cases[i].chan);
}

static void select_default(void)
{
	struct gt_case cases[2];
	long count = bench_ops(20000000);
	int64_t start, value;

	for (int i = 0; i < 2; i++)
		cases[i] = gt_case_recv(bench_chan(sizeof(value), 1), &value);
	start = bench_clock();
	for (long i = 0; i < count; i++)
		if (gt_select(cases, 2, GT_SELECT_DEFAULT) >= 0)
			abort();
	bench_out_each("select_default", start, count);
	for (int i = 0; i < 2; i++)
		gt_chan_put(cases[i].chan);
}

static void sends(void *arg)
{
	struct sender *sender = arg;

	for (int64_t i = 0; i < sender->count; i++)
		gt_chan_send(sender->chan, &i);
}

static void select_block(void)
{
	long each = (bench_ops(2000000) + WAYS - 1) / WAYS;
	struct sender senders[WAYS];
	struct gt_case cases[WAYS];
	int64_t start, value;

	for (int i = 0; i < WAYS; i++) {
		senders[i].chan = bench_chan(sizeof(value), 0);
		senders[i].count = each;
		cases[i] = gt_case_recv(senders[i].chan, &value);
		bench_go(sends, &senders[i]);
	}
	start = bench_clock();
	for (long i = 0; i < each * WAYS; i++)
		gt_select(cases, WAYS, 0);
	bench_out_each("select_block", start, each * WAYS);
	while (gt_task_count() > 1)
		gt_yield();
	for (int i = 0; i < WAYS; i++)
		gt_chan_put(senders[i].chan);
}

struct court {
	struct gt_chan *there, *back, *quit;
	long count;
};

static void select_echo(void *arg)
{
	struct court *court = arg;
	int64_t value;
	struct gt_case cases[] = { gt_case_recv(court->there, &value),
				   gt_case_recv(court->quit, NULL) };

	for (long i = 0; i < court->count; i++)
		if (!gt_select(cases, 2, 0))
			gt_chan_send(court->back, &value);
}

static void select_pingpong(void)
{
	struct court court = {
		.there = bench_chan(sizeof(int64_t), 0),
		.back = bench_chan(sizeof(int64_t), 0),
		.quit = bench_chan(sizeof(int64_t), 0),
		.count = bench_ops(2000000),
	};
	int64_t start, value;
	struct gt_case cases[] = { gt_case_recv(court.back, &value),
				   gt_case_recv(court.quit, NULL) };

	bench_go(select_echo, &court);
	start = bench_clock();
	for (int64_t i = 0; i < court.count; i++) {
		gt_chan_send(court.there, &i);
		gt_select(cases, 2, 0);
	}
	bench_out_each("select_pingpong", start, court.count);
	while (gt_task_count() > 1)
		gt_yield();
	gt_chan_put(court.there);
	gt_chan_put(court.back);
	gt_chan_put(court.quit);
}

const struct bench bench_selects[] = {
	{ "select_ready", select_ready, "a value into one of 4 buffers, out by a select of all" },
	{ "select_default", select_default, "a select of 2 with a default, nothing ready" },
	{ "select_block", select_block, "a select of 4 that 4 tasks send to, unbuffered" },
	{ "select_pingpong", select_pingpong,
	  "a value there and back, both received by a select of 2" },
	{ NULL, NULL, NULL },
};
