/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers and Valgrind are told of stacks: nothing in a plain build, but
 * for what Valgrind hears.
 *
 * TSan has a fiber for each task, and each switch orders the two (which is true:
 * they share a thread at that moment). A fiber lives as long as its task, not as its
 * stack, so that two tasks that use one stack in turn are not taken for one. TSan
 * knows 8128 threads and fibers at a time, and ends the process at more: so many
 * tasks may live under it.
 *
 * ASan is told of each switch before and after it, so that its shadow of the stack,
 * and its fake stack, go along.
 *
 * Valgrind sees switches by itself, if it knows the stacks. To tell it costs a few
 * instructions that do nothing, where a stack is mapped and where a task starts on it;
 * they are there if its headers were when the library was built.
 */
#ifndef GT_BASE_SANITIZE_H
#define GT_BASE_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_THREAD__)
#define GT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define GT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GT_ASAN 1
#endif
#endif

#ifdef GT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef GT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(GT_TSAN) && !defined(GT_ASAN) && __has_include(<valgrind/memcheck.h>)
#define GT_VALGRIND 1
#include <valgrind/memcheck.h>
#endif

static inline bool gt_on_valgrind(void)
{
#ifdef GT_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

/* The same, once the first stack is made: cheaper to ask. gstack.c */
extern bool gt_fiber_valgrind;

/* For a function that is left by a jump: ThreadSanitizer must not have seen it begin. */
#if defined(GT_TSAN) && defined(__clang__)
#define GT_LEFT_BY_JUMP __attribute__((__no_sanitize__("thread")))
#elif defined(GT_TSAN)
#define GT_LEFT_BY_JUMP __attribute__((__no_sanitize_thread__))
#else
#define GT_LEFT_BY_JUMP
#endif

/* A stack as they see it. */
struct gt_fiber {
#ifdef GT_TSAN
	void *tsan;		/* TSan's fiber */
#endif
#ifdef GT_ASAN
	void *asan;		/* ASan's fake stack, while switched away */
	const void *low;	/* its lowest address */
	size_t size;
#endif
#ifdef GT_VALGRIND
	unsigned int valgrind;	/* Valgrind's number for it */
#endif
};

/* There is a stack for tasks now, */
static inline void gt_fiber_map(struct gt_fiber *fiber, const char *low, size_t size)
{
#ifdef GT_VALGRIND
	fiber->valgrind = VALGRIND_STACK_REGISTER(low, low + size - 1);
#endif
	(void)fiber, (void)low, (void)size;
}

/* and not any more, */
static inline void gt_fiber_unmap(struct gt_fiber *fiber)
{
#ifdef GT_VALGRIND
	VALGRIND_STACK_DEREGISTER(fiber->valgrind);
#endif
	(void)fiber;
}

/* and what it was in will be other memory. */
static inline void gt_fiber_clean(const void *map, size_t size)
{
#ifdef GT_ASAN
	__asan_unpoison_memory_region(map, size);
#endif
	(void)map, (void)size;
}

/* A task is to start on it. */
static inline void gt_fiber_create(struct gt_fiber *fiber, const char *low, size_t size)
{
#ifdef GT_TSAN
	fiber->tsan = __tsan_create_fiber(0);
#endif
#ifdef GT_ASAN
	*fiber = (struct gt_fiber){ .low = low, .size = size };
#endif
#ifdef GT_VALGRIND
	/* What the last task left there is no value of this one. */
	if (gt_fiber_valgrind)
		VALGRIND_MAKE_MEM_UNDEFINED(low, size);
#endif
	(void)fiber, (void)low, (void)size;
}

/* For the stack that a thread was born with. */
static inline void gt_fiber_adopt(struct gt_fiber *fiber, const void *low, size_t size)
{
#ifdef GT_TSAN
	fiber->tsan = __tsan_get_current_fiber();
#endif
#ifdef GT_ASAN
	*fiber = (struct gt_fiber){ .low = low, .size = size };
#endif
	(void)fiber, (void)low, (void)size;
}

/* The task is over; its fiber must not be the current one. */
static inline void gt_fiber_destroy(struct gt_fiber *fiber)
{
#ifdef GT_TSAN
	__tsan_destroy_fiber(fiber->tsan);
#endif
#ifdef GT_ASAN
	__asan_unpoison_memory_region(fiber->low, fiber->size);
#endif
	(void)fiber;
}

/* Right before a switch; dying says that from will never run again. */
static inline void gt_fiber_leave(struct gt_fiber *from, struct gt_fiber *to, int dying)
{
#ifdef GT_ASAN
	__sanitizer_start_switch_fiber(dying ? NULL : &from->asan, to->low, to->size);
#endif
#ifdef GT_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	(void)from, (void)to, (void)dying;
}

/* First thing on the new stack; self is its own fiber. */
static inline void gt_fiber_enter(struct gt_fiber *self)
{
#ifdef GT_ASAN
	__sanitizer_finish_switch_fiber(self->asan, NULL, NULL);
#endif
	(void)self;
}

#endif /* GT_BASE_SANITIZE_H */
