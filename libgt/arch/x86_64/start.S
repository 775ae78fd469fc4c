/* SPDX-License-Identifier: MIT */
/*
 * Where a new stack starts: gt_frame_make() left the argument in rbp and the
 * function on the stack. It is jumped to, not called: see arch.h. Unwinders stop
 * at the zero that stands for its return address.
 */
	.text
	.p2align 4
	.globl	gt_frame_start
	.hidden	gt_frame_start
	.type	gt_frame_start, @function
gt_frame_start:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	popq	%rax
	pushq	$0
	movq	%rbp, %rdi
	xorl	%ebp, %ebp
	jmpq	*%rax
	.cfi_endproc
	.size	gt_frame_start, . - gt_frame_start

	.section .note.GNU-stack, "", @progbits
