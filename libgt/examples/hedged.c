/* SPDX-License-Identifier: MIT */
/*
 * A hedged request: ask one replica; if it has not answered in the time that most answers
 * take, ask another as well. The first answer counts, and the others are called off by
 * their context. It bounds the tail of latencies at the price of a few requests more.
 *
 * Virtual time (gt_bubble_run()) makes the example exact, and quick.
 *
 * Source: Dean and Barroso, "The Tail at Scale", 2013.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <gt/gt.h>

#define REPLICAS 3
#define HEDGE_AFTER (20 * GT_MILLISECOND)

struct answer {
	int replica, error;
};

struct request {
	struct gt_context *ctx;
	struct gt_chan *answers; /* of struct answer, with room for all: nobody is stuck */
	struct gt_wg wg;
	int64_t latency[REPLICAS];
	atomic_int called_off;
};

struct call {
	struct request *request;
	int replica;
};

static void ask(void *arg)
{
	struct call *call = arg;
	struct request *request = call->request;
	struct answer answer = { .replica = call->replica };

	answer.error = gt_sleep_ctx(request->latency[call->replica], request->ctx);
	if (answer.error)
		atomic_fetch_add(&request->called_off, 1);
	gt_chan_send(request->answers, &answer);
	gt_wg_done(&request->wg);
}

/* The replica that answered, or a negative error. */
static int hedge(struct request *request, struct gt_context *parent)
{
	struct answer answer = { .error = -ENOMEM };
	int asked = 0, result;

	request->ctx = gt_context_with_cancel(parent);
	request->answers = gt_chan_make(sizeof(struct answer), REPLICAS);
	while (request->ctx && request->answers) {
		struct call call = { request, asked };
		int64_t patience = GT_NO_DEADLINE;

		if (asked < REPLICAS) {
			gt_wg_add(&request->wg, 1);
			if (gt_go_copy(ask, &call, sizeof(call)))
				gt_wg_done(&request->wg);
			patience = gt_now() + HEDGE_AFTER;
			asked++;
		}
		if (gt_chan_recv_until(request->answers, &answer, patience) == 1)
			break;
	}
	result = answer.error ? answer.error : answer.replica;
	if (request->ctx)
		gt_context_cancel(request->ctx);
	gt_wg_wait(&request->wg); /* the others are called off, not forgotten */
	gt_context_put(request->ctx);
	gt_chan_put(request->answers);
	return result;
}

static int failures;

static void try_with(int64_t one, int64_t two, int64_t three, int winner, int64_t ms)
{
	struct request request = {
		.latency = { one * GT_MILLISECOND, two * GT_MILLISECOND, three * GT_MILLISECOND },
	};
	int64_t begin = gt_now();
	int replica = hedge(&request, gt_context_background());
	int64_t took = (gt_now() - begin) / GT_MILLISECOND;

	printf("latencies %4lld %4lld %4lld ms: replica %d after %lld ms, %d called off\n",
	       (long long)one, (long long)two, (long long)three, replica, (long long)took,
	       request.called_off);
	failures += replica != winner || took != ms;
}

static void try_all(void *arg)
{
	(void)arg;
	try_with(5, 5, 5, 0, 5);
	try_with(1000, 5, 5, 1, 25);
	try_with(1000, 1000, 5, 2, 45);
	try_with(30, 1000, 1000, 0, 30);
}

int gt_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	return gt_bubble_run(try_all, NULL) || failures;
}
