// SPDX-License-Identifier: GPL-2.0
/*
 * A thread with a user shadow stack has no entry, through which it could not return: it
 * is refused one, and if it gets such a stack later it is sent the fallback signal. Where
 * the CPU has none, the module is made to take each thread for one with such a stack.
 */
#include "gt_upcall.h"

#include <sys/prctl.h>

#define PRETEND			"parameters/pretend_shadow_stack"
#define ARCH_SHSTK_ENABLE	0x5001
#define ARCH_SHSTK_SHSTK	1

FIXTURE(upcall_shadow) {
	struct gt_test_group group;
	int slot;
};

FIXTURE_SETUP(upcall_shadow)
{
	if (geteuid())
		SKIP(_exit(255), "not root: the parameter cannot be set");
	gt_upcalls = gt_signals = 0;
	ASSERT_EQ(0, gt_signal_count(SIGURG, 0));
	GT_TEST_GROUP_OPEN(&self->group, 1, 0);
	self->slot = gt_attach(self->group.fd);
	ASSERT_LE(0, self->slot);
}

FIXTURE_TEARDOWN(upcall_shadow)
{
	gt_module_set(PRETEND, 0);
}

static int set(int fd, struct gt_worker_upcall arg, unsigned int signal)
{
	arg.signal = signal;
	return gt_ioctl(fd, GT_IOC_WORKER_UPCALL, &arg);
}

GT_TEST(upcall_shadow, entry_refused)
{
	struct gt_worker_upcall none = { .size = sizeof(none) };

	ASSERT_EQ(0, gt_module_set(PRETEND, 1));
	EXPECT_EQ(-EOPNOTSUPP, set(self->group.fd, gt_upcall_arg(), 0));
	EXPECT_EQ(-EOPNOTSUPP, set(self->group.fd, gt_upcall_arg(), SIGURG));
	EXPECT_EQ(-ENOENT, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(0, set(self->group.fd, none, SIGURG));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_signals);
	EXPECT_EQ(0, set(self->group.fd, none, 0));
}

GT_TEST(upcall_shadow, signal_instead)
{
	EXPECT_EQ(0, set(self->group.fd, gt_upcall_arg(), SIGURG));
	ASSERT_EQ(0, gt_module_set(PRETEND, 1));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(0, gt_upcalls);
	EXPECT_EQ(1, gt_signals);
	ASSERT_EQ(0, gt_module_set(PRETEND, 0));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_upcalls);
	EXPECT_EQ(1, gt_signals);
}

static bool cpu_has_shadow_stacks(void)
{
	char line[8192];
	bool found = false;
	FILE *file = fopen("/proc/cpuinfo", "r");

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " user_shstk");
	if (file)
		fclose(file);
	return found;
}

/* Returns its exit status. What was called before it has the stack cannot return. */
static void with_shadow_stack(int fd, int slot)
{
	long err;

	__asm__ volatile ("syscall" : "=a" (err)
			  : "a" (SYS_arch_prctl), "D" (ARCH_SHSTK_ENABLE), "S" (ARCH_SHSTK_SHSTK)
			  : "rcx", "r11", "memory");
	if (err)
		_exit(2);
	if (gt_preempt(fd, slot, 0))
		_exit(3);
	if (gt_upcalls || gt_signals != 1)
		_exit(4);
	_exit(set(fd, gt_upcall_arg(), 0) != -EOPNOTSUPP);
}

GT_TEST(upcall_shadow, true_one)
{
	int status;
	pid_t pid;

	if (!cpu_has_shadow_stacks())
		SKIP(return, "this CPU has no shadow stacks");
	ASSERT_EQ(0, gt_detach(self->group.fd));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct gt_test_group group;
		int slot;

		if (gt_group_open(&group, 1, 0))
			_exit(5);
		slot = gt_attach(group.fd);
		if (slot < 0 || set(group.fd, gt_upcall_arg(), SIGURG))
			_exit(6);
		with_shadow_stack(group.fd, slot);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
