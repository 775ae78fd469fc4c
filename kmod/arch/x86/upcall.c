// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls on x86-64: the way in and the way back, and restartable sequences.
 *
 * The way back has to set stack pointer, flags and instruction pointer with no register
 * to spare: a ret does, of an address that stands below the red zone of the interrupted
 * stack. Rejected: iretq, which needs nothing of that stack, but which QEMU 7.2 carries
 * out as the kernel, with the user's pages out of its reach; a jump through a
 * thread-local variable, whose place a shared library does not know without a register;
 * a system call, as signals have, which costs as much as all the rest. With shadow
 * stacks the ret would be a violation.
 *
 * RESTARTS. Task work also runs where the registers are not final yet: before a signal
 * is delivered, and, for io_uring, in the midst of a system call. Whether that call
 * begins anew is decided later, and then two bytes are taken off the instruction
 * pointer, which must not be ours by then. So while we are in a system call whose
 * result says that it is not over (-ENOSYS, set on the way in) or may begin anew, the
 * upcall waits. A call that truly returns -ENOSYS waits a moment for nothing.
 *
 * RSEQ. When the kernel looks at a restartable sequence, on the way out, the
 * instruction pointer is already the entry's: it would conclude that the sequence was
 * left, and forget it, and the upcall would return into the middle of it with nobody
 * the wiser. So the abort is done here, by the rules of rseq(2), before the frame is
 * written. A sequence that does not keep them is left alone: it is about to be killed.
 */
#include <linux/moduleparam.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>

#include <asm/processor-flags.h>
#include <asm/syscall.h>

#include "gt.h"
#include "arch/upcall.h"
#include "compat/compat.h"

/* What belongs to a function below its stack pointer, by the ABI. */
#define GT_RED_ZONE	128

/* Flags that an entry, which is C's concern before long, must find clear. */
#define GT_FLAGS_CLEAR	(X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_AC | X86_EFLAGS_TF | \
			 X86_EFLAGS_RF)

/* Few machines have them, emulated ones none. */
static bool gt_pretend_shadow_stack;
module_param_named(pretend_shadow_stack, gt_pretend_shadow_stack, bool, 0600);
MODULE_PARM_DESC(pretend_shadow_stack, "for tests: take each thread to have a shadow stack");

static bool gt_arch_has_shadow_stack(void)
{
	return gt_compat_has_shadow_stack() || unlikely(READ_ONCE(gt_pretend_shadow_stack));
}

bool gt_arch_upcall_possible(void)
{
	return !gt_arch_has_shadow_stack();
}

/* Is current in a system call whose result is not what user space will see? */
static bool gt_arch_in_syscall(const struct pt_regs *regs)
{
	if ((long)regs->orig_ax == -1)
		return false;
	switch ((long)regs->ax) {
	case -ENOSYS:
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return true;
	}
	return false;
}

enum gt_upcall_verdict gt_arch_upcall_look(const struct pt_regs *regs)
{
	/*
	 * A probe steps over the instruction that it replaced: that is soon done. A debugger
	 * steps over each breakpoint that is not for this thread. If requests were lost to
	 * that, a loop with one in it would keep its processor from the task that the
	 * breakpoint is for.
	 */
	if (gt_arch_in_syscall(regs) || gt_compat_in_uprobe() || test_thread_flag(TIF_SINGLESTEP))
		return GT_UPCALL_LATER;
	if (regs->flags & X86_EFLAGS_TF)
		return GT_UPCALL_MISS;
	if (!user_64bit_mode((struct pt_regs *)regs) || gt_arch_has_shadow_stack())
		return GT_UPCALL_SIGNAL;
	return GT_UPCALL_NOW;
}

#ifdef CONFIG_RSEQ
/* Where current goes on if it is interrupted at @ip. False: user space is at fault. */
static bool gt_arch_rseq_abort(unsigned long *ip)
{
	struct rseq __user *rseq = current->rseq;
	u64 __user *pointer;
	struct rseq_cs cs;
	u64 address;
	u32 signature;

	if (!rseq)
		return true;
	/* A union in older headers. */
	pointer = (u64 __user *)&rseq->rseq_cs;
	if (get_user(address, pointer))
		return false;
	if (!address)
		return true;
	if (address >= TASK_SIZE || copy_from_user(&cs, u64_to_user_ptr(address), sizeof(cs)))
		return false;
	if (*ip - cs.start_ip >= cs.post_commit_offset)
		return true;
	if (cs.version || cs.abort_ip >= TASK_SIZE || cs.abort_ip < sizeof(signature) ||
	    get_user(signature, (u32 __user *)u64_to_user_ptr(cs.abort_ip - sizeof(signature))) ||
	    signature != current->rseq_sig)
		return false;
	if (clear_user(pointer, sizeof(*pointer)))
		return false;
	*ip = cs.abort_ip;
	return true;
}
#else
static bool gt_arch_rseq_abort(unsigned long *ip)
{
	return true;
}
#endif

/*
 * What the entry finds, and where it is to return to. Word by word: to clear the frame and
 * to copy it as a whole takes some 130 instructions more, of the 1,700 of an upcall.
 */
static bool gt_arch_upcall_write(struct gt_upcall_frame __user *frame,
				 const struct pt_regs *regs, unsigned long resume,
				 unsigned long ip, unsigned int reasons)
{
	unsigned int i;

	if (put_user(ip, (unsigned long __user *)resume) ||
	    !user_access_begin(frame, sizeof(*frame)))
		return false;
	unsafe_put_user((u64)regs->flags, &frame->flags, fault);
	unsafe_put_user((u64)resume, &frame->resume, fault);
	unsafe_put_user((u64)ip, &frame->ip, fault);
	unsafe_put_user((u64)regs->sp, &frame->sp, fault);
	unsafe_put_user(reasons, &frame->reasons, fault);
	for (i = 0; i < ARRAY_SIZE(frame->reserved); i++)
		unsafe_put_user(0, &frame->reserved[i], fault);
	user_access_end();
	return true;
fault:
	user_access_end();
	return false;
}

bool gt_arch_upcall_enter(struct pt_regs *regs, unsigned long entry, unsigned long stack_end,
			  unsigned int reasons)
{
	struct gt_upcall_frame __user *frame = (struct gt_upcall_frame __user *)stack_end - 1;
	unsigned long resume = regs->sp - GT_RED_ZONE - sizeof(regs->ip);
	unsigned long ip = regs->ip;

	/* First what may fail and changes nothing. */
	if (!gt_arch_upcall_write(frame, regs, resume, ip, reasons) || !gt_arch_rseq_abort(&ip))
		return false;
	if (ip != regs->ip && !gt_arch_upcall_write(frame, regs, resume, ip, reasons)) {
		regs->ip = ip;
		return false;
	}
	regs->ip = entry;
	regs->sp = (unsigned long)frame;
	regs->flags &= ~GT_FLAGS_CLEAR;
	/* Whatever call this was is over. */
	regs->orig_ax = -1;
	return true;
}
