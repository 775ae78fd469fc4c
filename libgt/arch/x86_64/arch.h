/* SPDX-License-Identifier: MIT */
/*
 * What libgt needs of an architecture: the stack switch, the first frame of a
 * stack, the current M, and a pause for spinning. Every arch/ folder has this file.
 */
#ifndef GT_ARCH_H
#define GT_ARCH_H

#include <stdint.h>

struct gt_m;

/*
 * The stack switch (System V ABI). A saved stack looks so, from its pointer up:
 *
 *	0	mxcsr (4 bytes), x87 control word (2), unused (2)
 *	8	rbp
 *	16	address to go on at
 *
 * It is inline, and ends in a jmp, because of the processor's stack of return
 * addresses. A call that is left by a jmp, or a ret to another stack, puts that one
 * place out of step, and then each return on the new stack is mispredicted, up to
 * the task's own function: that tripled the cost of a yield. So no call may be under
 * way at a switch that the new stack does not return from. Tasks that switch at
 * equal depths then find each other's return addresses, mostly their own.
 *
 * Rejected: a function in assembly that ends in jmp (a call under way, as above), or
 * in ret (one more miss).
 *
 * The other callee-saved registers are the compiler's to save, where it uses them.
 * Only the control bits of mxcsr belong to the callee-saved state; loading it costs
 * more than comparing, so it is loaded only where the two stacks differ.
 */
#define GT_SWITCH_LOAD						\
	"movl (%%rsp), %%eax\n\t"				\
	"movzwl 4(%%rsp), %%edx\n\t"				\
	"movq %[load], %%rsp\n\t"				\
	"xorl (%%rsp), %%eax\n\t"				\
	"testl $0xffc0, %%eax\n\t"				\
	"jne 2f\n\t"						\
	"cmpw 4(%%rsp), %%dx\n\t"				\
	"jne 2f\n"						\
	"3:\tpopq %%rcx\n\t"					\
	"popq %%rbp\n\t"					\
	"popq %%rcx\n\t"					\
	"jmpq *%%rcx\n"						\
	"2:\tldmxcsr (%%rsp)\n\t"				\
	"fldcw 4(%%rsp)\n\t"					\
	"jmp 3b\n"

/* What a build for wider vectors could keep in registers over the switch. */
#ifdef __AVX512F__
#define GT_SWITCH_WIDE								\
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",	\
	"xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",	\
	"xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define GT_SWITCH_WIDE
#endif

/* Save this stack in *save and go on at the one saved in load. */
static inline __attribute__((__always_inline__)) void gt_switch(void **save, void *load)
{
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"	/* over the red zone */
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "pushq %%rbp\n\t"
			 "pushq $0\n\t"
			 "stmxcsr (%%rsp)\n\t"
			 "fnstcw 4(%%rsp)\n\t"
			 "movq %%rsp, (%[save])\n\t"
			 GT_SWITCH_LOAD
			 "1:\tendbr64\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 : [save] "+D"(save), [load] "+S"(load)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15" GT_SWITCH_WIDE, "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15", "memory", "cc");
}

/* The same, and nobody will come back to this stack. */
static inline __attribute__((__always_inline__, __noreturn__)) void gt_switch_last(void *load)
{
	__asm__ volatile("pushq $0\n\t"
			 "stmxcsr (%%rsp)\n\t"
			 "fnstcw 4(%%rsp)\n\t"
			 GT_SWITCH_LOAD
			 : : [load] "S"(load) : "rax", "rcx", "rdx", "memory", "cc");
	__builtin_unreachable();
}

void gt_frame_start(void);

/*
 * Build the frame from which gt_switch() enters fn(arg) on a stack whose highest
 * address is top. fn must not return. The new stack inherits the control words.
 */
static inline void *gt_frame_make(void *top, void (*fn)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15) - 4;
	uint32_t mxcsr;
	uint16_t x87;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
	sp[0] = mxcsr | (uint64_t)x87 << 32;
	sp[1] = (uintptr_t)arg;			/* rbp */
	sp[2] = (uintptr_t)gt_frame_start;
	sp[3] = (uintptr_t)fn;
	return sp;
}

/*
 * The M of the calling thread, NULL on a plain one. A compiler takes the address
 * of a thread-local variable for constant within a function, but a task may
 * change threads in any call: so the address is never in the compiler's hands.
 */
static inline struct gt_m *gt_m_self(void)
{
	struct gt_m *m;

	__asm__ volatile("movq gt_m_tls@gottpoff(%%rip), %0\n\t"
			 "movq %%fs:(%0), %0" : "=r"(m));
	return m;
}

static inline void gt_m_set_self(struct gt_m *m)
{
	uintptr_t offset;

	__asm__ volatile("movq gt_m_tls@gottpoff(%%rip), %0\n\t"
			 "movq %1, %%fs:(%0)" : "=&r"(offset) : "r"(m) : "memory");
}

static inline void gt_cpu_relax(void)
{
	__builtin_ia32_pause();
}

#endif /* GT_ARCH_H */
