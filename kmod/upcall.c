// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls: a worker is made to call its runtime, wherever it is in user code.
 *
 * Anybody requests (gt_upcall_request), in any context: a bit for the reason, and task
 * work. The task runs that work as it returns to user space; a remote CPU that is in
 * user space is kicked there. The work looks at where the task was about to go on, and
 * makes it go on at the entry instead. Nothing is woken, so nothing is interrupted.
 *
 * WHEN IT CANNOT BE. In upcall_judge() each case has its verdict. One that is over in a
 * moment makes the request wait for a timer, which requests again; waking up for that
 * is cheaper than a hook in each of those cases, of which we have none. All others are
 * noted in the user's own word, and perhaps become a signal that the task sends to
 * itself on its way out: that interrupts no system call either.
 *
 * A signal stack is such a case, as the kernel takes the stack pointer's being elsewhere
 * to mean that the stack is free. The upcall's own stack makes nesting a case of its
 * own: a second frame would overwrite the first. It is known by stack pointer and
 * instruction pointer, of which one at least says so up to the last instruction; and if
 * a signal's handler has been put on top, on its alternate stack, that is such a stack.
 *
 * THE REQUEST'S LIFE
 *
 *	requester			task, in its work
 *
 *	seq = the task meant
 *	pending |= reason | QUEUED (A)	pending -> reasons, 0		(B)
 *	if (!(QUEUED before))		user's seq == seq ?
 *	  hold worker and file, add	...
 *	  the work			let go of both
 *
 * (A) and (B) are atomic and fully ordered, so a reason is seen by the work that it
 * queued or by the one that had been, and work is never queued twice. Two requesters
 * that name different tasks overwrite each other's seq: the last one counts, as the ABI
 * says, and an old seq with a new reason can only miss.
 *
 * A task that is past its last work refuses more (-ESRCH): QUEUED then stays, and
 * nobody tries again. The work may also find that the worker has detached, and with that
 * has nothing set any more; that the task is exiting, and has no address space; or that it
 * has another one after exec. It lets go then.
 *
 * REFERENCES. The work holds the worker (gt_worker_get) and the file, by which the
 * module. The requester must know that the file has not been let go of already: it is
 * the task itself, a timer that gt_upcall_stop() waits for, or a command, that came
 * through the file. The last fput() of a file by a task defers the rest to task work of
 * its own, which begins when ours has returned: our text is not unloaded under us.
 *
 * LOCKING. What GT_IOC_WORKER_UPCALL sets is written and read by the task alone, but
 * for @set, a hint.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "arch/upcall.h"
#include "compat/compat.h"

#define GT_UPCALL_REASONS	(GT_UPCALL_PREEMPT | GT_UPCALL_SLICE | GT_UPCALL_RETURN)
#define GT_UPCALL_QUEUED	(1U << 31)

/* How long a request waits that comes at a moment's wrong time. */
#define GT_UPCALL_RETRY_NS	(100 * NSEC_PER_USEC)

/**
 * gt_upcall_request - make a worker call its runtime
 * @worker:	of which the caller knows that it still holds its file: see above
 * @reasons:	GT_UPCALL_* bits; none to repeat those that wait
 *
 * From any context but NMIs, with any lock held.
 *
 * Return: false if the worker has set no way to be called, or is dying.
 */
bool gt_upcall_request(struct gt_worker *worker, unsigned int reasons)
{
	struct gt_upcall *upcall = &worker->upcall;

	if (!READ_ONCE(upcall->set))
		return false;
	if (atomic_fetch_or(reasons | GT_UPCALL_QUEUED, &upcall->pending) &	/* (A) */
	    GT_UPCALL_QUEUED)
		return true;
	if (!gt_worker_get(worker))
		return false;
	get_file(worker->file);
	if (!gt_compat_task_work_add(worker->task, &upcall->work))
		return true;
	/* Neither is the last: the caller knows of another. */
	fput(worker->file);
	gt_worker_put(worker);
	return false;
}

static enum hrtimer_restart gt_upcall_retry(struct hrtimer *timer)
{
	gt_upcall_request(container_of(timer, struct gt_worker, upcall.retry_timer), 0);
	return HRTIMER_NORESTART;
}

static bool gt_upcall_in_text(const struct gt_upcall *upcall, unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < upcall->ranges_count; i++) {
		if (ip >= upcall->ranges[i].start && ip < upcall->ranges[i].end)
			return true;
	}
	return !upcall->ranges_count;
}

