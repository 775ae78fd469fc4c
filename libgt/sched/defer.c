/* SPDX-License-Identifier: MIT */
/*
 * Deferred calls: a list for each task, innermost first.
 *
 * An entry stands in the frame of the function that defers, so that pushing and
 * taking it off costs no memory; it has its task, so that a task that has moved to
 * another thread takes it off its own list. gt_defer()'s calls hang off the scope
 * that they belong to.
 *
 * A call is off the list before it runs: whatever it does, it runs once. Who takes it
 * off is gt_defer_end() at the end of its block, a panic (panic.c), or the unwinding
 * of its frame (unwind.c); the last two clear its g, so that gt_defer_end(), run as
 * a cleanup of the unwinding, leaves it alone.
 *
 * The list is the task's own: no lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/panic.h"
#include "sched/park.h"

_Static_assert(sizeof(struct gt_call) <= sizeof(struct gt_defer_call) &&
	       _Alignof(struct gt_call) <= _Alignof(struct gt_defer_call),
	       "an entry fits into what the macros declare");

static inline void push(struct gt_call *call, enum gt_call_kind kind)
{
	struct gt_g *g = gt_g_self();

	call->g = g;
	call->kind = kind;
	call->more = NULL;
	call->frame = UINTPTR_MAX;
	call->outer = g->defers;
	g->defers = call;
}

int gt_defer_begin(struct gt_defer_call *public, void (*fn)(void *arg), void *arg,
		   intptr_t result)
{
	struct gt_call *call = (struct gt_call *)public;

	call->fn = fn;
	call->arg = arg;
	call->result = result;
	push(call, GT_CALL_ONE);
	return 0;
}

int gt_defer_scope_begin(struct gt_defer_call *public)
{
	struct gt_call *call = (struct gt_call *)public;

	call->result = 0;
	push(call, GT_CALL_SCOPE);
	return 0;
}

void gt_defer_drop(struct gt_call *call)
{
	/* Not "the first": what a longjmp() has skipped goes with it. */
	call->g->defers = call->outer;
	call->g = NULL;
}

static void pop_more(struct gt_call *scope, void (**fn)(void *arg), void **arg)
{
	struct gt_more *more = scope->more;

	scope->more = more->next;
	*fn = more->fn;
	*arg = more->arg;
	free(more);
}

void gt_defer_run_scope(struct gt_call *scope)
{
	void (*fn)(void *arg);
	void *arg;

	while (scope->more) {
		pop_more(scope, &fn, &arg);
		fn(arg);
	}
}

void gt_defer_end(struct gt_defer_call *public)
{
	struct gt_call *call = (struct gt_call *)public;

	if (!call->g)
		return;
	gt_defer_run_scope(call);
	gt_defer_drop(call);
	if (call->kind == GT_CALL_ONE)
		call->fn(call->arg);
}

int gt_defer(void (*fn)(void *arg), void *arg)
{
	struct gt_g *g = gt_g_self();
	struct gt_call *scope = g->defers;
	struct gt_more *more;

	while (scope && scope->kind == GT_CALL_ONE)
		scope = scope->outer;
	if (!scope) {
		if (g->thread)
			return -ESRCH;
		scope = &g->scope;
		g->deferred = true;
	}
	more = malloc(sizeof(*more));
	if (!more)
		return -ENOMEM;
	*more = (struct gt_more){ .next = scope->more, .fn = fn, .arg = arg };
	scope->more = more;
	return 0;
}

void gt_defer_check(const struct gt_g *g, const void *frame)
{
	if (g->defers && (uintptr_t)g->defers < (uintptr_t)frame)
		gt_fatal("a longjmp() or an exception left a block with deferred calls");
}

struct gt_call *gt_defer_next(struct gt_g *g, void (**fn)(void *arg), void **arg)
{
	struct gt_call *call;

	*fn = NULL;
	while ((call = g->defers)) {
		if (call->more) {
			pop_more(call, fn, arg);
			return call;
		}
		if (call->kind == GT_CALL_TRY)
			return call;
		gt_defer_drop(call);
		if (call->kind == GT_CALL_ONE) {
			*fn = call->fn;
			*arg = call->arg;
			return call;
		}
	}
	call = g->thread ? NULL : &g->scope;
	if (!call || !call->more)
		return NULL;
	call->kind = GT_CALL_TASK;
	pop_more(call, fn, arg);
	return call;
}

/* It returns for a second time with a result that no compiler may foresee. */
__attribute__((__noinline__)) int
gt_try(void (*fn)(void *arg), void *arg, struct gt_panic_info *info)
{
	struct gt_try try = { .call.result = GT_RETURNED, .info = info };
	int result = GT_RETURNED;

	push(&try.call, GT_CALL_TRY);
	try.exit_at = try.call.g->exit_at;
	fn(arg);
	gt_defer_run_scope(&try.call);
	gt_defer_drop(&try.call);
	__asm__ volatile("" : "+r"(result));
	return result;
}
