// SPDX-License-Identifier: GPL-2.0
/*
 * Park, standby, wake and swap: how workers sleep by command.
 *
 * A worker has a few event bits. Anybody sets them, with a wakeup after; the
 * worker alone takes them, all at once, as it leaves the sleep. What is not
 * taken stays: wakes are remembered, and many count as one.
 *
 * ORDERING: no event is lost between the look at the bits and the sleep.
 *
 *	sleeper (gt_park_sleep)		waker (gt_park_wake, gt_block_report)
 *
 *	state = TASK_INTERRUPTIBLE	events |= bit
 *	smp_mb()	   (A)		smp_mb()	   (B)
 *	if (!events)			if (state is asleep)
 *	  schedule()			  state = TASK_RUNNING
 *
 * (A) is in set_current_state(), (B) in wake_up_process(). One of the two looks
 * must see the other's store: the sleeper finds the bit and does not sleep, or
 * the waker finds it asleep and wakes it.
 *
 * The waker calls wake_up_process() even if the bit was set before. Whoever set
 * it may not have come to its own call yet, and an important waker shall not
 * depend on one that was preempted.
 *
 * Swap is a wake and a park, in this order, so that the woken one can be on its way
 * while the caller goes to sleep. What it gains is the second entry, and that the CPU is
 * passed on: the woken one comes to it, no other CPU is interrupted to fetch it from its
 * idle state. If the caller has an event it will not sleep, and then the woken one had
 * better go to a CPU that is free.
 *
 * A worker found by slot, or on group->standby, may detach while it is woken. RCU
 * keeps it and its task; the wakeup is one more spurious one.
 *
 * All sleeps are interruptible, freezable and absolute in time, so a signal
 * restarts the command unchanged.
 */
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "trace.h"
#include "compat/compat.h"

/*
 * Sleep until an event, the deadline or a signal comes. The event is looked for
 * first: one that came together with another reason is not left behind.
 */
static int gt_park_sleep(struct gt_worker *worker, u64 deadline_ns)
{
	ktime_t deadline = min_t(u64, deadline_ns, KTIME_MAX);
	bool late = deadline_ns <= ktime_get_ns();
	int err;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);	/* (A) */
		err = 0;
		if (atomic_read(&worker->events))
			break;
		err = -ETIMEDOUT;
		if (late)
			break;
		err = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		if (deadline_ns == GT_DEADLINE_NONE)
			schedule();
		else
			late = !schedule_hrtimeout_range(&deadline, current->timer_slack_ns,
							 HRTIMER_MODE_ABS);
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

/* All events that are pending. That the group is degraded stays so. */
static int gt_park_take(struct gt_worker *worker)
{
	int events = atomic_xchg(&worker->events, 0);

	if (unlikely(events & GT_EVENT_DEGRADED))
		atomic_or(GT_EVENT_DEGRADED, &worker->events);
	return events;
}

/* Park, and tell which events ended it. */
static int gt_park_until(struct gt_worker *worker, u64 deadline_ns, u32 __user *user_events)
{
	int events = gt_park_take(worker);
	int err;

	if (!events) {
		trace_gt_park(worker);
		gt_count(worker->group, GT_COUNT_PARK);
		gt_block_word_set(worker, GT_STATE_PARKED);
		err = gt_park_sleep(worker, deadline_ns);
		gt_block_word_set(worker, GT_STATE_RUNNING);
		if (err)
			return err;
		events = gt_park_take(worker);
	}
	if (put_user(events, user_events)) {
		atomic_or(events, &worker->events);
		return -EFAULT;
	}
	return 0;
}

/**
 * gt_park - GT_IOC_WORKER_PARK
 * @worker:	of current
 * @arg:	the kernel's copy of the argument
 * @user_arg:	the caller's, where the events are told
 */
int gt_park(struct gt_worker *worker, const struct gt_worker_park *arg,
	    struct gt_worker_park __user *user_arg)
{
	return gt_park_until(worker, arg->deadline_ns, &user_arg->events);
}

/* Take the event that waits, or queue up for the next; true if there was one. */
static bool gt_park_standby_enter(struct gt_worker *worker)
{
	struct gt_group *group = worker->group;
	unsigned long flags;
	bool taken;

	raw_spin_lock_irqsave(&group->lock, flags);
	taken = group->uncovered;
	if (taken) {
		group->uncovered = false;
		WRITE_ONCE(gt_group_status(group)->uncovered, 0);
	} else {
		list_add(&worker->standby, &group->standby);
	}
	raw_spin_unlock_irqrestore(&group->lock, flags);
	return taken;
}

/* After this the uncovered event comes to @worker no more. */
static void gt_park_standby_leave(struct gt_worker *worker)
{
	struct gt_group *group = worker->group;
	unsigned long flags;

	raw_spin_lock_irqsave(&group->lock, flags);
	list_del_init(&worker->standby);
	raw_spin_unlock_irqrestore(&group->lock, flags);
}