/*
 * Has the instruction at which current stands raised a signal, by a fault or a debugger's
 * breakpoint, that is yet to be delivered? Work runs before. Whoever gets the signal, a
 * handler or a debugger, is to find that instruction. The kernel has unblocked it then,
 * so one that is blocked is somebody else's, and may stay.
 */
static bool gt_upcall_is_fault_pending(void)
{
	unsigned long pending = READ_ONCE(current->pending.signal.sig[0]);

	return pending & ~current->blocked.sig[0] &
	       (sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) |
		sigmask(SIGTRAP) | sigmask(SIGFPE) | sigmask(SIGSYS));
}

static enum gt_upcall_verdict gt_upcall_judge(const struct gt_upcall *upcall,
					      const struct pt_regs *regs)
{
	unsigned long ip = instruction_pointer((struct pt_regs *)regs);
	unsigned long sp = user_stack_pointer((struct pt_regs *)regs);
	enum gt_upcall_verdict verdict = gt_arch_upcall_look(regs);

	if (verdict != GT_UPCALL_NOW)
		return verdict;
	if (gt_upcall_is_fault_pending())
		return GT_UPCALL_LATER;
	if (!upcall->entry)
		return GT_UPCALL_SIGNAL;
	if (ip - upcall->entry < upcall->entry_size ||
	    sp - upcall->stack - 1 < upcall->stack_size)
		return GT_UPCALL_LATER;
	if (!gt_upcall_in_text(upcall, ip))
		return GT_UPCALL_MISS;
	if (on_sig_stack(sp))
		return GT_UPCALL_SIGNAL;
	return GT_UPCALL_NOW;
}

static void gt_upcall_missed(struct gt_worker *worker, unsigned int reasons)
{
	u32 *missed = &worker->user->missed;

	/* The other writer is the task, which is here. */
	WRITE_ONCE(*missed, READ_ONCE(*missed) | reasons);
	WRITE_ONCE(worker->status->nr_missed, worker->status->nr_missed + 1);
}

/* In place of an upcall. None stands in for that of a return: it would come too late. */
static void gt_upcall_signal(struct gt_worker *worker, unsigned int reasons)
{
	int signal = reasons & ~GT_UPCALL_RETURN ? worker->upcall.signal : 0;

	gt_upcall_missed(worker, signal ? reasons & GT_UPCALL_RETURN : reasons);
	if (signal)
		send_sig(signal, current, 1);
}

static void gt_upcall_deliver(struct gt_worker *worker, unsigned int reasons)
{
	struct pt_regs *regs = task_pt_regs(current);
	struct gt_upcall *upcall = &worker->upcall;
	enum gt_upcall_verdict verdict;

	if (READ_ONCE(worker->user->seq) != READ_ONCE(upcall->seq))
		reasons &= ~GT_UPCALL_PREEMPT;
	if (!reasons || !upcall->set)
		return;
	if (READ_ONCE(worker->user->no_preempt)) {
		gt_upcall_missed(worker, reasons);
		return;
	}

	verdict = gt_upcall_judge(upcall, regs);
	if (verdict == GT_UPCALL_NOW &&
	    !gt_arch_upcall_enter(regs, upcall->entry, upcall->stack + upcall->stack_size,
				  reasons))
		verdict = GT_UPCALL_SIGNAL;
	switch (verdict) {
	case GT_UPCALL_NOW:
		WRITE_ONCE(worker->status->nr_upcalls, worker->status->nr_upcalls + 1);
		break;
	case GT_UPCALL_LATER:
		atomic_or(reasons, &upcall->pending);
		hrtimer_start(&upcall->retry_timer, ns_to_ktime(GT_UPCALL_RETRY_NS),
			      HRTIMER_MODE_REL_PINNED_HARD);
		break;
	case GT_UPCALL_MISS:
		gt_upcall_missed(worker, reasons);
		break;
	case GT_UPCALL_SIGNAL:
		gt_upcall_signal(worker, reasons);
		break;
	}
}

static void gt_upcall_work(struct callback_head *work)
{
	struct gt_worker *worker = container_of(work, struct gt_worker, upcall.work);
	struct file *file = worker->file;
	unsigned int reasons;

	reasons = atomic_xchg(&worker->upcall.pending, 0) & GT_UPCALL_REASONS;	/* (B) */
	if (current->mm == worker->group->mm)
		gt_upcall_deliver(worker, reasons);
	gt_worker_put(worker);
	fput(file);
}

/* @length bytes at @start, all in user space, and some. */
static bool gt_upcall_is_user(u64 start, u64 length)
{
	return start && length && length < TASK_SIZE && start < TASK_SIZE - length;
}

