/* SPDX-License-Identifier: MIT */
/*
 * A channel's inside, as chan.c and select.c share it.
 *
 * Invariants, whenever the lock is free:
 * - recvq is not empty only if the buffer is empty, and sendq only if it is full;
 * - both are empty if the channel is closed;
 * - both hold a waiter that may proceed only if the two are nodes of one select, on
 *   an unbuffered channel.
 *
 * A waiter that has rivals (other cases of a select, or a deadline) shares a wait
 * with them, see wait.h. Only who claims it copies from or to the waiter and readies
 * its task, so that happens once, whatever number of channels and clocks know it.
 * Who finds a waiter whose wait another has claimed takes it out of the queue and
 * looks for the next. The losers that nobody found are taken out by the task itself
 * when it runs again, each in O(1) under its channel's lock.
 *
 * A waiter stands on its task's stack, which may be gone as soon as the task has
 * seen all its waiters out of their queues. So the last that a waker does with one
 * that it does not ready is the release store that says so (gt_chan_unlink), and
 * the task takes no lock for a waiter that it sees out (gt_chan_forget).
 *
 * Looking without the lock: count, the queues' emptiness and closed are written
 * under the lock and may be read without it. Each answers "ready or not" for a side
 * in one read, closed being the second, and last: what closes stays ready. A select
 * looks at several channels and must not smear moments together. That is what
 * version is for: see select.c.
 */
#ifndef GT_PRIM_CHAN_H
#define GT_PRIM_CHAN_H

#include <string.h>

#include "gt/chan.h"
#include "prim/bubble.h"
#include "prim/bias.h"
#include "prim/wait.h"

/* A place in a queue, or the queue itself, which is a ring of places. */
struct gt_chan_link {
	_Atomic(struct gt_chan_link *) next;	/* NULL: in no queue */
	struct gt_chan_link *prev;
};

struct gt_chan_waiter {
	struct gt_chan_link link;	/* chan->lock; first */
	struct gt_g *g;
	void *value;			/* where to copy from or to; a receiver's may be NULL */
	struct gt_wait *wait;		/* what to claim, or NULL: it has no rivals */
	uint32_t key;			/* what to claim it with */
	bool passed;			/* a value was; false: closed. Claimer's, then g's */
};

struct gt_chan {
	struct gt_bias lock;
	_Atomic uint32_t refs;
	_Atomic size_t count;		/* values buffered. Written under the lock */
	size_t capacity, elem_size;	/* constant */
	size_t recv_at, send_at;	/* lock: ring indexes */
	_Atomic uint64_t version;	/* grows before a side may become ready. lock */
	_Atomic bool closed;		/* written under the lock */
	struct gt_chan_link recvq, sendq;	/* lock; emptiness is read without */
	void (*last_put)(struct gt_chan *chan);	/* a timer's: frees both. Constant */
	uint64_t bubble;		/* the id of the one that it is for, or 0. Constant */
	_Alignas(max_align_t) char ring[];	/* lock */
};

static inline bool gt_chan_queue_empty(const struct gt_chan_link *queue)
{
	return gt_load_acquire(&queue->next) == queue;
}

/* May a receive, or a send, proceed? A snapshot without the lock, exact with it but
   for waiters that have been claimed elsewhere. */
static inline bool gt_chan_can_recv(const struct gt_chan *chan)
{
	return (chan->capacity ? gt_load_acquire(&chan->count) != 0 :
				 !gt_chan_queue_empty(&chan->sendq)) ||
	       gt_load_acquire(&chan->closed);
}

static inline bool gt_chan_can_send(const struct gt_chan *chan)
{
	return (chan->capacity ? gt_load_acquire(&chan->count) < chan->capacity :
				 !gt_chan_queue_empty(&chan->recvq)) ||
	       gt_load_acquire(&chan->closed);
}

/* Under the lock, before what makes a side ready can be seen. */
static inline void gt_chan_will_be_ready(struct gt_chan *chan)
{
	gt_store_release(&chan->version, gt_load(&chan->version) + 1);
}

static inline void gt_chan_enqueue(struct gt_chan *chan, struct gt_chan_link *queue,
				   struct gt_chan_waiter *waiter)
{
	struct gt_chan_link *last = queue->prev;

	gt_chan_will_be_ready(chan);
	waiter->link.prev = last;
	gt_store(&waiter->link.next, queue);
	queue->prev = &waiter->link;
	gt_store_release(&last->next, &waiter->link);
}

/* Under the lock. The waiter's task may be gone afterwards, unless it was claimed. */
static inline void gt_chan_unlink(struct gt_chan_waiter *waiter)
{
	struct gt_chan_link *next = gt_load(&waiter->link.next), *prev = waiter->link.prev;

	next->prev = prev;
	gt_store(&prev->next, next);
	gt_store_release(&waiter->link.next, NULL);
}

/*
 * By the waiter's own task, which has been readied: out of the queue if still there.
 * Returns whether that took the lock.
 */
static inline bool gt_chan_forget(struct gt_chan *chan, struct gt_chan_waiter *waiter)
{
	if (!gt_load_acquire(&waiter->link.next))
		return false;
	gt_bias_lock(&chan->lock);
	if (gt_load(&waiter->link.next))
		gt_chan_unlink(waiter);
	gt_bias_unlock(&chan->lock);
	return true;
}

/* Under the lock. The first waiter that can be had is claimed and unlinked, or NULL. */
static inline struct gt_chan_waiter *gt_chan_take(struct gt_chan_link *queue)
{
	struct gt_chan_waiter *waiter;
	struct gt_chan_link *first;
	bool mine;

	while ((first = gt_load(&queue->next)) != queue) {
		waiter = (struct gt_chan_waiter *)first;
		mine = !waiter->wait || gt_wait_claim(waiter->wait, waiter->key);
		gt_chan_unlink(waiter);
		if (gt_likely(mine))
			return waiter;
	}
	return NULL;
}

/* The common sizes without a call. */
static inline void gt_chan_copy(const struct gt_chan *chan, void *to, const void *from)
{
	if (!to)
		return;
	if (chan->elem_size == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (chan->elem_size)
		memcpy(to, from, chan->elem_size);
}

static inline void gt_chan_zero(const struct gt_chan *chan, void *to)
{
	if (to && chan->elem_size)
		memset(to, 0, chan->elem_size);
}

/* Outside the runtime: its users are all in its bubble, if it has one. */
static inline void gt_chan_check(const struct gt_chan *chan, const char *what)
{
	if (gt_unlikely(chan->bubble))
		gt_bubble_check(chan->bubble, what);
}

/* A new channel, in its user's memory, whose buffer is big enough. */
void gt_chan_init(struct gt_chan *chan, size_t elem_size, size_t capacity);

/* What an attempt under the lock came to. */
enum gt_chan_result {
	GT_CHAN_WAIT,	/* it would have to wait */
	GT_CHAN_PASSED,
	GT_CHAN_CLOSED,
};

/*
 * Under the lock: send or receive if that needs no waiting. *partner is then whom to
 * ready once no lock is held, or NULL.
 */
enum gt_chan_result gt_chan_send_locked(struct gt_chan *chan, const void *value,
					struct gt_g **partner);
enum gt_chan_result gt_chan_recv_locked(struct gt_chan *chan, void *value,
					struct gt_g **partner);

#endif /* GT_PRIM_CHAN_H */
