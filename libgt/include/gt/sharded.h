/* SPDX-License-Identifier: MIT */
/*
 * Sharded maps: a hash table in 64 parts, each with its mutex.
 *
 * Better than struct gt_map where most calls write: a store overwrites in place, frees
 * what it replaces at once, and allocates for new keys alone. And where a value has to
 * be changed, rather than replaced: gt_sharded_update() does so under the lock.
 *
 * Worse where most calls read: a load takes a mutex, so that readers of one shard
 * wait for each other, and for who is in gt_sharded_update().
 *
 * Memory model: calls on one key happen one after the other, each before the next.
 */
#ifndef GT_SHARDED_H
#define GT_SHARDED_H

#include <gt/map.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_sharded - a map of shards; zero bytes are ready to use
 * @type: what it holds, as in struct gt_map. Its functions may be called under the
 *	shard's mutex, and must not use the map; they may block.
 * @gt_table: libgt's own.
 *
 * It must not be copied after its first use.
 */
struct gt_sharded {
	const struct gt_map_type *type;
	void *gt_table;
};

/**
 * gt_sharded_load - look a key up
 * @map: the map.
 * @key: the key.
 * @value: where to put the value, as in gt_map_load(); or NULL.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 * Return: 1, or 0 if the key is not there.
 */
int gt_sharded_load(struct gt_sharded *map, const void *key, void *value);

/**
 * gt_sharded_store - set the value of a key
 * @map: the map.
 * @key: the key.
 * @value: copied; the map takes over the caller's reference, unless it fails.
 *
 * Context: as gt_sharded_load().
 * Return: 0, or -ENOMEM.
 */
int gt_sharded_store(struct gt_sharded *map, const void *key, const void *value);

/**
 * gt_sharded_load_and_delete - delete a key, giving the value that it had
 * @map: the map.
 * @key: the key.
 * @value: where to put it, with the map's reference, which the caller then owns; or
 *	NULL.
 *
 * Context: as gt_sharded_load().
 * Return: 1, or 0 if the key is not there.
 */
int gt_sharded_load_and_delete(struct gt_sharded *map, const void *key, void *value);

/**
 * gt_sharded_update - change the value of a key under its lock
 * @map: the map.
 * @key: the key.
 * @fn: gets the value's place, zeroed if the key is not there, whether it is there, and
 *	@arg. Returns not 0 if the key is to be there after it, with what is in that
 *	place; 0 if not: then a value that was there is the function's to drop. It must
 *	not use the map, and neither panic nor exit.
 * @arg: passed to @fn.
 *
 * Context: as gt_sharded_load(), and what @fn does.
 * Return: not 0 if the key is there now; 0 if not; -ENOMEM if it was not there and
 * there is no memory: then @fn has not been called.
 */
int gt_sharded_update(struct gt_sharded *map, const void *key,
		      int (*fn)(void *value, int there, void *arg), void *arg);

/**
 * gt_sharded_range - call a function for each key
 * @map: the map.
 * @fn: gets the key, the value, which it may change, and @arg, under the shard's lock:
 *	it must not use the map, and neither panic nor exit. Returns 0 to end.
 * @arg: passed to @fn.
 *
 * Context: as gt_sharded_load(), and what @fn does.
 */
void gt_sharded_range(struct gt_sharded *map,
		      int (*fn)(const void *key, void *value, void *arg), void *arg);

/**
 * gt_sharded_clear - delete all keys, shard by shard
 * @map: the map.
 *
 * Context: as gt_sharded_load().
 */
void gt_sharded_clear(struct gt_sharded *map);

/**
 * gt_sharded_destroy - free all that a map holds
 * @map: the map, which nobody uses any more; empty and ready to use after it.
 *
 * Context: as gt_sharded_load().
 */
void gt_sharded_destroy(struct gt_sharded *map);

GT_END_DECLS

#endif /* GT_SHARDED_H */
