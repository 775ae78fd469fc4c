/* SPDX-License-Identifier: MIT */
/* Room for slabs of stacks whose guards the module keeps; see arena.c. */
#ifndef GT_SCHED_ARENA_H
#define GT_SCHED_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct gt_chunk;

/*
 * Memory for count stacks, each with its guard, as gt_slab lays them out: zero, and to
 * be given back to the chunk that it is of. NULL: there is none of this kind. The
 * arguments are the same at each call of a run. stacks.lock.
 */
char *gt_arena_get(struct gt_chunk **chunk, unsigned int count, size_t stride, size_t guard);
void gt_arena_put(struct gt_chunk *chunk, char *map);

/* Has it ever been of use in this run? */
bool gt_arena_used(void);

/* All memory has been given back; in the child of a fork(), never will be. */
void gt_arena_end(void);

#endif /* GT_SCHED_ARENA_H */
