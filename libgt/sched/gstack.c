/* SPDX-License-Identifier: MIT */
/*
 * Stacks, each with its G in the top page.
 *
 * They are cut from slabs, one mapping each; neighbouring slabs merge into one
 * mapping of the kernel's, which guards do not split (guard.c). Where the module has
 * room for them, they are parts of larger mappings with guards of its own (arena.c):
 *
 *	| guard | ... stack grows down ... | G, colour | guard | ...
 *
 * Pages come into being as they are touched; a parked task costs the top one. The
 * colour, a few cache lines that differ from stack to stack, keeps the hot words
 * of many tasks from falling into one set of the cache (a switch among a thousand
 * stacks is 2.4 times as fast). A stack that is larger than usual, or has a larger
 * guard, is a slab of one, which goes with its task.
 *
 * A stack is fresh while its top page holds no G: nobody has used it, and it costs
 * nothing. Fresh stacks are made into free ones by batches, guards and top pages in
 * one system call each, which takes a quarter off the price. A batch is an eighth of
 * what there is already: so a program with one task commits one page, and one with a
 * million has 64 to spare.
 *
 * A dead task's stack goes to a list of its P, from there in batches to a global
 * one; it is warm, so the last is used first.
 *
 * Memory goes back to the kernel from the global list: each second, half of the stacks
 * that nobody needed in the second before, but for GT_TRIM_KEEP, become fresh again.
 * sysmon does it by small batches, and spends no more than a hundredth of its time on
 * it. A slab that is all fresh is unmapped.
 *
 * What is left of the cost of a task that is created and parks is that of its page: 2.0 us
 * where the first touch of a page takes 1.9, all else being some 1,000 instructions.
 * Where tasks start and end by the million (skynet), their stacks are warm, but not
 * cached: a task then takes 1,070 instructions and misses the first cache 15 times, the
 * last 4 times: three lines of its G, two or three of its stack, its place in the ring and
 * in the list of free ones. That is about two thirds of its time. Tried without gain:
 * prefetching the stacks of those that are next in the ring or in the list.
 *
 * Rejected: huge pages (slower, and a task costs 2 MiB); finding the G by masking
 * the stack pointer, which needs aligned stacks, and those alias.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pages.h"
#include "gt/time.h"
#include "gt/task.h"
#include "sched/arena.h"
#include "sched/guard.h"
#include "sched/sched.h"

#define GT_SLAB_STACKS 64	/* bits of gt_slab.fresh */
#define GT_BATCH_SHARE 8
#define GT_COLOURS 16
#define GT_TRIM_KEEP 1024
#define GT_TRIM_EVERY GT_SECOND
#define GT_TRIM_BATCH 64
#define GT_TRIM_REST 100	/* times as long as it took */

struct gt_slab {
	LIST_ENTRY(gt_slab) link;	/* lock: in stacks.slabs */
	LIST_ENTRY(gt_slab) open_link;	/* lock: in stacks.open */
	char *map;
	struct gt_chunk *chunk;		/* that map is of; NULL: it is a mapping */
	size_t guard, stride;		/* bytes of a guard, and of it with its stack */
	unsigned int count;		/* of stacks */
	uint64_t fresh;			/* lock: a bit for each stack; whose is clear is in use */
};

static struct {
	struct gt_lock lock;
	LIST_HEAD(, gt_slab) slabs;	/* lock: all of them */
	LIST_HEAD(, gt_slab) open;	/* lock: those with fresh stacks */
	size_t made;			/* lock: stacks of slabs that are not fresh */
	struct gt_g *dead;		/* lock */
	_Atomic size_t dead_count;	/* of dead. Written under the lock */
	size_t dead_least;		/* lock: the least that there were lately */

	/* sysmon's. */
	size_t surplus;			/* still to go back */
	int64_t looked, trim_at;	/* when dead_least was read; when to go on */
} stacks;

_Static_assert(sizeof(struct gt_g) + GT_COLOURS * GT_CACHELINE < GT_PAGE / 2,
	       "a G and its colour leave half a page to the task's first frames");

