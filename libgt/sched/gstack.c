/* SPDX-License-Identifier: MIT */
/*
 * Stacks, each with its G in the top page.
 *
 * Stacks of the usual size are cut from slabs of GT_SLAB_STACKS, one mapping each:
 *
 *	| guard | ... stack grows down ... | G, colour | guard | ...
 *
 * Pages come into being as they are touched; a parked task costs the top one. The
 * colour, a few cache lines that differ from stack to stack, keeps the hot words
 * of many tasks from falling into one set of the cache (a switch among a thousand
 * stacks is 2.4 times as fast). The guard is made by MADV_GUARD_INSTALL where the
 * kernel has it (6.13), which splits no mapping; else by mprotect(), which does:
 * then vm.max_map_count bounds the tasks, at about 32,000 by default.
 *
 * A dead task's stack goes to a list of its P, from there in batches to a global
 * one; it is warm, so the last is used first. A larger stack has a mapping of its
 * own, which goes with the task.
 *
 * Rejected: huge pages (slower, and a task costs 2 MiB); finding the G by masking
 * the stack pointer, which needs aligned stacks, and those alias.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gt/task.h"
#include "sched/sched.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define GT_PAGE GT_GUARD_SIZE
#define GT_SLAB_STACKS 64
#define GT_COLOURS 16
#define GT_DEAD_MAX 128		/* a P keeps up to this many, and gives half away */

struct slab {
	struct slab *next;
	char *map;
	unsigned int used;	/* stacks handed out */
};

static struct {
	struct gt_lock lock;
	struct slab *slabs;		/* lock: the first may have free stacks */
	struct gt_g *large;		/* lock: those with a mapping of their own */
	_Atomic bool no_guard_advice;	/* the kernel lacks MADV_GUARD_INSTALL */
} stacks;

_Static_assert(sizeof(struct gt_g) + GT_COLOURS * GT_CACHELINE < GT_PAGE / 2,
	       "a G and its colour leave half a page to the task's first frames");

static char *map_pages(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	madvise(map, size, MADV_NOHUGEPAGE);
	return map;
}

static bool guard(char *page)
{
	if (!gt_load(&stacks.no_guard_advice)) {
		if (!madvise(page, GT_PAGE, MADV_GUARD_INSTALL))
			return true;
		gt_store(&stacks.no_guard_advice, true);
	}
	return !mprotect(page, GT_PAGE, PROT_NONE);
}

static struct gt_g *g_of(char *low, size_t size, unsigned int colour)
{
	size_t g_size = (sizeof(struct gt_g) + GT_CACHELINE - 1) / GT_CACHELINE * GT_CACHELINE;

	return (void *)(low + size - g_size - colour % GT_COLOURS * GT_CACHELINE);
}

static struct gt_g *g_of_slab(struct slab *slab, unsigned int i)
{
	return g_of(slab->map + i * GT_STACK_SIZE, GT_STACK_SIZE, i);
}

/* Lay out g, of g_of(), on size bytes at low, where the guard is. */
static struct gt_g *lay_out(struct gt_g *g, char *low)
{
	if (!guard(low))
		return NULL;
	g->stack.low = low + GT_PAGE;
	g->stack.size = (char *)g - g->stack.low;
	return g;
}

static struct gt_g *carve_locked(void)
{
	struct slab *slab = stacks.slabs;
	struct gt_g *g;

	if (!slab || slab->used == GT_SLAB_STACKS) {
		slab = malloc(sizeof(*slab));
		if (!slab)
			return NULL;
		slab->map = map_pages(GT_SLAB_STACKS * GT_STACK_SIZE);
		if (!slab->map) {
			free(slab);
			return NULL;
		}
		slab->used = 0;
		slab->next = stacks.slabs;
		stacks.slabs = slab;
	}
	g = lay_out(g_of_slab(slab, slab->used), slab->map + slab->used * GT_STACK_SIZE);
	if (g)
		slab->used++;
	return g;
}

static struct gt_g *get_large(size_t size)
{
	struct gt_g *g;
	char *map;

