/* SPDX-License-Identifier: MIT */
/* Starting tasks, for the rest of the library. */
#ifndef GT_API_TASK_H
#define GT_API_TASK_H

#include <stddef.h>

struct gt_task_attr;
struct gt_wg;

/*
 * Start a task. copy: size bytes at arg are copied to its stack and fn gets their
 * address; else size is 0. group is told of its end. 0 or -errno.
 */
int gt_task_start(void (*fn)(void *arg), void *arg, const void *copy, size_t size,
		  const struct gt_task_attr *attr, struct gt_wg *group);

/* The first task of a run, by gt_run() before there is an M. 0 or -errno. */
int gt_task_start_main(void (*fn)(void *arg), void *arg);

#endif /* GT_API_TASK_H */
