// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/gt: the device, and the way from an ioctl number to its function.
 *
 * Each command is checked here against one table before any other code sees it:
 * its size, an unknown tail, its group and the caller's address space. What is
 * left for the function are the values.
 *
 * file->private_data is NULL until GT_IOC_GROUP_SETUP, then the group, and it
 * never changes again: no lock is needed to look at it.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "compat/compat.h"

union gt_arg {
	struct gt_info info;
	struct gt_group_setup setup;
	struct gt_worker_attach attach;
	struct gt_worker_detach detach;
	struct gt_worker_park park;
	struct gt_worker_wake wake;
	struct gt_worker_swap swap;
	struct gt_worker_upcall upcall;
	struct gt_worker_preempt preempt;
	struct gt_arena_setup arena;
	struct gt_group_limit limit;
	struct gt_worker_slice slice;
};

static long gt_ioctl_info(struct file *file, struct gt_group *group,
			  union gt_arg *arg, void __user *user_arg)
{
	const struct gt_info info = {
		.size = sizeof(info),
		.abi_version = GT_ABI_VERSION,
		.features = GT_FEATURE_BLOCK | GT_FEATURE_PARK | GT_FEATURE_SWAP |
			    GT_FEATURE_ARENA |
			    GT_FEATURE_WORD | GT_FEATURE_WORK |
			    (gt_quota_available() ? GT_FEATURE_CPU_LIMIT : 0) |
			    (gt_compat_has_task_work() ?
			     GT_FEATURE_UPCALL | GT_FEATURE_SLICE | GT_FEATURE_RETURN : 0),
		.workers_max = GT_WORKERS_MAX,
	};

	if (memchr_inv(arg->info.reserved, 0, sizeof(arg->info.reserved)))
		return -EINVAL;
	/* No more than the caller has room for; less than this it cannot be. */
	return copy_to_user(user_arg, &info, min_t(size_t, arg->info.size, sizeof(info))) ?
		-EFAULT : 0;
}

static long gt_ioctl_group_setup(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	return gt_group_setup(file, &arg->setup, user_arg);
}

static long gt_ioctl_worker_attach(struct file *file, struct gt_group *group,
				   union gt_arg *arg, void __user *user_arg)
{
	if (arg->attach.flags || arg->attach.reserved)
		return -EINVAL;
	return gt_worker_attach(file, group, user_arg);
}

static long gt_ioctl_worker_detach(struct file *file, struct gt_group *group,
				   union gt_arg *arg, void __user *user_arg)
{
	if (arg->detach.flags)
		return -EINVAL;
	return gt_worker_detach(group);
}

typedef int (*gt_park_fn)(struct gt_worker *worker, const struct gt_worker_park *arg,
			  struct gt_worker_park __user *user_arg);

static long gt_ioctl_sleep(struct gt_group *group, union gt_arg *arg,
			   void __user *user_arg, gt_park_fn park)
{
	struct gt_worker *worker;

	if (arg->park.flags || arg->park.reserved)
		return -EINVAL;
	worker = gt_worker_current(group);
	if (!worker)
		return -ESRCH;
	return park(worker, &arg->park, user_arg);
}

static long gt_ioctl_worker_park(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	return gt_ioctl_sleep(group, arg, user_arg, gt_park);
}

static long gt_ioctl_worker_standby(struct file *file, struct gt_group *group,
				    union gt_arg *arg, void __user *user_arg)
{
	return gt_ioctl_sleep(group, arg, user_arg, gt_park_standby);
}

static long gt_ioctl_worker_wake(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	if (arg->wake.flags || arg->wake.reserved)
		return -EINVAL;
	return gt_park_wake(group, &arg->wake);
}

static long gt_ioctl_worker_swap(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	struct gt_worker *worker;

	if (arg->swap.flags)
		return -EINVAL;
	worker = gt_worker_current(group);
	if (!worker)
		return -ESRCH;
	return gt_park_swap(worker, &arg->swap, user_arg);
}

static long gt_ioctl_worker_upcall(struct file *file, struct gt_group *group,
				   union gt_arg *arg, void __user *user_arg)
{
	struct gt_worker *worker = gt_worker_current(group);

