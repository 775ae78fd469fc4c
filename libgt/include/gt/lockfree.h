/* SPDX-License-Identifier: MIT */
/*
 * A stack and a queue of pointers that many use at once without a lock.
 *
 * Pushing and taking never wait for a task or thread that is interrupted half-way,
 * with one exception: memory is used again only when nobody can be looking at it, and
 * who takes the 1024th since the last time waits until that is so.
 *
 * For tasks that wait for work a channel is the better queue: these do not wait. The
 * memory of as many values as there were at one time, and of 1024 more, is kept
 * until gt_lfstack_destroy() or gt_lfqueue_destroy(), so that pushing allocates only
 * while there were never so many before.
 *
 * The values are the caller's: taking one hands over whatever it points to. NULL is
 * a value like any other.
 *
 * Memory model: a push happens before the return of the call that takes its value.
 */
#ifndef GT_LOCKFREE_H
#define GT_LOCKFREE_H

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_lfstack - last in, first out; zero bytes are ready to use
 * @gt_state: libgt's own.
 *
 * It must not be copied after its first use.
 */
struct gt_lfstack {
	void *gt_state[4];
};

/**
 * gt_lfstack_push - put a value on top
 * @stack: the stack.
 * @value: what to put.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 0, or -ENOMEM.
 */
int gt_lfstack_push(struct gt_lfstack *stack, void *value);

/**
 * gt_lfstack_pop - take the value on top
 * @stack: the stack.
 * @value: where to put it; untouched if there is none.
 *
 * Context: Suspends: while waiting for others that are inside a call, rarely.
 * Migrates: then. Pthread: works. Signal-safe: no.
 * Return: 1, or 0 if the stack is empty.
 */
int gt_lfstack_pop(struct gt_lfstack *stack, void **value);

/**
 * gt_lfstack_destroy - free its memory
 * @stack: the stack, which nobody uses any more. Values that are in it are dropped,
 *	and it is ready to use again.
 *
 * Context: as gt_lfstack_pop().
 */
void gt_lfstack_destroy(struct gt_lfstack *stack);

/**
 * struct gt_lfqueue - first in, first out; zero bytes are ready to use
 * @gt_state: libgt's own.
 *
 * It must not be copied after its first use.
 */
struct gt_lfqueue {
	void *gt_state;
};

/**
 * gt_lfqueue_push - put a value at the end
 * @queue: the queue.
 * @value: what to put.
 *
 * Context: as gt_lfstack_push().
 * Return: 0, or -ENOMEM.
 */
int gt_lfqueue_push(struct gt_lfqueue *queue, void *value);

/**
 * gt_lfqueue_pop - take the value at the front
 * @queue: the queue.
 * @value: where to put it; untouched if there is none.
 *
 * Context: as gt_lfstack_pop().
 * Return: 1, or 0 if the queue is empty.
 */
int gt_lfqueue_pop(struct gt_lfqueue *queue, void **value);

/**
 * gt_lfqueue_destroy - free its memory
 * @queue: as gt_lfstack_destroy() says of stacks.
 *
 * Context: as gt_lfstack_pop().
 */
void gt_lfqueue_destroy(struct gt_lfqueue *queue);

GT_END_DECLS

#endif /* GT_LOCKFREE_H */
