/* SPDX-License-Identifier: MIT */
/*
 * Unwinding: how a panic that is recovered, and gt_exit(), take down the stack.
 *
 * A recovered panic has to make a function F return that is somewhere up the stack.
 * Two walks, both libgcc's:
 *
 * 1. gt_unwind_plan() looks for F's frame, and notes the frame of each deferred call.
 *    If there is code without unwind tables on the way it is found now, while the
 *    stack still stands.
 * 2. _Unwind_ForcedUnwind() goes up frame by frame, and lets each clean up, as
 *    pthread_cancel() does. Before that it calls stop() here for each frame, and for
 *    the same one again after each of its cleanups: so stop() runs the frame's
 *    deferred calls first. When it gets to F's caller, the registers are those that
 *    F had to preserve: with them and a result of its own it goes on in the caller,
 *    right behind the call of F.
 *
 * What the unwinding needs while it lasts (the exception object) stands in F's frame,
 * as part of the deferred call that recovered: deeper frames are gone by then. So an
 * unwinding may take place during a cleanup of another one.
 *
 * gt_exit() ends at the task's own bottom, where the walk ends, or at a gt_try().
 * While it is under way, g->exit_at says how far it has got. A panic may come from a
 * call that it runs. Recovered further in than exit_at, that is no matter of the
 * exit. Recovered further out, the panic ends, but the exit does not, which is Go's
 * rule: the panic is unwound up to exit_at, and that frame goes on as if it had called
 * gt_exit() once more. Stacks grow down: further out is a higher address.
 *
 * A task may change threads in each deferred call and cleanup: the unwinder has
 * nothing of the thread's between two calls of stop().
 *
 * Rejected: setjmp() in GT_DEFER(), which costs more, spoils the deferring function's
 * registers, and lets no cleanup run; a phase of searching with a personality routine
 * of our own, which needs -fexceptions in C.
 */
#include "frame.h"
#include "sched/panic.h"
#include "sched/park.h"
#include "sched/task.h"

/* ------------------------------------------------------------------ walking ---- */

struct plan {
	uintptr_t until, found;
	uintptr_t inner;	/* stack pointer of the frame before */
	struct gt_call *call;	/* the first whose frame has not come */
};

static _Unwind_Reason_Code plan_frame(struct _Unwind_Context *context, void *arg)
{
	struct plan *plan = arg;
	uintptr_t sp = _Unwind_GetCFA(context);

	for (; plan->call && (uintptr_t)plan->call < sp; plan->call = plan->call->outer)
		plan->call->frame = plan->inner;
	if (plan->until < sp) {
		plan->found = sp;
		return _URC_END_OF_STACK;
	}
	plan->inner = sp;
	return _URC_NO_REASON;
}

/*
 * Note the frames of all deferred calls up to the frame that has the address until.
 * Returns the stack pointer of that frame's caller, or 0 if the walk ends before.
 */
static uintptr_t plan(struct gt_g *g, uintptr_t until)
{
	struct plan walk = { .until = until, .call = g->defers };

	_Unwind_Backtrace(plan_frame, &walk);
	return walk.found;
}

struct caller {
	uintptr_t cfa;		/* of the function that asks; its caller is looked for */
	uintptr_t function;	/* the caller's start */
	uintptr_t inner, outer;	/* its caller's frame */
};

static _Unwind_Reason_Code find_caller(struct _Unwind_Context *context, void *arg)
{
	struct caller *caller = arg;
	uintptr_t sp = _Unwind_GetCFA(context);

	if (sp < caller->cfa)
		return _URC_NO_REASON;
	if (!caller->function) {
		caller->function = _Unwind_GetRegionStart(context);
		return caller->function ? _URC_NO_REASON : _URC_END_OF_STACK;
	}
	if (!caller->inner) {
		caller->inner = sp;
		return _URC_NO_REASON;
	}
	caller->outer = sp;
	return _URC_END_OF_STACK;
}

/*
 * The frame has to be the one that the panic called, and the function too: the
 * compiler may have made the deferred function's last call a jump, and then another
 * stands in its frame. An address that is no function's start, as that of a PLT
 * entry, tells nothing. (GCC gives parts that it knows to be cold a start of their own:
 * a gt_recover() behind a call of a cold function is not heard.)
 */
bool gt_unwind_called_by(const struct gt_panicking *panic, uintptr_t cfa)
{
	struct caller caller = { .cfa = cfa };
	uintptr_t frame = (uintptr_t)panic->frame, fn = (uintptr_t)panic->fn;

	_Unwind_Backtrace(find_caller, &caller);
	if (!caller.inner || frame < caller.inner || frame >= caller.outer)
		return false;
	return caller.function == fn ||
	       (uintptr_t)_Unwind_FindEnclosingFunction((char *)fn + 1) != fn;
}

/* ---------------------------------------------------------------- unwinding ---- */

static void not_thrown_on(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception)
{
	(void)reason, (void)exception;
	gt_fatal("a C++ catch (...) caught a panic or an exit, and did not throw on");
}

