/* SPDX-License-Identifier: MIT */
/* Tasks as the rest of the library starts them. */
#ifndef GT_SCHED_TASK_H
#define GT_SCHED_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gt_bubble;

/* What a new task is to be. Zeroed members are the default. */
struct gt_task_request {
	void (*fn)(void *arg);
	void *arg;
	const void *copy;	/* fn gets a copy of these bytes in place of arg */
	size_t copy_size;
	const char *name;	/* must outlive the task */
	size_t stack_size, guard_size;
	void (*done)(void *done_arg);	/* called as the task's last, if it ends */
	void *done_arg;
	struct gt_bubble *bubble;	/* that it is in; NULL: in its creator's */
	/*
	 * By an alarm: the caller is any task, or none. Behind all that are runnable,
	 * since several have an order.
	 */
	bool fired;
	uint64_t creator;	/* of one that is fired */
	const void *site;	/* where the call that starts it returns to: GT_SITE */
};

/* In a public function: where its call returns to. */
#define GT_SITE __builtin_return_address(0)

/* Start a task. Any thread. 0 or -errno. */
int gt_task_start(const struct gt_task_request *request);

/* The same, inside the runtime. */
int gt_task_start_inside(const struct gt_task_request *request);

/* The first task of a run, by gt_run() before there is an M. 0 or -errno. */
int gt_task_start_main(void (*fn)(void *arg), void *arg);

/* End the calling task: its deferred calls, its cleanups, then itself. */
_Noreturn void gt_task_exit(void);

/* The same, when nothing is left to run but its done(). */
_Noreturn void gt_task_finish(bool returned);

/* Let others run. Any thread. */
void gt_task_yield(void);

#endif /* GT_SCHED_TASK_H */
