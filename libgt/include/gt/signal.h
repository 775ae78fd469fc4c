/* SPDX-License-Identifier: MIT */
/*
 * Signals, as values on channels and as the end of contexts.
 *
 *	int stop[] = { SIGINT, SIGTERM };
 *
 *	gt_signal_context(gt_context_background(), stop, 2, &ctx);
 *	serve(ctx);				(until one of them comes)
 *	gt_signal_context_stop(ctx);		(the next one kills again)
 *	gt_context_put(ctx);
 *
 * The handler notes the signal, and a thread of the library's own hands it on; so it
 * works before, during and after gt_run(), also if all other threads block the signal.
 * That thread is there only while somebody wants a signal. The handlers that were set
 * before come back when nobody wants it any more.
 *
 * Signals of one number that come while one is on its way are one. A child of a fork()
 * has the handlers from before, and no registrations.
 *
 * Source: Go's os/signal.
 */
#ifndef GT_SIGNAL_H
#define GT_SIGNAL_H

#include <stddef.h>

#include <gt/chan.h>
#include <gt/context.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * gt_signal_notify - have signals sent on a channel
 * @chan: a channel of int, which gets the number. Sends do not wait: it must have room,
 *	1 for a channel that is for one signal. It is referred to until
 *	gt_signal_stop().
 * @signals: which; more than were asked for @chan before.
 * @n: how many they are.
 *
 * Context: Suspends: yes, for a lock. Migrates: yes. Pthread: works. Signal-safe: no.
 * Return: 0; -EINVAL if @n is 0, or one of them is no signal, or one that cannot be
 * caught, or one that means an error of the program (SIGSEGV, SIGBUS, SIGFPE, SIGILL),
 * or the runtime's own (SIGURG): nothing has changed then; -ENOMEM or -EAGAIN if there is
 * no memory, or no thread can be made.
 */
int gt_signal_notify(struct gt_chan *chan, const int *signals, size_t n);

/**
 * gt_signal_stop - have no more signals sent on a channel
 * @chan: the channel. Nothing happens if none were.
 *
 * What came before this call has been sent when it returns, as far as there is room, and
 * nothing is sent afterwards.
 *
 * Context: as gt_signal_notify().
 */
void gt_signal_stop(struct gt_chan *chan);

/**
 * gt_signal_context - make a context that is cancelled by signals
 * @parent: its parent. NULL panics.
 * @signals: any of these cancels it.
 * @n: how many they are.
 * @ctx: the context is put here: the caller's reference.
 *
 * Its cause is -EINTR then, in words such as "terminated signal received". Further
 * signals are caught, and do nothing, until gt_signal_context_stop().
 *
 * Context: as gt_signal_notify().
 * Return: as gt_signal_notify().
 */
int gt_signal_context(struct gt_context *parent, const int *signals, size_t n,
		      struct gt_context **ctx);

/**
 * gt_signal_context_stop - catch them no more
 * @ctx: from gt_signal_context(). It is cancelled, and has to be put all the same.
 *
 * Context: as gt_signal_notify().
 */
void gt_signal_context_stop(struct gt_context *ctx);

GT_END_DECLS

#endif /* GT_SIGNAL_H */
