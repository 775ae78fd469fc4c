/* SPDX-License-Identifier: MIT */
/*
 * Channels: a ring of values and two queues of waiters under one lock. What they
 * are made of, and what is true of them, is in chan.h.
 *
 * A sender that finds a receiver copies straight into the receiver's variable, and
 * a receiver that finds a sender takes the oldest value, from the sender itself if
 * there is no buffer. So a value is copied once, or twice through the buffer. The
 * partner is parked, its stack stands still, and the lock under which it was queued
 * orders the copy after its last use; gt_ready() orders it before its next.
 *
 * The lock is let go by park's commit, when the waiter's context is saved. A waiter
 * is claimed and taken out of its queue by the one that readies it, under the lock:
 * so it is readied once.
 *
 * Nothing panics inside: a panic may be recovered from, and must find no lock held.
 *
 * What an item through a buffer costs, sent and received on one P: 250 instructions, 16 to
 * 24 ns, none of them atomic since the lock leans (bias.h). To enter and leave the runtime
 * and to take that lock and let it go is half of it. Two Ps pay for the way of its lines
 * beside that, as rarely as backoff.h can make it.
 *
 * Source: Go's runtime, chan.go.
 */
#include <errno.h>
#include <stdlib.h>

#include "gt/panic.h"
#include "prim/chan.h"

#define GT_ELEM_MAX ((size_t)64 << 10)

static inline void *slot(struct gt_chan *chan, size_t at)
{
	return chan->ring + at * chan->elem_size;
}

static inline size_t after(const struct gt_chan *chan, size_t at)
{
	return at + 1 == chan->capacity ? 0 : at + 1;
}

static inline void put_buffered(struct gt_chan *chan, const void *value)
{
	gt_chan_copy(chan, slot(chan, chan->send_at), value);
	chan->send_at = after(chan, chan->send_at);
	gt_chan_will_be_ready(chan);
	gt_store_release(&chan->count, gt_load(&chan->count) + 1);
}

static inline void get_buffered(struct gt_chan *chan, void *value)
{
	gt_chan_copy(chan, value, slot(chan, chan->recv_at));
	chan->recv_at = after(chan, chan->recv_at);
	gt_chan_will_be_ready(chan);
	gt_store_release(&chan->count, gt_load(&chan->count) - 1);
}

static void queue_init(struct gt_chan_link *queue)
{
	gt_store(&queue->next, queue);
	queue->prev = queue;
}

void gt_chan_init(struct gt_chan *chan, size_t elem_size, size_t capacity)
{
	memset(chan, 0, sizeof(*chan));
	chan->elem_size = elem_size;
	chan->capacity = capacity;
	chan->bubble = gt_bubble_id();
	queue_init(&chan->recvq);
	queue_init(&chan->sendq);
	gt_store(&chan->refs, 1);
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
	gt_chan_init(chan, elem_size, capacity);
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
	/* Who has the only reference need not count down: nobody could count up. */
	if (!chan || (gt_load_acquire(&chan->refs) != 1 &&
		      atomic_fetch_sub_explicit(&chan->refs, 1, memory_order_acq_rel) != 1))
		return;
	if (!gt_chan_queue_empty(&chan->recvq) || !gt_chan_queue_empty(&chan->sendq))
		gt_panic("gt_chan_put: the last reference to a channel on which tasks wait");
	if (chan->last_put)
		chan->last_put(chan);
	else
		free(chan);
}

static bool commit_unlock(struct gt_g *g, void *arg)
{
	struct gt_chan *chan = arg;

	(void)g;
	gt_bias_unlock(&chan->lock);
	return true;
}

static bool commit_nothing(struct gt_g *g, void *arg)
{
	(void)g, (void)arg;
	return true;
}

/* Wait for what never comes. */
static _Noreturn void wait_for_ever(void)
{
	for (;;) {
		gt_enter();
		gt_park(commit_nothing, NULL, GT_REASON_CHAN_NIL);
		gt_leave();
	}
}

/* Queue the caller, park it, let the lock go. Returns whether a value was passed. */
static enum gt_chan_result wait_in(struct gt_chan *chan, struct gt_chan_link *queue,
				   void *value, enum gt_reason reason)
{
	struct gt_chan_waiter waiter;

	waiter.g = gt_g_self();
	waiter.value = value;
	waiter.wait = NULL;
	waiter.g->outside = !chan->bubble;
	gt_chan_enqueue(chan, queue, &waiter);
	gt_park(commit_unlock, chan, reason);
	return waiter.passed ? GT_CHAN_PASSED : GT_CHAN_CLOSED;
}

/* In the calls for one channel without a call more, and as a function for others. */
static inline __attribute__((__always_inline__)) enum gt_chan_result
send_locked(struct gt_chan *chan, const void *value, struct gt_g **partner)
{
	struct gt_chan_waiter *waiter;

	*partner = NULL;
	if (gt_unlikely(gt_load(&chan->closed)))
		return GT_CHAN_CLOSED;
	waiter = gt_chan_take(&chan->recvq);
	if (waiter) {
		gt_chan_copy(chan, waiter->value, value);
		waiter->passed = true;
		*partner = waiter->g;
		return GT_CHAN_PASSED;
	}
	if (gt_load(&chan->count) < chan->capacity) {
		put_buffered(chan, value);
		return GT_CHAN_PASSED;
	}
	return GT_CHAN_WAIT;
}

