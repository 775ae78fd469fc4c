/* SPDX-License-Identifier: MIT */
/*
 * Channels: a ring of values and two queues of waiters under one lock.
 *
 * Invariants, whenever the lock is free:
 * - at most one of recvq and sendq is not empty;
 * - recvq is not empty only if the buffer is empty, and sendq only if it is full;
 * - both are empty if the channel is closed.
 *
 * A sender that finds a receiver copies straight into the receiver's variable, and
 * a receiver that finds a sender takes the oldest value, from the sender itself if
 * there is no buffer. So a value is copied once, or twice through the buffer. The
 * partner is parked, its stack stands still, and the lock under which it was queued
 * orders the copy after its last use; gt_ready() orders it before its next.
 *
 * The lock is let go by park's commit, when the waiter's context is saved. A waiter
 * is taken out of its queue by the one that readies it, under the lock: so it is
 * readied once.
 *
 * count is written under the lock and read without it by the try forms, so that a
 * poll of an idle channel costs no atomic operation. The answer was true at a
 * moment during the call, which is all that any answer could be.
 *
 * Source: Go's runtime, chan.go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gt/chan.h"
#include "gt/panic.h"
#include "sched/park.h"

#define GT_ELEM_MAX ((size_t)64 << 10)

/* Who waits, on its own stack. */
struct waiter {
	struct waiter *next;	/* chan->lock */
	struct gt_g *g;
	void *value;		/* where to copy from or to; may be NULL for a receiver */
	bool done;		/* copied; false: the channel was closed. Waker's */
};

struct queue {
	struct waiter *head, *tail;
};

struct gt_chan {
	struct gt_lock lock;
	_Atomic uint32_t refs;
	_Atomic bool closed;		/* written under the lock */
	_Atomic size_t count;		/* values buffered. Written under the lock */
	size_t capacity, elem_size;	/* constant */
	size_t recv_at, send_at;	/* lock: ring indexes */
	struct queue recvq, sendq;	/* lock */
	_Alignas(max_align_t) char ring[];	/* lock */
};

static void queue_put(struct queue *queue, struct waiter *waiter)
{
	waiter->next = NULL;
	if (queue->tail)
		queue->tail->next = waiter;
	else
		queue->head = waiter;
	queue->tail = waiter;
}

static struct waiter *queue_get(struct queue *queue)
{
	struct waiter *waiter = queue->head;

	if (waiter) {
		queue->head = waiter->next;
		if (!queue->head)
			queue->tail = NULL;
	}
	return waiter;
}

/* The common sizes without a call. */
static inline void copy(const struct gt_chan *chan, void *to, const void *from)
{
	if (!to)
		return;
	if (chan->elem_size == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (chan->elem_size)
		memcpy(to, from, chan->elem_size);
}

static inline void zero(const struct gt_chan *chan, void *to)
{
	if (to && chan->elem_size)
		memset(to, 0, chan->elem_size);
}

static inline void *slot(struct gt_chan *chan, size_t at)
{
	return chan->ring + at * chan->elem_size;
}

static inline size_t after(const struct gt_chan *chan, size_t at)
{
	return at + 1 == chan->capacity ? 0 : at + 1;
}

static void put_buffered(struct gt_chan *chan, const void *value)
{
	copy(chan, slot(chan, chan->send_at), value);
	chan->send_at = after(chan, chan->send_at);
	gt_store(&chan->count, gt_load(&chan->count) + 1);
}

static void get_buffered(struct gt_chan *chan, void *value)
{
	copy(chan, value, slot(chan, chan->recv_at));
	chan->recv_at = after(chan, chan->recv_at);
	gt_store(&chan->count, gt_load(&chan->count) - 1);
}

struct gt_chan *gt_chan_make(size_t elem_size, size_t capacity)
{
	struct gt_chan *chan;
	size_t bytes;

	if (elem_size > GT_ELEM_MAX || __builtin_mul_overflow(elem_size, capacity, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*chan), &bytes) || bytes > PTRDIFF_MAX)
		return NULL;
	chan = malloc(bytes);
	if (!chan)
		return NULL;
	memset(chan, 0, sizeof(*chan));
	chan->elem_size = elem_size;
	chan->capacity = capacity;
	gt_store(&chan->refs, 1);
	return chan;
}

struct gt_chan *gt_chan_get(struct gt_chan *chan)
{
	if (chan)
		atomic_fetch_add_explicit(&chan->refs, 1, memory_order_relaxed);
	return chan;
}

void gt_chan_put(struct gt_chan *chan)
{
	if (chan && atomic_fetch_sub_explicit(&chan->refs, 1, memory_order_acq_rel) == 1)
		free(chan);
}

static bool commit_unlock(struct gt_g *g, void *arg)
{
	struct gt_chan *chan = arg;

	(void)g;
	gt_unlock(&chan->lock);
	return true;
}

static bool commit_nothing(struct gt_g *g, void *arg)
{
	(void)g, (void)arg;
	return true;
}

