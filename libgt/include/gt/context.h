/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the end of a piece of work, told to all that work on it.
 *
 * A context is made from a parent, and is done when it is cancelled, when its deadline
 * has passed, or when its parent is done, and so on down the whole tree. Work that is asked to stop learns it from gt_context_done(), a
 * channel that is closed then, from gt_context_err(), or from a call of the form
 * gt_..._ctx(), which returns -ECANCELED or -ETIMEDOUT. Values ride along, such as
 * who asked.
 *
 *	struct gt_context *ctx = gt_context_with_timeout(parent, 2 * GT_SECOND);
 *	int error = ask_the_other(ctx);
 *
 *	gt_context_cancel(ctx);		(those that still work on it stop)
 *	gt_context_put(ctx);
 *
 * Ownership: contexts are counted. Each call that makes one gives its caller a
 * reference, and the new one keeps its parent. A task that is given a context and
 * may outlive the giver's reference takes its own. The last gt_context_put() of a
 * context that was never cancelled frees it, and cancels nothing: nobody is left who
 * could see it. A context takes its leave of its parent when it is cancelled or
 * freed, whichever is first, so that a parent that lives for ever does not grow.
 *
 * Whoever has a reference may cancel. All calls may be made by any number of tasks
 * and threads at once.
 *
 * Memory model: what happened before the call that cancels happens before a
 * gt_context_err() that reports it, before a receive from gt_context_done() that
 * returns because of it, and before the functions of gt_context_after_func().
 */
#ifndef GT_CONTEXT_H
#define GT_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <gt/chan.h>
#include <gt/time.h>
#include <gt/version.h>

GT_BEGIN_DECLS

struct gt_context;

/**
 * gt_context_background - the root of all contexts
 *
 * It has no values, and is never done. Its references are not counted: it may be put
 * as often as one likes.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the one background context.
 */
struct gt_context *gt_context_background(void);

/**
 * gt_context_get - take a reference
 * @ctx: the context.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: @ctx.
 */
struct gt_context *gt_context_get(struct gt_context *ctx);

/**
 * gt_context_put - give a reference back
 * @ctx: the context, or NULL.
 *
 * The last one frees it, drops its functions (gt_context_after_func()) unrun, gives
 * its value to the key's release(), and puts its parent.
 *
 * Context: Suspends: yes, if the parent is being cancelled. Migrates: yes.
 * Pthread: works. Signal-safe: no.
 */
void gt_context_put(struct gt_context *ctx);

/**
 * gt_context_with_cancel - make a context that can be cancelled
 * @parent: its parent. NULL panics.
 *
 * Context: Suspends: as gt_context_put(). Pthread: works. Signal-safe: no.
 * Return: the context, done already if @parent is; NULL if there is no memory.
 */
struct gt_context *gt_context_with_cancel(struct gt_context *parent);

/**
 * gt_context_with_deadline - make a context that is done at a time
 * @parent: its parent. NULL panics.
 * @deadline: absolute, as gt_now() gives it; GT_NO_DEADLINE means never. One that has passed
 *	makes a context that is done. If @parent's is earlier, that one counts.
 *
 * It can be cancelled earlier, too; do so when its work is done, which frees its timer.
 *
 * While no runtime runs there is no timer either. Then it is found to be done by who asks
 * with gt_context_err() after its deadline, and the calls with _ctx() end at it; but its
 * channel is closed, and its functions are started, only by those.
 *
 * Context: as gt_context_with_cancel().
 * Return: as gt_context_with_cancel().
 */
struct gt_context *gt_context_with_deadline(struct gt_context *parent, int64_t deadline);

/**
 * gt_context_with_deadline_cause - the same, with a cause if the deadline passes
 * @parent: as in gt_context_with_deadline().
 * @deadline: as in gt_context_with_deadline().
 * @cause: what gt_context_cause() is then; 0 means -ETIMEDOUT.
 * @text: what gt_context_cause_text() is then, or NULL. Not copied: it must outlive the
 *	context and its children.
 *
 * Context: as gt_context_with_cancel().
 * Return: as gt_context_with_cancel().
 */
struct gt_context *gt_context_with_deadline_cause(struct gt_context *parent, int64_t deadline,
						  int cause, const char *text);

