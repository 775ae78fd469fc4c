// SPDX-License-Identifier: GPL-2.0
/*
 * Each command, and open, poll and close, when there is no memory for it, or its argument
 * cannot be copied; and an upcall when its stack cannot be fetched. See gt_fail.h.
 */
#include "gt_fail.h"

#include <poll.h>

FIXTURE(fail) {
	struct gt_fail before;
};

FIXTURE_SETUP(fail)
{
	ASSERT_TRUE(gt_fail_begin(&self->before));
}

FIXTURE_TEARDOWN(fail)
{
	EXPECT_TRUE(gt_fail_end(&self->before));
}

/* ----------------------------------------------- steps: the file and its group ---- */

static int setup_workers = WORKERS;

static int call_setup(void)
{
	return COMMAND(GT_IOC_GROUP_SETUP, (struct gt_group_setup){ .workers = setup_workers });
}

static bool is_set_up(void)
{
	return gt_attach(group.fd) != -ENXIO;
}

static int call_dup_and_close(void)
{
	int fd = fcntl(group.fd, F_DUPFD_CLOEXEC, 0);

	/* That may fail, but not the close. */
	return fd < 0 ? 0 : close(fd) ? -errno : 0;
}

static int call_poll(void)
{
	struct pollfd pollfd = { .fd = group.fd, .events = POLLIN };
	int n = poll(&pollfd, 1, 0);

	return n < 0 ? -errno : n == 1 && pollfd.revents == POLLIN ? 0 : -EBADF;
}

static int call_info(void)
{
	struct gt_info info = { .size = sizeof(info) };
	int err = command(GT_IOC_INFO, &info, sizeof(info));

	return err ? err : info.abi_version == GT_ABI_VERSION ? 0 : -EPROTO;
}

static bool has_arena(void)
{
	return mmap(NULL, SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE, group.fd,
		    GT_MMAP_ARENA) != MAP_FAILED || errno != ENXIO;
}

static const struct step file_steps[] = {
	{ "open", call_open, .undo = undo_open, .least = 2 },
	{ "setup", call_setup, prepare_open, is_set_up, undo_open, .least = 8 },
	{ "dup and close", call_dup_and_close, prepare_setup, .undo = undo_open },
	{ "last close", undo_open, prepare_setup, .errors = { NEVER } },
	{ "poll", call_poll, prepare_setup, .undo = undo_open, .errors = { EFAULT }, .least = 1 },
	{ "info", call_info, prepare_setup, .undo = undo_open, .errors = { EFAULT }, .least = 1 },
	{ "arena", call_arena, prepare_setup, has_arena, undo_open, .least = 2 },
};

GT_TEST(fail, files)
{
	EXPECT_SWEEP(file_steps);
}

/* Tables that are not of one page. */
static const struct step large_steps[] = {
	{ "large setup", call_setup, prepare_open, is_set_up, undo_open, .least = 128 },
};

GT_TEST(fail, large_group)
{
	setup_workers = 4096;
	EXPECT_SWEEP(large_steps);
}

/* ------------------------------------------------------------ steps: workers ---- */

static int call_attach(void)
{
	struct gt_worker_attach arg = { .slot = WORKERS };
	int err = command(GT_IOC_WORKER_ATTACH, &arg, sizeof(arg));

	/* All others are free, so nothing has been left in the slot. */
	return err ? err : arg.slot ? -EPROTO : 0;
}

static int call_detach(void)
{
	return COMMAND(GT_IOC_WORKER_DETACH, (struct gt_worker_detach){ });
}

static int do_detach(void)
{
	return gt_detach(group.fd);
}

static bool is_attached(void)
{
	return gt_detach(group.fd) != -ESRCH;
}

static int do_wake(void)
{
	return gt_wake(group.fd, 0);
}

static int take_wake(void)
{
	return gt_park(group.fd, 0, NULL);
}

static int call_park(void)
{
	return COMMAND(GT_IOC_WORKER_PARK, (struct gt_worker_park){ });
}

static int call_park_late(void)
{
	int err = COMMAND(GT_IOC_WORKER_PARK,
			  (struct gt_worker_park){ .deadline_ns = gt_now() + 1000 });

	return err == -ETIMEDOUT ? 0 : err ? err : -EPROTO;
}

static int call_standby(void)
{
	return COMMAND(GT_IOC_WORKER_STANDBY, (struct gt_worker_park){ });
}

static int call_wake(void)
{
	unsigned int slots[2] = { 0, 0 };

	return COMMAND(GT_IOC_WORKER_WAKE,
		       (struct gt_worker_wake){ .count = 2, .slots = (uintptr_t)slots });
}

static bool is_woken(void)
{
	return take_wake() != -ETIMEDOUT;
}

static int call_swap(void)
{
	return COMMAND(GT_IOC_WORKER_SWAP, (struct gt_worker_swap){ });
}

/* To none. */
static int undo_upcall(void)
{
	struct gt_worker_upcall arg = { .size = sizeof(arg) };

	return gt_ioctl(group.fd, GT_IOC_WORKER_UPCALL, &arg);
}

