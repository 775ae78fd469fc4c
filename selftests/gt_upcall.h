/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of upcalls share: an entry that saves all that C may change and calls
 * gt_on_upcall, if a test has set that, and a thread that pesters a worker with requests.
 */
#ifndef _GT_UPCALL_H
#define _GT_UPCALL_H

/* Hundreds of upcalls are waited for at a time, on whatever machine. */
#define GT_TEST_BOUND	180
#include "gt_test.h"

#ifndef __x86_64__
#error "upcalls are for x86-64 so far"
#endif

#define GT_UPCALL_STACK	(64 << 10)

/* x87, SSE, AVX and AVX-512: what code for C may touch. */
__asm__(
"	.pushsection .text\n"
"	.globl gt_entry, gt_entry_end\n"
"gt_entry:\n"
"	push %rax; push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp\n"
"	push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15\n"
"	mov %rsp, %rbx\n"
"	sub $4096, %rsp\n"
"	and $-64, %rsp\n"
"	xor %eax, %eax\n"
"	mov $8, %ecx\n"
"	lea 512(%rsp), %rdi\n"
"	rep stosq\n"
"	mov $0xe7, %eax\n"
"	xor %edx, %edx\n"
"	xsave64 (%rsp)\n"
"	lea 120(%rbx), %rdi\n"
"	call gt_entry_c\n"
"	mov $0xe7, %eax\n"
"	xor %edx, %edx\n"
"	xrstor64 (%rsp)\n"
"	mov %rbx, %rsp\n"
"	pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8\n"
"	pop %rbp; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rbx; pop %rax\n"
"	popfq; pop %rsp; ret $128\n"
"gt_entry_end:\n"
"	.popsection\n");

extern char gt_entry[], gt_entry_end[];

/* What happens in an upcall, on whatever worker; may be NULL. */
static void (*volatile gt_on_upcall)(struct gt_upcall_frame *frame);
static volatile unsigned int gt_upcalls;

__attribute__((__used__)) void gt_entry_c(struct gt_upcall_frame *frame)
{
	int saved = errno;

	__atomic_fetch_add(&gt_upcalls, 1, __ATOMIC_SEQ_CST);
	if (gt_on_upcall)
		gt_on_upcall(frame);
	errno = saved;
}

/* Each thread has one; it is never given back. */
static __thread char *gt_upcall_stack;

static inline struct gt_worker_upcall gt_upcall_arg(void)
{
	if (!gt_upcall_stack) {
		gt_upcall_stack = mmap(NULL, GT_UPCALL_STACK, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (gt_upcall_stack == MAP_FAILED)
			abort();
	}
	return (struct gt_worker_upcall){
		.size = sizeof(struct gt_worker_upcall),
		.entry = (uintptr_t)gt_entry, .entry_size = gt_entry_end - gt_entry,
		.stack = (uintptr_t)gt_upcall_stack, .stack_size = GT_UPCALL_STACK,
	};
}

/* The calling worker takes upcalls from now on. */
static inline int gt_upcall_enable(int fd)
{
	struct gt_worker_upcall arg = gt_upcall_arg();

	return gt_ioctl(fd, GT_IOC_WORKER_UPCALL, &arg);
}

static inline int gt_preempt(int fd, unsigned int slot, uint64_t seq)
{
	struct gt_worker_preempt arg = { .size = sizeof(arg), .slot = slot, .seq = seq };

	return gt_ioctl(fd, GT_IOC_WORKER_PREEMPT, &arg);
}

/* Upcalls are a part that a kernel may lack. In a fixture's setup. */
static inline bool gt_has_feature(uint64_t feature)
{
	struct gt_info info = { .size = sizeof(info) };
	int fd = gt_open();

	gt_ioctl(fd, GT_IOC_INFO, &info);
	close(fd);
	return info.features & feature;
}

__attribute__((__constructor__)) static void gt_test_require_upcalls(void)
{
	if (access(GT_TEST_DEVICE, F_OK) || gt_has_feature(GT_FEATURE_UPCALL))
		return;
	printf("TAP version 13\n1..0 # SKIP no upcalls: the kernel does not export task work\n");
	fflush(stdout);
	_exit(KSFT_SKIP);
}

/*
 * Request upcalls of a worker as fast as they happen, until n more have or the worker is
 * done. True if they have.
 */
static inline bool gt_pester(struct gt_test_worker *worker, unsigned int n)
{
	unsigned int first = gt_upcalls;

	return gt_until(({
		unsigned int before = gt_upcalls;
		uint64_t end = gt_now() + 2 * MSEC;

		gt_preempt(worker->group->fd, worker->slot, 0);
		while (gt_upcalls == before && !worker->done && gt_now() < end)
			;
		gt_upcalls - first >= n || worker->done;
	})) && gt_upcalls - first >= n;
}

#endif /* _GT_UPCALL_H */