static _Noreturn void no_way(void)
{
	gt_fatal("cannot unwind: there is code without unwind tables on the stack");
}

/*
 * Run what is deferred further in than end, in the frame with the stack pointer sp and
 * in those that it called.
 */
static void run_frame(struct gt_g *g, uintptr_t sp, uintptr_t end)
{
	void (*fn)(void *arg);
	struct gt_call *call;
	void *arg;

	while ((call = g->defers) && call->frame <= sp && (uintptr_t)call < end) {
		/* A scope that is left, or the gt_try() that is going to return. */
		if (call->kind != GT_CALL_ONE && !call->more) {
			gt_defer_drop(call);
			continue;
		}
		gt_defer_next(g, &fn, &arg);
		fn(arg);
	}
}

/* Panics whose frames are further in than that are over. */
static void drop_panics(struct gt_g *g, uintptr_t frame)
{
	while (g->panics && (uintptr_t)g->panics < frame)
		g->panics = g->panics->outer;
}

static _Noreturn GT_LEFT_BY_JUMP void go_on_at(struct _Unwind_Context *context,
					       const struct gt_call *call)
{
	struct gt_frame frame;
	intptr_t result = call->result;
	bool exit_goes_on = call->exit_goes_on;

	gt_frame_get(&frame, context);
#ifdef GT_ASAN
	__asan_handle_no_return();
#endif
	if (exit_goes_on)
		gt_frame_call(&frame, gt_unwind_exit);
	gt_frame_return(&frame, result);
}

static _Noreturn void unwind(struct gt_call *call, _Unwind_Stop_Fn stop)
{
	call->exception.exception_class = 0;
	call->exception.exception_cleanup = not_thrown_on;
	_Unwind_ForcedUnwind(&call->exception, stop, call);
	no_way();
}

static GT_LEFT_BY_JUMP _Unwind_Reason_Code
stop_panic(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
	   struct _Unwind_Exception *exception, struct _Unwind_Context *context, void *arg)
{
	struct gt_call *call = arg;
	struct gt_g *g = gt_g_self();
	uintptr_t sp = _Unwind_GetCFA(context);

	(void)version, (void)class, (void)exception;
	if (sp >= call->target)
		go_on_at(context, call);
	if (!call->exit_goes_on)
		run_frame(g, sp, call->target);
	if (!(actions & _UA_END_OF_STACK))
		return _URC_NO_REASON;
	if (call->kind != GT_CALL_TASK)
		no_way();
	gt_defer_run_scope(&g->scope);
	gt_task_finish(true);
}

void gt_unwind_panic(struct gt_g *g, struct gt_call *call)
{
	drop_panics(g, (uintptr_t)call);
	call->exit_goes_on = g->exit_at && (uintptr_t)call >= g->exit_at &&
			     call->kind != GT_CALL_TRY;
	if (call->exit_goes_on) {
		call->target = g->exit_at;
	} else if (call->kind == GT_CALL_TASK) {
		call->target = UINTPTR_MAX;
	} else {
		call->target = plan(g, (uintptr_t)call);
		if (!call->target)
			no_way();
	}
	unwind(call, stop_panic);
}

static GT_LEFT_BY_JUMP _Unwind_Reason_Code
stop_exit(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
	  struct _Unwind_Exception *exception, struct _Unwind_Context *context, void *arg)
{
	struct gt_call *call = arg;
	struct gt_g *g = gt_g_self();
	uintptr_t sp = _Unwind_GetCFA(context);
	bool last = actions & _UA_END_OF_STACK;

	(void)version, (void)class, (void)exception;
	g->exit_at = sp;
	drop_panics(g, sp);
	run_frame(g, last ? UINTPTR_MAX : sp, (uintptr_t)call);
	if (call->kind == GT_CALL_TRY) {
		if (last)
			no_way();
		if (sp < call->target)
			return _URC_NO_REASON;
		gt_defer_run_scope(call);
		g->exit_at = ((struct gt_try *)call)->exit_at;
		gt_defer_drop(call);
		call->result = GT_EXITED;
		go_on_at(context, call);
	}
	if (!last)
		return _URC_NO_REASON;
	gt_defer_run_scope(&g->scope);
	g->exit_at = 0;
	gt_task_finish(false);
}

void gt_unwind_exit(void)
{
	struct gt_g *g = gt_g_self();
	struct gt_call *call = g->defers;

	gt_defer_check(g, __builtin_dwarf_cfa());
	g->exit_at = (uintptr_t)__builtin_frame_address(0);
	while (call && call->kind != GT_CALL_TRY)
		call = call->outer;
	if (call) {
		call->exit_goes_on = false;
		call->target = plan(g, (uintptr_t)call);
		if (!call->target)
			no_way();
	} else {
		call = &g->scope;
		call->kind = GT_CALL_TASK;
		if (g->defers)
			plan(g, UINTPTR_MAX);
	}
	unwind(call, stop_exit);
}