static bool takes_upcalls(void)
{
	return gt_preempt(group.fd, 0, 0) != -ENOENT;
}

static int call_preempt(void)
{
	return COMMAND(GT_IOC_WORKER_PREEMPT, (struct gt_worker_preempt){ });
}

static int call_slice(void)
{
	return COMMAND(GT_IOC_WORKER_SLICE, (struct gt_worker_slice){ .slice_ns = SEC });
}

static const struct step worker_steps[] = {
	{ "detach", call_detach, call_attach, .errors = { EFAULT }, .least = 1 },
	{ "attach", call_attach, .changed = is_attached, .undo = do_detach, .least = 2 },
};

static const struct step sleep_steps[] = {
	{ "park", call_park, do_wake, .errors = { EFAULT }, .least = 1 },
	{ "park until", call_park_late, .errors = { EFAULT }, .least = 1 },
	{ "standby", call_standby, do_wake, .errors = { EFAULT }, .least = 1 },
	{ "wake", call_wake, .changed = is_woken, .undo = take_wake, .errors = { EFAULT },
	  .least = 1 },
	{ "swap", call_swap, .errors = { EFAULT }, .least = 1 },
	{ "upcall", call_upcall, .changed = takes_upcalls, .undo = undo_upcall, .least = 3 },
	{ "preempt", call_preempt, call_upcall, .undo = undo_upcall, .errors = { EFAULT },
	  .least = 1 },
	{ "slice", call_slice, .errors = { EFAULT }, .least = 1 },
};

GT_TEST(fail, workers)
{
	GT_TEST_GROUP_OPEN(&group, WORKERS, 0);
	EXPECT_SWEEP(worker_steps);
	ASSERT_EQ(0, gt_attach(group.fd));
	EXPECT_SWEEP(sleep_steps);
	ASSERT_EQ(0, gt_detach(group.fd));
	gt_group_close(&group);
}

/* ------------------------------------------------- steps: an upcall's delivery ---- */

static unsigned int upcalls_before, told_missed, told_signal;
static volatile bool frame_is_wrong;

static void check_frame(struct gt_upcall_frame *frame)
{
	if (frame->reasons != GT_UPCALL_PREEMPT || frame->reserved[0] || !frame->ip)
		frame_is_wrong = true;
}

/* The upcall stack has to be fetched first. */
static int prepare_deliver(void)
{
	upcalls_before = gt_upcalls;
	group.user[0].missed = 0;
	return madvise(gt_upcall_stack, GT_UPCALL_STACK, MADV_DONTNEED) ? -errno : 0;
}

/* There was one, or it was noted, or it became a signal; and only one of the three. */
static int undo_deliver(void)
{
	unsigned int upcalls = gt_upcalls - upcalls_before;
	unsigned int missed = group.user[0].missed != 0, signal = 0;
	struct timespec now = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, NULL, &now) == SIGRTMIN)
		signal++;
	told_missed += missed;
	told_signal += signal;
	return upcalls + missed + signal == 1 ? 0 : -EPROTO;
}

static const struct step deliver_steps[] = {
	{ "delivery", call_preempt, prepare_deliver, .undo = undo_deliver, .errors = { EFAULT },
	  .least = 1 },
};

GT_TEST(fail, upcalls)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	gt_on_upcall = check_frame;
	GT_TEST_GROUP_OPEN(&group, WORKERS, 0);
	ASSERT_EQ(0, gt_attach(group.fd));
	ASSERT_EQ(0, call_upcall());
	EXPECT_SWEEP(deliver_steps);
	EXPECT_LE(1, told_missed);
	EXPECT_EQ(0, told_signal);
	told_missed = 0;
	ASSERT_EQ(0, call_upcall_with(SIGRTMIN));
	EXPECT_SWEEP(deliver_steps);
	EXPECT_EQ(0, told_missed);
	EXPECT_LE(1, told_signal);
	EXPECT_FALSE(frame_is_wrong);
	ASSERT_EQ(0, gt_detach(group.fd));
	gt_group_close(&group);
}

/* ------------------------------------------------------- steps: the CPU limit ---- */

/* What could not be looked at is no quota that is not there. */
static int call_limit(void)
{
	struct gt_group_limit arg = { };
	int err = command(GT_IOC_GROUP_LIMIT, &arg, sizeof(arg));

	return err ? err : arg.limit == 1500000 ? 0 : -EPROTO;
}

static const struct step limit_steps[] = {
	{ "limit", call_limit, .least = 3 },
};

GT_TEST(fail, limit)
{
	if (!limited_enter("+cpu") || gt_file_write(LIMITED "/cpu.max", "150000 100000")) {
		ASSERT_EQ(NULL, getenv("GT_TEST_FAULTS"));
		SKIP(return, "no controller cpu in " CGROUP);
	}
	ASSERT_EQ(0, prepare_setup());
	EXPECT_SWEEP(limit_steps);
	close(group.fd);
	EXPECT_TRUE(limited_leave());
}

TEST_HARNESS_MAIN
