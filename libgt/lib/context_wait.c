/* SPDX-License-Identifier: MIT */
/*
 * Waits that a context may end: a select on its channel.
 *
 * A context that is done already wins, by a look before the select, which would choose
 * at random. Both are "possible" only if the context was done before the call.
 */
#include <errno.h>

#include "gt/select.h"
#include "gt/task.h"
#include "lib/context.h"

/* 0, and the channel; else why there is nothing to wait for. */
static int begin(struct gt_context *ctx, struct gt_chan **done)
{
	int error = gt_context_err(ctx);

	if (error)
		return error;
	*done = gt_context_done(ctx);
	return *done || !gt_context_ends(ctx) ? 0 : -ENOMEM;
}

/* What a select says that did not choose the operation; 0 is the context's case. */
static int ended(struct gt_context *ctx, int chosen)
{
	return chosen == -ENOMEM ? chosen : gt_context_err(ctx);
}

int gt_chan_send_ctx(struct gt_chan *chan, const void *value, struct gt_context *ctx)
{
	struct gt_case cases[] = { gt_case_recv(NULL, NULL), gt_case_send(chan, value) };
	int error = begin(ctx, &cases[0].chan), chosen;

	if (error)
		return error;
	chosen = gt_select_until(cases, 2, gt_context_unwatched(ctx));
	return chosen == 1 ? 0 : ended(ctx, chosen);
}

int gt_chan_recv_ctx(struct gt_chan *chan, void *value, struct gt_context *ctx)
{
	struct gt_case cases[] = { gt_case_recv(NULL, NULL), gt_case_recv(chan, value) };
	int error = begin(ctx, &cases[0].chan), chosen;

	if (error)
		return error;
	chosen = gt_select_until(cases, 2, gt_context_unwatched(ctx));
	return chosen == 1 ? cases[1].ok : ended(ctx, chosen);
}

int gt_sleep_ctx(int64_t ns, struct gt_context *ctx)
{
	struct gt_case done = gt_case_recv(NULL, NULL);
	int64_t until, unwatched = gt_context_unwatched(ctx);
	int error = begin(ctx, &done.chan);

	if (error)
		return error;
	if (ns <= 0) {
		gt_yield();
		return gt_context_err(ctx);
	}
	if (__builtin_add_overflow(gt_now(), ns, &until))
		until = GT_NO_DEADLINE;
	error = gt_select_until(&done, 1, until < unwatched ? until : unwatched);
	if (error == -ETIMEDOUT && until <= unwatched)
		return 0;
	return ended(ctx, error);
}
