/* SPDX-License-Identifier: MIT */
/*
 * Panics.
 *
 * A panic stands in the frame of gt_panic(), which does not return while its deferred
 * calls run: so does the whole stack below it. A task's panics are a list, the newest
 * first: one raised in a deferred call that another runs goes on with the list of
 * deferred calls where that one is. Whichever is recovered, all those end whose
 * frames are unwound then.
 *
 * The message is built on the stack, and printed without the heap or stdio: they may
 * be what is broken.
 *
 * Source: Go's runtime, panic.go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sched/panic.h"
#include "sched/park.h"

/* One that dies at a time: the second waits until the first has ended the process. */
static _Atomic bool dying;

static void begin_to_die(void)
{
	static __thread bool me;

	if (!me && atomic_exchange(&dying, true))
		for (;;)
			pause();
	me = true;
	if (!ftrylockfile(stdout)) {
		fflush(stdout);
		funlockfile(stdout);
	}
}

static void say_who(struct gt_g *g, const void *above)
{
	char text[GT_DESCRIPTION];

	if (g->thread) {
		gt_say("\na thread that runs no task [running]:\n");
		gt_traceback(above);
		return;
	}
	gt_describe(text, sizeof(text), g);
	gt_say("\n%s [running]:\n", text);
	gt_traceback(above);
	gt_describe_creator(text, sizeof(text), g);
	gt_say("created by %s\n", text);
}

void gt_fatal(const char *format, ...)
{
	struct gt_panic_info info;
	va_list args;

	begin_to_die();
	va_start(args, format);
	vsnprintf(info.message, sizeof(info.message), format, args);
	va_end(args);
	gt_say("fatal: %s\n", info.message);
	say_who(gt_g_self(), &info);
	abort();
}

static void say_panics(const struct gt_panicking *panic)
{
	if (panic->outer) {
		say_panics(panic->outer);
		if (panic->outer->repanicked)
			return;
		gt_say("\t");
	}
	gt_say("panic: %s%s\n", panic->info.message,
	       !panic->recovered ? "" :
	       panic->repanicked ? " [recovered, repanicked]" : " [recovered]");
}

static __attribute__((__noinline__)) void run(struct gt_panicking *panic,
					      void (*fn)(void *arg), void *arg)
{
	const volatile char frame = 0;

	panic->fn = fn;
	panic->frame = &frame;
	fn(arg);
	panic->frame = NULL;
}

/* caller: the stack pointer of who called the panic. */
static _Noreturn void raise_panic(struct gt_panicking *panic, const void *caller)
{
	struct gt_g *g = gt_g_self();
	struct gt_call *call;
	void (*fn)(void *arg);
	void *arg;

	gt_leave_if_inside();
	panic->outer = g->panics;
	g->panics = panic;
	gt_defer_check(g, caller);
	while ((call = gt_defer_next(g, &fn, &arg))) {
		if (fn) {
			run(panic, fn, arg);
			if (!panic->recovered)
				continue;
		} else {
			struct gt_try *try = (struct gt_try *)call;

			if (try->info)
				*try->info = panic->info;
			g->exit_at = try->exit_at;
			call->result = GT_PANICKED;
			gt_defer_drop(call);
		}
		gt_unwind_panic(g, call);
	}
	begin_to_die();
	say_panics(panic);
	say_who(g, panic);
	abort();
}

static void describe(struct gt_panicking *panic, void *value, const char *format, va_list args)
{
	*panic = (struct gt_panicking){ .info.value = value };
	if (format)
		vsnprintf(panic->info.message, sizeof(panic->info.message), format, args);
	else if (value)
		snprintf(panic->info.message, sizeof(panic->info.message), "%p", value);
	else
		strcpy(panic->info.message, "panic called with nil argument");
}

void gt_panic(const char *format, ...)
{
	struct gt_panicking panic;
	va_list args;

	va_start(args, format);
	describe(&panic, NULL, format, args);
	va_end(args);
	raise_panic(&panic, __builtin_dwarf_cfa());
}

void gt_panic_value(void *value, const char *format, ...)
{
	struct gt_panicking panic;
	va_list args;

	va_start(args, format);
	describe(&panic, value, format, args);
	va_end(args);
	raise_panic(&panic, __builtin_dwarf_cfa());
}

void gt_panic_again(const struct gt_panic_info *info)
{
	struct gt_panicking panic = { .info = *info };
	struct gt_panicking *before = gt_g_self()->panics;

	if (before && before->recovered && before->info.value == info->value &&
	    !strcmp(before->info.message, info->message))
		before->repanicked = true;
	raise_panic(&panic, __builtin_dwarf_cfa());
}

__attribute__((__noinline__)) const struct gt_panic_info *(gt_recover)(void)
{
	struct gt_panicking *panic = gt_g_self()->panics;

	if (!panic || panic->recovered || !panic->frame ||
	    !gt_unwind_called_by(panic, (uintptr_t)__builtin_dwarf_cfa()))
		return NULL;
	panic->recovered = true;
	return &panic->info;
}
