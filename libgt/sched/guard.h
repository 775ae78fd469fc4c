/* SPDX-License-Identifier: MIT */
/* The guards below stacks; see guard.c for the kinds. */
#ifndef GT_SCHED_GUARD_H
#define GT_SCHED_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum gt_guard_kind {
	GT_GUARD_AUTO,		/* the first of these that works */
	GT_GUARD_ADVICE,
	GT_GUARD_ARENA,		/* not one of these functions: see arena.c */
	GT_GUARD_WRITE,
	GT_GUARD_PROTECT,
};

/* Can guards be made by advice? Before the kind is chosen, or later. */
bool gt_guard_by_advice(void);

/*
 * New stacks are in this mapping, the lowest guard at its start. stacks.lock. False:
 * no memory.
 */
bool gt_guard_map(char *map, size_t size);

/*
 * Make count guards of size bytes, one each stride from low on. False: no memory;
 * some may have been made, which does no harm. Any thread.
 */
bool gt_guard_make(char *low, size_t size, size_t stride, unsigned int count);

/*
 * Let the access to this guard that raised SIGBUS raise SIGSEGV if it is tried again.
 * Signal-safe.
 */
void gt_guard_harden(char *low, size_t size);

/* The kind in words. After the first gt_guard_map(). */
const char *gt_guard_name(void);

/* All mappings are gone; in the child of a fork(), left alone. */
void gt_guard_end(void);

#endif /* GT_SCHED_GUARD_H */
