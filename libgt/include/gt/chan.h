/* SPDX-License-Identifier: MIT */
/*
 * Channels: typed by the size of their elements, first in, first out.
 *
 * An unbuffered channel (capacity 0) hands a value from the sender's memory
 * straight to the receiver's, and each waits for the other. A buffered one takes
 * up to its capacity of values before senders wait. Waiting senders and waiting
 * receivers are served in the order in which they came.
 *
 * A NULL channel is Go's nil channel: sending and receiving wait for ever, and
 * the try forms never succeed.
 *
 * Memory model: a send happens before the receive of its value completes; the
 * k-th receive on a channel of capacity C happens before the (k+C)-th send
 * completes; a close happens before a receive that returns 0 because of it.
 */
#ifndef GT_CHAN_H
#define GT_CHAN_H

#include <stddef.h>
#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

struct gt_chan;

/**
 * gt_chan_make - make a channel
 * @elem_size: bytes of an element, 0 to 64 KiB; 0 sends the event alone.
 * @capacity: values it buffers, 0 for an unbuffered channel.
 *
 * The caller owns one reference. Tasks that outlive it take their own.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the channel; NULL if there is no memory or a size is out of range.
 */
struct gt_chan *gt_chan_make(size_t elem_size, size_t capacity);

/**
 * gt_chan_get - take a reference
 * @chan: the channel, or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: @chan.
 */
struct gt_chan *gt_chan_get(struct gt_chan *chan);

/**
 * gt_chan_put - give a reference back
 * @chan: the channel, or NULL.
 *
 * The last one frees it, with the values that are still buffered. Who uses a channel
 * needs a reference for as long as the call lasts, its own or one that somebody keeps
 * for it: a waiter takes none. The last reference given back while tasks wait is a
 * panic.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 */
void gt_chan_put(struct gt_chan *chan);

/**
 * gt_chan_send - send a value, waiting until it is taken or buffered
 * @chan: the channel; NULL waits for ever.
 * @value: elem_size bytes, copied; not looked at if elem_size is 0.
 *
 * Panics if the channel is closed, also if that happens while it waits.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_chan_send(struct gt_chan *chan, const void *value);

/**
 * gt_chan_recv - receive a value, waiting until there is one
 * @chan: the channel; NULL waits for ever.
 * @value: where to put elem_size bytes, or NULL to drop them. Zeroed if the
 *	channel is closed and drained.
 *
 * Context: as gt_chan_send().
 * Return: 1 if a value was received, 0 if the channel is closed and drained.
 */
int gt_chan_recv(struct gt_chan *chan, void *value);

/**
 * gt_chan_send_until - send a value, waiting no longer than to a deadline
 * @chan: the channel, or NULL.
 * @value: as in gt_chan_send().
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE. One that has passed
 *	fails the call only if it would have to wait.
 *
 * Panics if the channel is closed, also if that happens while it waits. A value whose
 * send timed out is not received by anybody.
 *
 * Context: as gt_chan_send().
 * Return: 0; -ETIMEDOUT; -ENOMEM if there is no memory for the deadline.
 */
int gt_chan_send_until(struct gt_chan *chan, const void *value, int64_t deadline);

/**
 * gt_chan_recv_until - receive a value, waiting no longer than to a deadline
 * @chan: the channel, or NULL.
 * @value: as in gt_chan_recv(); untouched if no value was received and the channel
 *	is not closed.
 * @deadline: as in gt_chan_send_until().
 *
 * Context: as gt_chan_send().
 * Return: 1 if a value was received, 0 if the channel is closed and drained;
 * -ETIMEDOUT; -ENOMEM if there is no memory for the deadline.
 */
int gt_chan_recv_until(struct gt_chan *chan, void *value, int64_t deadline);

/**
 * gt_chan_try_send - send a value if that needs no waiting
 * @chan: the channel, or NULL.
 * @value: as in gt_chan_send().
 *
 * Panics if the channel is closed.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 0, or -EAGAIN.
 */
int gt_chan_try_send(struct gt_chan *chan, const void *value);

/**
 * gt_chan_try_recv - receive a value if there is one
 * @chan: the channel, or NULL.
 * @value: as in gt_chan_recv(); untouched on -EAGAIN.
 *
 * Context: as gt_chan_try_send().
 * Return: 1 if a value was received, 0 if the channel is closed and drained,
 * -EAGAIN if there is nothing to receive now.
 */
int gt_chan_try_recv(struct gt_chan *chan, void *value);

/**
 * gt_chan_close - say that no more values will be sent
 * @chan: the channel. NULL, or one that is closed already, panics.
 *
 * Receivers that wait, or come later, get what is buffered and then 0. Senders
 * that wait panic.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_chan_close(struct gt_chan *chan);

/**
 * gt_chan_len - how many values are buffered
 * @chan: the channel, or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the count, a snapshot if others use the channel; 0 for NULL.
 */
size_t gt_chan_len(const struct gt_chan *chan);

/**
 * gt_chan_cap - how many values it can buffer
 * @chan: the channel, or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the capacity; 0 for NULL.
 */
size_t gt_chan_cap(const struct gt_chan *chan);

GT_END_DECLS

#endif /* GT_CHAN_H */
