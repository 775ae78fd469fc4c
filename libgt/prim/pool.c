/* SPDX-License-Identifier: MIT */
/*
 * Pools: a cache for each P, and one for plain threads.
 *
 * A cache has one object that only its P's owner touches, without any atomic, and a
 * stack under a lock, from which others steal. The owner is inside the runtime while
 * it does so: its P can be neither taken nor preempted then, so the index of the P
 * holds from its reading to the last access, and the next owner of the P, whoever
 * that is, comes after. No user function is called inside.
 *
 * Aging: low is the smallest count of the stack since the last look, so that many
 * have not been used since. They go, each GT_POOL_AGE puts. Rejected: freeing by the
 * clock, from sysmon, which would run the program's functions on a thread where it
 * expects nobody.
 *
 * Source: Go's sync/pool.go; the low-water mark is Bonwick's, of the slab allocator.
 */
#include <stdlib.h>
#include <string.h>

#include "gt/pool.h"
#include "gt/task.h"
#include "sched/park.h"

#define GT_POOL_CACHE 64
#define GT_POOL_AGE 1024
#define GT_POOL_CACHES (GT_MAXPROCS_MAX + 1)	/* the last is plain threads' */

struct cache {
	_Alignas(GT_CACHELINE) void *ready;	/* the P's owner's */
	uint32_t puts;			/* lock */
	struct gt_lock lock;
	_Atomic uint32_t count;		/* written under the lock */
	uint32_t low;			/* lock */
	void *objects[GT_POOL_CACHE];	/* lock */
};

struct pool {
	_Atomic(struct cache *) caches[GT_POOL_CACHES];
};

/* What is to be freed, outside of all locks. */
struct garbage {
	size_t count;
	void *objects[GT_POOL_CACHE + 1];
};

static struct pool *state_of(struct gt_pool *pool)
{
	return gt_load_acquire((_Atomic(struct pool *) *)&pool->gt_state);
}

/* Inside the runtime. */
static size_t index_of(struct gt_m *m)
{
	return m ? (size_t)(m->p - gt_sched.all_p) : GT_MAXPROCS_MAX;
}

static void *pop_locked(struct cache *cache)
{
	uint32_t count = gt_load(&cache->count);

	if (!count)
		return NULL;
	gt_store(&cache->count, --count);
	if (count < cache->low)
		cache->low = count;
	return cache->objects[count];
}

static void *pop(struct cache *cache)
{
	void *object;

	if (!cache || !gt_load(&cache->count))
		return NULL;
	gt_lock(&cache->lock);
	object = pop_locked(cache);
	gt_unlock(&cache->lock);
	return object;
}

static void *steal(struct pool *pool, size_t from)
{
	void *object = NULL;

	for (size_t i = 1; !object && i < GT_POOL_CACHES; i++)
		object = pop(gt_load_acquire(&pool->caches[(from + i) % GT_POOL_CACHES]));
	return object;
}

/* Inside the runtime. */
static void *take(struct pool *pool)
{
	struct gt_m *m = gt_m_self();
	size_t index = index_of(m);
	struct cache *cache = gt_load_acquire(&pool->caches[index]);
	void *object;

	if (cache && m && cache->ready) {
		object = cache->ready;
		cache->ready = NULL;
		return object;
	}
	object = pop(cache);
	return object ? object : steal(pool, index);
}

void *gt_pool_get(struct gt_pool *public)
{
	struct pool *pool = state_of(public);
	void *object = NULL;

	if (pool) {
		gt_enter();
		object = take(pool);
		gt_leave();
	}
	if (!object && public->make)
		object = public->make(public->arg);
	return object;
}

static struct cache *cache_make(struct pool *pool, size_t index)
{
	struct cache *cache = aligned_alloc(_Alignof(struct cache), sizeof(*cache));
	struct cache *other = NULL;

	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache));
	if (atomic_compare_exchange_strong(&pool->caches[index], &other, cache))
		return cache;
	free(cache);
	return other;
}

