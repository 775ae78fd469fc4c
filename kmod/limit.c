// SPDX-License-Identifier: GPL-2.0
/*
 * Per-user limits: how many groups, slots in them, and bytes of arenas one user may have.
 *
 * A user is a real uid as the kernel knows it, so the same on both sides of a
 * user namespace; root is a user like others. What is charged is what a group was
 * set up for, not what it uses, and it is given back as the group goes. The limits
 * are read at each charge: lowering one takes nothing away.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "gt.h"

static unsigned int groups_per_user = 256;
module_param(groups_per_user, uint, 0644);
MODULE_PARM_DESC(groups_per_user, "groups that one user may have at a time");

static unsigned int slots_per_user = 65536;
module_param(slots_per_user, uint, 0644);
MODULE_PARM_DESC(slots_per_user, "worker slots that one user's groups may have together");

static unsigned long arena_bytes_per_user = 1UL << 46;
module_param(arena_bytes_per_user, ulong, 0644);
MODULE_PARM_DESC(arena_bytes_per_user,
		 "address space that the arenas of one user's groups may have together");

/**
 * struct gt_user - a user with at least one group
 * @link:	in gt_users.
 * @uid:	Constant.
 * @groups:	that it has.
 * @slots:	of those groups, together.
 * @arena_bytes: of those groups, together.
 *
 * All under gt_users_lock.
 */
struct gt_user {
	struct list_head link;
	kuid_t uid;
	unsigned int groups;
	unsigned int slots;
	u64 arena_bytes;
};

static DEFINE_MUTEX(gt_users_lock);
static LIST_HEAD(gt_users);

static struct gt_user *gt_limit_find_locked(kuid_t uid)
{
	struct gt_user *user;

	lockdep_assert_held(&gt_users_lock);
	list_for_each_entry(user, &gt_users, link) {
		if (uid_eq(user->uid, uid))
			return user;
	}
	return NULL;
}

/**
 * gt_limit_charge - count a group to be made
 * @uid:	whose it is
 * @workers:	its slots
 *
 * Return: for gt_limit_uncharge(), or an ERR_PTR() of -EDQUOT or -ENOMEM.
 */
struct gt_user *gt_limit_charge(kuid_t uid, unsigned int workers)
{
	unsigned int slots_max = READ_ONCE(slots_per_user);
	struct gt_user *user;

	mutex_lock(&gt_users_lock);
	user = gt_limit_find_locked(uid);
	if (!user) {
		user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
		if (!user) {
			user = ERR_PTR(-ENOMEM);
			goto unlock;
		}
		user->uid = uid;
		list_add(&user->link, &gt_users);
	}
	/* A lowered limit may lie below what is in use. */
	if (user->groups >= READ_ONCE(groups_per_user) || user->slots > slots_max ||
	    workers > slots_max - user->slots) {
		if (!user->groups) {
			list_del(&user->link);
			kfree(user);
		}
		user = ERR_PTR(-EDQUOT);
		goto unlock;
	}
	user->groups++;
	user->slots += workers;
unlock:
	mutex_unlock(&gt_users_lock);
	return user;
}

/**
 * gt_limit_uncharge - undo gt_limit_charge()
 * @user:	that it returned
 * @workers:	that it was given
 */
void gt_limit_uncharge(struct gt_user *user, unsigned int workers)
{
	mutex_lock(&gt_users_lock);
	user->slots -= workers;
	if (!--user->groups) {
		list_del(&user->link);
		kfree(user);
	}
	mutex_unlock(&gt_users_lock);
}

/**
 * gt_limit_charge_arena - count an arena to be made
 * @user:	whom its group is charged to
 * @size:	its bytes
 *
 * Return: 0 or -EDQUOT.
 */
int gt_limit_charge_arena(struct gt_user *user, u64 size)
{
	u64 most = READ_ONCE(arena_bytes_per_user);
	int err = -EDQUOT;

	mutex_lock(&gt_users_lock);
	if (user->arena_bytes <= most && size <= most - user->arena_bytes) {
		user->arena_bytes += size;
		err = 0;
	}
	mutex_unlock(&gt_users_lock);
	return err;
}

/**
 * gt_limit_uncharge_arena - undo gt_limit_charge_arena()
 * @user:	that it was given
 * @size:	that it was given
 */
void gt_limit_uncharge_arena(struct gt_user *user, u64 size)
{
	mutex_lock(&gt_users_lock);
	user->arena_bytes -= size;
	mutex_unlock(&gt_users_lock);
}
