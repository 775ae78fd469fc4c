// SPDX-License-Identifier: GPL-2.0
/*
 * When an upcall must not be: for another task than the one meant, while the worker holds
 * it off, outside the text that is allowed. The last two leave a mark. And between a fault
 * and its signal.
 */
#include "gt_upcall.h"

#include <ucontext.h>

FIXTURE(upcall_when) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	volatile struct gt_worker_user *user;
	volatile struct gt_worker_status *status;
};

static struct gt_text_range ranges[2];
static unsigned int ranges_count;
static int signal_number;

/* All of its text is in the 64 bytes from its address on. */
__attribute__((__noinline__, __aligned__(64))) static void spin(struct gt_test_worker *self)
{
	while (!self->stop)
		;
}

static void run(struct gt_test_worker *self)
{
	struct gt_worker_upcall arg = gt_upcall_arg();

	arg.ranges = (uintptr_t)ranges;
	arg.ranges_count = ranges_count;
	arg.signal = signal_number;
	self->result = gt_ioctl(self->group->fd, GT_IOC_WORKER_UPCALL, &arg);
	self->events = 1;
	if (!self->result)
		spin(self);
}

FIXTURE_SETUP(upcall_when)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	gt_upcalls = 0;
	ranges_count = 0;
	signal_number = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall_when)
{
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
}

#define GT_TEST_START() do { \
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run)); \
		ASSERT_TRUE(gt_until(self->worker.events)); \
		self->user = &self->group.user[self->worker.slot]; \
		self->status = &self->group.worker[self->worker.slot]; \
	} while (0)

/* The request named a task; by the time it arrives another runs. */
GT_TEST(upcall_when, late)
{
	int i;

	GT_TEST_START();
	self->user->seq = 7;
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 6));
		usleep(100);
	}
	/* The latest name counts: one request that is still on its way may bear this, too. */
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 7));
	ASSERT_TRUE(gt_until(gt_upcalls));
	EXPECT_GE(2, gt_upcalls);
	EXPECT_GE(2, self->status->nr_upcalls);
	EXPECT_EQ(0, self->status->nr_missed);
	EXPECT_EQ(0, self->user->missed);
}

GT_TEST(upcall_when, held_off)
{
	GT_TEST_START();
	self->user->no_preempt = 1;
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_TRUE(gt_until(self->user->missed));
	EXPECT_EQ(GT_UPCALL_PREEMPT, self->user->missed);
	EXPECT_TRUE(gt_until(self->status->nr_missed == 1));
	EXPECT_EQ(0, gt_upcalls);

	self->user->no_preempt = 0;
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_TRUE(gt_until(gt_upcalls));
	/* That is the worker's to clear. */
	EXPECT_EQ(GT_UPCALL_PREEMPT, self->user->missed);
}

GT_TEST(upcall_when, outside_the_text)
{
	ranges[0] = (struct gt_text_range){ (uintptr_t)gt_entry, (uintptr_t)gt_entry_end };
	ranges_count = 1;
	GT_TEST_START();
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_TRUE(gt_until(self->user->missed));
	EXPECT_EQ(GT_UPCALL_PREEMPT, self->user->missed);
	EXPECT_EQ(0, gt_upcalls);
}

GT_TEST(upcall_when, inside_the_text)
{
	ranges[0] = (struct gt_text_range){ (uintptr_t)gt_entry, (uintptr_t)gt_entry_end };
	ranges[1] = (struct gt_text_range){ (uintptr_t)spin, (uintptr_t)spin + 64 };
	ranges_count = 2;
	GT_TEST_START();
	ASSERT_TRUE(gt_until(({
		gt_preempt(self->group.fd, self->worker.slot, 0);
		gt_upcalls;
	})));
}

/* It raises SIGILL, whose handler skips that instruction. */
__asm__(".pushsection .text\n"
	".globl gt_fault\n"
	"gt_fault: ud2; ret\n"
	".popsection\n");
void gt_fault(void);

static volatile unsigned int faults, elsewhere;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *ip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	if (*ip == (greg_t)gt_fault) {
		*ip += 2;
		faults++;
	} else {
		elsewhere++;
	}
}

static void run_faulting(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	self->events = 1;
	while (!self->stop)
		gt_fault();
}

GT_TEST(upcall_when, between_a_fault_and_its_signal)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	ASSERT_EQ(0, sigaction(SIGILL, &action, NULL));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_faulting));
	EXPECT_TRUE(gt_pester(&self->worker, 300 * gt_test_scale()));
	EXPECT_LT(0, faults);
	EXPECT_EQ(0, elsewhere);
	/* They came when the signal had been delivered. */
	EXPECT_EQ(0, self->group.worker[self->worker.slot].nr_missed);
}

TEST_HARNESS_MAIN