/**
 * gt_context_with_timeout - make a context that is done after a while
 * @parent: its parent. NULL panics.
 * @ns: how long from now; zero or less makes a context that is done.
 *
 * Context: as gt_context_with_cancel().
 * Return: as gt_context_with_cancel().
 */
struct gt_context *gt_context_with_timeout(struct gt_context *parent, int64_t ns);

/**
 * gt_context_with_timeout_cause - the same, with a cause if the time passes
 * @parent: as in gt_context_with_timeout().
 * @ns: as in gt_context_with_timeout().
 * @cause: as in gt_context_with_deadline_cause().
 * @text: as in gt_context_with_deadline_cause().
 *
 * Context: as gt_context_with_cancel().
 * Return: as gt_context_with_cancel().
 */
struct gt_context *gt_context_with_timeout_cause(struct gt_context *parent, int64_t ns, int cause,
						 const char *text);

/**
 * struct gt_context_key - names a value by the key's address
 * @name: for those who read a dump.
 * @release: called with the value when its context is freed; NULL: the value is
 *	borrowed, and must outlive the context and its children.
 *
 * A package defines one for each value that it hands along, static, so that no other
 * package can meet it:
 *
 *	static const struct gt_context_key user_key = { "user", user_put };
 */
struct gt_context_key {
	const char *name;
	void (*release)(void *value);
};

/**
 * gt_context_with_value - make a context that carries a value
 * @parent: its parent. NULL panics.
 * @key: the value's key. NULL panics.
 * @value: the value. The context owns it from here on, if @key has a release(); after
 *	an error it does not.
 *
 * It is done when @parent is, and cannot be cancelled by itself.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the context; NULL if there is no memory.
 */
struct gt_context *gt_context_with_value(struct gt_context *parent,
					 const struct gt_context_key *key, void *value);

/**
 * gt_context_without_cancel - make a context that outlives its parent's end
 * @parent: its parent. NULL panics.
 *
 * It has @parent's values, and is never done: for what has to be finished, such as a
 * log entry, after its request was given up.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the context; NULL if there is no memory.
 */
struct gt_context *gt_context_without_cancel(struct gt_context *parent);

/**
 * gt_context_cancel - say that the work is over
 * @ctx: a context of gt_context_with_cancel(), _deadline() or _timeout(); others panic.
 *
 * When it returns, @ctx and all contexts below are done, and their functions have been
 * started. Later calls do nothing. The error is -ECANCELED.
 *
 * Context: Suspends: yes, if another is at work on these contexts. Migrates: yes.
 * Pthread: works. Signal-safe: no.
 */
void gt_context_cancel(struct gt_context *ctx);

/**
 * gt_context_cancel_cause - say that the work is over, and why
 * @ctx: as in gt_context_cancel().
 * @cause: what gt_context_cause() is to say, by custom a negative errno value; 0 means
 *	-ECANCELED.
 * @text: what gt_context_cause_text() is to say, or NULL. Not copied: it must outlive the
 *	context and its children.
 *
 * gt_context_err() is -ECANCELED all the same.
 *
 * Context: as gt_context_cancel().
 */
void gt_context_cancel_cause(struct gt_context *ctx, int cause, const char *text);

/**
 * gt_context_err - is it done, and how
 * @ctx: the context.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes. But if it has a deadline from
 * a time when no runtime ran, and this has passed: as gt_context_cancel().
 * Return: 0 if it is not done; -ECANCELED if it or an ancestor was cancelled;
 * -ETIMEDOUT if a deadline passed.
 */
int gt_context_err(const struct gt_context *ctx);

/**
 * gt_context_err_text - the same in words
 * @ctx: the context.
 *
 * Context: as gt_context_err().
 * Return: NULL, "context canceled" or "context deadline exceeded"; static.
 */
const char *gt_context_err_text(const struct gt_context *ctx);

/**
 * gt_context_cause - why it is done
 * @ctx: the context.
 *
 * Context: as gt_context_err().
 * Return: 0 if it is not done; the cause that came with what ended it, here or in the
 * first ancestor that was done; without one gt_context_err().
 */
int gt_context_cause(const struct gt_context *ctx);

/**
 * gt_context_cause_text - the same in words
 * @ctx: the context.
 *
 * Context: as gt_context_err().
 * Return: NULL if it is not done; the text that came with the cause; if none did,
 * gt_context_err_text() where there was no cause either, else the cause's text as
 * strerror() has it, or "unknown cause".
 */
