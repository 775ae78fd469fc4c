/* SPDX-License-Identifier: MIT */
/* The entry of upcalls, and what it saves. See upcall.S. */
#ifndef GT_ARCH_UPCALL_H
#define GT_ARCH_UPCALL_H

#include <cpuid.h>
#include <stdint.h>

extern char gt_upcall_entry[], gt_upcall_entry_end[];

/* Called by the entry, with a struct gt_upcall_frame. */
void gt_upcall(void *frame);

/* Room for the vector state, a multiple of 64; and which parts of it; 0: fxsave's. */
extern uint32_t gt_upcall_vector[2];

/* x87, SSE, AVX and AVX-512: what compilers and libc use. No others are touched by C. */
#define GT_UPCALL_PARTS 0xe7

static inline void gt_upcall_prepare(void)
{
	uint32_t eax, ebx, ecx, edx, size = 576, parts;

	gt_upcall_vector[0] = 512;
	gt_upcall_vector[1] = 0;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
		return;
	__asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	parts = eax & GT_UPCALL_PARTS;
	for (uint32_t i = 2; i < 8; i++)
		if (parts & 1U << i && __get_cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx) &&
		    ebx + eax > size)
			size = ebx + eax;
	gt_upcall_vector[0] = (size + 63) & ~63U;
	gt_upcall_vector[1] = parts;
}

#endif /* GT_ARCH_UPCALL_H */
