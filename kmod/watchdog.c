// SPDX-License-Identifier: GPL-2.0
/*
 * The watchdog: a group that is not served any more is told so, rather than left to
 * hang.
 *
 * Sleepers of a group rely on timers, interrupts, wakeups and work items that come.
 * If one does not, by a fault of this module, of the kernel or of the machine, user
 * space has no way to know: nothing happens, as on a quiet day. So every watchdog_ms
 * all groups are looked at for what cannot be, unless something was lost:
 *
 *   report	A covered worker has been in one block for the grace and a period more,
 *		and its grace has not been found to be over.
 *   event	The uncovered event waits, and a worker that stands by sleeps.
 *   wakeup	A worker has an event, sleeps by command none the less, and has not run.
 *   exit	A worker's thread is dead, and the worker is there.
 *
 * A single look proves nothing: each of these is true for a moment again and again,
 * and a machine that stood still has everything late. A fault is what two looks in
 * sequence have found with the same key, a number that is another one if anything has
 * moved in between; they are at least a period apart, with this CPU running. So a
 * fault is found within three periods and a grace.
 *
 * A group with a fault is degraded, for good. That is a word in its status area, an
 * event that ends each sleep by command at once, and no more attaching; see DEGRADED
 * in the ABI. It is meant to be simple enough to work when other things do not:
 *
 *	gt_watchdog_degrade		sleeper
 *
 *	LOCK group			events = what was pending
 *	  degraded, status->flags	...
 *	UNLOCK group			state = TASK_INTERRUPTIBLE
 *	for each worker			if (!events) schedule()
 *	  events |= DEGRADED
 *	  wake it
 *
 *    That bit is never taken: see gt_park_take(). A worker that was published before
 *    the lock is met by the loop, one after it is given the bit by
 *    gt_group_slot_publish(), and none is reserved after it.
 *
 * A user can neither provoke nor hide a fault of another group. With real-time tasks
 * that hog all CPUs he may provoke one of his own, and is told what is true.
 *
 * The parameter faults, for tests, makes the module lose what is looked for. It is read
 * where a grace is over and where the dead are taken apart, on no shorter way.
 *
 * LOCKING. The work holds gt_groups_lock, which keeps the groups, and RCU for their
 * workers. watched and watched_key of a worker belong to the work alone.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "gt.h"
#include "trace.h"

unsigned int gt_faults;
module_param_named(faults, gt_faults, uint, 0600);
MODULE_PARM_DESC(faults, "for tests: lose reports (2), deliveries (4), wakeups (8), exits (16)");

static unsigned int watchdog_ms = 10000;

static void gt_watchdog_look(struct work_struct *work);
static DECLARE_DELAYED_WORK(gt_watchdog_work, gt_watchdog_look);

/**
 * gt_watchdog_start_locked - there is a group to look after
 *
 * Under gt_groups_lock. Starts the period anew.
 */
void gt_watchdog_start_locked(void)
{
	unsigned int period = READ_ONCE(watchdog_ms);

	lockdep_assert_held(&gt_groups_lock);
	/* Unbound: not to be late because of what hogs one CPU. */
	if (period && !list_empty(&gt_groups))
		mod_delayed_work(system_unbound_wq, &gt_watchdog_work, msecs_to_jiffies(period));
}

static const char *const gt_fault_names[] = {
	[GT_FAULT_NONE] = "none",
	[GT_FAULT_REPORT] = "a block was not reported",
	[GT_FAULT_EVENT] = "an event was not delivered",
	[GT_FAULT_WAKEUP] = "a wakeup was lost",
	[GT_FAULT_EXIT] = "a dead worker was not taken apart",
};

/* What is wrong with a worker, as far as one look can tell; and the key of that. */
static enum gt_fault gt_watchdog_suspect(const struct gt_worker *worker, u64 *key)
{
	u64 late = worker->group->grace_ns + (u64)READ_ONCE(watchdog_ms) * NSEC_PER_MSEC;
	/* Pairs with the release of the word: what belongs to the block is as new. */
	u64 word = smp_load_acquire(&worker->status->word);
	unsigned int state = GT_WORD_STATE(word);
	const struct task_struct *task = worker->task;