	size = (size + GT_PAGE - 1) / GT_PAGE * GT_PAGE + 2 * GT_PAGE;
	map = map_pages(size);
	if (!map)
		return NULL;
	g = lay_out(g_of(map, size, (uintptr_t)map / GT_PAGE), map);
	if (!g) {
		munmap(map, size);
		return NULL;
	}
	g->stack.map = map;
	g->stack.map_size = size;
	gt_lock(&stacks.lock);
	g->large_next = stacks.large;
	g->large_link = &stacks.large;
	if (stacks.large)
		stacks.large->large_link = &g->large_next;
	stacks.large = g;
	gt_unlock(&stacks.lock);
	return g;
}

/* Refill p's list from the global one, or take one from there. */
static struct gt_g *get_dead(struct gt_p *p)
{
	struct gt_g *g;

	if (p) {
		g = gt_list_pop(&p->dead);
		if (g)
			return g;
	}
	if (!gt_load(&gt_sched.dead_count))
		return NULL;
	gt_lock(&gt_sched.lock);
	g = gt_list_pop(&gt_sched.dead);
	while (p && p->dead.count < GT_DEAD_MAX / 2 && gt_sched.dead.head)
		gt_list_push(&p->dead, gt_list_pop(&gt_sched.dead));
	gt_store(&gt_sched.dead_count, gt_sched.dead.count);
	gt_unlock(&gt_sched.lock);
	return g;
}

struct gt_g *gt_stack_get(struct gt_p *p, size_t size)
{
	struct gt_g *g;

	/* The G, its colour and the first frame are the runtime's, not the task's. */
	if (size > GT_STACK_SIZE) {
		g = get_large(size);
	} else {
		g = get_dead(p);
		if (!g) {
			gt_lock(&stacks.lock);
			g = carve_locked();
			gt_unlock(&stacks.lock);
		}
	}
	if (g)
		gt_fiber_create(&g->fiber, g->stack.low, g->stack.size);
	return g;
}

void gt_stack_put(struct gt_p *p, struct gt_g *g)
{
	gt_fiber_destroy(&g->fiber);
	if (g->stack.map) {
		gt_lock(&stacks.lock);
		*g->large_link = g->large_next;
		if (g->large_next)
			g->large_next->large_link = g->large_link;
		gt_unlock(&stacks.lock);
		munmap(g->stack.map, g->stack.map_size);
		return;
	}
	gt_list_push_front(&p->dead, g);
	if (p->dead.count < GT_DEAD_MAX)
		return;
	gt_lock(&gt_sched.lock);
	while (p->dead.count > GT_DEAD_MAX / 2)
		gt_list_push_front(&gt_sched.dead, gt_list_pop(&p->dead));
	gt_store(&gt_sched.dead_count, gt_sched.dead.count);
	gt_unlock(&gt_sched.lock);
}

void gt_stack_each(void (*fn)(struct gt_g *g))
{
	gt_lock(&stacks.lock);
	for (struct slab *slab = stacks.slabs; slab; slab = slab->next)
		for (unsigned int i = 0; i < slab->used; i++)
			fn(g_of_slab(slab, i));
	for (struct gt_g *g = stacks.large; g; g = g->large_next)
		fn(g);
	gt_unlock(&stacks.lock);
}

static void unpoison(void *map, size_t size)
{
#ifdef GT_ASAN
	__asan_unpoison_memory_region(map, size);
#endif
	(void)map, (void)size;
}

void gt_stack_end(void)
{
	struct slab *slab;
	struct gt_g *g;

	while ((g = stacks.large)) {
		stacks.large = g->large_next;
		unpoison(g->stack.map, g->stack.map_size);
		munmap(g->stack.map, g->stack.map_size);
	}
	while ((slab = stacks.slabs)) {
		stacks.slabs = slab->next;
		unpoison(slab->map, GT_SLAB_STACKS * GT_STACK_SIZE);
		munmap(slab->map, GT_SLAB_STACKS * GT_STACK_SIZE);
		free(slab);
	}
}

void gt_stack_forget(void)
{
	stacks.lock = (struct gt_lock){ 0 };
	stacks.slabs = NULL;
	stacks.large = NULL;
}
