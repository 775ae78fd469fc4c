/* SPDX-License-Identifier: MIT */
/*
 * Panics, exits and deferred calls as the rest of the library sees them.
 *
 * To raise a panic in the library: let go of all locks, leave every structure
 * consistent, and call gt_panic(). It may be called between gt_enter() and
 * gt_leave(): it leaves the runtime itself. It does not return, but the task may go
 * on: its caller's callers are unwound, and nothing of theirs runs but what they
 * deferred. Library code is compiled without -fexceptions, so a cleanup attribute of
 * its own does not run.
 *
 * A function that calls back into user code has to expect that this panics or exits:
 * what must happen then goes into a GT_DEFER(), or the call into a gt_try().
 */
#ifndef GT_SCHED_PANIC_H
#define GT_SCHED_PANIC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <unwind.h>

#include "gt/panic.h"

struct gt_g;

/* A call of gt_defer(): malloc()ed. */
struct gt_more {
	struct gt_more *next;
	void (*fn)(void *arg);
	void *arg;
};

enum gt_call_kind {
	GT_CALL_ONE,		/* a GT_DEFER() */
	GT_CALL_SCOPE,		/* a GT_DEFER_SCOPE */
	GT_CALL_TRY,		/* a gt_try(), which is a scope as well */
	GT_CALL_TASK,		/* the task, which is one: in its G */
};

/*
 * What is deferred: a struct gt_defer_call, in the frame that it belongs to. Whether
 * one frame is inside another is told by the addresses of these. All its own task's.
 */
struct gt_call {
	struct gt_call *outer;
	struct gt_g *g;		/* whose; NULL once it is off the list */
	void (*fn)(void *arg);	/* ONE */
	void *arg;
	struct gt_more *more;	/* scopes: the newest first */
	uintptr_t kind;		/* enum gt_call_kind */
	intptr_t result;	/* what the function returns if the panic ends here */
	/* Stack pointer of the frame, while something is unwound; or UINTPTR_MAX. */
	uintptr_t frame;
	/* An unwinding that ends in this frame: its caller's stack pointer. */
	uintptr_t target;
	bool exit_goes_on;
	struct _Unwind_Exception exception;
};

/* A gt_try() under way: in its frame. Its own task's. */
struct gt_try {
	struct gt_call call;
	struct gt_panic_info *info;	/* for a panic's value, or NULL */
	uintptr_t exit_at;		/* that of its G, when it began */
};

/* A panic under way: in the frame of gt_panic(). Its own task's. */
struct gt_panicking {
	struct gt_panicking *outer;	/* the one during whose deferred call it was raised */
	bool recovered, repanicked;
	void (*fn)(void *arg);		/* the deferred function that it runs */
	const volatile char *frame;	/* an address in the frame that called it, or NULL */
	struct gt_panic_info info;
};

/* defer.c */

/* Run what gt_defer() has left in a scope, such as a task's own. */
void gt_defer_run_scope(struct gt_call *scope);
/*
 * Take the call that is to run next off the list: *fn, or NULL if a gt_try() is next,
 * which stays. Returns to what it belongs; NULL: nothing is deferred.
 */
struct gt_call *gt_defer_next(struct gt_g *g, void (**fn)(void *arg), void **arg);
void gt_defer_drop(struct gt_call *call);
/* A fatal error if a call belongs to a frame further in than the one with an address. */
void gt_defer_check(const struct gt_g *g, const void *frame);

/* unwind.c */

/* End the panic in call's frame: unwind, and return from there. */
_Noreturn void gt_unwind_panic(struct gt_g *g, struct gt_call *call);
/* End the task, or the gt_try() in which it is. */
_Noreturn void gt_unwind_exit(void);
/* Was the function whose call of ours has the given CFA itself called by panic? */
bool gt_unwind_called_by(const struct gt_panicking *panic, uintptr_t cfa);

/* traceback.c */

/* Write to stderr; the heap and stdio may be what is broken. */
__attribute__((__format__(__printf__, 1, 2))) void gt_say(const char *format, ...);
/* The caller's stack, function by function, but for frames at lower addresses. */
void gt_traceback(const void *above);

/* panic.c */

/* What cannot be recovered. */
__attribute__((__format__(__printf__, 1, 2))) _Noreturn void gt_fatal(const char *format, ...);

#endif /* GT_SCHED_PANIC_H */
