/* SPDX-License-Identifier: MIT */
/*
 * Panics and deferred calls, by Go's rules.
 *
 *	static void rescue(void *arg)
 *	{
 *		const struct gt_panic_info *panic = gt_recover();
 *
 *		if (panic)
 *			report(arg, panic->message);
 *	}
 *
 *	static void serve(struct request *request)
 *	{
 *		GT_DEFER(rescue, request);
 *		...
 *		gt_panic("no handler for %s", request->path);
 *	}
 *
 * A deferred call runs when the block in which GT_DEFER() stands is left: at its
 * end, by return, break or goto, by gt_exit(), or by a panic. Several run last-in
 * first-out.
 *
 * A panic runs the deferred calls of all blocks that are entered, innermost first,
 * on top of the stack that panicked, which still stands. If one of them calls
 * gt_recover() the panic is over: when that call has returned, everything between
 * the panic and the function that deferred it is unwound, what that function has
 * deferred before runs, and the function returns to its caller, as 0 or as
 * GT_DEFER_RETURN() says. If none does, the process prints the panics and the stack,
 * and aborts. gt_try() makes the same a call: it says how a function ended.
 *
 * Unwinding runs what cleanup attributes and C++ destructors have to do, if the code
 * is compiled with -fexceptions (C++ always is); deferred calls need no such flag.
 * A deferred call runs before them: it must not wait for what they release. Code
 * without unwind tables (-fno-asynchronous-unwind-tables) cannot be unwound: that is
 * a fatal error.
 *
 * gt_exit() unwinds the whole task in the same way, function by function.
 *
 * C++: an exception is no panic; gt_recover() does not see it, and one that leaves a
 * task's function terminates the process. A catch (...) on the way of a panic or an
 * exit has to throw on, a noexcept function there terminates; both as for
 * pthread_cancel(). Compiled by g++, gt_panic() is not declared noreturn, because a
 * function that defers may return through it.
 *
 * Not defined: leaving a block with deferred calls by longjmp(), or, in C without
 * -fexceptions, by a C++ exception or the end of a thread; pthread_exit() in a task.
 *
 * ThreadSanitizer keeps track of calls if the code is compiled with -fexceptions.
 */
#ifndef GT_PANIC_H
#define GT_PANIC_H

#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/* private: */
#if defined(__cplusplus) && !defined(__clang__)
#define GT_PANIC_NORETURN_
#else
#define GT_PANIC_NORETURN_ __noreturn__,
#endif
/* public: */

/** GT_PANIC_MESSAGE - bytes of a panic's message that are kept, with the final 0. */
#define GT_PANIC_MESSAGE 504

/**
 * struct gt_panic_info - a panic's value
 * @value: what gt_panic_value() was given, or NULL.
 * @message: the reason in words, cut off where it is too long.
 *
 * It may be copied, and given to gt_panic_again().
 */
struct gt_panic_info {
	void *value;
	char message[GT_PANIC_MESSAGE];
};

/**
 * gt_panic - stop what the calling task does, because it cannot go on
 * @format: the reason, as printf() takes it. NULL is itself a reason to panic.
 *
 * Runs the deferred calls, until one of them recovers: see above. If none does, it
 * prints on stderr
 *
 *     panic: REASON
 *
 *     task 17 'parse' [running]:
 *         FUNCTION+OFFSET (OBJECT+ADDRESS)
 *         ...
 *     created by task 1
 *
 * and ends the process with SIGABRT. A panic during another's deferred call is
 * printed below that one, which is marked [recovered] if it was.
 *
 * On a plain thread it runs the thread's deferred calls.
 *
 * Context: Suspends: as the deferred calls do. Pthread: works. Signal-safe: no.
 */
__attribute__((GT_PANIC_NORETURN_ __format__(__printf__, 1, 2))) void
gt_panic(const char *format, ...);

