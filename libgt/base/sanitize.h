/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers and Valgrind are told of stacks: nothing in a plain build.
 *
 * TSan has a fiber for each task, and each switch orders the two (which is true:
 * they share a thread at that moment). ASan is told of each switch before and
 * after it, so that its shadow of the stack, and its fake stack, go along.
 */
#ifndef GT_BASE_SANITIZE_H
#define GT_BASE_SANITIZE_H

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

/* A stack as the sanitizers see it. */
struct gt_fiber {
	void *tsan;		/* TSan's fiber */
	void *asan;		/* ASan's fake stack, while switched away */
	const void *low;	/* its lowest address */
	size_t size;
};

static inline void gt_fiber_create(struct gt_fiber *fiber, const void *low, size_t size)
{
	*fiber = (struct gt_fiber){ .low = low, .size = size };
#ifdef GT_TSAN
	fiber->tsan = __tsan_create_fiber(0);
#endif
}

/* For the stack that a thread was born with. */
static inline void gt_fiber_adopt(struct gt_fiber *fiber, const void *low, size_t size)
{
	*fiber = (struct gt_fiber){ .low = low, .size = size };
#ifdef GT_TSAN
	fiber->tsan = __tsan_get_current_fiber();
#endif
}

/* The fiber must not be the current one. */
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
