// SPDX-License-Identifier: GPL-2.0
/*
 * Workers of real-time priorities: a block is reported, and what was held handed on, from
 * the interrupt itself, whatever is about to run; and who is handed it may be of lower
 * priority. Needs root, for the priorities.
 */
#include "gt_test.h"

#define RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

static char runtime_before[32];

static int set_class(int policy, int priority, int cpu)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	/* The priority first: without it a thread may not get that CPU at all. */
	return sched_setscheduler(0, policy, &param) ||
	       sched_setaffinity(0, sizeof(one), &one) ? -errno : 0;
}

FIXTURE(realtime) {
	struct gt_test_group group;
	struct gt_test_worker blocker, standby, other;
	int pipe[2];
};

FIXTURE_VARIANT(realtime) {
	unsigned int grace_ns;
};

FIXTURE_VARIANT_ADD(realtime, at_once) {
	.grace_ns = 0,
};

FIXTURE_VARIANT_ADD(realtime, after_grace) {
	.grace_ns = MSEC,
};

/* Real-time threads may have all of a CPU; else each second all is well in the end. */
FIXTURE_SETUP(realtime)
{
	memset(self, 0, sizeof(*self));
	if (gt_file_read(RUNTIME, runtime_before, sizeof(runtime_before)) ||
	    gt_file_write(RUNTIME, "-1"))
		SKIP(exit(KSFT_SKIP), "cannot write " RUNTIME);
	/* The test itself is where the hog is not. */
	if (set_class(SCHED_OTHER, 0, 0) || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(exit(KSFT_SKIP), "not two CPUs");
	GT_TEST_GROUP_OPEN(&self->group, 4, variant->grace_ns);
	ASSERT_EQ(0, pipe(self->pipe));
	self->blocker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(realtime)
{
	gt_file_write(RUNTIME, runtime_before);
}

static int cpu;
static volatile bool hogging;

static void run_hog(struct gt_test_worker *self)
{
	self->result = set_class(SCHED_FIFO, 50, cpu);
	hogging = true;
	gt_run_spin(self);
}

static void run_blocker(struct gt_test_worker *self)
{
	self->result = set_class(SCHED_FIFO, 60, cpu);
	if (!self->result)
		gt_run_read_loop(self);
}

static int standby_priority;

static void run_standbys(struct gt_test_worker *self)
{
	unsigned int events;

	self->result = set_class(standby_priority ? SCHED_FIFO : SCHED_OTHER,
				 standby_priority, 0);
	while (!self->result && !self->stop) {
		self->result = gt_standby(self->group->fd, GT_DEADLINE_NONE, &events);
		if (!self->result && events & GT_EVENT_UNCOVERED)
			self->order++;
	}
}

/* One block after the other, each of them handed to the standby. */
#define EXPECT_HAND_OFFS(count) do {						\
		unsigned int _i;						\
										\
		for (_i = 1; _i <= (count); _i++) {				\
			ASSERT_TRUE(gt_until(self->standby.order >= _i));	\
			ASSERT_EQ(1, write(self->pipe[1], "x", 1));		\
		}								\
		ASSERT_TRUE(gt_until(self->standby.order > (count)));		\
		EXPECT_EQ(0, self->blocker.result);				\
		EXPECT_EQ(0, self->standby.result);				\
		close(self->pipe[1]);						\
		gt_worker_join(&self->blocker);					\
		self->standby.stop = true;					\
		ASSERT_EQ(0, gt_wake(self->group.fd, self->standby.slot));	\
		gt_worker_join(&self->standby);					\
	} while (0)

/*
 * What has the CPU from the moment of the block on leaves it to nobody below it: no thread
 * of the kernel's, where one runs what comes of interrupts, either.
 */
GT_TEST(realtime, reported_from_a_cpu_that_is_taken)
{
	cpu = 1;
	standby_priority = 0;
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, run_standbys));
	ASSERT_TRUE(gt_worker_start(&self->other, &self->group, run_hog));
	ASSERT_TRUE(gt_until(hogging));
	ASSERT_EQ(0, self->other.result);
	ASSERT_TRUE(gt_worker_start(&self->blocker, &self->group, run_blocker));
	EXPECT_HAND_OFFS(10);
	self->other.stop = true;
	gt_worker_join(&self->other);
}

static void run_commands(struct gt_test_worker *self)
{
	while (!self->stop && !self->result) {
		self->result = gt_wake(self->group->fd, self->slot);
		if (!self->result)
			self->result = gt_park(self->group->fd, 0, NULL);
	}
}

/* Who blocks, who takes over and who is in the midst of a command, in this order. */
GT_TEST(realtime, three_priorities_on_one_cpu)
{
	cpu = 0;
	standby_priority = 10;
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, run_standbys));
	ASSERT_TRUE(gt_worker_start(&self->other, &self->group, run_commands));
	ASSERT_TRUE(gt_worker_start(&self->blocker, &self->group, run_blocker));
	EXPECT_HAND_OFFS(50);
	self->other.stop = true;
	gt_worker_join(&self->other);
	EXPECT_EQ(0, self->other.result);
}

TEST_HARNESS_MAIN