/**
 * gt_panic_value - panic with a value
 * @value: for who recovers; libgt does not look at it.
 * @format: the reason, or NULL: then the value's address is.
 *
 * Context: as gt_panic().
 */
__attribute__((GT_PANIC_NORETURN_ __format__(__printf__, 2, 3))) void
gt_panic_value(void *value, const char *format, ...);

/**
 * gt_panic_again - panic with the value of another panic
 * @info: that of gt_recover(), or a copy.
 *
 * In the call that recovered it, the panic is marked [recovered, repanicked] where
 * it is printed.
 *
 * Context: as gt_panic().
 */
__attribute__((GT_PANIC_NORETURN_ __nonnull__(1))) void
gt_panic_again(const struct gt_panic_info *info);

/**
 * gt_recover - stop the panic because of which the caller was called
 *
 * Works in a deferred call that a panic runs, in the deferred function itself: not
 * in what it calls, and not if its block was left in another way. The panic ends
 * when the deferred function returns.
 *
 * It is a macro, too, which keeps the compiler from inlining its caller.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the panic's value, valid until the deferred function returns or panics;
 * NULL if there is no panic to recover, or it has been recovered.
 */
const struct gt_panic_info *gt_recover(void);

/* private: */
struct gt_defer_call {
	void *gt_private[14];
} __attribute__((__aligned__(16)));

int gt_defer_begin(struct gt_defer_call *call, void (*fn)(void *arg), void *arg,
		   intptr_t result);
int gt_defer_scope_begin(struct gt_defer_call *scope);
void gt_defer_end(struct gt_defer_call *call);

/*
 * A recovered panic makes the function return. So it has to have a frame of its own:
 * the address of a label in a static object forbids inlining and cloning (GCC says
 * so, clang does so). And compilers have to know that it may return, or they leave
 * out what follows its calls: hence a return that is never taken. Its value is
 * missing on purpose in GT_DEFER(), where the function's type is not known.
 */
#define GT_OWN_FRAME_							\
	(__extension__({						\
		__label__ gt_here;					\
		static const void *const gt_frame_			\
			__attribute__((__used__)) = &&gt_here;		\
	gt_here:							\
		1;							\
	}))
#define GT_JOIN_(a, b) a##b
#define GT_CALL_(n) GT_JOIN_(gt_defer_call_, n)
#define GT_DECLARE_CALL_(n)						\
	__attribute__((__cleanup__(gt_defer_end))) struct gt_defer_call GT_CALL_(n)
#ifdef __cplusplus
#define GT_AUTO_ auto
#else
#define GT_AUTO_ __auto_type
#endif
#if defined(__cplusplus) && !defined(__clang__)
#define GT_RETURN_ { }
#else
#define GT_RETURN_							\
	{								\
		_Pragma("GCC diagnostic push")				\
		_Pragma("GCC diagnostic ignored \"-Wpragmas\"")		\
		_Pragma("GCC diagnostic ignored \"-Wunknown-warning-option\"") \
		_Pragma("GCC diagnostic ignored \"-Wreturn-type\"")	\
		_Pragma("GCC diagnostic ignored \"-Wreturn-mismatch\"")	\
		return;							\
		_Pragma("GCC diagnostic pop")				\
	}
#endif
#define GT_DEFER_(fn, arg, n)						\
	GT_DECLARE_CALL_(n);						\
	if (gt_defer_begin(&GT_CALL_(n), (fn), (arg), 0) && GT_OWN_FRAME_) \
		GT_RETURN_
#define GT_DEFER_RETURN_(fn, arg, value, n)				\
	GT_DECLARE_CALL_(n);						\
	if (gt_defer_begin(&GT_CALL_(n), (fn), (arg), (intptr_t)(value)) && GT_OWN_FRAME_) \
		return __extension__({					\
			GT_AUTO_ gt_value = (value);			\
			__asm__ volatile("" : "+m"(gt_value));		\
			gt_value;					\
		})
