/* SPDX-License-Identifier: MIT */
/*
 * A pipeline: one task makes numbers, four square them (fan-out), one adds them up
 * (fan-in). All are members of one error group: if one fails, its context ends the others,
 * up and down the pipeline, so that none is left waiting on a channel. Stages that end
 * close what they send on: here the last of the four does.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <gt/gt.h>

#define SQUARERS 4

struct pipeline {
	struct gt_context *ctx;
	struct gt_chan *numbers, *squares; /* of long */
	long count, bad;		   /* how many; one that cannot be squared, or -1 */
	atomic_int squarers;
	long sum;
};

static int make(void *arg)
{
	struct pipeline *line = arg;
	int error = 0;

	for (long n = 1; n <= line->count && !error; n++)
		error = gt_chan_send_ctx(line->numbers, &n, line->ctx);
	gt_chan_close(line->numbers);
	return error;
}

static int square(void *arg)
{
	struct pipeline *line = arg;
	long n;
	int got, error = 0;

	while (!error && (got = gt_chan_recv_ctx(line->numbers, &n, line->ctx)) == 1) {
		if (n == line->bad)
			error = -EDOM;
		n *= n;
		if (!error)
			error = gt_chan_send_ctx(line->squares, &n, line->ctx);
	}
	if (atomic_fetch_sub(&line->squarers, 1) == 1)
		gt_chan_close(line->squares);
	return error ? error : got;
}

static int add(void *arg)
{
	struct pipeline *line = arg;
	long n;
	int got;

	while ((got = gt_chan_recv_ctx(line->squares, &n, line->ctx)) == 1)
		line->sum += n;
	return got;
}

/* Returns 0 and the sum, or the error of the stage that failed first. */
static int sum_of_squares(long count, long bad, long *sum)
{
	struct pipeline line = { .count = count, .bad = bad, .squarers = SQUARERS };
	struct gt_errgroup group = { 0 };
	int error = -ENOMEM;

	line.numbers = gt_chan_make(sizeof(long), 0);
	line.squares = gt_chan_make(sizeof(long), 0);
	line.ctx = gt_errgroup_with_context(&group, gt_context_background());
	if (line.numbers && line.squares && line.ctx) {
		error = gt_errgroup_go(&group, make, &line);
		for (int i = 0; i < SQUARERS && !error; i++)
			error = gt_errgroup_go(&group, square, &line);
		if (!error)
			error = gt_errgroup_go(&group, add, &line);
		if (error) /* not all could be started */
			gt_context_cancel(line.ctx);
	}
	if (line.ctx) {
		int failed = gt_errgroup_wait(&group);

		error = error ? error : failed;
	}
	*sum = line.sum;
	gt_context_put(line.ctx);
	gt_chan_put(line.numbers);
	gt_chan_put(line.squares);
	return error;
}

int gt_main(int argc, char **argv)
{
	long sum;
	int error;

	(void)argc, (void)argv;
	error = sum_of_squares(1000, -1, &sum);
	printf("sum of the squares of 1 to 1000: %ld (%d)\n", sum, error);
	if (error || sum != 333833500)
		return 1;

	error = sum_of_squares(1000000000, 1000, &sum);
	printf("a stage that fails ends all others: error %d, tasks left: %zu\n", error,
	       gt_task_count() - 1);
	return error != -EDOM;
}