static inline __attribute__((__always_inline__)) enum gt_chan_result
recv_locked(struct gt_chan *chan, void *value, struct gt_g **partner)
{
	struct gt_chan_waiter *waiter = gt_chan_take(&chan->sendq);

	*partner = NULL;
	if (waiter) {
		if (chan->capacity) {
			get_buffered(chan, value);
			put_buffered(chan, waiter->value);
		} else {
			gt_chan_copy(chan, value, waiter->value);
		}
		waiter->passed = true;
		*partner = waiter->g;
		return GT_CHAN_PASSED;
	}
	if (gt_load(&chan->count)) {
		get_buffered(chan, value);
		return GT_CHAN_PASSED;
	}
	return gt_load(&chan->closed) ? GT_CHAN_CLOSED : GT_CHAN_WAIT;
}

enum gt_chan_result gt_chan_send_locked(struct gt_chan *chan, const void *value,
					struct gt_g **partner)
{
	return send_locked(chan, value, partner);
}

enum gt_chan_result gt_chan_recv_locked(struct gt_chan *chan, void *value,
					struct gt_g **partner)
{
	return recv_locked(chan, value, partner);
}

static enum gt_chan_result chan_send(struct gt_chan *chan, const void *value, bool block)
{
	enum gt_chan_result result;
	struct gt_g *partner;

	gt_enter();
	gt_bias_lock(&chan->lock);
	result = send_locked(chan, value, &partner);
	if (result == GT_CHAN_WAIT && block) {
		result = wait_in(chan, &chan->sendq, (void *)value, GT_REASON_CHAN_SEND);
	} else {
		gt_bias_unlock(&chan->lock);
		if (partner)
			gt_ready(partner);
	}
	gt_leave();
	if (gt_unlikely(result == GT_CHAN_CLOSED))
		gt_panic("send on closed channel");
	return result;
}

static enum gt_chan_result chan_recv(struct gt_chan *chan, void *value, bool block)
{
	enum gt_chan_result result;
	struct gt_g *partner;

	gt_enter();
	gt_bias_lock(&chan->lock);
	result = recv_locked(chan, value, &partner);
	if (result == GT_CHAN_WAIT && block) {
		result = wait_in(chan, &chan->recvq, value, GT_REASON_CHAN_RECV);
	} else {
		gt_bias_unlock(&chan->lock);
		if (partner)
			gt_ready(partner);
	}
	gt_leave();
	if (gt_unlikely(result == GT_CHAN_CLOSED))
		gt_chan_zero(chan, value);
	return result;
}

void gt_chan_send(struct gt_chan *chan, const void *value)
{
	if (!chan)
		wait_for_ever();
	gt_chan_check(chan, "send on synctest channel");
	chan_send(chan, value, true);
}

int gt_chan_recv(struct gt_chan *chan, void *value)
{
	if (!chan)
		wait_for_ever();
	gt_chan_check(chan, "receive on synctest channel");
	return chan_recv(chan, value, true) == GT_CHAN_PASSED;
}

int gt_chan_try_send(struct gt_chan *chan, const void *value)
{
	if (!chan || !gt_chan_can_send(chan))
		return -EAGAIN;
	gt_chan_check(chan, "send on synctest channel");
	return chan_send(chan, value, false) == GT_CHAN_WAIT ? -EAGAIN : 0;
}

int gt_chan_try_recv(struct gt_chan *chan, void *value)
{
	enum gt_chan_result result;

	if (!chan || !gt_chan_can_recv(chan))
		return -EAGAIN;
	gt_chan_check(chan, "receive on synctest channel");
	result = chan_recv(chan, value, false);
	return result == GT_CHAN_WAIT ? -EAGAIN : result == GT_CHAN_PASSED;
}

/* Move all waiters of queue that can be had to the end of list, linked by value. */
static void claim_all(struct gt_chan_link *queue, struct gt_list *list)
{
	struct gt_chan_waiter *waiter;

	while ((waiter = gt_chan_take(queue))) {
		waiter->passed = false;
		gt_list_push(list, waiter->g);
	}
}

void gt_chan_close(struct gt_chan *chan)
{
	struct gt_list woken = { 0 };
	struct gt_g *g;

	if (!chan)
		gt_panic("close of nil channel");
	gt_chan_check(chan, "close of synctest channel");
	gt_enter();
	gt_bias_lock(&chan->lock);
	if (gt_load(&chan->closed)) {
		gt_bias_unlock(&chan->lock);
		gt_leave();
		gt_panic("close of closed channel");
	}
	gt_chan_will_be_ready(chan);
	gt_store_release(&chan->closed, true);
	claim_all(&chan->recvq, &woken);
	claim_all(&chan->sendq, &woken);
	gt_bias_unlock(&chan->lock);
	while ((g = gt_list_pop(&woken)))
		gt_ready_last(g);
	gt_leave();
}

/* A timer's channel has a place for a tick, but is as good as unbuffered: see timer.c. */
size_t gt_chan_len(const struct gt_chan *chan)
{
	return chan && !chan->last_put ? gt_load(&chan->count) : 0;
}

size_t gt_chan_cap(const struct gt_chan *chan)
{
	return chan && !chan->last_put ? chan->capacity : 0;
}
