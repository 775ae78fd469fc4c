// SPDX-License-Identifier: GPL-2.0
/* The lock-free stack and queue. */
#include "test.h"

static struct gt_lfstack stack;	/* zero bytes are ready to use */
static struct gt_lfqueue queue;
static struct gt_wg wg;

static void *number(long n)
{
	return (void *)n;
}

GT_TEST_PROCS(last_in_first_out)
{
	long i, round;
	void *value = &stack;

	for (round = 0; round < 3; round++) {
		CHECK_EQ(gt_lfstack_pop(&stack, &value), 0);
		CHECK(value == (round ? number(0) : &stack));
		for (i = 0; i < 3000; i++)
			CHECK_EQ(gt_lfstack_push(&stack, number(i)), 0);
		while (i--) {
			CHECK_EQ(gt_lfstack_pop(&stack, &value), 1);
			CHECK(value == number(i));
		}
	}
	CHECK_EQ(gt_lfstack_push(&stack, NULL), 0);
	gt_lfstack_destroy(&stack);
	CHECK_EQ(gt_lfstack_pop(&stack, &value), 0);
	CHECK_EQ(gt_lfstack_push(&stack, number(7)), 0);
	CHECK_EQ(gt_lfstack_pop(&stack, &value), 1);
	CHECK(value == number(7));
	gt_lfstack_destroy(&stack);
	check_leaks();
}

GT_TEST_PROCS(first_in_first_out)
{
	void *value = &queue;
	long i, round;

	for (round = 0; round < 3; round++) {
		CHECK_EQ(gt_lfqueue_pop(&queue, &value), 0);
		CHECK(value == (round ? number(2999) : &queue));
		for (i = 0; i < 3000; i++)
			CHECK_EQ(gt_lfqueue_push(&queue, number(i)), 0);
		for (i = 0; i < 3000; i++) {
			CHECK_EQ(gt_lfqueue_pop(&queue, &value), 1);
			CHECK(value == number(i));
		}
	}
	CHECK_EQ(gt_lfqueue_push(&queue, NULL), 0);
	gt_lfqueue_destroy(&queue);
	CHECK_EQ(gt_lfqueue_pop(&queue, &value), 0);
	CHECK_EQ(gt_lfqueue_push(&queue, number(7)), 0);
	CHECK_EQ(gt_lfqueue_pop(&queue, &value), 1);
	CHECK(value == number(7));
	gt_lfqueue_destroy(&queue);
	check_leaks();
}

/* ------------------------------------------------------------- many at once ---- */

/*
 * Each value goes in once and comes out once, with what was written before it went
 * in. From one queue the values of one producer come in their order.
 */
#define PRODUCERS 6

struct item {
	long producer, number;	/* no atomics: the structure orders them */
	atomic_int taken;
};

static bool use_queue;
static struct item *items[PRODUCERS];
static atomic_long left, next_producer;

static long each(void)
{
	return scaled(10000);
}

static void produces(void *arg)
{
	long producer = atomic_fetch_add(&next_producer, 1), i;
	uint64_t random = producer;

	for (i = 0; i < each(); i++) {
		struct item *item = &items[producer][i];

		item->producer = producer;
		item->number = i;
		CHECK_EQ(use_queue ? gt_lfqueue_push(&queue, item) : gt_lfstack_push(&stack, item), 0);
		if (test_random(&random) % 64 == 0)
			gt_yield();
	}
	(void)arg;
}

static void consumes(void *arg)
{
	long newest[PRODUCERS];
	int i;

	for (i = 0; i < PRODUCERS; i++)
		newest[i] = -1;
	while (left > 0) {
		struct item *item;
		void *value;

		if (!(use_queue ? gt_lfqueue_pop(&queue, &value) : gt_lfstack_pop(&stack, &value))) {
			gt_yield();
			continue;
		}
		item = value;
		CHECK_EQ(atomic_fetch_add(&item->taken, 1), 0);
		CHECK(item == &items[item->producer][item->number]);
		if (use_queue)
			CHECK(newest[item->producer] < item->number);
		newest[item->producer] = item->number;
		atomic_fetch_sub(&left, 1);
	}
	(void)arg;
}

static void *thread_produces(void *arg)
{
	produces(arg);
	return NULL;
}

static void *thread_consumes(void *arg)
{
	consumes(arg);
	return NULL;
}

static void passes_all(int threads)
{
	pthread_t thread[2 * PRODUCERS];
	void *value;
	int i;

	left = PRODUCERS * each();
	for (i = 0; i < PRODUCERS; i++) {
		items[i] = calloc(each(), sizeof(struct item));
		CHECK(items[i]);
	}
	for (i = 0; i < PRODUCERS; i++) {
		if (i < threads) {
			CHECK_EQ(pthread_create(&thread[2 * i], NULL, thread_produces, NULL), 0);
			CHECK_EQ(pthread_create(&thread[2 * i + 1], NULL, thread_consumes, NULL),
				 0);
		} else {
			CHECK_EQ(gt_wg_go(&wg, produces, NULL), 0);
			CHECK_EQ(gt_wg_go(&wg, consumes, NULL), 0);
		}
	}
	gt_wg_wait(&wg);
	for (i = 0; i < 2 * threads; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(left, 0);
	CHECK_EQ(gt_lfqueue_pop(&queue, &value) + gt_lfstack_pop(&stack, &value), 0);
	for (i = 0; i < PRODUCERS; i++)
		free(items[i]);
	gt_lfstack_destroy(&stack);
	gt_lfqueue_destroy(&queue);
	check_leaks();
}

GT_TEST_PROCS(stack_passes_all)
{
	passes_all(0);
}

GT_TEST_PROCS(stack_passes_all_with_threads)
{
	passes_all(2);
}

PLAIN_TEST(stack_passes_all_between_threads)
{
	passes_all(PRODUCERS);
}

GT_TEST_PROCS(queue_passes_all)
{
	use_queue = true;
	passes_all(0);
}

GT_TEST_PROCS(queue_passes_all_with_threads)
{
	use_queue = true;
	passes_all(2);
}

PLAIN_TEST(queue_passes_all_between_threads)
{
	use_queue = true;
	passes_all(PRODUCERS);
}

/* -------------------------------------------------------------------- memory ---- */

/* In a steady state nothing is allocated. */
GT_TEST(pushing_allocates_while_it_grows)
{
	size_t before = 0;
	void *value;
	long i;

	if (TEST_ASAN || TEST_TSAN)
		test_skip("the sanitizers' malloc() does not tell how much is in use");
	for (i = 0; i < 20000; i++) {
		CHECK_EQ(gt_lfstack_push(&stack, number(i)), 0);
		CHECK_EQ(gt_lfqueue_push(&queue, number(i)), 0);
		CHECK_EQ(gt_lfstack_pop(&stack, &value), 1);
		CHECK_EQ(gt_lfqueue_pop(&queue, &value), 1);
		if (i == 3000)
			before = mallinfo2().uordblks;
	}
	CHECK(mallinfo2().uordblks <= before + 4096);
}

TEST_MAIN
