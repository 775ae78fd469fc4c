/* SPDX-License-Identifier: MIT */
/*
 * Room for slabs where guards cost nothing: the module's arena (struct gt_arena_setup
 * in linux/gt.h). The kernel knows a guard by its place, so there is nothing to be made
 * and no mapping to be split, and fork() copies it. A first touch of a page costs the
 * module more than the kernel's own memory does, so where the kernel itself has guards
 * that split nothing (MADV_GUARD_INSTALL) those are used instead.
 *
 * A mapping of the arena cannot be unmapped in part, so it is taken by the chunk: 64
 * slabs, one mapping, which goes when all of them are back. A slab that is back is
 * emptied, and the next that is needed is the lowest of the chunk that was opened last.
 *
 * What the arena has no room for, or the device no leave, is a mapping of its own with
 * a guard of another kind (guard.c), as are all stacks that are larger than usual.
 *
 * Locking: stacks.lock, for all of it.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "backend/backend.h"
#include "sched/arena.h"
#include "sched/guard.h"
#include "sched/types.h"

#define GT_CHUNK_SLABS 64	/* bits of gt_chunk.free */

struct gt_chunk {
	LIST_ENTRY(gt_chunk) link;	/* in arena.open, while free is not 0 */
	char *map;
	uint64_t free;			/* a bit for each slab's room */
};

static struct {
	enum { UNKNOWN, USED, REFUSED } state;
	size_t slab_size;
	LIST_HEAD(, gt_chunk) open;
} arena;

static struct gt_chunk *chunk_make(size_t stride, size_t guard)
{
	struct gt_chunk *chunk = malloc(sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->map = gt_sched.backend->map_stacks(GT_CHUNK_SLABS * arena.slab_size, stride, guard);
	if (!chunk->map) {
		free(chunk);
		return NULL;
	}
	chunk->free = ~UINT64_C(0);
	LIST_INSERT_HEAD(&arena.open, chunk, link);
	return chunk;
}

static bool is_wanted(void)
{
	enum gt_guard_kind wanted = gt_sched.config.guard;

	return gt_sched.backend->map_stacks &&
	       (wanted == GT_GUARD_ARENA || (wanted < GT_GUARD_ARENA && !gt_guard_by_advice()));
}

char *gt_arena_get(struct gt_chunk **where, unsigned int count, size_t stride, size_t guard)
{
	struct gt_chunk *chunk = LIST_FIRST(&arena.open);
	unsigned int i;

	if (arena.state == REFUSED)
		return NULL;
	if (arena.state == UNKNOWN && !is_wanted()) {
		arena.state = REFUSED;
		return NULL;
	}
	if (!chunk) {
		arena.slab_size = count * stride;
		chunk = chunk_make(stride, guard);
		/* One that has served before may do so again. */
		if (!chunk) {
			if (arena.state == UNKNOWN)
				arena.state = REFUSED;
			return NULL;
		}
		arena.state = USED;
	}
	i = (unsigned int)__builtin_ctzll(chunk->free);
	chunk->free &= ~(UINT64_C(1) << i);
	if (!chunk->free)
		LIST_REMOVE(chunk, link);
	*where = chunk;
	return chunk->map + i * arena.slab_size;
}

void gt_arena_put(struct gt_chunk *chunk, char *map)
{
	if (!chunk->free)
		LIST_INSERT_HEAD(&arena.open, chunk, link);
	chunk->free |= UINT64_C(1) << (size_t)(map - chunk->map) / arena.slab_size;
	if (chunk->free != ~UINT64_C(0)) {
		madvise(map, arena.slab_size, MADV_DONTNEED);
		return;
	}
	LIST_REMOVE(chunk, link);
	munmap(chunk->map, GT_CHUNK_SLABS * arena.slab_size);
	free(chunk);
}

bool gt_arena_used(void)
{
	return arena.state == USED;
}

void gt_arena_end(void)
{
	memset(&arena, 0, sizeof(arena));
}
