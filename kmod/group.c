// SPDX-License-Identifier: GPL-2.0
/*
 * A group: what GT_IOC_GROUP_SETUP makes of an open file.
 *
 * It is built in full before file->private_data names it, and from then on its
 * constants are read without a lock. Two threads that set up one file at a time
 * race in a single cmpxchg(); the loser's group was never seen by anybody.
 *
 * The group remembers its address space by mm_struct, with mmgrab(): the memory
 * behind it may go, the identity may not, or else an unrelated process could be
 * given the same pointer and with it the group.
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"

DEFINE_MUTEX(gt_groups_lock);
LIST_HEAD(gt_groups);

/* From now on debugfs and the watchdog see it. */
static void gt_group_link(struct gt_group *group)
{
	static unsigned int last_id;

	mutex_lock(&gt_groups_lock);
	group->id = ++last_id;
	list_add_tail(&group->link, &gt_groups);
	if (list_is_singular(&gt_groups))
		gt_watchdog_start_locked();
	mutex_unlock(&gt_groups_lock);
}

static void gt_group_unlink(struct gt_group *group)
{
	mutex_lock(&gt_groups_lock);
	list_del(&group->link);
	gt_debug_keep_counts_locked(group);
	mutex_unlock(&gt_groups_lock);
}

/* Undoes whatever of gt_group_create() was done. */
static void gt_group_destroy(struct gt_group *group)
{
	if (!list_empty(&group->link))
		gt_group_unlink(group);
	if (group->mm)
		mmdrop(group->mm);
	gt_arena_destroy(group);
	if (group->user)
		gt_limit_uncharge(group->user, group->workers);
	gt_area_destroy(&group->user_area);
	gt_area_destroy(&group->status_area);
	free_percpu(group->counts);
	bitmap_free(group->slots_used);
	kvfree(group->slots);
	kfree(group);
}

static struct gt_group *gt_group_create(unsigned int workers, unsigned int grace_ns)
{
	struct gt_group *group;
	struct gt_status *status;
	struct gt_user *user;
	int err = -ENOMEM;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);

	group->workers = workers;
	group->grace_ns = grace_ns;
	group->pid = current->tgid;
	INIT_LIST_HEAD(&group->link);
	raw_spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->standby);

	user = gt_limit_charge(current_uid(), workers);
	if (IS_ERR(user)) {
		err = PTR_ERR(user);
		goto destroy;
	}
	group->user = user;

	group->slots = kvcalloc(workers, sizeof(*group->slots), GFP_KERNEL_ACCOUNT);
	group->slots_used = bitmap_zalloc(workers, GFP_KERNEL_ACCOUNT);
	group->counts = alloc_percpu_gfp(struct gt_counts, GFP_KERNEL_ACCOUNT);
	if (!group->slots || !group->slots_used || !group->counts)
		goto destroy;

	err = gt_area_create(&group->status_area, sizeof(struct gt_status) +
			     workers * sizeof(struct gt_worker_status));
	if (err)
		goto destroy;
	err = gt_area_create(&group->user_area, workers * sizeof(struct gt_worker_user) +
			     sizeof(struct gt_group_user));
	if (err)
		goto destroy;

	status = gt_group_status(group);
	status->abi_version = GT_ABI_VERSION;
	status->workers = workers;
	status->grace_ns = grace_ns;

	group->mm = current->mm;
	mmgrab(group->mm);
	gt_group_link(group);
	return group;

destroy:
	gt_group_destroy(group);
	return ERR_PTR(err);
}

/**
 * gt_group_setup - GT_IOC_GROUP_SETUP
 * @file:	of this device
 * @arg:	the kernel's copy of the argument
 * @user_arg:	the caller's, to be filled in
 *
 * Return: 0, or an error of those that the ABI lists.
 */
int gt_group_setup(struct file *file, struct gt_group_setup *arg,
		   struct gt_group_setup __user *user_arg)
{
	struct gt_group *group;
	int err;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	if (!arg->workers || arg->workers > GT_WORKERS_MAX || arg->grace_ns > GT_GRACE_MAX_NS)
		return -EINVAL;
	if (gt_group_of(file))
		return -EBUSY;

	group = gt_group_create(arg->workers, arg->grace_ns);
	if (IS_ERR(group))
		return PTR_ERR(group);

	/* The answer goes out first: once the file names the group, nothing may fail. */
	err = -EFAULT;
	if (put_user(gt_area_size(&group->status_area), &user_arg->status_size) ||
	    put_user(gt_area_size(&group->user_area), &user_arg->user_size))
		goto destroy;

	err = -EBUSY;
	if (cmpxchg(&file->private_data, NULL, group))
		goto destroy;
	return 0;

destroy:
	gt_group_destroy(group);
	return err;
}

/**
 * gt_group_release - the last reference to a file is gone
 * @file: of this device
 *
 * No descriptor, no mapping and no worker is left, for each holds the file. No
 * interrupt of a worker is under way either: gt_block_stop() waited for it before
 * the worker let go of the file.
 */
void gt_group_release(struct file *file)
{
	struct gt_group *group = gt_group_of(file);

	if (group)
		gt_group_destroy(group);
}

/**
 * gt_group_slot_reserve - take the lowest free slot
 * @group: the group
 *
 * Until gt_group_slot_publish() the slot has no worker that could be found.
 *
 * Return: the slot, -ENOSPC, or -ESHUTDOWN.
 */
int gt_group_slot_reserve(struct gt_group *group)
{
	unsigned long flags;
	unsigned int slot;
	int result = -ESHUTDOWN;

	raw_spin_lock_irqsave(&group->lock, flags);
	if (group->degraded)
		goto unlock;
	result = -ENOSPC;
	slot = find_first_zero_bit(group->slots_used, group->workers);
	if (slot < group->workers) {
		__set_bit(slot, group->slots_used);
		result = slot;
	}
unlock:
	raw_spin_unlock_irqrestore(&group->lock, flags);
	return result;
}

/**
 * gt_group_slot_publish - let others find a worker by its slot
 * @group:	the group
 * @worker:	complete, in the slot that it has reserved
 */
void gt_group_slot_publish(struct gt_group *group, struct gt_worker *worker)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&group->lock, flags);
	rcu_assign_pointer(group->slots[worker->slot], worker);
	/* The watchdog may have been there since the slot was reserved. */
	if (group->degraded)
		atomic_or(GT_EVENT_DEGRADED, &worker->events);
	raw_spin_unlock_irqrestore(&group->lock, flags);
}

/**
 * gt_group_slot_release - give a slot back, published or merely reserved
 * @group:	the group
 * @slot:	the slot
 *
 * A worker that was published may be freed after an RCU grace period.
 */
void gt_group_slot_release(struct gt_group *group, unsigned int slot)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&group->lock, flags);
	RCU_INIT_POINTER(group->slots[slot], NULL);
	__clear_bit(slot, group->slots_used);
	raw_spin_unlock_irqrestore(&group->lock, flags);
}
