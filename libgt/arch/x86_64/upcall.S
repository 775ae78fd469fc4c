/* SPDX-License-Identifier: MIT */
/*
 * Where an upcall of /dev/gt begins (see UPCALLS in linux/gt.h): on a stack of the
 * thread's own, with the kernel's frame at the stack pointer, in the middle of anything.
 * It saves every register, calls gt_upcall() with the frame, and goes on as if nothing
 * had been.
 *
 * What C can touch of the vector state is saved by xsave, whose size and parts upcall.h
 * finds out; a processor without it has no more than fxsave knows. C begins with the
 * state that the ABI promises to a function: an empty x87 stack, exceptions masked.
 *
 * Unwinders find the interrupted function by the frame: its stack pointer is 24 bytes
 * into it, its instruction pointer 16.
 */
	.text
	.p2align 4
	.globl	gt_upcall_entry, gt_upcall_entry_end
	.hidden	gt_upcall_entry, gt_upcall_entry_end
	.hidden	gt_upcall, gt_upcall_vector
	.type	gt_upcall_entry, @function
gt_upcall_entry:
	.cfi_startproc simple
	.cfi_signal_frame
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rbx
	/* CFA: *(rbx + 144); rip: at rbx + 136; then rbp, rbx, r12 to r15. */
	.cfi_escape 0x0f, 4, 0x73, 0x90, 0x01, 0x06
	.cfi_escape 0x10, 16, 3, 0x73, 0x88, 0x01
	.cfi_escape 0x10, 6, 3, 0x73, 0xc0, 0x00
	.cfi_escape 0x10, 3, 3, 0x73, 0xe8, 0x00
	.cfi_escape 0x10, 12, 2, 0x73, 24
	.cfi_escape 0x10, 13, 2, 0x73, 16
	.cfi_escape 0x10, 14, 2, 0x73, 8
	.cfi_escape 0x10, 15, 2, 0x73, 0

	movl	gt_upcall_vector(%rip), %eax
	subq	%rax, %rsp
	andq	$-64, %rsp
	movl	4+gt_upcall_vector(%rip), %eax
	testl	%eax, %eax
	jz	1f
	xorl	%edx, %edx
	/* xsave leaves most of its header alone, and xrstor wants it zero. */
	movq	%rdx, 512(%rsp)
	movq	%rdx, 520(%rsp)
	movq	%rdx, 528(%rsp)
	movq	%rdx, 536(%rsp)
	movq	%rdx, 544(%rsp)
	movq	%rdx, 552(%rsp)
	movq	%rdx, 560(%rsp)
	movq	%rdx, 568(%rsp)
	xsave64	(%rsp)
	jmp	2f
1:	fxsave64 (%rsp)
2:	fninit
	ldmxcsr	mxcsr(%rip)

	leaq	120(%rbx), %rdi
	xorl	%ebp, %ebp
	call	gt_upcall

	movl	4+gt_upcall_vector(%rip), %eax
	testl	%eax, %eax
	jz	1f
	xorl	%edx, %edx
	xrstor64 (%rsp)
	jmp	2f
1:	fxrstor64 (%rsp)
2:	movq	%rbx, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	popfq
	popq	%rsp
	ret	$128
	.cfi_endproc
gt_upcall_entry_end:
	.size	gt_upcall_entry, . - gt_upcall_entry

	.section .rodata
	.p2align 2
mxcsr:	.long	0x1f80

	.section .note.GNU-stack, "", @progbits