_Static_assert(offsetof(struct gt_g, fn) == GT_CACHELINE &&
	       offsetof(struct gt_g, ticket) == 3 * GT_CACHELINE, "lines of a G");

bool gt_fiber_valgrind;

static struct gt_g *g_of(struct gt_slab *slab, unsigned int i)
{
	size_t g_size = (sizeof(struct gt_g) + GT_CACHELINE - 1) / GT_CACHELINE * GT_CACHELINE;
	unsigned int colour = slab->count > 1 ? i : (unsigned int)((uintptr_t)slab / GT_CACHELINE);

	return (void *)(slab->map + (i + 1) * slab->stride - g_size -
			colour % GT_COLOURS * GT_CACHELINE);
}

static uint64_t bits(unsigned int count)
{
	return count < 64 ? (1ull << count) - 1 : ~0ull;
}

static size_t round_up(size_t size)
{
	return (size + GT_PAGE - 1) / GT_PAGE * GT_PAGE;
}

/* Stacks of slab are fresh again. */
static void fresh_put_locked(struct gt_slab *slab, uint64_t which)
{
	if (!slab->fresh)
		LIST_INSERT_HEAD(&stacks.open, slab, open_link);
	slab->fresh |= which;
}

/* A slab for count stacks, all of them fresh. */
static struct gt_slab *slab_make_locked(unsigned int count, size_t size, size_t guard)
{
	struct gt_slab *slab = malloc(sizeof(*slab));

	if (!slab)
		return NULL;
	slab->guard = guard;
	slab->stride = guard + size;
	slab->count = count;
	slab->fresh = bits(count);
	gt_fiber_valgrind = gt_on_valgrind();
	slab->chunk = NULL;
	slab->map = count == GT_SLAB_STACKS ?
		    gt_arena_get(&slab->chunk, count, slab->stride, guard) : NULL;
	if (slab->map)
		goto link;
	slab->map = mmap(NULL, count * slab->stride, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->map == MAP_FAILED)
		goto slab;
	madvise(slab->map, count * slab->stride, MADV_NOHUGEPAGE);
	if (!gt_guard_map(slab->map, count * slab->stride))
		goto map;
link:
	LIST_INSERT_HEAD(&stacks.slabs, slab, link);
	return slab;
map:
	munmap(slab->map, count * slab->stride);
slab:
	free(slab);
	return NULL;
}

static void slab_put_locked(struct gt_slab *slab)
{
	LIST_REMOVE(slab, link);
	gt_fiber_clean(slab->map, slab->count * slab->stride);
	if (slab->chunk)
		gt_arena_put(slab->chunk, slab->map);
	else
		munmap(slab->map, slab->count * slab->stride);
	free(slab);
}

/*
 * Make stacks first to first + count of slab, which nobody else knows of, into ones
 * that can be used. False: no memory.
 */
static bool furnish(struct gt_slab *slab, unsigned int first, unsigned int count)
{
	char *low = slab->map + first * slab->stride;

	if (!slab->chunk && !gt_guard_make(low, slab->guard, slab->stride, count))
		return false;
	/* Where this fails the pages come one by one. */
	if (count > 1)
		gt_pages_advise_at_once(low + slab->stride - GT_PAGE, GT_PAGE, slab->stride, count,
					GT_ADVICE_POPULATE_WRITE);
	for (unsigned int i = first; i < first + count; i++, low += slab->stride) {
		struct gt_g *g = g_of(slab, i);

		g->stack.slab = slab;
		g->stack.alone = slab->count == 1;
		g->stack.low = low + slab->guard;
		g->stack.size = (char *)g - g->stack.low;
		gt_fiber_map(&g->fiber, g->stack.low, g->stack.size);
	}
	return true;
}

/* Fresh stacks: one is returned, and perhaps more for p to keep. */
static struct gt_g *get_fresh(struct gt_p *p)
{
	unsigned int first, count = 0;
	struct gt_slab *slab;
	size_t most;

