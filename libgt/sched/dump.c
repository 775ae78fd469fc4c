/* SPDX-License-Identifier: MIT */
/*
 * What tasks are doing, in words. Who adds a state or a reason to wait names it here.
 *
 * A dump is for the end of the process, or beside it: others may run meanwhile, so it is
 * a snapshot of each task, not of all.
 */
#include "base/print.h"
#include "sched/sched.h"

static const char *const reasons[] = {
	[GT_REASON_NONE] = "nothing",
	[GT_REASON_CHAN_SEND] = "channel send",
	[GT_REASON_CHAN_RECV] = "channel receive",
	[GT_REASON_CHAN_NIL] = "nil channel",
	[GT_REASON_SELECT] = "select",
	[GT_REASON_SEMA] = "waitgroup",
	[GT_REASON_MUTEX] = "mutex",
	[GT_REASON_RWMUTEX_READ] = "rwmutex for reading",
	[GT_REASON_RWMUTEX_WRITE] = "rwmutex for writing",
	[GT_REASON_COND] = "cond",
	[GT_REASON_SLEEP] = "sleep",
	[GT_REASON_BUBBLE] = "bubble",
	[GT_REASON_BUBBLE_WAIT] = "bubble wait",
	[GT_REASON_NET_READ] = "readable descriptor",
	[GT_REASON_NET_WRITE] = "writable descriptor",
};

_Static_assert(sizeof(reasons) / sizeof(*reasons) == GT_REASONS, "every reason has a name");

/* NULL: it is no task now. */
static const char *doing(enum gt_state state)
{
	switch (state) {
	case GT_RUNNABLE:
		return "runnable";
	case GT_RUNNING:
		return "running";
	case GT_IN_SYSCALL:
		return "in a declared system call";
	case GT_PREEMPTED:
		return "preempted";
	case GT_WAITING:
		return "waits for ";
	case GT_IDLE:
	case GT_DEAD:
		break;
	}
	return NULL;
}

static void dump(struct gt_g *g)
{
	enum gt_state state = gt_load(&g->state);
	const char *what = doing(state);
	char task[GT_DESCRIPTION], creator[GT_DESCRIPTION] = "";
	uint8_t reason = g->reason;

	if (!what)
		return;
	gt_describe(task, sizeof(task), g);
	if (!g->main)
		gt_describe_creator(creator, sizeof(creator), g);
	gt_print("%s: %s%s%s%s\n", task, what,
		 state == GT_WAITING && reason < GT_REASONS ? reasons[reason] : "",
		 g->main ? "" : ", created by ", creator);
}

void gt_dump_tasks(void)
{
	gt_stack_each(dump);
}
