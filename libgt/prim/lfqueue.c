/* SPDX-License-Identifier: MIT */
/*
 * The lock-free queue: Michael and Scott's.
 *
 *	head -> dummy -> oldest value -> ... -> newest value -> NULL
 *						^ tail, or one or more behind it
 *
 * The node at the head has no value any more. Who takes swaps head for its next, whose
 * value it has read before: that node becomes the dummy, and the old one is retired.
 * Who puts swaps the next of the last node, NULL, for its own, then moves tail; others
 * who find tail behind move it for them.
 *
 * Nodes are used again only after a grace period (lockfree.h), and all of this is done
 * while reading. So a node's next stays NULL until it is the last no more, a node that
 * compares equal is the same, and a value may be read though its node has been taken
 * meanwhile. tail may be behind head, at a node that is retired: but not when the
 * one who has to move it has ended reading, so not when the grace period is over.
 *
 * Rejected: liburcu's lock-free queue, which allocates a dummy each time it runs
 * empty, and aborts the process if it cannot.
 *
 * Source: Michael and Scott, "Simple, Fast, and Practical Non-Blocking and Blocking
 * Concurrent Queue Algorithms" (1996).
 */
#include <errno.h>
#include <string.h>

#include "gt/lockfree.h"
#include "prim/lockfree.h"

struct queue {
	_Alignas(GT_CACHELINE) _Atomic(struct gt_node *) head;
	_Alignas(GT_CACHELINE) _Atomic(struct gt_node *) tail;
	_Alignas(GT_CACHELINE) struct gt_nodes nodes;
};

static struct queue *queue_of(struct gt_lfqueue *queue)
{
	return gt_load_acquire((_Atomic(struct queue *) *)&queue->gt_state);
}

static bool swap(_Atomic(struct gt_node *) *word, struct gt_node *old, struct gt_node *new)
{
	return atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_acq_rel,
						       memory_order_relaxed);
}

static struct queue *queue_make(struct gt_lfqueue *public)
{
	struct queue *queue, *other = NULL;
	struct gt_node *dummy;

	gt_rcu_init();
	queue = aligned_alloc(_Alignof(struct queue), sizeof(*queue));
	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	dummy = gt_node_make(&queue->nodes);
	if (!dummy) {
		free(queue);
		return NULL;
	}
	gt_store(&dummy->next, NULL);
	gt_store(&queue->head, dummy);
	gt_store(&queue->tail, dummy);
	if (atomic_compare_exchange_strong((_Atomic(struct queue *) *)&public->gt_state, &other,
					   queue))
		return queue;
	free(dummy);
	free(queue);
	return other;
}

/* While reading. */
static void put(struct queue *queue, struct gt_node *node)
{
	for (;;) {
		struct gt_node *tail = gt_load_acquire(&queue->tail);
		struct gt_node *next = gt_load_acquire(&tail->next);

		if (next) {
			swap(&queue->tail, tail, next);
		} else if (swap(&tail->next, NULL, node)) {
			swap(&queue->tail, tail, node);
			return;
		}
	}
}

/* While reading: the old dummy, and the value that was behind it; or NULL. */
static struct gt_node *take(struct queue *queue, void **value)
{
	for (;;) {
		struct gt_node *head = gt_load_acquire(&queue->head);
		struct gt_node *next = gt_load_acquire(&head->next);
		void *taken;

		if (!next)
			return NULL;
		taken = next->value;
		GT_LOCKFREE_PAUSE();
		if (swap(&queue->head, head, next)) {
			*value = taken;
			return head;
		}
	}
}

int gt_lfqueue_push(struct gt_lfqueue *public, void *value)
{
	struct queue *queue = queue_of(public);
	struct gt_node *node;

	if (!queue)
		queue = queue_make(public);
	if (!queue)
		return -ENOMEM;
	gt_rcu_read_lock();
	node = gt_node_reuse(&queue->nodes);
	if (!node) {
		gt_rcu_read_unlock();
		node = gt_node_make(&queue->nodes);
		if (!node)
			return -ENOMEM;
		gt_rcu_read_lock();
	}
	node->value = value;
	gt_store(&node->next, NULL);
	put(queue, node);
	gt_rcu_read_unlock();
	return 0;
}

int gt_lfqueue_pop(struct gt_lfqueue *public, void **value)
{
	struct queue *queue = queue_of(public);
	struct gt_node *dummy;

	if (!queue)
		return 0;
	gt_rcu_read_lock();
	dummy = take(queue, value);
	gt_rcu_read_unlock();
	if (!dummy)
		return 0;
	gt_node_retire(dummy);
	return 1;
}

void gt_lfqueue_destroy(struct gt_lfqueue *public)
{
	struct queue *queue = queue_of(public);

	if (!queue)
		return;
	gt_node_destroy_list(gt_load(&queue->head));
	gt_nodes_destroy(&queue->nodes);
	free(queue);
	public->gt_state = NULL;
}