	if (!gt_compat_has_task_work())
		return -ENOTTY;
	return worker ? gt_upcall_set(worker, &arg->upcall) : -ESRCH;
}

static long gt_ioctl_worker_preempt(struct file *file, struct gt_group *group,
				    union gt_arg *arg, void __user *user_arg)
{
	if (!gt_compat_has_task_work())
		return -ENOTTY;
	if (arg->preempt.flags || arg->preempt.reserved)
		return -EINVAL;
	return gt_upcall_preempt(group, &arg->preempt);
}

static long gt_ioctl_arena_setup(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	return gt_arena_setup(group, &arg->arena);
}

static long gt_ioctl_group_limit(struct file *file, struct gt_group *group,
				 union gt_arg *arg, void __user *user_arg)
{
	return gt_quota_limit(group, &arg->limit, user_arg);
}

static long gt_ioctl_worker_slice(struct file *file, struct gt_group *group,
				  union gt_arg *arg, void __user *user_arg)
{
	struct gt_worker *worker = gt_worker_current(group);

	if (!gt_compat_has_task_work())
		return -ENOTTY;
	return worker ? gt_slice_set(worker, &arg->slice) : -ESRCH;
}

/**
 * struct gt_command - what is to be checked of a command before it runs
 * @function:	runs it.
 * @number:	of the ioctl.
 * @size_min:	size of its argument in the first version of the ABI.
 * @size:	size of its argument in this version.
 * @groupless:	may be called before GT_IOC_GROUP_SETUP...
 * @anywhere:	...and from any address space.
 */
struct gt_command {
	long (*function)(struct file *file, struct gt_group *group,
			 union gt_arg *arg, void __user *user_arg);
	unsigned int number;
	u32 size_min;
	u32 size;
	bool groupless;
	bool anywhere;
};

static const struct gt_command gt_commands[] = {
	{ gt_ioctl_worker_park, GT_IOC_WORKER_PARK, 24, sizeof(struct gt_worker_park) },
	{ gt_ioctl_worker_swap, GT_IOC_WORKER_SWAP, 24, sizeof(struct gt_worker_swap) },
	{ gt_ioctl_worker_wake, GT_IOC_WORKER_WAKE, 24, sizeof(struct gt_worker_wake) },
	{ gt_ioctl_worker_standby, GT_IOC_WORKER_STANDBY, 24, sizeof(struct gt_worker_park) },
	{ gt_ioctl_worker_preempt, GT_IOC_WORKER_PREEMPT, 24,
	  sizeof(struct gt_worker_preempt) },
	{ gt_ioctl_worker_slice, GT_IOC_WORKER_SLICE, 24, sizeof(struct gt_worker_slice) },
	{ gt_ioctl_worker_upcall, GT_IOC_WORKER_UPCALL, 72, sizeof(struct gt_worker_upcall) },
	{ gt_ioctl_worker_attach, GT_IOC_WORKER_ATTACH, 16, sizeof(struct gt_worker_attach) },
	{ gt_ioctl_worker_detach, GT_IOC_WORKER_DETACH, 8, sizeof(struct gt_worker_detach) },
	{ gt_ioctl_group_limit, GT_IOC_GROUP_LIMIT, 24, sizeof(struct gt_group_limit) },
	{ gt_ioctl_arena_setup, GT_IOC_ARENA_SETUP, 40, sizeof(struct gt_arena_setup) },
	{ gt_ioctl_info, GT_IOC_INFO, 32, sizeof(struct gt_info),
	  .groupless = true, .anywhere = true },
	{ gt_ioctl_group_setup, GT_IOC_GROUP_SETUP, 40, sizeof(struct gt_group_setup),
	  .groupless = true },
};

