/* SPDX-License-Identifier: MIT */
/*
 * The stack switch of x86-64 (System V ABI).
 *
 * void gt_switch(void **save, void *load)
 *
 * Saves the callee-saved registers and the control words of SSE and x87 on the
 * current stack, puts its pointer into *save, and goes on where the stack at
 * load was saved. A saved stack looks so, from its pointer up:
 *
 *	0	mxcsr (4 bytes), x87 control word (2), unused (2)
 *	8	r15, r14, r13, r12, rbp, rbx
 *	56	address to go on at
 *
 * The jump is a jmp, not a ret: a ret would be predicted from the other stack's
 * call and missed each time, which costs four times the switch. Only the control
 * bits of mxcsr belong to the callee-saved state; loading it costs more than
 * comparing, so it is loaded only where the two stacks differ.
 */
	.text
	.p2align 6
	.globl	gt_switch
	.hidden	gt_switch
	.type	gt_switch, @function
gt_switch:
	.cfi_startproc
	endbr64
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax
	movzwl	4(%rsp), %edx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	xorl	(%rsp), %eax
	testl	$0xffc0, %eax
	jne	1f
	cmpw	4(%rsp), %dx
	jne	1f
	.cfi_remember_state
0:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	popq	%r14
	.cfi_adjust_cfa_offset -8
	popq	%r13
	.cfi_adjust_cfa_offset -8
	popq	%r12
	.cfi_adjust_cfa_offset -8
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmpq	*%rcx
	.cfi_restore_state
1:	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	0b
	.cfi_endproc
	.size	gt_switch, . - gt_switch

/*
 * Where a new stack starts: gt_frame_make() left the function in rbx and its
 * argument in r12. Unwinders stop here.
 */
	.p2align 4
	.globl	gt_frame_start
	.hidden	gt_frame_start
	.type	gt_frame_start, @function
gt_frame_start:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	xorl	%ebp, %ebp
	movq	%r12, %rdi
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	gt_frame_start, . - gt_frame_start

	.section .note.GNU-stack, "", @progbits
