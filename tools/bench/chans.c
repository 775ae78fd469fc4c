// SPDX-License-Identifier: MIT
/* Channels. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include <gt/gt.h>

#include "bench.h"

#define BUFFER 128
#define SKYNET_LEAVES 1000000
#define SKYNET_WAYS 10

struct pipe {
	struct gt_chan *there, *back;
	long count;
	struct gt_wg *wg;
};

static void echo(void *arg)
{
	struct pipe *pipe = arg;
	int64_t value;

	for (long i = 0; i < pipe->count; i++) {
		gt_chan_recv(pipe->there, &value);
		gt_chan_send(pipe->back, &value);
	}
	gt_wg_done(pipe->wg);
}

static void pingpong(void)
{
	struct gt_wg wg = { 0 };
	struct pipe pipe = {
		.there = bench_chan(sizeof(int64_t), 0),
		.back = bench_chan(sizeof(int64_t), 0),
		.count = bench_ops(3000000),
		.wg = &wg,
	};
	int64_t start, value;

	gt_wg_add(&wg, 1);
	bench_go(echo, &pipe);
	start = bench_clock();
	for (int64_t i = 0; i < pipe.count; i++) {
		gt_chan_send(pipe.there, &i);
		gt_chan_recv(pipe.back, &value);
	}
	bench_out_each("pingpong", start, pipe.count);
	gt_wg_wait(&wg);
	gt_chan_put(pipe.there);
	gt_chan_put(pipe.back);
}

static void produce(void *arg)
{
	struct pipe *pipe = arg;

	for (int64_t i = 0; i < pipe->count; i++)
		gt_chan_send(pipe->there, &i);
	gt_wg_done(pipe->wg);
}

static void consume(void *arg)
{
	struct pipe *pipe = arg;
	int64_t value;

	while (gt_chan_recv(pipe->there, &value))
		;
	gt_wg_done(pipe->wg);
}

/* So many producers and so many consumers on one channel. */
static void buffered(const char *name, int each, long ops)
{
	struct gt_wg producers = { 0 }, consumers = { 0 };
	struct gt_chan *chan = bench_chan(sizeof(int64_t), BUFFER);
	struct pipe in = { .there = chan, .count = (ops + each - 1) / each, .wg = &producers };
	struct pipe out = { .there = chan, .wg = &consumers };
	int64_t start;

	gt_wg_add(&producers, each);
	gt_wg_add(&consumers, each);
	start = bench_clock();
	for (int i = 0; i < each; i++) {
		bench_go(produce, &in);
		bench_go(consume, &out);
	}
	gt_wg_wait(&producers);
	gt_chan_close(chan);
	gt_wg_wait(&consumers);
	bench_out_each(name, start, in.count * each);
	gt_chan_put(chan);
}

static void buffered_1(void)
{
	buffered("buffered_1", 1, bench_ops(10000000));
}

static void buffered_4(void)
{
	buffered("buffered_4", 4, bench_ops(10000000));
}

struct skynet {
	struct gt_chan *up;
	int64_t number, leaves;
};

static void skynet_node(void *arg)
{
	struct skynet *node = arg, child;
	int64_t sum = 0, value;

	if (node->leaves < SKYNET_WAYS) {
		gt_chan_send(node->up, &node->number);
		return;
	}
	child.up = bench_chan(sizeof(int64_t), 0);
	child.leaves = node->leaves / SKYNET_WAYS;
	for (int i = 0; i < SKYNET_WAYS; i++) {
		child.number = node->number + i * child.leaves;
		if (gt_go_copy(skynet_node, &child, sizeof(child)))
			abort();
	}
	for (int i = 0; i < SKYNET_WAYS; i++) {
		gt_chan_recv(child.up, &value);
		sum += value;
	}
	gt_chan_put(child.up);
	gt_chan_send(node->up, &sum);
}

/* The time for the whole tree; the leaves' numbers add up to a known sum. */
static void skynet_once(const char *name)
{
	struct skynet root = { .leaves = SKYNET_LEAVES };
	int64_t start = bench_clock(), sum;

	/* A power of ten, so that all branches are of one depth. */
	while (root.leaves > bench_ops(SKYNET_LEAVES) && root.leaves > SKYNET_WAYS)
		root.leaves /= SKYNET_WAYS;
	root.up = bench_chan(sizeof(int64_t), 0);
	if (gt_go_copy(skynet_node, &root, sizeof(root)))
		abort();
	gt_chan_recv(root.up, &sum);
	gt_chan_put(root.up);
	if (sum != root.leaves * (root.leaves - 1) / 2)
		abort();
	/* Scaled down it is given for a million all the same. */
	bench_out(name, (double)(bench_clock() - start) *
		  ((double)SKYNET_LEAVES / (double)root.leaves));
}

static void skynet(void)
{
	skynet_once("skynet_cold");
	skynet_once("skynet");
}

const struct bench bench_chans[] = {
	{ "pingpong", pingpong, "a value there and back over two unbuffered channels" },
	{ "buffered_1", buffered_1, "a value over a channel of 128, one sender, one receiver" },
	{ "buffered_4", buffered_4, "the same with four senders and four receivers" },
	{ "skynet", skynet, "a tree of 1.1 million tasks adds up its leaves, twice" },
	{ NULL, NULL, NULL },
};
