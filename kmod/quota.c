// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU limit of the caller: the least of the quotas that its control group and all
 * groups above are set to, as cgroup v2 has them.
 *
 * A process finds the quotas that it can see in the files of its mount of cgroup v2. In
 * a container it sees its own group as the root: what is set above, often by the one
 * who started the container, is hidden from it. It counts all the same. The kernel's
 * cgroups do not export their quotas, so they are read here from the same files,
 * cpu.max, through a mount of our own. It is in no namespace, and its superblock's root
 * is the root of the hierarchy whatever namespace the caller is in.
 *
 * The files are read with the kernel's credentials: folders may be closed to the caller,
 * and a security module may confine it to paths that these are not. What it learns is a
 * bound that it can measure by running. The path is found by the kernel, no byte of it
 * comes from user space.
 *
 * A quota that cannot be read limits nothing: the root has none, a group without the
 * controller neither, and a group may go while it is looked at. In cgroup v1 the
 * controller is elsewhere; there user space has to look. But that there is no memory to
 * look says nothing of the quota: then the command fails.
 *
 * It is the asking thread that looks, and its group that counts. A look takes some ten
 * thousand instructions a level: so it is for a runtime to ask once a second, which is
 * what it takes to notice a change. Not taken: a work item that looks for every group
 * once a second, whether anybody wants to know or not.
 *
 * The mount is made as the module is loaded and ends as it is unloaded. A file that is
 * still to be closed by then holds the mount, not us.
 *
 * Locking: none. All of it is constant, but for gt_status.limit, which is written whole.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_task.h>
#include <linux/kernfs.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"

#define GT_QUOTA_FILE	"/cpu.max"

static struct vfsmount *gt_quota_mount;
static const struct cred *gt_quota_cred;

/* "QUOTA PERIOD" in microseconds, or "max PERIOD". */
static u64 gt_quota_parse(char *text)
{
	char *period = strim(text), *quota = strsep(&period, " ");
	u64 q, p;

	if (!period || kstrtou64(quota, 10, &q) || kstrtou64(period, 10, &p) || !p ||
	    q > U64_MAX / GT_LIMIT_CPU - p)
		return GT_LIMIT_NONE;
	return div64_u64(q * GT_LIMIT_CPU + p - 1, p);
}

/* The quota that the file sets, or GT_LIMIT_NONE. Fails only if that is not known. */
static int gt_quota_read(const char *name, u64 *quota)
{
	struct path root = { .mnt = gt_quota_mount, .dentry = gt_quota_mount->mnt_sb->s_root };
	struct file *file = file_open_root(&root, name, O_RDONLY, 0);
	char text[64];
	loff_t at = 0;
	ssize_t size;

	*quota = GT_LIMIT_NONE;
	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOMEM ? -ENOMEM : 0;
	size = kernel_read(file, text, sizeof(text) - 1, &at);
	fput(file);
	if (size <= 0)
		return size == -ENOMEM ? -ENOMEM : 0;
	text[size] = '\0';
	*quota = gt_quota_parse(text);
	return 0;
}

/* Where current's group is below the root: "/a/b". */
static int gt_quota_path(char *path, size_t size)
{
	int length;

	/* It may be moved, and its old group removed: RCU keeps that until we are done. */
	rcu_read_lock();
	length = kernfs_path_from_node(task_dfl_cgroup(current)->kn, NULL, path, size);
	rcu_read_unlock();
	return length >= 0 && length < size ? 0 : -ENAMETOOLONG;
}

/* From the group up; path is cut off on the way, and has room for the file's name. */
static int gt_quota_least(char *path, u64 *least)
{
	char *end = path + strlen(path);
	u64 quota;
	int err;

	*least = GT_LIMIT_NONE;
	for (; end > path; end = strrchr(path, '/')) {
		if (fatal_signal_pending(current))
			return -EINTR;
		memcpy(end, GT_QUOTA_FILE, sizeof(GT_QUOTA_FILE));
		err = gt_quota_read(path + 1, &quota);
		if (err)
			return err;
		*least = min(*least, quota);
		*end = '\0';
		cond_resched();
	}
	return 0;
}

/**
 * gt_quota_limit - GT_IOC_GROUP_LIMIT
 * @group:	of current's address space
 * @arg:	the kernel's copy of the argument
 * @user_arg:	the caller's, to be filled in
 */
int gt_quota_limit(struct gt_group *group, const struct gt_group_limit *arg,
		   struct gt_group_limit __user *user_arg)
{
	const struct cred *old;
	u64 limit;
	char *path;
	int err;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	if (!gt_quota_available())
		return -EOPNOTSUPP;
	path = kmalloc(PATH_MAX + sizeof(GT_QUOTA_FILE), GFP_KERNEL_ACCOUNT);
	if (!path)
		return -ENOMEM;
	err = gt_quota_path(path, PATH_MAX);
	if (!err) {
		old = override_creds(gt_quota_cred);
		err = gt_quota_least(path, &limit);
		revert_creds(old);
	}
	kfree(path);
	if (err)
		return err;
	WRITE_ONCE(gt_group_status(group)->limit, limit);
	return put_user(limit, &user_arg->limit) ? -EFAULT : 0;
}

bool gt_quota_available(void)
{
	return gt_quota_mount;
}

/*
 * Without cgroup v2 the module serves as well, but for this command. That there was no memory
 * for a moment is no reason to be without for as long as it is loaded.
 */
int gt_quota_module_init(void)
{
	struct file_system_type *type = get_fs_type("cgroup2");
	const struct cred *cred;
	struct vfsmount *mount;

	if (!type)
		return 0;
	cred = prepare_kernel_cred(&init_task);
	mount = cred ? kern_mount(type) : ERR_PTR(-ENOMEM);
	/* The mount holds it now. */
	module_put(type->owner);
	if (IS_ERR(mount)) {
		if (cred)
			put_cred(cred);
		return PTR_ERR(mount) == -ENOMEM ? -ENOMEM : 0;
	}
	gt_quota_cred = cred;
	gt_quota_mount = mount;
	return 0;
}

void gt_quota_module_exit(void)
{
	if (!gt_quota_mount)
		return;
	kern_unmount(gt_quota_mount);
	put_cred(gt_quota_cred);
}
