// SPDX-License-Identifier: GPL-2.0
/*
 * Workers: how a thread becomes one, and the ways in which it ceases to be one.
 *
 * A worker hangs on its task's own list of preempt notifiers. That list is
 * walked and changed by the task alone (in sched_out and sched_in as well as
 * here), so finding "my worker" needs neither lock nor hash, and a thread cannot
 * be a worker twice. It also is the only hook by which a module learns of the
 * death of a thread, and so it stays for as long as the worker exists.
 *
 * The ways out:
 *
 *   detach	The task does it in its own context.
 *   death	sched_out sees TASK_DEAD. The run queue is locked and the notifier
 *		list is being walked, so nothing can be undone there. It queues
 *		death_work (a hard interrupt), that queues exit_work (a kernel
 *		thread), and that waits until the dead task has left its CPU for
 *		good and takes the worker apart in its stead.
 *   exec	The task lives on in another address space. If the descriptor is
 *		O_CLOEXEC, as it ought to be, the worker goes when exec closes it;
 *		that is before the address space changes and past the point of no
 *		return. Else the worker stays and is dumb, for sched_out reports
 *		nothing from another address space, until the new image closes the
 *		descriptor, attaches to a group of its own, or dies.
 *
 * What a worker holds until then, and when it lets go (gt_worker_destroy()):
 *
 *   the notifier's link in the task	first; no sched_out comes after that
 *   grace_timer, report_work		gt_block_stop() waits for them
 *   upcall.retry_timer, slice.timer	gt_upcall_stop() and gt_slice_stop() wait for them
 *   death_work				irq_work_sync(), in exit_work only
 *   its place in group->slots		after that, wakes get ESRCH; those who
 *					found it before are RCU readers
 *   the file				fput(), the last use of the group
 *   the task, its own memory		with the last task work (upcall.c), and after an
 *					RCU grace period
 *
 * Module exit can begin only when the last file is gone. Then there may still be
 * exit_work past its fput(), for which destroy_workqueue() waits, and RCU
 * callbacks, for which rcu_barrier() waits, in this order.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "trace.h"
#include "compat/compat.h"

static struct workqueue_struct *gt_workqueue;

/* The worker that current is, of whatever group; NULL if it is none. */
static struct gt_worker *gt_worker_of_current(void)
{
	struct preempt_notifier *notifier;

	/* Others have notifiers too: a virtual CPU's thread, for one. */
	hlist_for_each_entry(notifier, &current->preempt_notifiers, link) {
		if (notifier->ops == &gt_block_preempt_ops)
			return container_of(notifier, struct gt_worker, notifier);
	}
	return NULL;
}

/**
 * gt_worker_current - the worker that the calling thread is
 * @group: the group that it must be of, else NULL
 */
struct gt_worker *gt_worker_current(const struct gt_group *group)
{
	struct gt_worker *worker = gt_worker_of_current();

	return worker && worker->group == group ? worker : NULL;
}

static void gt_worker_free_rcu(struct rcu_head *rcu)
{
	struct gt_worker *worker = container_of(rcu, struct gt_worker, rcu);

	gt_upcall_free(worker);
	put_task_struct(worker->task);
	kfree(worker);
}

/**
 * gt_worker_put - let go of a worker
 * @worker: held by gt_worker_get(), or the slot's
 */
void gt_worker_put(struct gt_worker *worker)
{
	if (refcount_dec_and_test(&worker->users))
		call_rcu(&worker->rcu, gt_worker_free_rcu);
}

/* The notifier is off its task, or the task is dead: nothing new can begin. */
static void gt_worker_destroy(struct gt_worker *worker)
{
	struct file *file = worker->file;

	trace_gt_detach(worker);
	gt_count(worker->group, GT_COUNT_DETACH);
	gt_block_stop(worker);
	gt_slice_stop(worker);
	gt_upcall_stop(worker);
	gt_block_word_set(worker, GT_STATE_FREE);
	gt_group_slot_release(worker->group, worker->slot);
	gt_worker_put(worker);
	fput(file);
}

/* In the context of the worker's own task. */
static void gt_worker_leave(struct gt_worker *worker)
{
	/* sched_out must not meet a list that is half changed. */
	preempt_disable();
	preempt_notifier_unregister(&worker->notifier);
	preempt_enable();

	gt_worker_destroy(worker);
}

static void gt_worker_exit_work(struct work_struct *work)
{
	struct gt_worker *worker = container_of(work, struct gt_worker, exit_work);

	/*
	 * The interrupt that queued this may have been quicker than the switch away
	 * from the dead task. Pairs with the release of on_cpu in the scheduler.
	 */
	smp_cond_load_acquire(&worker->task->on_cpu, !VAL);
	gt_watchdog_hold(GT_FAULT_EXIT);
	preempt_notifier_unregister(&worker->notifier);

	irq_work_sync(&worker->death_work);
	gt_worker_destroy(worker);
}

