/* SPDX-License-Identifier: MIT */
/*
 * What libgt needs of an architecture: the stack switch, the first frame of a
 * stack, the current M, and a pause for spinning. Every arch/ folder has this file.
 */
#ifndef GT_ARCH_H
#define GT_ARCH_H

#include <stdint.h>

struct gt_m;

/* Save this stack in *save and go on at the one saved in load. See switch.S. */
void gt_switch(void **save, void *load);
void gt_frame_start(void);

/*
 * Build the frame from which gt_switch() enters fn(arg) on a stack whose highest
 * address is top. fn must not return. The new stack inherits the control words.
 */
static inline void *gt_frame_make(void *top, void (*fn)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15) - 8;
	uint32_t mxcsr;
	uint16_t x87;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
	sp[0] = mxcsr | (uint64_t)x87 << 32;
	sp[1] = 0;				/* r15 */
	sp[2] = 0;				/* r14 */
	sp[3] = 0;				/* r13 */
	sp[4] = (uintptr_t)arg;			/* r12 */
	sp[5] = 0;				/* rbp */
	sp[6] = (uintptr_t)fn;			/* rbx */
	sp[7] = (uintptr_t)gt_frame_start;
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