static void gt_park_count_delivered(struct gt_group *group)
{
	struct gt_status *status = gt_group_status(group);
	unsigned long flags;

	raw_spin_lock_irqsave(&group->lock, flags);
	WRITE_ONCE(status->delivered, status->delivered + 1);
	raw_spin_unlock_irqrestore(&group->lock, flags);
}

/* The caller could not be told: the event is for somebody else, or later. */
static void gt_park_raise_again(struct gt_group *group)
{
	struct gt_worker *standby;
	unsigned long flags;

	rcu_read_lock();
	raw_spin_lock_irqsave(&group->lock, flags);
	standby = gt_block_raise_locked(group);
	raw_spin_unlock_irqrestore(&group->lock, flags);
	if (standby)
		wake_up_process(standby->task);
	rcu_read_unlock();
}

/**
 * gt_park_standby - GT_IOC_WORKER_STANDBY
 * @worker:	of current
 * @arg:	the kernel's copy of the argument
 * @user_arg:	the caller's, where the events are told
 */
int gt_park_standby(struct gt_worker *worker, const struct gt_worker_park *arg,
		    struct gt_worker_park __user *user_arg)
{
	struct gt_group *group = worker->group;
	int events = 0;
	int err = 0;

	if (gt_park_standby_enter(worker)) {
		events = GT_EVENT_UNCOVERED;
	} else {
		trace_gt_standby(worker);
		gt_count(group, GT_COUNT_STANDBY);
		gt_block_word_set(worker, GT_STATE_STANDBY);
		err = gt_park_sleep(worker, arg->deadline_ns);
		gt_park_standby_leave(worker);
		gt_block_word_set(worker, GT_STATE_RUNNING);
	}

	/* Between the end of the sleep and leave() one more may have come. */
	events |= gt_park_take(worker);
	if (!events)
		return err;
	if (put_user(events, &user_arg->events)) {
		atomic_or(events & GT_EVENT_WOKEN, &worker->events);
		if (events & GT_EVENT_UNCOVERED)
			gt_park_raise_again(group);
		return -EFAULT;
	}
	if (events & GT_EVENT_UNCOVERED)
		gt_park_count_delivered(group);
	return 0;
}

static void gt_park_wake_anywhere(struct task_struct *task)
{
	wake_up_process(task);
}

static int gt_park_wake_one(struct gt_group *group, u32 slot,
			    void (*wake)(struct task_struct *task))
{
	struct gt_worker *worker;

	if (slot >= group->workers)
		return -EINVAL;
	slot = array_index_nospec(slot, group->workers);

	rcu_read_lock();
	worker = rcu_dereference(group->slots[slot]);
	if (worker) {
		trace_gt_wake(worker);
		gt_count(group, GT_COUNT_WAKE);
		atomic_or(GT_EVENT_WOKEN, &worker->events);
		wake(worker->task);				/* (B) */
	}
	rcu_read_unlock();
	return worker ? 0 : -ESRCH;
}

/**
 * gt_park_wake - GT_IOC_WORKER_WAKE
 * @group:	of current's address space
 * @arg:	the kernel's copy of the argument
 */
int gt_park_wake(struct gt_group *group, const struct gt_worker_wake *arg)
{
	const u32 __user *slots = u64_to_user_ptr(arg->slots);
	u32 i, slot;
	int err;

	if (!arg->count || arg->count > group->workers)
		return -EINVAL;

	for (i = 0; i < arg->count; i++) {
		if (get_user(slot, slots + i))
			return -EFAULT;
		err = gt_park_wake_one(group, slot, gt_park_wake_anywhere);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/**
 * gt_park_swap - GT_IOC_WORKER_SWAP
 * @worker:	of current
 * @arg:	the kernel's copy of the argument
 * @user_arg:	the caller's, where the events are told
 *
 * The wake must not be repeated when a signal restarts the command: the woken one may
 * have parked again by then, for something else. So the argument says that it is done;
 * if it cannot, the command is not restarted.
 */
int gt_park_swap(struct gt_worker *worker, const struct gt_worker_swap *arg,
		 struct gt_worker_swap __user *user_arg)
{
	int err;

	if (arg->slot != GT_SLOT_NONE) {
		err = gt_park_wake_one(worker->group, arg->slot,
				       atomic_read(&worker->events) ? gt_park_wake_anywhere :
								      gt_compat_wake_up_here);
		if (err)
			return err;
	}
	err = gt_park_until(worker, arg->deadline_ns, &user_arg->events);
	if (err == -ERESTARTSYS && put_user(GT_SLOT_NONE, &user_arg->slot))
		err = -EINTR;
	return err;
}