	gt_lock(&stacks.lock);
	slab = LIST_FIRST(&stacks.open);
	if (!slab) {
		slab = slab_make_locked(GT_SLAB_STACKS, GT_STACK_SIZE, GT_GUARD_SIZE);
		if (!slab)
			goto out;
		LIST_INSERT_HEAD(&stacks.open, slab, open_link);
	}
	most = p ? stacks.made / GT_BATCH_SHARE : 0;
	first = (unsigned int)__builtin_ctzll(slab->fresh);
	do
		slab->fresh &= ~(1ull << (first + count++));
	while (count < most && first + count < slab->count &&
	       slab->fresh & 1ull << (first + count));
	if (!slab->fresh)
		LIST_REMOVE(slab, open_link);
	stacks.made += count;
out:
	gt_unlock(&stacks.lock);
	if (!count)
		return NULL;

	if (!furnish(slab, first, count)) {
		gt_lock(&stacks.lock);
		fresh_put_locked(slab, bits(count) << first);
		stacks.made -= count;
		gt_unlock(&stacks.lock);
		return NULL;
	}
	while (--count)
		gt_stack_keep(p, g_of(slab, first + count));
	return g_of(slab, first);
}

static struct gt_g *get_large(size_t size, size_t guard)
{
	struct gt_slab *slab;
	bool ready;

	/* The G is the runtime's, not the task's. */
	size = round_up(size) + GT_PAGE;
	gt_lock(&stacks.lock);
	slab = slab_make_locked(1, size, guard);
	if (slab)
		slab->fresh = 0;
	gt_unlock(&stacks.lock);
	if (!slab)
		return NULL;
	ready = furnish(slab, 0, 1);
	if (ready)
		return g_of(slab, 0);
	gt_lock(&stacks.lock);
	slab_put_locked(slab);
	gt_unlock(&stacks.lock);
	return NULL;
}

/* From the global list; p's is refilled from there. */
static struct gt_g *get_dead(struct gt_p *p)
{
	size_t count;
	struct gt_g *g;

	if (!gt_load(&stacks.dead_count))
		return NULL;
	gt_lock(&stacks.lock);
	count = gt_load(&stacks.dead_count);
	g = stacks.dead;
	if (g) {
		stacks.dead = g->next;
		count--;
	}
	while (p && p->dead_count < GT_DEAD_MAX / 2 && stacks.dead) {
		struct gt_g *more = stacks.dead;

		stacks.dead = more->next;
		count--;
		gt_stack_keep(p, more);
	}
	gt_store(&stacks.dead_count, count);
	if (count < stacks.dead_least)
		stacks.dead_least = count;
	gt_unlock(&stacks.lock);
	return g;
}

struct gt_g *gt_stack_get_slow(struct gt_p *p, size_t size, size_t guard)
{
	struct gt_g *g;
	int saved = errno;

	if (size <= GT_STACK_SIZE && guard <= GT_GUARD_SIZE) {
		g = get_dead(p);
		if (!g)
			g = get_fresh(p);
	} else {
		g = get_large(size > GT_STACK_SIZE ? size : GT_STACK_SIZE,
			      guard > GT_GUARD_SIZE ? round_up(guard) : GT_GUARD_SIZE);
	}
	/* A kernel that lacks what was tried first says so by errno. */
	errno = saved;
	return g;
}

void gt_stack_share(struct gt_p *p, uint32_t most)
{
	gt_lock(&stacks.lock);
	while (p->dead_count > most) {
		struct gt_g *g = p->dead;

		p->dead = g->next;
		p->dead_count--;
		g->next = stacks.dead;
		stacks.dead = g;
		gt_store(&stacks.dead_count, gt_load(&stacks.dead_count) + 1);
	}
	gt_unlock(&stacks.lock);
}

void gt_stack_put_slow(struct gt_p *p, struct gt_g *g)
{
	if (!g->stack.alone) {
		gt_stack_share(p, GT_DEAD_MAX / 2);
		return;
	}
	gt_fiber_unmap(&g->fiber);
	gt_lock(&stacks.lock);
	slab_put_locked(g->stack.slab);
	gt_unlock(&stacks.lock);
}

