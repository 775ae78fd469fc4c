/* SPDX-License-Identifier: MIT */
/*
 * Nodes of lock-free structures, and where they come from: a stack of free nodes.
 *
 * THE ABA PROBLEM. Who takes a node off a stack reads head, then head->next, then
 * swaps head for it if head is the same. Meanwhile others may have taken that node,
 * and those below it, and put it back: head is the same, next is not.
 *
 *	taker				others
 *	head: A, A->next: B
 *					take A; take B; put A back
 *	head is A: swap it for B	B has been taken already
 *
 * Here nobody puts A back so soon. Takers do their three steps under RCU, and a node
 * that was taken, by whomever and from whichever list, is used again only after a
 * grace period: when each taker that had seen it has done with it. That goes for the
 * free list, too: a node comes to it from a grace period alone.
 *
 * Rejected: a count beside the pointer, swapped with it by a double-width instruction
 * that not every processor has; a lock around taking; liburcu's own stack, which does
 * the same but which a test cannot stop between the steps.
 */
#ifndef GT_PRIM_LOCKFREE_H
#define GT_PRIM_LOCKFREE_H

#include <stdlib.h>

#include "prim/rcu.h"

/* A test stops a taker here, between its look at next and its swap. */
#ifndef GT_LOCKFREE_PAUSE
#define GT_LOCKFREE_PAUSE() ((void)0)
#endif

struct gt_nodes;

struct gt_node {
	_Atomic(struct gt_node *) next;	/* constant from its taking to the grace period */
	void *value;			/* constant while others may see it */
	struct gt_nodes *nodes;		/* constant */
	struct gt_rcu_head retired;
};

/* Zero bytes are ready to use. */
struct gt_nodes {
	_Atomic(struct gt_node *) free;
	struct gt_rcu_batch retired;
};

/* Outside of reading; nobody else sees node. */
static inline void gt_node_push(_Atomic(struct gt_node *) *head, struct gt_node *node)
{
	struct gt_node *first = gt_load(head);

	do
		gt_store(&node->next, first);
	while (!atomic_compare_exchange_weak_explicit(head, &first, node, memory_order_release,
						      memory_order_relaxed));
}

/* While reading. NULL: there is none. */
static inline struct gt_node *gt_node_pop(_Atomic(struct gt_node *) *head)
{
	struct gt_node *first = gt_load_acquire(head);

	while (first) {
		struct gt_node *next = gt_load(&first->next);

		GT_LOCKFREE_PAUSE();
		if (atomic_compare_exchange_weak_explicit(head, &first, next,
							  memory_order_acquire,
							  memory_order_acquire))
			break;
	}
	return first;
}

/* While reading: a free node, or NULL. */
static inline struct gt_node *gt_node_reuse(struct gt_nodes *nodes)
{
	return gt_node_pop(&nodes->free);
}

/* Not while reading: a new node, or NULL. */
static inline struct gt_node *gt_node_make(struct gt_nodes *nodes)
{
	struct gt_node *node = malloc(sizeof(*node));

	if (node)
		node->nodes = nodes;
	return node;
}

static inline void gt_node_free(struct gt_rcu_head *head)
{
	struct gt_node *node = (void *)((char *)head - offsetof(struct gt_node, retired));

	gt_node_push(&node->nodes->free, node);
}

/* It was taken, by the caller, who does not read any more. */
static inline void gt_node_retire(struct gt_node *node)
{
	gt_rcu_retire(&node->nodes->retired, &node->retired, gt_node_free);
}

/* Free a list that nobody else sees. */
static inline void gt_node_destroy_list(struct gt_node *node)
{
	struct gt_node *next;

	for (; node; node = next) {
		next = gt_load(&node->next);
		free(node);
	}
}

/* Nobody uses them. */
static inline void gt_nodes_destroy(struct gt_nodes *nodes)
{
	gt_rcu_flush(&nodes->retired);
	gt_node_destroy_list(gt_load(&nodes->free));
	gt_store(&nodes->free, NULL);
}

#endif /* GT_PRIM_LOCKFREE_H */