static long gt_ioctl(struct file *file, unsigned int number, unsigned long address)
{
	void __user *user_arg = (void __user *)address;
	const struct gt_command *command = gt_commands;
	struct gt_group *group = gt_group_of(file);
	union gt_arg arg;
	u32 size;
	int err;

	while (command->number != number) {
		if (++command == gt_commands + ARRAY_SIZE(gt_commands))
			return -ENOTTY;
	}

	/* Every argument begins with its size. */
	if (get_user(size, (u32 __user *)user_arg))
		return -EFAULT;
	if (size < command->size_min)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	/* Rejected: word by word if the size is known. It saves 60 instructions of 1,100. */
	err = copy_struct_from_user(&arg, command->size, user_arg, size);
	if (err)
		return err;
	/* It may have changed since: what was checked counts. */
	arg.info.size = size;

	if (!group && !command->groupless)
		return -ENXIO;
	if (group && group->mm != current->mm && !command->anywhere)
		return -EPERM;

	return command->function(file, group, &arg, user_arg);
}

static int gt_open(struct inode *inode, struct file *file)
{
	/* The misc core has left a pointer to the device here. */
	file->private_data = NULL;
	return 0;
}

static int gt_flush(struct file *file, fl_owner_t id)
{
	gt_worker_flush(file);
	return 0;
}

static int gt_release(struct inode *inode, struct file *file)
{
	gt_group_release(file);
	return 0;
}

static const struct file_operations gt_fops = {
	.owner		= THIS_MODULE,
	.open		= gt_open,
	.flush		= gt_flush,
	.release	= gt_release,
	.unlocked_ioctl	= gt_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= gt_area_mmap,
};

static struct miscdevice gt_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= GT_DEVICE_NAME,
	.fops	= &gt_fops,
	.mode	= 0666,
};

static int __init gt_init(void)
{
	int err;

	/* Words of the areas are read and written whole. */
	BUILD_BUG_ON(sizeof(long) < sizeof(u64));
	/* What the table says of the first version. */
	BUILD_BUG_ON(sizeof(struct gt_info) != 32);
	BUILD_BUG_ON(sizeof(struct gt_group_setup) != 40);
	BUILD_BUG_ON(sizeof(struct gt_worker_attach) != 16);
	BUILD_BUG_ON(sizeof(struct gt_worker_detach) != 8);
	BUILD_BUG_ON(sizeof(struct gt_worker_park) != 24);
	BUILD_BUG_ON(sizeof(struct gt_worker_wake) != 24);
	BUILD_BUG_ON(sizeof(struct gt_worker_swap) != 24);
	BUILD_BUG_ON(sizeof(struct gt_worker_upcall) != 72);
	BUILD_BUG_ON(sizeof(struct gt_worker_preempt) != 24);
	BUILD_BUG_ON(sizeof(struct gt_worker_slice) != 24);
	BUILD_BUG_ON(sizeof(struct gt_upcall_frame) != 64);
	BUILD_BUG_ON(sizeof(struct gt_arena_setup) != 40);
	BUILD_BUG_ON(sizeof(struct gt_group_limit) != 24);
	BUILD_BUG_ON(sizeof(struct gt_status) != 64);
	BUILD_BUG_ON(sizeof(struct gt_worker_status) != 64);
	BUILD_BUG_ON(sizeof(struct gt_worker_user) != 64);
	BUILD_BUG_ON(sizeof(struct gt_group_user) != 64);
	BUILD_BUG_ON(sizeof(struct gt_queue) != 80);

	err = gt_arena_module_init();
	if (err)
		return err;
	err = gt_worker_module_init();
	if (err)
		goto arena;
	err = gt_quota_module_init();
	if (err)
		goto worker;
	err = misc_register(&gt_device);
	if (err)
		goto quota;
	gt_debug_module_init();
	return 0;

quota:
	gt_quota_module_exit();
worker:
	gt_worker_module_exit();
arena:
	gt_arena_module_exit();
	return err;
}

static void __exit gt_exit(void)
{
	gt_debug_module_exit();
	misc_deregister(&gt_device);
	gt_quota_module_exit();
	gt_watchdog_module_exit();
	gt_worker_module_exit();
	gt_arena_module_exit();
}

module_init(gt_init);
module_exit(gt_exit);
MODULE_DESCRIPTION("Exact scheduler activations for user-space task runtimes");
MODULE_LICENSE("GPL");
