/* SPDX-License-Identifier: MIT */
/*
 * Leaving frames: what the unwinder knows of a frame is taken from it, and control
 * goes on in that frame, as if the call that it has made had returned or had been
 * another. Every arch/ folder has this file.
 */
#ifndef GT_ARCH_FRAME_H
#define GT_ARCH_FRAME_H

#include <stdint.h>
#include <unwind.h>

#include "base/sanitize.h"

/* The registers that a call preserves, after a call of the frame. */
struct gt_frame {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

static inline void gt_frame_get(struct gt_frame *frame, struct _Unwind_Context *context)
{
	/* By the numbers that DWARF gives them. */
	frame->rbx = _Unwind_GetGR(context, 3);
	frame->rbp = _Unwind_GetGR(context, 6);
	frame->r12 = _Unwind_GetGR(context, 12);
	frame->r13 = _Unwind_GetGR(context, 13);
	frame->r14 = _Unwind_GetGR(context, 14);
	frame->r15 = _Unwind_GetGR(context, 15);
	frame->rsp = _Unwind_GetCFA(context);
	frame->rip = _Unwind_GetIP(context);
}

#define GT_FRAME_LOAD						\
	"movq 0(%%rcx), %%rbx\n\t"				\
	"movq 8(%%rcx), %%rbp\n\t"				\
	"movq 16(%%rcx), %%r12\n\t"				\
	"movq 24(%%rcx), %%r13\n\t"				\
	"movq 32(%%rcx), %%r14\n\t"				\
	"movq 40(%%rcx), %%r15\n\t"				\
	"movq 56(%%rcx), %%r8\n\t"				\
	/* The last read: below the new rsp a signal may overwrite it all. */	\
	"movq 48(%%rcx), %%rsp\n\t"

/* The frame's call returns result: an integer or a pointer, or 0 of floating point. */
static inline _Noreturn GT_LEFT_BY_JUMP void gt_frame_return(const struct gt_frame *frame, intptr_t result)
{
	__asm__ volatile(GT_FRAME_LOAD
			 "xorl %%edx, %%edx\n\t"
			 "pxor %%xmm0, %%xmm0\n\t"
			 "pxor %%xmm1, %%xmm1\n\t"
			 "jmpq *%%r8"
			 : : "c"(frame), "a"(result) : "memory");
	__builtin_unreachable();
}

/* The frame has called fn instead. */
static inline _Noreturn GT_LEFT_BY_JUMP void gt_frame_call(const struct gt_frame *frame, void (*fn)(void))
{
	__asm__ volatile(GT_FRAME_LOAD
			 "pushq %%r8\n\t"
			 "jmpq *%%rax"
			 : : "c"(frame), "a"(fn) : "memory");
	__builtin_unreachable();
}

#endif /* GT_ARCH_FRAME_H */
