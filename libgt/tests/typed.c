// SPDX-License-Identifier: GPL-2.0
/* Channels with types do what the untyped ones do; what they forbid: compile-fail/. */
#include "test.h"

struct job {
	int number;
	char text[100];
};

static int calls;

static GT_CHAN(struct job) counted(GT_CHAN(struct job) chan)
{
	calls++;
	return chan;
}

PLAIN_TEST(each_call)
{
	GT_CHAN(struct job) jobs = GT_CHAN_MAKE(struct job, 2);
	GT_SENDER(struct job) out = GT_SENDER_OF(jobs);
	GT_RECEIVER(struct job) in = GT_RECEIVER_OF(jobs);
	struct job job = { 1, "one" };
	const struct job fixed = { 2, "two" };

	CHECK(jobs);
	CHECK_EQ(GT_CHAN_CAP(jobs), 2);
	GT_CHAN_SEND(jobs, &job);
	GT_CHAN_SEND(out, &fixed);
	CHECK_EQ(GT_CHAN_LEN(in), 2);
	CHECK_EQ(GT_CHAN_TRY_SEND(out, &job), -EAGAIN);
	CHECK_EQ(GT_CHAN_SEND_UNTIL(out, &job, 0), -ETIMEDOUT);
	CHECK_EQ(GT_CHAN_RECV(jobs, NULL), 1);
	CHECK_EQ(GT_CHAN_RECV(in, &job), 1);
	CHECK_EQ(job.number, 2);
	CHECK(!strcmp(job.text, "two"));
	CHECK_EQ(GT_CHAN_TRY_RECV(in, &job), -EAGAIN);
	CHECK_EQ(GT_CHAN_RECV_UNTIL(in, &job, 0), -ETIMEDOUT);
	CHECK_EQ(GT_CHAN_TRY_SEND(out, &fixed), 0);
	CHECK_EQ(GT_CHAN_SEND_UNTIL(out, &fixed, 0), 0);
	CHECK_EQ(GT_CHAN_TRY_RECV(in, NULL), 1);
	CHECK_EQ(GT_CHAN_RECV_UNTIL(in, NULL, 0), 1);
	GT_CHAN_CLOSE(out);
	CHECK_EQ(GT_CHAN_RECV(in, &job), 0);
	CHECK_EQ(job.number, 0);

	/* A view is the same channel, a reference is one, and arguments are evaluated once. */
	CHECK(GT_CHAN_UNTYPED(in) == GT_CHAN_UNTYPED(jobs));
	CHECK(GT_CHAN_UNTYPED(out) == GT_CHAN_UNTYPED(counted(jobs)));
	CHECK(GT_CHAN_GET(in) == in);
	GT_CHAN_PUT(jobs);
	CHECK_EQ(GT_CHAN_RECV(counted(jobs), &job), 0);
	CHECK_EQ(calls, 2);
	GT_CHAN_PUT(GT_SENDER_OF(counted(jobs)));
	CHECK_EQ(calls, 3);
}

PLAIN_TEST(element_types)
{
	GT_CHAN(int *) pointers = GT_CHAN_MAKE(int *, 1);
	GT_CHAN(char[64]) arrays = GT_CHAN_MAKE(char[64], 1);
	GT_CHAN(void (*)(void)) functions = GT_CHAN_MAKE(void (*)(void), 1);
	int number = 5, *pointer = &number;
	char array[64] = "sixty-four";
	void (*function)(void) = check_leaks;
	GT_CHAN(char) nil = NULL;

	GT_CHAN_SEND(pointers, &pointer);
	pointer = NULL;
	CHECK_EQ(GT_CHAN_RECV(pointers, &pointer), 1);
	CHECK(pointer == &number);
	GT_CHAN_SEND(arrays, &array);
	memset(array, 0, sizeof(array));
	CHECK_EQ(GT_CHAN_RECV(arrays, &array), 1);
	CHECK(!strcmp(array, "sixty-four"));
	GT_CHAN_SEND(functions, &function);
	function = NULL;
	CHECK_EQ(GT_CHAN_RECV(functions, &function), 1);
	CHECK(function == check_leaks);
	CHECK_EQ(GT_CHAN_TRY_RECV(nil, NULL), -EAGAIN);
	CHECK_EQ(GT_CHAN_LEN(nil), 0);
	GT_CHAN_PUT(nil);
	GT_CHAN_PUT(pointers);
	GT_CHAN_PUT(arrays);
	GT_CHAN_PUT(functions);
}

struct ends {
	GT_RECEIVER(long) in;
	GT_SENDER(long) out;
};

static void doubles(void *arg)
{
	struct ends *ends = arg;
	long value;

	while (GT_CHAN_RECV(ends->in, &value)) {
		value *= 2;
		GT_CHAN_SEND(ends->out, &value);
	}
	GT_CHAN_CLOSE(ends->out);
}

GT_TEST_PROCS(select_with_types)
{
	GT_CHAN(long) there = GT_CHAN_MAKE(long, 0), back = GT_CHAN_MAKE(long, 0);
	struct ends ends = { GT_RECEIVER_OF(there), GT_SENDER_OF(back) };
	long next = 1, got, sum = 0;
	bool open = true;

	CHECK_EQ(gt_go_copy(doubles, &ends, sizeof(ends)), 0);
	while (open) {
		GT_SELECT {
		GT_ON(GT_CASE_SEND(next <= 100 ? there : NULL, &next))
			if (++next == 101)
				GT_CHAN_CLOSE(there);
		GT_ON(GT_CASE_RECV(back, &got)) {
			open = GT_OK;
			sum += got;
		}
		}
	}
	CHECK_EQ(sum, 10100);
	AWAIT(gt_task_count() == 1);
	GT_CHAN_PUT(there);
	GT_CHAN_PUT(back);
}

TEST_MAIN
