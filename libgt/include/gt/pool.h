/* SPDX-License-Identifier: MIT */
/*
 * Pools: objects that are used for a while, many times over. Go's sync.Pool.
 *
 * A pool takes work from malloc() and from whatever sets an object up. It is no place
 * to keep what must not be lost: it frees what it has too much of.
 */
#ifndef GT_POOL_H
#define GT_POOL_H

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_pool - a cache of objects; zero bytes and the functions are ready to use
 * @make: makes an object when there is none, or returns NULL if it cannot; or NULL:
 *	then gt_pool_get() returns NULL.
 * @free: frees an object that the pool does not keep. NULL drops it.
 * @arg: passed to both.
 * @gt_state: libgt's own.
 *
 * Each processor has a cache of its own, of up to 65 objects; plain threads share
 * one. What a cache has had no use for during 1024 puts is freed, where Go's collector
 * would free it; so an idle pool keeps what it has until gt_pool_drain().
 *
 * The members are set before the first use, and constant. It must not be copied after
 * it. An object in the pool is the pool's, one outside is its user's, who need not
 * bring it back.
 */
struct gt_pool {
	void *(*make)(void *arg);
	void (*free)(void *object, void *arg);
	void *arg;
	void *gt_state;
};

/**
 * gt_pool_get - take an object
 * @pool: the pool.
 *
 * Any that is in the pool, of this processor if there is one; else one of another's;
 * else a new one. Nothing may be assumed of which it is.
 *
 * Memory model: a put happens before the return of the get that takes its object.
 *
 * Context: Suspends: as @make does. Migrates: as gt_go(), and as @make does. Pthread:
 * works. Signal-safe: no.
 * Return: the object, the caller's; NULL if there is none and @make made none.
 */
void *gt_pool_get(struct gt_pool *pool);

/**
 * gt_pool_put - give an object to the pool
 * @pool: the pool.
 * @object: not used any more by the caller; NULL is ignored.
 *
 * Context: Suspends: as @free does. Migrates: as gt_go(), and as @free does. Pthread:
 * works. Signal-safe: no.
 */
void gt_pool_put(struct gt_pool *pool, void *object);

/**
 * gt_pool_drain - free the objects that are in the pool
 * @pool: the pool, which may be in use: then each other processor may keep one.
 *
 * Context: as gt_pool_put().
 */
void gt_pool_drain(struct gt_pool *pool);

/**
 * gt_pool_destroy - free all of it
 * @pool: the pool, which nobody uses any more; ready to use after it.
 *
 * Context: as gt_pool_put().
 */
void gt_pool_destroy(struct gt_pool *pool);

GT_END_DECLS

#endif /* GT_POOL_H */