/* Some of the surplus goes back. */
static void trim(void)
{
	struct gt_slab *slabs[GT_TRIM_BATCH];
	struct gt_g *batch[GT_TRIM_BATCH];
	unsigned int count = 0;

	gt_lock(&stacks.lock);
	for (; count < GT_TRIM_BATCH && stacks.surplus && stacks.dead; stacks.surplus--) {
		batch[count++] = stacks.dead;
		stacks.dead = stacks.dead->next;
	}
	if (!stacks.dead)
		stacks.surplus = 0;
	gt_store(&stacks.dead_count, gt_load(&stacks.dead_count) - count);
	if (gt_load(&stacks.dead_count) < stacks.dead_least)
		stacks.dead_least = gt_load(&stacks.dead_count);
	gt_unlock(&stacks.lock);

	for (unsigned int i = 0; i < count; i++) {
		slabs[i] = batch[i]->stack.slab;
		gt_fiber_unmap(&batch[i]->fiber);
		/* The G goes with it. */
		madvise(batch[i]->stack.low, slabs[i]->stride - slabs[i]->guard, MADV_DONTNEED);
	}
	gt_lock(&stacks.lock);
	for (unsigned int i = 0; i < count; i++) {
		struct gt_slab *slab = slabs[i];

		fresh_put_locked(slab, 1ull << ((char *)batch[i] - slab->map) / slab->stride);
		if (slab->fresh == bits(slab->count)) {
			LIST_REMOVE(slab, open_link);
			slab_put_locked(slab);
		}
	}
	stacks.made -= count;
	gt_unlock(&stacks.lock);
}

int64_t gt_stack_trim(int64_t now)
{
	int64_t end;

	if (now < stacks.trim_at)
		return stacks.trim_at;
	if (!stacks.surplus && now >= stacks.looked + GT_TRIM_EVERY) {
		gt_lock(&stacks.lock);
		if (stacks.dead_least > GT_TRIM_KEEP)
			stacks.surplus = (stacks.dead_least - GT_TRIM_KEEP + 1) / 2;
		stacks.dead_least = gt_load(&stacks.dead_count);
		gt_unlock(&stacks.lock);
		stacks.looked = now;
	}
	if (stacks.surplus) {
		trim();
		end = gt_clock();
		stacks.trim_at = end + GT_TRIM_REST * (end - now);
		return stacks.trim_at;
	}
	return gt_load(&stacks.dead_count) > GT_TRIM_KEEP ? stacks.looked + GT_TRIM_EVERY :
							    INT64_MAX;
}

bool gt_stack_guards(struct gt_g *g, const void *address)
{
	const char *at = address, *low = g->stack.low;

	return g->stack.slab && at < low && at >= low - g->stack.slab->guard;
}

void gt_stack_harden(struct gt_g *g)
{
	if (g->stack.slab && !g->stack.slab->chunk)
		gt_guard_harden(g->stack.low - g->stack.slab->guard, g->stack.slab->guard);
}

void gt_stack_each(void (*fn)(struct gt_g *g))
{
	struct gt_slab *slab;

	gt_lock(&stacks.lock);
	LIST_FOREACH(slab, &stacks.slabs, link)
		for (unsigned int i = 0; i < slab->count; i++)
			if (!(slab->fresh & 1ull << i))
				fn(g_of(slab, i));
	gt_unlock(&stacks.lock);
}

const char *gt_stack_guards_name(void)
{
	return gt_arena_used() ? "arena" : gt_guard_name();
}

void gt_stack_end(void)
{
	struct gt_slab *slab;

	while ((slab = LIST_FIRST(&stacks.slabs))) {
		for (unsigned int i = 0; i < slab->count; i++)
			if (!(slab->fresh & 1ull << i))
				gt_fiber_unmap(&g_of(slab, i)->fiber);
		slab_put_locked(slab);
	}
	gt_guard_end();
	gt_arena_end();
	memset(&stacks, 0, sizeof(stacks));
}

void gt_stack_forget(struct gt_g *current)
{
	/* fork() does not copy every kind of guard; the one below us is still needed. */
	if (current)
		gt_stack_harden(current);
	gt_guard_end();
	gt_arena_end();
	memset(&stacks, 0, sizeof(stacks));
}