	*key = word;
	if (READ_ONCE(worker->dead))
		return GT_FAULT_EXIT;
	if (state == GT_STATE_BLOCKED && READ_ONCE(worker->armed) == word &&
	    READ_ONCE(worker->answered) != word &&
	    ktime_get_mono_fast_ns() - READ_ONCE(worker->status->blocked_ns) > late)
		return GT_FAULT_REPORT;
	if ((state == GT_STATE_PARKED || state == GT_STATE_STANDBY) &&
	    atomic_read(&worker->events) &&
	    (READ_ONCE(task->__state) & TASK_INTERRUPTIBLE)) {
		/* Each sleep counts. */
		*key = READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
		return GT_FAULT_WAKEUP;
	}
	return GT_FAULT_NONE;
}

static enum gt_fault gt_watchdog_look_at_worker(struct gt_worker *worker)
{
	u64 key;
	enum gt_fault fault = gt_watchdog_suspect(worker, &key);
	bool again = fault == worker->watched && key == worker->watched_key;

	worker->watched = fault;
	worker->watched_key = key;
	return again ? fault : GT_FAULT_NONE;
}

/* Deliveries go on as long as events are taken. */
static enum gt_fault gt_watchdog_look_at_event(struct gt_group *group)
{
	enum gt_fault fault = GT_FAULT_NONE;
	unsigned long flags;
	bool again;
	u64 key;

	raw_spin_lock_irqsave(&group->lock, flags);
	key = gt_group_status(group)->delivered;
	if (group->uncovered && !list_empty(&group->standby))
		fault = GT_FAULT_EVENT;
	raw_spin_unlock_irqrestore(&group->lock, flags);

	again = fault == group->watched && key == group->watched_key;
	group->watched = fault;
	group->watched_key = key;
	return again ? fault : GT_FAULT_NONE;
}

static void gt_watchdog_degrade(struct gt_group *group, enum gt_fault fault)
{
	struct gt_worker *worker;
	unsigned long flags;
	unsigned int slot;

	pr_warn_ratelimited("gt: group %u of process %d is degraded: %s\n",
			    group->id, group->pid, gt_fault_names[fault]);
	trace_gt_degrade(group, fault);

	raw_spin_lock_irqsave(&group->lock, flags);
	group->degraded = true;
	WRITE_ONCE(gt_group_status(group)->flags, GT_STATUS_DEGRADED);
	raw_spin_unlock_irqrestore(&group->lock, flags);
	/* The ABI says what a waker who misses the flag may think. Pairs with its wakeup. */
	smp_mb();

	for_each_set_bit(slot, group->slots_used, group->workers) {
		rcu_read_lock();
		worker = rcu_dereference(group->slots[slot]);
		if (worker) {
			atomic_or(GT_EVENT_DEGRADED, &worker->events);
			wake_up_process(worker->task);
		}
		rcu_read_unlock();
	}
}

static void gt_watchdog_look_at(struct gt_group *group)
{
	enum gt_fault fault = gt_watchdog_look_at_event(group);
	unsigned int slot;

	for_each_set_bit(slot, group->slots_used, group->workers) {
		enum gt_fault found = GT_FAULT_NONE;
		struct gt_worker *worker;

		rcu_read_lock();
		worker = rcu_dereference(group->slots[slot]);
		if (worker)
			found = gt_watchdog_look_at_worker(worker);
		rcu_read_unlock();
		if (found)
			fault = found;
	}
	if (fault)
		gt_watchdog_degrade(group, fault);
}

static void gt_watchdog_look(struct work_struct *work)
{
	struct gt_group *group;

	mutex_lock(&gt_groups_lock);
	list_for_each_entry(group, &gt_groups, link) {
		if (!group->degraded)
			gt_watchdog_look_at(group);
		cond_resched();
	}
	gt_watchdog_start_locked();
	mutex_unlock(&gt_groups_lock);
}

/**
 * gt_watchdog_hold - while the fault is set, a work item does not come
 * @fault: GT_FAULT_*
 */
void gt_watchdog_hold(enum gt_fault fault)
{
	while (gt_fault(fault))
		msleep(20);
}

void gt_watchdog_module_exit(void)
{
	cancel_delayed_work_sync(&gt_watchdog_work);
}

static int gt_watchdog_set_period(const char *text, const struct kernel_param *parameter)
{
	int err = param_set_uint(text, parameter);

	if (err)
		return err;
	mutex_lock(&gt_groups_lock);
	gt_watchdog_start_locked();
	mutex_unlock(&gt_groups_lock);
	return 0;
}

static const struct kernel_param_ops gt_watchdog_period_ops = {
	.set = gt_watchdog_set_period,
	.get = param_get_uint,
};
module_param_cb(watchdog_ms, &gt_watchdog_period_ops, &watchdog_ms, 0644);
MODULE_PARM_DESC(watchdog_ms, "milliseconds between looks for groups that hang; 0: never");