static void gt_worker_death_work(struct irq_work *work)
{
	struct gt_worker *worker = container_of(work, struct gt_worker, death_work);

	queue_work(gt_workqueue, &worker->exit_work);
}

/**
 * gt_worker_attach - GT_IOC_WORKER_ATTACH
 * @file:	of this device
 * @group:	its group, of current's address space
 * @user_arg:	where the slot is to be told
 */
int gt_worker_attach(struct file *file, struct gt_group *group,
		     struct gt_worker_attach __user *user_arg)
{
	struct gt_worker *worker = gt_worker_of_current();
	struct gt_worker_status *status;
	int slot;

	if (worker) {
		if (worker->group->mm == current->mm)
			return -EEXIST;
		/* Left over from the image before exec. */
		gt_worker_leave(worker);
	}

	worker = kzalloc(sizeof(*worker), GFP_KERNEL_ACCOUNT);
	if (!worker)
		return -ENOMEM;
	slot = gt_group_slot_reserve(group);
	if (slot < 0) {
		kfree(worker);
		return slot;
	}
	/* Told first: once the thread is a worker, nothing may fail. */
	if (put_user(slot, &user_arg->slot)) {
		gt_group_slot_release(group, slot);
		kfree(worker);
		return -EFAULT;
	}

	refcount_set(&worker->users, 1);
	worker->group = group;
	worker->file = get_file(file);
	worker->task = get_task_struct(current);
	worker->slot = slot;
	worker->status = (struct gt_worker_status *)(gt_group_status(group) + 1) + slot;
	worker->user = (struct gt_worker_user *)group->user_area.address + slot;
	INIT_LIST_HEAD(&worker->standby);
	worker->death_work = IRQ_WORK_INIT_HARD(gt_worker_death_work);
	INIT_WORK(&worker->exit_work, gt_worker_exit_work);
	preempt_notifier_init(&worker->notifier, &gt_block_preempt_ops);
	gt_block_init(worker);
	gt_upcall_init(worker);
	gt_slice_init(worker);

	memset(worker->user, 0, sizeof(*worker->user));
	status = worker->status;
	WRITE_ONCE(status->blocked_ns, 0);
	WRITE_ONCE(status->resumed_ns, 0);
	WRITE_ONCE(status->nr_blocked, 0);
	WRITE_ONCE(status->nr_uncovered, 0);
	WRITE_ONCE(status->nr_upcalls, 0);
	WRITE_ONCE(status->nr_missed, 0);
	WRITE_ONCE(status->tid, task_pid_vnr(current));
	gt_block_word_set(worker, GT_STATE_RUNNING);

	gt_group_slot_publish(group, worker);
	preempt_disable();
	preempt_notifier_register(&worker->notifier);
	preempt_enable();
	trace_gt_attach(worker);
	gt_count(group, GT_COUNT_ATTACH);
	return 0;
}

/**
 * gt_worker_detach - GT_IOC_WORKER_DETACH
 * @group: of current's address space
 */
int gt_worker_detach(struct gt_group *group)
{
	struct gt_worker *worker = gt_worker_current(group);

	if (!worker)
		return -ESRCH;
	gt_worker_leave(worker);
	return 0;
}

/**
 * gt_worker_flush - a descriptor of the file is being closed
 * @file: of this device
 *
 * If that is exec's doing, or that of the image that it started, the worker which
 * the calling thread was has no reason to stay. The same goes for a thread that is
 * dying and has no address space any more.
 */
void gt_worker_flush(struct file *file)
{
	struct gt_worker *worker = gt_worker_of_current();

	if (worker && worker->file == file &&
	    (worker->group->mm != current->mm || gt_compat_task_in_exec()))
		gt_worker_leave(worker);
}

int gt_worker_module_init(void)
{
	/* Unbound: an exit must not wait behind whatever hogs the CPU that it was on. */
	gt_workqueue = alloc_workqueue("gt", WQ_UNBOUND, 0);
	if (!gt_workqueue)
		return -ENOMEM;
	/*
	 * The scheduler calls notifiers while the module is loaded, and not only while
	 * a group exists: this patches the kernel's text and interrupts every CPU, so
	 * a user who opens and closes the device in a loop shall not command it. A task
	 * without notifiers pays for one look at an empty list a switch.
	 */
	preempt_notifier_inc();
	return 0;
}

/* No file is open: see the head of this file for what may be left. */
void gt_worker_module_exit(void)
{
	preempt_notifier_dec();
	destroy_workqueue(gt_workqueue);
	rcu_barrier();
}
