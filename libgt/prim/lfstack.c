/* SPDX-License-Identifier: MIT */
/*
 * The lock-free stack: Treiber's, on nodes that are not used again too soon. The
 * argument is in lockfree.h.
 */
#include <errno.h>

#include "gt/lockfree.h"
#include "prim/lockfree.h"

struct stack {
	_Atomic(struct gt_node *) head;
	struct gt_nodes nodes;
};

_Static_assert(sizeof(struct stack) <= sizeof(struct gt_lfstack), "it stands in it");

static struct stack *stack_of(struct gt_lfstack *stack)
{
	return (struct stack *)stack;
}

int gt_lfstack_push(struct gt_lfstack *public, void *value)
{
	struct stack *stack = stack_of(public);
	struct gt_node *node;

	gt_rcu_read_lock();
	node = gt_node_reuse(&stack->nodes);
	gt_rcu_read_unlock();
	if (!node) {
		gt_rcu_init();
		node = gt_node_make(&stack->nodes);
	}
	if (!node)
		return -ENOMEM;
	node->value = value;
	gt_node_push(&stack->head, node);
	return 0;
}

int gt_lfstack_pop(struct gt_lfstack *public, void **value)
{
	struct stack *stack = stack_of(public);
	struct gt_node *node;

	if (!gt_load(&stack->head))
		return 0;
	gt_rcu_read_lock();
	node = gt_node_pop(&stack->head);
	gt_rcu_read_unlock();
	if (!node)
		return 0;
	*value = node->value;
	gt_node_retire(node);
	return 1;
}

void gt_lfstack_destroy(struct gt_lfstack *public)
{
	struct stack *stack = stack_of(public);

	gt_node_destroy_list(gt_load(&stack->head));
	gt_store(&stack->head, NULL);
	gt_nodes_destroy(&stack->nodes);
}