static int gt_upcall_check(const struct gt_worker_upcall *arg)
{
	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) ||
	    arg->ranges_count > GT_TEXT_RANGES_MAX)
		return -EINVAL;
	if (!arg->entry && (arg->entry_size || arg->stack || arg->stack_size ||
			    arg->ranges_count))
		return -EINVAL;
	if (arg->entry && (!gt_upcall_is_user(arg->entry, arg->entry_size) ||
			   !gt_upcall_is_user(arg->stack, arg->stack_size) ||
			   arg->stack_size < GT_UPCALL_STACK_MIN ||
			   (arg->stack | arg->stack_size) % 64))
		return -EINVAL;
	if (arg->signal && (!valid_signal(arg->signal) || sig_kernel_only(arg->signal)))
		return -EINVAL;
	if (arg->entry && !gt_arch_upcall_possible())
		return -EOPNOTSUPP;
	return 0;
}

static struct gt_text_range *gt_upcall_get_ranges(const struct gt_worker_upcall *arg)
{
	struct gt_text_range *ranges;
	unsigned int i;

	if (!arg->ranges_count)
		return NULL;
	ranges = memdup_user(u64_to_user_ptr(arg->ranges),
			     arg->ranges_count * sizeof(*ranges));
	if (IS_ERR(ranges))
		return ranges;
	for (i = 0; i < arg->ranges_count; i++) {
		if (ranges[i].end <= ranges[i].start ||
		    !gt_upcall_is_user(ranges[i].start, ranges[i].end - ranges[i].start)) {
			kfree(ranges);
			return ERR_PTR(-EINVAL);
		}
	}
	return ranges;
}

/**
 * gt_upcall_set - GT_IOC_WORKER_UPCALL
 * @worker:	of current
 * @arg:	the kernel's copy of the argument
 */
int gt_upcall_set(struct gt_worker *worker, const struct gt_worker_upcall *arg)
{
	struct gt_upcall *upcall = &worker->upcall;
	struct gt_text_range *ranges;
	int err;

	err = gt_upcall_check(arg);
	if (err)
		return err;
	ranges = gt_upcall_get_ranges(arg);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	kfree(upcall->ranges);
	upcall->ranges = ranges;
	upcall->ranges_count = arg->ranges_count;
	upcall->entry = arg->entry;
	upcall->entry_size = arg->entry_size;
	upcall->stack = arg->stack;
	upcall->stack_size = arg->stack_size;
	upcall->signal = arg->signal;
	WRITE_ONCE(upcall->set, arg->entry || arg->signal);
	return 0;
}

/**
 * gt_upcall_preempt - GT_IOC_WORKER_PREEMPT
 * @group:	of current's address space, whose file the caller holds
 * @arg:	the kernel's copy of the argument
 */
int gt_upcall_preempt(struct gt_group *group, const struct gt_worker_preempt *arg)
{
	struct gt_worker *worker;
	int err = -ESRCH;
	u32 slot;

	if (arg->slot >= group->workers)
		return -EINVAL;
	slot = array_index_nospec(arg->slot, group->workers);

	rcu_read_lock();
	worker = rcu_dereference(group->slots[slot]);
	if (worker && !READ_ONCE(worker->upcall.set)) {
		err = -ENOENT;
	} else if (worker) {
		WRITE_ONCE(worker->upcall.seq, arg->seq);
		if (gt_upcall_request(worker, GT_UPCALL_PREEMPT))
			err = 0;
	}
	rcu_read_unlock();
	return err;
}

/**
 * gt_upcall_init - make a worker ready for requests
 * @worker: not attached yet
 */
void gt_upcall_init(struct gt_worker *worker)
{
	struct gt_upcall *upcall = &worker->upcall;

	init_task_work(&upcall->work, gt_upcall_work);
	gt_compat_hrtimer_setup(&upcall->retry_timer, gt_upcall_retry, CLOCK_MONOTONIC,
				HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * gt_upcall_stop - the worker is to be called no more
 * @worker: no longer its task's; it still holds its file
 *
 * Work may still be queued: it holds what it needs, and finds out.
 */
void gt_upcall_stop(struct gt_worker *worker)
{
	WRITE_ONCE(worker->upcall.set, false);
	hrtimer_cancel(&worker->upcall.retry_timer);
}

/**
 * gt_upcall_free - the last user of a worker is gone
 * @worker: the worker
 */
void gt_upcall_free(struct gt_worker *worker)
{
	kfree(worker->upcall.ranges);
}
