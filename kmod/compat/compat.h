/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that gt builds for, under one name each.
 * The GT_HAVE_* macros come from Kbuild.include, and nothing else reads them.
 */
#ifndef _GT_COMPAT_H
#define _GT_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/task_work.h>
#include <linux/uprobes.h>
#include <linux/wait.h>

#ifdef CONFIG_X86_USER_SHADOW_STACK
#include <asm/prctl.h>
#endif

/*
 * gt_compat_task_blocked - has current, in its own sched_out, gone to sleep?
 *
 * False means that it was preempted and still wants a CPU. A sleeping task is
 * off the run queue, but a kernel that delays the dequeue keeps it there for a
 * while, marked. On PREEMPT_RT a contended spinlock_t looks like sleep as well;
 * that is a wait inside the kernel which is as short as spinning would be, and
 * no reason to hand a CPU on.
 */
static inline bool gt_compat_task_blocked(void)
{
	if (READ_ONCE(current->__state) & TASK_RTLOCK_WAIT)
		return false;
#ifdef GT_HAVE_TASK_IS_RUNNABLE
	return !task_is_runnable(current);
#else
	return !current->on_rq;
#endif
}

/*
 * gt_compat_task_in_exec - is current in execve(), in ->flush() past the point of
 * no return?
 */
static inline bool gt_compat_task_in_exec(void)
{
#ifdef GT_HAVE_IN_EXECVE
	return current->in_execve;
#else
	return false;
#endif
}

/* gt_compat_vm_flags_mod - before the area is visible, as in ->mmap() */
static inline void gt_compat_vm_flags_mod(struct vm_area_struct *vma,
					  unsigned long set, unsigned long clear)
{
#ifdef GT_HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

static inline void gt_compat_hrtimer_setup(struct hrtimer *timer,
					   enum hrtimer_restart (*function)(struct hrtimer *),
					   clockid_t clock, enum hrtimer_mode mode)
{
#ifdef GT_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/*
 * gt_compat_wake_up_here - wake_up_process() on a CPU that is idle, or about to be
 *
 * With GT_HAVE_WAKE_ON_CURRENT_CPU the task gets the caller's CPU. Else the scheduler is
 * told that the caller will sleep; and, if this CPU is idle, that the task has been here
 * last, since it looks there first. That is a hint as is the word it looks into: whether
 * the task may run here is checked after it. The bits are the scheduler's own; but in what
 * default_wake_function() lets pass they have been what they are since there are any.
 */
static inline void gt_compat_wake_up_here(struct task_struct *task)
{
	wait_queue_entry_t entry = { .private = task };
	int flags = 0x10;			/* WF_SYNC */

#ifdef GT_HAVE_WAKE_ON_CURRENT_CPU
	flags |= 0x40;				/* WF_CURRENT_CPU */
#elif defined(CONFIG_SMP)
	if (is_idle_task(current))
		WRITE_ONCE(task->wake_cpu, raw_smp_processor_id());
#endif
	default_wake_function(&entry, TASK_NORMAL, flags, NULL);
}

static inline bool gt_compat_has_task_work(void)
{
	return IS_ENABLED(GT_HAVE_TASK_WORK_ADD);
}

/* gt_compat_task_work_add - run it when @task returns to user space; wakes nobody */
static inline int gt_compat_task_work_add(struct task_struct *task, struct callback_head *work)
{
#ifdef GT_HAVE_TASK_WORK_ADD
	return task_work_add(task, work, TWA_RESUME);
#else
	return -EOPNOTSUPP;
#endif
}

/* gt_compat_in_uprobe - is current about to step over an instruction with a probe? */
static inline bool gt_compat_in_uprobe(void)
{
#ifdef CONFIG_UPROBES
	return current->utask && current->utask->active_uprobe;
#else
	return false;
#endif
}

/* gt_compat_has_shadow_stack - does current return by a second stack, too? */
static inline bool gt_compat_has_shadow_stack(void)
{
#ifdef CONFIG_X86_USER_SHADOW_STACK
	return current->thread.features & ARCH_SHSTK_SHSTK;
#else
	return false;
#endif
}

#endif /* _GT_COMPAT_H */
