/* SPDX-License-Identifier: MIT */
/* How many CPUs the control groups let the process use. See cgroup.c. */
#ifndef GT_BASE_CGROUP_H
#define GT_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Where the limits were found. Zero bytes are ready to use; one thread at a time. */
struct gt_cgroup {
	char *membership;	/* what /proc/self/cgroup said then */
	char *dir;		/* the own group's folder, or NULL: none is visible */
	size_t top;		/* length of its mount point, where the ancestors end */
	bool v1;
};

/*
 * The least of the quotas of the own group and of all its visible ancestors, in whole
 * CPUs, rounded up; 0: there is none. root is "", or a folder in place of / for tests.
 */
int gt_cgroup_cpus(struct gt_cgroup *cgroup, const char *root);

void gt_cgroup_end(struct gt_cgroup *cgroup);

#endif /* GT_BASE_CGROUP_H */
