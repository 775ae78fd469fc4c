// SPDX-License-Identifier: GPL-2.0
/*
 * Time slices: a worker that runs one thing for a slice gets an upcall if something
 * waits; not if nothing does, if it runs something else, or if it sleeps.
 */
#include "gt_upcall.h"

#define SLICE_NS	(20 * MSEC)

/* Where none shall end: no host keeps a virtual CPU waiting for that long. */
#define LONG_NS		SEC

FIXTURE(slice) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

static volatile unsigned int reasons;

static void note(struct gt_upcall_frame *frame)
{
	reasons |= frame->reasons;
}

FIXTURE_SETUP(slice)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = note;
	gt_upcalls = 0;
	reasons = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(slice)
{
}

static int set(int fd, uint64_t slice_ns)
{
	struct gt_worker_slice arg = { .size = sizeof(arg), .slice_ns = slice_ns };

	return gt_ioctl(fd, GT_IOC_WORKER_SLICE, &arg);
}

static uint64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * SEC + now.tv_nsec;
}

/* Spins; the CPU time that it takes to the first upcall is in spent. */
static volatile uint64_t spent;

static void run_spin(struct gt_test_worker *self)
{
	uint64_t begin = cpu_time();

	self->result = gt_upcall_enable(self->group->fd) ?: set(self->group->fd, SLICE_NS);
	self->events = 1;
	while (!self->stop && !self->result)
		if (gt_upcalls && !spent)
			spent = cpu_time() - begin;
}

/* What it runs changes all the time. */
static void run_busily(struct gt_test_worker *self)
{
	uint64_t end;

	self->result = gt_upcall_enable(self->group->fd) ?: set(self->group->fd, LONG_NS);
	self->group->user[self->slot].waiting = 1;
	for (end = cpu_time() + LONG_NS * 3 / 2; !self->result && cpu_time() < end;)
		self->group->user[self->slot].seq++;
}

/* Sleeps for long, after a little work. */
static void run_asleep(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd) ?: set(self->group->fd, LONG_NS);
	self->group->user[self->slot].waiting = 1;
	gt_run_read(self);
	while (cpu_time() < LONG_NS / 2)
		;
}

GT_TEST(slice, ends)
{
	spent = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin));
	ASSERT_TRUE(gt_until(self->worker.events));
	self->group.user[self->worker.slot].waiting = 1;
	EXPECT_TRUE(gt_until(gt_upcalls >= 3 && spent));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(GT_UPCALL_SLICE, reasons);
	/* Not early; but two clocks differ a little. */
	EXPECT_LE(SLICE_NS - SLICE_NS / 10, spent);
}

/* With nobody waiting it may go on; as soon as somebody does, the slice is over. */
GT_TEST(slice, goes_on_alone)
{
	spent = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin));
	ASSERT_TRUE(gt_until(self->worker.events));
	usleep(5 * SLICE_NS / 1000);
	EXPECT_EQ(0, gt_upcalls);
	self->group.user[self->worker.slot].waiting = 1;
	EXPECT_TRUE(gt_until(gt_upcalls));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
}

GT_TEST(slice, begins_anew_with_each_task)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_busily));
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(0, gt_upcalls);
}

GT_TEST(slice, sleep_does_not_count)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_asleep));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	usleep(LONG_NS * 3 / 2 / 1000);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	gt_worker_join(&self->worker);
	EXPECT_EQ(1, self->worker.result);
	EXPECT_EQ(0, gt_upcalls);
}

/* It moves away from its timer. */
GT_TEST(slice, follows_the_worker)
{
	int cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN), round;
	unsigned int before;
	cpu_set_t set;

	if (cpus < 2)
		SKIP(return, "one CPU");
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin));
	ASSERT_TRUE(gt_until(self->worker.events));
	self->group.user[self->worker.slot].waiting = 1;
	for (round = 0; round < 6; round++) {
		cpu = round % 2;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(self->worker.tid, sizeof(set), &set))
			SKIP(break, "cannot move to CPU %d", cpu);
		before = gt_upcalls;
		EXPECT_TRUE(gt_until(gt_upcalls >= before + 2));
	}
	self->worker.stop = true;
	gt_worker_join(&self->worker);
}

GT_TEST(slice, refused)
{
	struct gt_worker_slice arg = { .size = sizeof(arg), .slice_ns = SLICE_NS };

	EXPECT_EQ(-ESRCH, set(self->group.fd, SLICE_NS));
	ASSERT_LE(0, gt_attach(self->group.fd));
	EXPECT_EQ(-EINVAL, set(self->group.fd, GT_SLICE_MIN_NS - 1));
	EXPECT_EQ(-EINVAL, set(self->group.fd, GT_SLICE_MAX_NS + 1));
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_SLICE, &arg));
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, gt_ioctl(self->group.fd, GT_IOC_WORKER_SLICE, &arg));
	EXPECT_EQ(0, set(self->group.fd, GT_SLICE_MIN_NS));
	EXPECT_EQ(0, set(self->group.fd, 0));
	EXPECT_EQ(0, set(self->group.fd, GT_SLICE_MAX_NS));
}

TEST_HARNESS_MAIN