#define GT_DEFER_SCOPE_(n)						\
	GT_DECLARE_CALL_(n);						\
	if (gt_defer_scope_begin(&GT_CALL_(n)) && GT_OWN_FRAME_)	\
		GT_RETURN_
/* public: */

#ifndef GT_NO_MACROS
#define gt_recover()							\
	(__extension__({						\
		const struct gt_panic_info *gt_info =			\
			GT_OWN_FRAME_ ? (gt_recover)() : 0;		\
		__asm__ volatile("" : "+r"(gt_info));	/* no tail call */ \
		gt_info;						\
	}))
#endif

/**
 * GT_DEFER - call a function when the block is left
 * @fn: void (*)(void *).
 * @arg: passed to it; evaluated now.
 *
 * A statement, in a block. If @fn recovers, the function in which this stands
 * returns at once; if it returns a value and @fn may recover, write
 * GT_DEFER_RETURN(): otherwise it returns 0, but a compiler may assume that it
 * returned what one of its return statements says. A function that returns a
 * structure in memory or a long double must not recover: let gt_try() call it.
 *
 * Costs two calls, and no memory but some stack.
 */
#define GT_DEFER(fn, arg) GT_DEFER_(fn, arg, __COUNTER__)

/**
 * GT_DEFER_RETURN - call a function when the block is left; it may recover
 * @fn: void (*)(void *).
 * @arg: passed to it; evaluated now.
 * @value: an integer or a pointer, evaluated now: what the function in which this
 *	stands returns if @fn recovers.
 *
 *     static int parse(struct text *text)
 *     {
 *             GT_DEFER_RETURN(rescue, text, -EINVAL);
 */
#define GT_DEFER_RETURN(fn, arg, value) GT_DEFER_RETURN_(fn, arg, value, __COUNTER__)

/**
 * GT_DEFER_SCOPE - a block whose calls are deferred by gt_defer()
 *
 * A statement without parameters. As Go's defer statement in a loop defers to the end
 * of the function, gt_defer() in a loop defers to the end of the block in which this
 * stands.
 */
#define GT_DEFER_SCOPE GT_DEFER_SCOPE_(__COUNTER__)

/**
 * gt_defer - call a function when the innermost scope is left
 * @fn: what to call.
 * @arg: passed to it.
 *
 * The scope is the block that the task entered last of those with a GT_DEFER_SCOPE,
 * be it in a function further up, or the call of gt_try(), or the whole task: then
 * the call runs when the task returns, exits or panics. Each takes some memory, which
 * is freed before the call.
 *
 * If @fn recovers, the function of the block returns; gt_try() returns GT_RETURNED;
 * the task ends as if its function had returned.
 *
 * Context: Suspends: no. Pthread: works in a scope. Signal-safe: no.
 * Return: 0; -ENOMEM; -ESRCH on a plain thread that is in no scope.
 */
int gt_defer(void (*fn)(void *arg), void *arg);

/**
 * enum gt_outcome - how a function ended
 * @GT_RETURNED: it returned.
 * @GT_EXITED: it called gt_exit().
 * @GT_PANICKED: it panicked, and nothing in it recovered.
 */
enum gt_outcome {
	GT_RETURNED,
	GT_EXITED,
	GT_PANICKED
};

/**
 * gt_try - call a function and say how it ended
 * @fn: the function.
 * @arg: passed to it.
 * @info: where a panic's value goes, or NULL.
 *
 * Neither a panic nor gt_exit() goes beyond: they run what was deferred in @fn,
 * unwind it, and end here. To go on with either, call gt_panic_again() or gt_exit().
 *
 * Context: Suspends: as @fn does. Pthread: works; gt_exit() panics there.
 * Signal-safe: no.
 * Return: an enum gt_outcome.
 */
int gt_try(void (*fn)(void *arg), void *arg, struct gt_panic_info *info);

GT_END_DECLS

#endif /* GT_PANIC_H */
