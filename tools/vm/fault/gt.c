// SPDX-License-Identifier: GPL-2.0
/*
 * A module that takes the place of gt.ko in the tests of gt-vm, and does what a
 * module must not: what is written to its device says which. The damage is done
 * in the open: nothing here is of use outside a test VM.
 */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>

static ssize_t fault_write(struct file *file, const char __user *ubuf, size_t len,
			   loff_t *pos)
{
	char what;

	if (len < 1 || copy_from_user(&what, ubuf, 1))
		return -EFAULT;
	switch (what) {
	case 'w':	/* warn */
		WARN_ON(1);
		break;
	case 'b':	/* bug */
		BUG();
		break;
	case 'o':	/* oops */
		WRITE_ONCE(*(char *)8, 1);
		break;
	case 's':	/* sleep where none may; the scheduler complains and lifts the ban */
		preempt_disable();
		msleep(10);
		break;
	case 'k':	/* keep a reference for ever */
		__module_get(THIS_MODULE);
		break;
	default:
		return -EINVAL;
	}
	return len;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.write = fault_write,
};

static struct miscdevice fault_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gt",
	.fops = &fault_fops,
};

module_misc_device(fault_device);
MODULE_DESCRIPTION("Faults on request, to test gt-vm");
MODULE_LICENSE("GPL");