static void wait_for_ever(void)
{
	for (;;) {
		gt_enter();
		gt_park(commit_nothing, NULL, GT_REASON_CHAN_NIL);
		gt_leave();
	}
}

static _Noreturn void panic_closed(struct gt_chan *chan)
{
	gt_unlock(&chan->lock);
	gt_panic("send on closed channel");
}

/* Queue the caller, park it, let the lock go. Returns whether a value was passed. */
static bool wait_in(struct gt_chan *chan, struct queue *queue, void *value,
		    enum gt_reason reason)
{
	struct waiter waiter = { .g = gt_g_self(), .value = value };

	queue_put(queue, &waiter);
	gt_park(commit_unlock, chan, reason);
	return waiter.done;
}

/* Inside the runtime. 0, or -EAGAIN if it would have to wait and must not. */
static int chan_send(struct gt_chan *chan, const void *value, bool block)
{
	struct waiter *waiter;

	gt_lock(&chan->lock);
	if (gt_load(&chan->closed))
		panic_closed(chan);
	waiter = queue_get(&chan->recvq);
	if (waiter) {
		copy(chan, waiter->value, value);
		waiter->done = true;
		gt_unlock(&chan->lock);
		gt_ready(waiter->g);
		return 0;
	}
	if (gt_load(&chan->count) < chan->capacity) {
		put_buffered(chan, value);
		gt_unlock(&chan->lock);
		return 0;
	}
	if (!block) {
		gt_unlock(&chan->lock);
		return -EAGAIN;
	}
	if (!wait_in(chan, &chan->sendq, (void *)value, GT_REASON_CHAN_SEND))
		gt_panic("send on closed channel");
	return 0;
}

/* Inside the runtime. 1, 0 if closed and drained, or -EAGAIN. */
static int chan_recv(struct gt_chan *chan, void *value, bool block)
{
	struct waiter *waiter;

	gt_lock(&chan->lock);
	waiter = queue_get(&chan->sendq);
	if (waiter) {
		if (chan->capacity) {
			get_buffered(chan, value);
			put_buffered(chan, waiter->value);
		} else {
			copy(chan, value, waiter->value);
		}
		waiter->done = true;
		gt_unlock(&chan->lock);
		gt_ready(waiter->g);
		return 1;
	}
	if (gt_load(&chan->count)) {
		get_buffered(chan, value);
		gt_unlock(&chan->lock);
		return 1;
	}
	if (gt_load(&chan->closed)) {
		gt_unlock(&chan->lock);
		zero(chan, value);
		return 0;
	}
	if (!block) {
		gt_unlock(&chan->lock);
		return -EAGAIN;
	}
	if (wait_in(chan, &chan->recvq, value, GT_REASON_CHAN_RECV))
		return 1;
	zero(chan, value);
	return 0;
}

void gt_chan_send(struct gt_chan *chan, const void *value)
{
	if (!chan)
		wait_for_ever();
	gt_enter();
	chan_send(chan, value, true);
	gt_leave();
}

int gt_chan_recv(struct gt_chan *chan, void *value)
{
	int result;

	if (!chan)
		wait_for_ever();
	gt_enter();
	result = chan_recv(chan, value, true);
	gt_leave();
	return result;
}

int gt_chan_try_send(struct gt_chan *chan, const void *value)
{
	int result;

	if (!chan)
		return -EAGAIN;
	/* Full: a rendezvous is never "full" by count, its lock has to be taken. */
	if (chan->capacity && gt_load_acquire(&chan->count) == chan->capacity &&
	    !gt_load(&chan->closed))
		return -EAGAIN;
	gt_enter();
	result = chan_send(chan, value, false);
	gt_leave();
	return result;
}

int gt_chan_try_recv(struct gt_chan *chan, void *value)
{
	int result;

	if (!chan)
		return -EAGAIN;
	/* In this order: open after it was empty is open when it was empty. */
	if (chan->capacity && !gt_load_acquire(&chan->count) && !gt_load(&chan->closed))
		return -EAGAIN;
	gt_enter();
	result = chan_recv(chan, value, false);
	gt_leave();
	return result;
}

void gt_chan_close(struct gt_chan *chan)
{
	struct waiter *waiter, *next;

	if (!chan)
		gt_panic("close of nil channel");
	gt_enter();
	gt_lock(&chan->lock);
	if (gt_load(&chan->closed)) {
		gt_unlock(&chan->lock);
		gt_panic("close of closed channel");
	}
	gt_store_release(&chan->closed, true);
	/* One of the two is empty. */
	waiter = chan->recvq.head ? chan->recvq.head : chan->sendq.head;
	chan->recvq = (struct queue){ 0 };
	chan->sendq = (struct queue){ 0 };
	gt_unlock(&chan->lock);
	for (; waiter; waiter = next) {
		next = waiter->next;
		gt_ready_last(waiter->g);
	}
	gt_leave();
}

size_t gt_chan_len(const struct gt_chan *chan)
{
	return chan ? gt_load(&chan->count) : 0;
}

size_t gt_chan_cap(const struct gt_chan *chan)
{
	return chan ? chan->capacity : 0;
}
