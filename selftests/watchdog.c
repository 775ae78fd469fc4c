// SPDX-License-Identifier: GPL-2.0
/*
 * A group that the module fails is degraded: each fault that the watchdog looks for,
 * provoked by the module's parameter for that; what becomes of the group's commands;
 * and that slow workers are no fault. Needs root, to set the parameters.
 */
#include "gt_test.h"

#define FAULTS		"parameters/faults"
#define PERIOD		"parameters/watchdog_ms"
#define PERIOD_MS	100
#define LOST_REPORT	2
#define LOST_EVENT	4
#define LOST_WAKEUP	8
#define LOST_EXIT	16

FIXTURE(watchdog) {
	struct gt_test_group group, other;
	struct gt_test_worker standby, parker, reader;
	long period;
	int pipe[2];
};

FIXTURE_SETUP(watchdog)
{
	memset(self, 0, sizeof(*self));
	if (geteuid())
		SKIP(_exit(255), "not root: the parameters cannot be set");
	self->period = gt_module_number(PERIOD);
	ASSERT_LE(0, self->period);
	ASSERT_EQ(0, gt_module_number(FAULTS));
	ASSERT_EQ(0, pipe(self->pipe));
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	GT_TEST_GROUP_OPEN(&self->other, 1, 0);
	ASSERT_EQ(0, gt_module_set(PERIOD, PERIOD_MS));
	self->standby.deadline_ns = self->parker.deadline_ns = GT_DEADLINE_NONE;
	self->reader.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(watchdog)
{
	gt_module_set(FAULTS, 0);
	gt_module_set(PERIOD, self->period);
}

static bool is_degraded(const struct gt_test_group *group)
{
	return group->status->flags & GT_STATUS_DEGRADED;
}

GT_TEST(watchdog, lost_report)
{
	ASSERT_EQ(0, gt_module_set(FAULTS, LOST_REPORT));
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_start(&self->parker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby, GT_STATE_STANDBY));
	ASSERT_TRUE(gt_worker_wait_state(&self->parker, GT_STATE_PARKED));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	/* All that sleep by command are told. */
	ASSERT_TRUE(gt_until(self->standby.done && self->parker.done));
	EXPECT_TRUE(is_degraded(&self->group));
	EXPECT_EQ(0, self->standby.result);
	EXPECT_EQ(GT_EVENT_DEGRADED, self->standby.events);
	EXPECT_EQ(0, self->parker.result);
	EXPECT_EQ(GT_EVENT_DEGRADED, self->parker.events);
	/* Nobody else is concerned. */
	EXPECT_FALSE(is_degraded(&self->other));
	EXPECT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->reader.done));
}

GT_TEST(watchdog, lost_event)
{
	ASSERT_EQ(0, gt_module_set(FAULTS, LOST_EVENT));
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby, GT_STATE_STANDBY));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->standby.done));
	EXPECT_TRUE(is_degraded(&self->group));
	EXPECT_EQ(0, self->standby.result);
	EXPECT_TRUE(self->standby.events & GT_EVENT_DEGRADED);
	EXPECT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->reader.done));
}

GT_TEST(watchdog, lost_wakeup)
{
	ASSERT_EQ(0, gt_module_set(FAULTS, LOST_WAKEUP));
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_standby));
	ASSERT_TRUE(gt_worker_wait_state(&self->standby, GT_STATE_STANDBY));
	/* On the way from its word to its sleep it would find the event by itself. */
	ASSERT_TRUE(gt_until(gt_thread_state(self->standby.tid) == 'S'));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->standby.done));
	EXPECT_TRUE(is_degraded(&self->group));
	EXPECT_EQ(0, self->standby.result);
	/* What was to come is not lost. */
	EXPECT_EQ(GT_EVENT_DEGRADED | GT_EVENT_UNCOVERED, self->standby.events);
	EXPECT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->reader.done));
}

static void run_nothing(struct gt_test_worker *self)
{
}

GT_TEST(watchdog, lost_exit)
{
	ASSERT_EQ(0, gt_module_set(FAULTS, LOST_EXIT));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, run_nothing));
	gt_worker_join(&self->reader);
	ASSERT_TRUE(gt_until(is_degraded(&self->group)));
	EXPECT_NE(GT_STATE_FREE, gt_state(&self->group, self->reader.slot));
	ASSERT_EQ(0, gt_module_set(FAULTS, 0));
	ASSERT_TRUE(gt_worker_wait_state(&self->reader, GT_STATE_FREE));
}

static void run_all_commands(struct gt_test_worker *self)
{
	struct gt_test_group *group = self->group;
	unsigned int events;

	self->order = 0;
	if (!gt_until(is_degraded(group)))
		return;
	/* Each time, and together with what else there is. */
	self->order = 1;
	if (gt_park(group->fd, GT_DEADLINE_NONE, &events) || events != GT_EVENT_DEGRADED)
		return;
	self->order = 2;
	if (gt_park(group->fd, GT_DEADLINE_NONE, &events) || events != GT_EVENT_DEGRADED)
		return;
	self->order = 3;
	if (gt_wake(group->fd, self->slot) || gt_park(group->fd, GT_DEADLINE_NONE, &events) ||
	    events != (GT_EVENT_DEGRADED | GT_EVENT_WOKEN))
		return;
	self->order = 4;
	if (gt_standby(group->fd, GT_DEADLINE_NONE, &events) || !(events & GT_EVENT_DEGRADED))
		return;
	self->order = 5;
	if (gt_detach(group->fd) || gt_attach(group->fd) != -ESHUTDOWN)
		return;
	self->order = 6;
}

GT_TEST(watchdog, commands)
{
	ASSERT_EQ(0, gt_module_set(FAULTS, LOST_REPORT));
	ASSERT_TRUE(gt_worker_start(&self->parker, &self->group, run_all_commands));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->parker.done));
	EXPECT_EQ(6, self->parker.order);
	EXPECT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->reader.done));
}

/* What takes long is no fault, if nothing was lost. */
GT_TEST(watchdog, slow_workers)
{
	uint64_t end;

	ASSERT_TRUE(gt_worker_start(&self->parker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_start(&self->reader, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_worker_start(&self->standby, &self->group, gt_run_spin));
	ASSERT_TRUE(gt_until(self->group.status->uncovered));
	/* Ten looks, and more if the machine is slow: none may find a fault. */
	end = gt_now() + 10 * PERIOD_MS * MSEC;
	while (gt_now() < end)
		usleep(1000);
	EXPECT_FALSE(is_degraded(&self->group));
	self->standby.stop = true;
	EXPECT_EQ(0, gt_wake(self->group.fd, self->parker.slot));
	EXPECT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->reader.done && self->parker.done && self->standby.done));
	EXPECT_FALSE(is_degraded(&self->group));
}

TEST_HARNESS_MAIN
