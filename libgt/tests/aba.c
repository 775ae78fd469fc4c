// SPDX-License-Identifier: GPL-2.0
/*
 * The ABA problem, made to happen: a taker is stopped between its look at the top of
 * the stack and its swap, while another thread takes the two on top and puts the
 * first back. A naive stack loses a value and gives another twice. gt's does neither.
 */
static void pause_taker(void);

#define GT_LOCKFREE_PAUSE() pause_taker()
#include "prim/lfstack.c"

#include "test.h"

static bool armed;
static void *(*meanwhile)(void *arg);

/* In the one who is to be stopped: another thread does the rest, and ends. */
static void pause_taker(void)
{
	pthread_t thread;

	if (!armed)
		return;
	armed = false;
	CHECK_EQ(pthread_create(&thread, NULL, meanwhile, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* --------------------------------------------------------------------- naive ---- */

struct naive_node {
	struct naive_node *next;
	long value;
};

static _Atomic(struct naive_node *) naive;
static struct naive_node nodes[] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };

static void naive_push(struct naive_node *node)
{
	node->next = atomic_load(&naive);
	while (!atomic_compare_exchange_weak(&naive, &node->next, node))
		;
}

static struct naive_node *naive_pop(void)
{
	struct naive_node *first = atomic_load(&naive), *next;

	do {
		if (!first)
			return NULL;
		next = first->next;
		pause_taker();
	} while (!atomic_compare_exchange_weak(&naive, &first, next));
	return first;
}

static void *takes_two_puts_one_back(void *arg)
{
	struct naive_node *three = naive_pop(), *two = naive_pop();

	CHECK_EQ(three->value, 3);
	CHECK_EQ(two->value, 2);
	naive_push(three);
	return arg;
}

PLAIN_TEST(naive_stack_gives_a_value_twice)
{
	struct naive_node *node;

	naive_push(&nodes[0]);
	naive_push(&nodes[1]);
	naive_push(&nodes[2]);
	meanwhile = takes_two_puts_one_back;
	armed = true;
	node = naive_pop();
	CHECK_EQ(node->value, 3);
	/* 2 was taken by the other thread; 1 alone should be left. */
	node = naive_pop();
	CHECK(node);
	CHECK_EQ(node->value, 2);
}

/* ----------------------------------------------------------------------- gt's ---- */

static struct gt_lfstack stack;
static struct gt_node *top;	/* the node at which the taker was stopped */
static long recycled;

static long pop(void)
{
	void *value = NULL;

	return gt_lfstack_pop(&stack, &value) ? (long)value : 0;
}

static void push(long value)
{
	CHECK_EQ(gt_lfstack_push(&stack, (void *)value), 0);
}

static void *does_the_same(void *arg)
{
	CHECK_EQ(pop(), 3);
	CHECK_EQ(pop(), 2);
	push(3);
	recycled += gt_load(&stack_of(&stack)->head) == top;
	return arg;
}

PLAIN_TEST(stack_gives_each_value_once)
{
	int round;

	/* Nodes that were used before are at hand to be used again. */
	for (round = 0; round < 3000; round++)
		push(round);
	for (round = 0; round < 3000; round++)
		pop();
	for (round = 0; round < 100; round++) {
		push(1);
		push(2);
		push(3);
		top = gt_load(&stack_of(&stack)->head);
		meanwhile = does_the_same;
		armed = true;
		CHECK_EQ(pop(), 3);
		CHECK(!armed);
		CHECK_EQ(pop(), 1);
		CHECK_EQ(pop(), 0);
	}
	CHECK_EQ(recycled, 0);
	gt_lfstack_destroy(&stack);
}

/* Not only the one node: none comes back while somebody looks at it. */
static void *wears_the_stack_out(void *arg)
{
	struct gt_node *seen[3] = { 0 };
	long i;

	for (i = 0; i < 3; i++) {
		seen[i] = gt_load(&stack_of(&stack)->head);
		CHECK_EQ(pop(), 3 - i);
	}
	/* Less than what makes somebody wait for the taker that is stopped. */
	for (i = 1; i < 1000; i++) {
		struct gt_node *head;

		push(i);
		head = gt_load(&stack_of(&stack)->head);
		CHECK(head != seen[0] && head != seen[1] && head != seen[2]);
		CHECK_EQ(pop(), i);
	}
	return arg;
}

PLAIN_TEST(no_node_comes_back_while_it_is_looked_at)
{
	push(1);
	push(2);
	push(3);
	meanwhile = wears_the_stack_out;
	armed = true;
	CHECK_EQ(pop(), 0);
	CHECK(!armed);
	gt_lfstack_destroy(&stack);
}

TEST_MAIN
