/* SPDX-License-Identifier: MIT */
/* What contexts offer to the rest of this room: being told of their end at once. */
#ifndef GT_LIB_CONTEXT_H
#define GT_LIB_CONTEXT_H

#include "gt/context.h"

/* What a context that can be cancelled has below it. Its lock; see context.c. */
struct gt_context_link {
	struct gt_context_link *prev, *next;
	enum { GT_LINK_CONTEXT, GT_LINK_FUNCTION, GT_LINK_HOOK } kind;	/* constant */
	bool linked;
};

/*
 * A waiter's, on its own stack: fn(hook) is called when the context is cancelled, with
 * the locks of the context and of those above held. It must not suspend, but for locks
 * that nobody holds while he calls something of contexts.
 */
struct gt_context_hook {
	struct gt_context_link link;	/* first: the context finds the hook by it */
	void (*fn)(struct gt_context_hook *hook);
};

/* Can it ever be done? */
bool gt_context_ends(const struct gt_context *ctx);

/*
 * A deadline that nobody watches, as no runtime ran when it was set, or GT_NO_DEADLINE: who
 * waits for the context waits no longer than to this, and then asks gt_context_err().
 */
int64_t gt_context_unwatched(const struct gt_context *ctx);

/* Hang it in. 0, or gt_context_err() if that is not 0: then it is not in. */
int gt_context_hook_add(struct gt_context *ctx, struct gt_context_hook *hook);

/* Take it out. After this fn is neither called nor still running. */
void gt_context_hook_del(struct gt_context *ctx, struct gt_context_hook *hook);

#endif /* GT_LIB_CONTEXT_H */