const char *gt_context_cause_text(const struct gt_context *ctx);

/**
 * gt_context_done - a channel that is closed when the context is done
 * @ctx: the context.
 *
 * It has elements of size 0, and nothing is ever sent on it. It is made by the first
 * call, and belongs to the context: it is valid as long as that is, and must not be
 * closed or sent on.
 *
 * Context: Suspends: as gt_context_put(). Pthread: works. Signal-safe: no.
 * Return: the channel; NULL, on which a receive waits for ever, if the context can never
 * be done, or if there is no memory for the channel.
 */
struct gt_chan *gt_context_done(struct gt_context *ctx);

/**
 * gt_context_deadline - when it will be done at the latest
 * @ctx: the context.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the deadline, as gt_now() gives it; GT_NO_DEADLINE if there is none.
 */
int64_t gt_context_deadline(const struct gt_context *ctx);

/**
 * gt_context_value - the value of a key
 * @ctx: the context.
 * @key: the key.
 *
 * Looks at @ctx and then at its ancestors: the nearest value counts.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the value, which is @ctx's: valid as long as that is; NULL if there is none.
 */
void *gt_context_value(const struct gt_context *ctx, const struct gt_context_key *key);

struct gt_context_after;

/**
 * gt_context_after_func - have a function called once a context is done
 * @ctx: the context.
 * @fn: the function, called in a task of its own. If none can be started, for want of
 *	memory or because the runtime does not run, the call that cancels calls it before
 *	it returns, when it holds no lock any more.
 * @arg: passed to @fn.
 * @after: what gt_context_after_stop() wants is put here; NULL: it will not be stopped.
 *
 * Several functions of one context are independent of each other. If the context is
 * done already, @fn is started at once.
 *
 * Ownership: *@after must be given back by gt_context_after_stop(), just once, and has
 * a reference to @ctx until then.
 *
 * Context: Suspends: as gt_context_put(). Pthread: works. Signal-safe: no.
 * Return: 0 or -ENOMEM.
 */
int gt_context_after_func(struct gt_context *ctx, void (*fn)(void *arg), void *arg,
			  struct gt_context_after **after);

/**
 * gt_context_after_stop - take that back
 * @after: from gt_context_after_func(). Gone after this call.
 *
 * Does not wait for a function that has been started.
 *
 * Context: Suspends: as gt_context_put(). Pthread: works. Signal-safe: no.
 * Return: true if the function will not be called because of this; false if it has been
 * started.
 */
bool gt_context_after_stop(struct gt_context_after *after);

/**
 * gt_chan_send_ctx - send a value, or give up when a context is done
 * @chan: the channel; NULL waits for @ctx alone.
 * @value: as in gt_chan_send().
 * @ctx: the context.
 *
 * If both are possible when it is called, the context wins. Panics if the channel is
 * closed.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: 0; -ECANCELED or -ETIMEDOUT as gt_context_err(); -ENOMEM if there is no memory
 * for the context's channel. After an error nothing was sent.
 */
int gt_chan_send_ctx(struct gt_chan *chan, const void *value, struct gt_context *ctx);

/**
 * gt_chan_recv_ctx - receive a value, or give up when a context is done
 * @chan: the channel; NULL waits for @ctx alone.
 * @value: as in gt_chan_recv(); untouched after an error.
 * @ctx: the context.
 *
 * If both are possible when it is called, the context wins.
 *
 * Context: as gt_chan_send_ctx().
 * Return: 1 if a value was received; 0 if the channel is closed and drained; the errors
 * of gt_chan_send_ctx(). After an error nothing was received.
 */
int gt_chan_recv_ctx(struct gt_chan *chan, void *value, struct gt_context *ctx);

/**
 * gt_sleep_ctx - wait for a while, or until a context is done
 * @ns: how long; zero or less only yields.
 * @ctx: the context.
 *
 * Context: as gt_chan_send_ctx().
 * Return: 0 after the whole time; the errors of gt_chan_send_ctx().
 */
int gt_sleep_ctx(int64_t ns, struct gt_context *ctx);

GT_END_DECLS

#endif /* GT_CONTEXT_H */