static struct pool *pool_make(struct gt_pool *public)
{
	struct pool *pool = calloc(1, sizeof(*pool)), *other = NULL;

	if (!pool)
		return NULL;
	if (atomic_compare_exchange_strong((_Atomic(struct pool *) *)&public->gt_state, &other,
					   pool))
		return pool;
	free(pool);
	return other;
}

/* What nobody has used since the last look. */
static void age_locked(struct cache *cache, struct garbage *garbage)
{
	uint32_t count = gt_load(&cache->count);
	uint32_t unused = cache->low < count ? cache->low : count;

	memcpy(garbage->objects, cache->objects, unused * sizeof(void *));
	memmove(cache->objects, cache->objects + unused, (count - unused) * sizeof(void *));
	garbage->count = unused;
	gt_store(&cache->count, count - unused);
	cache->low = count - unused;
}

/* Inside the runtime. */
static void give(struct pool *pool, void *object, struct garbage *garbage)
{
	struct gt_m *m = gt_m_self();
	size_t index = index_of(m);
	struct cache *cache = gt_load_acquire(&pool->caches[index]);
	uint32_t count;

	if (!cache)
		cache = cache_make(pool, index);
	if (!cache) {
		garbage->objects[garbage->count++] = object;
		return;
	}
	if (m && !cache->ready) {
		cache->ready = object;
		return;
	}
	gt_lock(&cache->lock);
	if (++cache->puts % GT_POOL_AGE == 0)
		age_locked(cache, garbage);
	count = gt_load(&cache->count);
	if (count < GT_POOL_CACHE) {
		cache->objects[count] = object;
		gt_store(&cache->count, count + 1);
	} else {
		garbage->objects[garbage->count++] = object;
	}
	gt_unlock(&cache->lock);
}

static void free_all(struct gt_pool *pool, struct garbage *garbage)
{
	while (garbage->count) {
		void *object = garbage->objects[--garbage->count];

		if (pool->free)
			pool->free(object, pool->arg);
	}
}

void gt_pool_put(struct gt_pool *public, void *object)
{
	struct pool *pool = state_of(public);
	struct garbage garbage;

	if (!object)
		return;
	garbage.count = 0;
	if (!pool)
		pool = pool_make(public);
	if (pool) {
		gt_enter();
		give(pool, object, &garbage);
		gt_leave();
	} else {
		garbage.objects[garbage.count++] = object;
	}
	free_all(public, &garbage);
}

static void drain(struct cache *cache, struct garbage *garbage)
{
	void *object;

	gt_lock(&cache->lock);
	while ((object = pop_locked(cache)))
		garbage->objects[garbage->count++] = object;
	gt_unlock(&cache->lock);
}

void gt_pool_drain(struct gt_pool *public)
{
	struct pool *pool = state_of(public);
	struct garbage garbage;

	for (size_t i = 0; pool && i < GT_POOL_CACHES; i++) {
		struct cache *cache = gt_load_acquire(&pool->caches[i]);
		struct gt_m *m;

		if (!cache)
			continue;
		garbage.count = 0;
		gt_enter();
		drain(cache, &garbage);
		m = gt_m_self();
		if (m && index_of(m) == i && cache->ready) {
			garbage.objects[garbage.count++] = cache->ready;
			cache->ready = NULL;
		}
		gt_leave();
		free_all(public, &garbage);
	}
}

void gt_pool_destroy(struct gt_pool *public)
{
	struct pool *pool = state_of(public);
	struct garbage garbage;

	for (size_t i = 0; pool && i < GT_POOL_CACHES; i++) {
		struct cache *cache = gt_load_acquire(&pool->caches[i]);

		if (!cache)
			continue;
		garbage.count = 0;
		if (cache->ready)
			garbage.objects[garbage.count++] = cache->ready;
		drain(cache, &garbage);
		free_all(public, &garbage);
		free(cache);
	}
	free(pool);
	public->gt_state = NULL;
}
