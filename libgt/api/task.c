/* SPDX-License-Identifier: MIT */
/* The public calls on tasks. What they do is in sched/task.c. */
#include <errno.h>

#include "gt/task.h"
#include "sched/task.h"
#include "sched/types.h"

#define GT_COPY_MAX ((size_t)16 << 10)

int gt_go(void (*fn)(void *arg), void *arg)
{
	return gt_task_start(&(struct gt_task_request){ .fn = fn, .arg = arg, .site = GT_SITE });
}

int gt_go_copy(void (*fn)(void *block), const void *block, size_t size)
{
	const struct gt_task_request request = {
		.fn = fn,
		.copy = size ? block : NULL,
		.copy_size = size,
		.site = GT_SITE,
	};

	return size > GT_COPY_MAX ? -E2BIG : gt_task_start(&request);
}

int gt_go_attr(void (*fn)(void *arg), void *arg, const struct gt_task_attr *attr)
{
	struct gt_task_request request = { .fn = fn, .arg = arg, .site = GT_SITE };

	if (attr) {
		request.name = attr->name;
		request.stack_size = attr->stack_size;
		request.guard_size = attr->guard_size;
	}
	if (request.stack_size > GT_STACK_SIZE_MAX || request.guard_size > GT_STACK_SIZE_MAX)
		return -EINVAL;
	return gt_task_start(&request);
}

void gt_yield(void)
{
	gt_task_yield();
}

void gt_exit(void)
{
	gt_task_exit();
}

uint64_t gt_task_id(void)
{
	struct gt_m *m = gt_m_self();

	return m ? m->g->id : 0;
}
