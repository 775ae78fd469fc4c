// SPDX-License-Identifier: GPL-2.0
/* What GT_IOC_WORKER_UPCALL and _PREEMPT take, and what they refuse. */
#include "gt_upcall.h"

FIXTURE(upcall_set) {
	struct gt_test_group group;
	struct gt_worker_upcall arg;
	int slot;
};

FIXTURE_SETUP(upcall_set)
{
	gt_on_upcall = NULL;
	gt_upcalls = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	self->slot = gt_attach(self->group.fd);
	ASSERT_LE(0, self->slot);
	self->arg = gt_upcall_arg();
}

FIXTURE_TEARDOWN(upcall_set)
{
}

static int set(int fd, struct gt_worker_upcall arg)
{
	return gt_ioctl(fd, GT_IOC_WORKER_UPCALL, &arg);
}

/* One member changed at a time. */
#define EXPECT_SET(err, change) do { \
		struct gt_worker_upcall changed = self->arg; \
		\
		changed.change; \
		EXPECT_EQ(err, set(self->group.fd, changed)) { \
			TH_LOG("with %s", #change); \
		} \
	} while (0)

GT_TEST(upcall_set, refused)
{
	struct gt_text_range bad = { 8, 8 };

	EXPECT_EQ(0, set(self->group.fd, self->arg));
	EXPECT_SET(-EINVAL, flags = 1);
	EXPECT_SET(-EINVAL, reserved[1] = 1);
	EXPECT_SET(-EINVAL, entry = 0);
	EXPECT_SET(-EINVAL, entry = 1ULL << 63);
	EXPECT_SET(-EINVAL, entry_size = 0);
	EXPECT_SET(-EINVAL, entry_size = ~0ULL);
	EXPECT_SET(-EINVAL, stack = 0);
	EXPECT_SET(-EINVAL, stack += 8);
	EXPECT_SET(-EINVAL, stack = 0xffff800000000000);
	EXPECT_SET(-EINVAL, stack_size = GT_UPCALL_STACK_MIN - 64);
	EXPECT_SET(-EINVAL, stack_size -= 8);
	EXPECT_SET(-EINVAL, signal = 65);
	EXPECT_SET(-EINVAL, signal = SIGKILL);
	EXPECT_SET(-EINVAL, signal = SIGSTOP);
	EXPECT_SET(-EINVAL, ranges_count = GT_TEXT_RANGES_MAX + 1);
	EXPECT_SET(-EFAULT, ranges_count = 1);
	self->arg.ranges = (uintptr_t)&bad;
	EXPECT_SET(-EINVAL, ranges_count = 1);
	EXPECT_SET(-EINVAL, size = sizeof(self->arg) - 8);
	EXPECT_EQ(0, gt_detach(self->group.fd));
	EXPECT_SET(-ESRCH, flags = 0);
}

/* A refused setting has changed nothing, and zeroes take upcalls away. */
GT_TEST(upcall_set, kept_and_taken_away)
{
	struct gt_worker_upcall none = { .size = sizeof(none) };

	EXPECT_EQ(-ENOENT, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(0, set(self->group.fd, self->arg));
	EXPECT_SET(-EINVAL, stack += 8);
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_upcalls);
	EXPECT_EQ(0, set(self->group.fd, none));
	EXPECT_EQ(-ENOENT, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_upcalls);
}

GT_TEST(upcall_set, signal_alone)
{
	struct gt_worker_upcall arg = { .size = sizeof(arg), .signal = SIGURG };

	ASSERT_EQ(0, gt_signal_count(SIGURG, 0));
	ASSERT_EQ(0, set(self->group.fd, arg));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_signals);
	/* The one stands for the other. */
	EXPECT_EQ(0, self->group.user[self->slot].missed);
	EXPECT_EQ(1, self->group.worker[self->slot].nr_missed);
}

GT_TEST(upcall_set, stack_without_memory)
{
	self->arg.signal = SIGURG;
	ASSERT_EQ(0, gt_signal_count(SIGURG, 0));
	EXPECT_EQ(0, set(self->group.fd, self->arg));
	ASSERT_EQ(0, mprotect(gt_upcall_stack, GT_UPCALL_STACK, PROT_READ));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(0, gt_upcalls);
	EXPECT_EQ(1, gt_signals);
	ASSERT_EQ(0, mprotect(gt_upcall_stack, GT_UPCALL_STACK, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, gt_preempt(self->group.fd, self->slot, 0));
	EXPECT_EQ(1, gt_upcalls);
}

GT_TEST(upcall_set, bad_requests)
{
	struct gt_worker_preempt arg = { .size = sizeof(arg), .flags = 1 };

	EXPECT_EQ(0, set(self->group.fd, self->arg));
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_PREEMPT, &arg));
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_PREEMPT, &arg));
	EXPECT_EQ(-EINVAL, gt_preempt(self->group.fd, 4, 0));
	EXPECT_EQ(-ESRCH, gt_preempt(self->group.fd, 3, 0));
}

TEST_HARNESS_MAIN
