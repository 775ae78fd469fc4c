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
 * To unwinders the kernel's frame is the canonical frame address: from the first instruction
 * to the last but one the interrupted function's instruction pointer is 16 bytes above it,
 * and its stack pointer 24.
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
	.cfi_def_cfa %rsp, 0
	.cfi_offset %rip, 16
	.cfi_offset %rsp, 24
	.irp	register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\register, 0
	.endr
	movq	%rsp, %rbx
	.cfi_def_cfa_register %rbx

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
	.cfi_def_cfa_register %rsp
	.irp	register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\register
	.endr
	popfq
	.cfi_adjust_cfa_offset -8
	popq	%rsp
	/* On the interrupted stack, where the return address stands below the red zone. */
	.cfi_def_cfa %rsp, 136
	.cfi_offset %rip, -136
	.cfi_escape 0x14, 7, 0		/* val_offset(rsp, 0), which not all assemblers know */
	ret	$128
	.cfi_endproc
gt_upcall_entry_end:
	.size	gt_upcall_entry, . - gt_upcall_entry

	.section .rodata
	.p2align 2
mxcsr:	.long	0x1f80

	.section .note.GNU-stack, "", @progbits
