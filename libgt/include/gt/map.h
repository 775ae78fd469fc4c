/* SPDX-License-Identifier: MIT */
/*
 * Maps that many use at once: Go's sync.Map, on a lock-free hash table.
 *
 * Keys and values are bytes of constant sizes, copied in and out; most often they
 * are numbers or pointers. A struct gt_map_type says how large they are, how keys
 * are compared, and what it means that another copy of a pointer exists.
 *
 * Reading takes no lock and writes no memory that others read, so it is as fast on
 * many processors as on one. Writing allocates. Where most calls write, or a value has
 * to be changed in place, struct gt_sharded is better.
 *
 * What is overwritten or deleted is freed later, when nobody can be reading it, by
 * whichever caller makes the 1024th that waits; value_put() and key_put() are called
 * by that caller then. gt_map_destroy() frees all.
 *
 * Memory model: a store, or any other call that writes, happens before the return of
 * each call that sees what it wrote.
 *
 * The child of a fork() may go on using a map, if no other thread was inside a call
 * on it.
 */
#ifndef GT_MAP_H
#define GT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_map_type - what a map's keys and values are
 * @key_size: bytes of a key, at least 1.
 * @value_size: bytes of a value; 0 makes a set.
 * @hash: of a key; NULL hashes its bytes. The result need not be mixed well.
 * @equal: not 0 if two keys are the same; NULL compares their bytes.
 * @value_equal: not 0 if two values are the same, for gt_map_compare_and_swap() and
 *	gt_map_compare_and_delete(); NULL compares their bytes.
 * @key_get: a copy of a key is about to be kept: make it its own, in place, as by
 *	strdup(). 0, or -ENOMEM, which the call returns. Or NULL.
 * @key_put: a copy that was kept goes away; or NULL.
 * @value_get: a copy of a value has been handed out, beside the one that is kept:
 *	count a reference. Or NULL.
 * @value_put: a copy that was kept goes away: drop its reference; or NULL.
 *
 * Bytes that are compared or hashed must not be padding. @equal, @value_equal and
 * @value_get may be called while others wait, and must call nothing of gt's, nor
 * block. The others may do so.
 */
struct gt_map_type {
	size_t key_size;
	size_t value_size;
	uint64_t (*hash)(const void *key);
	int (*equal)(const void *a, const void *b);
	int (*value_equal)(const void *a, const void *b);
	int (*key_get)(void *key);
	void (*key_put)(void *key);
	void (*value_get)(void *value);
	void (*value_put)(void *value);
};

/* gt_map_strings: keys are char *, by their text, copied; values are void *. */
extern const struct gt_map_type gt_map_strings;

/**
 * struct gt_map - a concurrent map; zero bytes are ready to use
 * @type: what it holds, set before its first use and constant; NULL: keys and values
 *	are void *, or numbers of that size, of which nothing is freed.
 * @gt_table: libgt's own.
 *
 * It must not be copied after its first use.
 */
struct gt_map {
	const struct gt_map_type *type;
	void *gt_table;
};

/**
 * gt_map_load - look a key up
 * @map: the map.
 * @key: the key.
 * @value: where to put the value, or NULL; untouched if the key is not there. The
 *	caller owns the copy, with a reference if the type counts them: until the
 *	caller drops it the object stays, whatever others do to the map.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 1, or 0 if the key is not there.
 */
int gt_map_load(struct gt_map *map, const void *key, void *value);

/**
 * gt_map_store - set the value of a key
 * @map: the map.
 * @key: the key.
 * @value: copied; the map takes over the caller's reference, unless it fails.
 *
 * Context: Suspends: while waiting for readers, rarely. Migrates: then. Pthread:
 * works. Signal-safe: no.
 * Return: 0, or -ENOMEM.
 */
int gt_map_store(struct gt_map *map, const void *key, const void *value);

/**
 * gt_map_load_or_store - the value of a key, set if it has none
 * @map: the map.
 * @key: the key.
 * @value: copied if the key is not there, as in gt_map_store(); otherwise the
 *	caller keeps it.
 * @found: where to put the value that was there, as in gt_map_load(); or NULL.
 *
 * Context: as gt_map_store().
 * Return: 1 if the key was there; 0 if the value was stored; or -ENOMEM.
 */
int gt_map_load_or_store(struct gt_map *map, const void *key, const void *value, void *found);

/**
 * gt_map_load_and_delete - delete a key, giving the value that it had
 * @map: the map.
 * @key: the key.
 * @value: where to put the value, as in gt_map_load(); or NULL.
 *
 * Context: as gt_map_store().
 * Return: 1, or 0 if the key is not there.
 */
int gt_map_load_and_delete(struct gt_map *map, const void *key, void *value);

/**
 * gt_map_swap - set the value of a key, giving the value that it had
 * @map: the map.
 * @key: the key.
 * @value: copied, as in gt_map_store().
 * @previous: where to put the value before, as in gt_map_load(); or NULL. May be
 *	@value's own address.
 *
 * Context: as gt_map_store().
 * Return: 1 if there was one; 0 if not; or -ENOMEM.
 */
int gt_map_swap(struct gt_map *map, const void *key, const void *value, void *previous);

/**
 * gt_map_compare_and_swap - set the value of a key if it has a certain one
 * @map: the map.
 * @key: the key.
 * @old: the value that it must have.
 * @value: copied if it has, as in gt_map_store(); otherwise the caller keeps it.
 *
 * Context: as gt_map_store().
 * Return: 1 if it was set; 0 if the key is not there or has another value; or
 * -ENOMEM.
 */
int gt_map_compare_and_swap(struct gt_map *map, const void *key, const void *old,
			    const void *value);

/**
 * gt_map_compare_and_delete - delete a key if it has a certain value
 * @map: the map.
 * @key: the key.
 * @old: the value that it must have.
 *
 * Context: as gt_map_store().
 * Return: 1 if it was deleted; 0 if the key is not there or has another value.
 */
int gt_map_compare_and_delete(struct gt_map *map, const void *key, const void *old);

/**
 * gt_map_range - call a function for each key
 * @map: the map.
 * @fn: gets the key, its value, which stay as they are until it returns, and @arg.
 *	Returns 0 to end. It may do anything, waiting and changing the map included.
 * @arg: passed to @fn.
 *
 * No key comes twice. One that is there all the while comes; one that is stored or
 * deleted meanwhile may come or not, with any value that it had meanwhile.
 *
 * Context: as gt_map_store(), and what @fn does.
 * Return: 0; -ENOMEM if the type's hash gives many keys the same result, and there is
 * no memory to remember them.
 */
int gt_map_range(struct gt_map *map, int (*fn)(const void *key, const void *value, void *arg),
		 void *arg);

/**
 * gt_map_clear - delete all keys
 * @map: the map.
 *
 * Each key that is there all the while is deleted.
 *
 * Context: as gt_map_store().
 */
void gt_map_clear(struct gt_map *map);

/**
 * gt_map_destroy - free all that a map holds
 * @map: the map; empty and ready to use after it. Nobody may be using it.
 *
 * Context: as gt_map_store().
 */
void gt_map_destroy(struct gt_map *map);

GT_END_DECLS

#endif /* GT_MAP_H */
