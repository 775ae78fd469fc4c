/* SPDX-License-Identifier: MIT */
/*
 * Sharded maps: chained hash tables, each with a gt_mutex.
 *
 * The top bits of a key's hash choose the shard, the low ones the bucket. A shard
 * doubles its buckets when it has as many nodes, under its mutex; a longer chain is
 * what there is if that finds no memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gt/sharded.h"
#include "gt/sync.h"
#include "prim/hash.h"
#include "sched/types.h"

#define SHARD_BITS 6
#define SHARDS (1 << SHARD_BITS)
#define BUCKETS_MIN 8		/* a power of two */

struct node {
	struct node *next;		/* the shard's mutex */
	uint64_t hash;			/* constant */
	_Alignas(max_align_t) char bytes[];	/* key, then value. The mutex */
};

struct shard {
	_Alignas(GT_CACHELINE) struct gt_mutex mutex;
	struct node **buckets;		/* mutex, as all below */
	size_t size, count;
};

struct table {
	struct shard shards[SHARDS];
};

static const struct gt_map_type words = {
	.key_size = sizeof(void *),
	.value_size = sizeof(void *),
};

static const struct gt_map_type *type_of(const struct gt_sharded *map)
{
	return map->type ? map->type : &words;
}

static void *value_of(const struct gt_map_type *type, struct node *node)
{
	return node->bytes + gt_value_offset(type);
}

static struct table *table_of(struct gt_sharded *map)
{
	return gt_load_acquire((_Atomic(struct table *) *)&map->gt_table);
}

static struct table *table_make(struct gt_sharded *map)
{
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	struct table *other = NULL;

	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	if (atomic_compare_exchange_strong((_Atomic(struct table *) *)&map->gt_table, &other,
					   table))
		return table;
	free(table);
	return other;
}

static struct shard *shard_of(struct table *table, uint64_t hash)
{
	return &table->shards[hash >> (64 - SHARD_BITS)];
}

/* Where the key's node is linked, or would be; NULL: there are no buckets yet. */
static struct node **find_locked(const struct gt_map_type *type, struct shard *shard,
				 uint64_t hash, const void *key)
{
	struct node **link;

	if (!shard->size)
		return NULL;
	link = &shard->buckets[hash & (shard->size - 1)];
	while (*link && ((*link)->hash != hash || !gt_key_equal(type, (*link)->bytes, key)))
		link = &(*link)->next;
	return link;
}

static void grow_locked(struct shard *shard)
{
	size_t size = shard->size ? 2 * shard->size : BUCKETS_MIN;
	struct node **buckets = calloc(size, sizeof(*buckets)), *node, *next;

	if (!buckets)
		return;
	for (size_t i = 0; i < shard->size; i++)
		for (node = shard->buckets[i]; node; node = next) {
			next = node->next;
			node->next = buckets[node->hash & (size - 1)];
			buckets[node->hash & (size - 1)] = node;
		}
	free(shard->buckets);
	shard->buckets = buckets;
	shard->size = size;
}

/* A node in no shard, with a value of zero bytes; or NULL. */
static struct node *node_make(const struct gt_map_type *type, uint64_t hash, const void *key)
{
	struct node *node = calloc(1, sizeof(*node) + gt_value_offset(type) + type->value_size);

	if (!node)
		return NULL;
	node->hash = hash;
	memcpy(node->bytes, key, type->key_size);
	if (type->key_get && type->key_get(node->bytes)) {
		free(node);
		return NULL;
	}
	return node;
}

/* Its value is somebody else's. */
static void node_free(const struct gt_map_type *type, struct node *node)
{
	if (type->key_put)
		type->key_put(node->bytes);
	free(node);
}

int gt_sharded_load(struct gt_sharded *map, const void *key, void *value)
{
	const struct gt_map_type *type = type_of(map);
	struct table *table = table_of(map);
	uint64_t hash = gt_key_hash(type, key);
	struct shard *shard;
	struct node **link;
	int there;

	if (!table)
		return 0;
	shard = shard_of(table, hash);
	gt_mutex_lock(&shard->mutex);
	link = find_locked(type, shard, hash, key);
	there = link && *link;
	if (there && value) {
		gt_copy(value, value_of(type, *link), type->value_size);
		if (type->value_get)
			type->value_get(value);
	}
	gt_mutex_unlock(&shard->mutex);
	return there;
}

int gt_sharded_update(struct gt_sharded *map, const void *key,
		      int (*fn)(void *value, int there, void *arg), void *arg)
{
	const struct gt_map_type *type = type_of(map);
	struct table *table = table_of(map);
	uint64_t hash = gt_key_hash(type, key);
	struct node **link, *node, *gone = NULL;
	struct shard *shard;
	int there, stays;

	if (!table)
		table = table_make(map);
	if (!table)
		return -ENOMEM;
	shard = shard_of(table, hash);
	gt_mutex_lock(&shard->mutex);
	if (shard->count >= shard->size)
		grow_locked(shard);
	link = find_locked(type, shard, hash, key);
	node = link ? *link : NULL;
	there = node != NULL;
	if (!there && link)
		node = node_make(type, hash, key);
	if (!node) {
		gt_mutex_unlock(&shard->mutex);
		return -ENOMEM;
	}
	stays = fn(value_of(type, node), there, arg);
	if (stays && !there) {
		node->next = *link;
		*link = node;
		shard->count++;
	} else if (!stays) {
		if (there) {
			*link = node->next;
			shard->count--;
		}
		gone = node;
	}
	gt_mutex_unlock(&shard->mutex);
	if (gone)
		node_free(type, gone);
	return stays != 0;
}

struct storing {
	const struct gt_map_type *type;
	const void *value;
};

static int overwrite(void *value, int there, void *arg)
{
	struct storing *storing = arg;

	if (there && storing->type->value_put)
		storing->type->value_put(value);
	gt_copy(value, storing->value, storing->type->value_size);
	return 1;
}

int gt_sharded_store(struct gt_sharded *map, const void *key, const void *value)
{
	struct storing storing = { type_of(map), value };
	int result = gt_sharded_update(map, key, overwrite, &storing);

	return result < 0 ? result : 0;
}

int gt_sharded_load_and_delete(struct gt_sharded *map, const void *key, void *value)
{
	const struct gt_map_type *type = type_of(map);
	struct table *table = table_of(map);
	uint64_t hash = gt_key_hash(type, key);
	struct node **link, *node;
	struct shard *shard;

	if (!table)
		return 0;
	shard = shard_of(table, hash);
	gt_mutex_lock(&shard->mutex);
	link = find_locked(type, shard, hash, key);
	node = link ? *link : NULL;
	if (node) {
		*link = node->next;
		shard->count--;
	}
	gt_mutex_unlock(&shard->mutex);
	if (!node)
		return 0;
	if (value)
		gt_copy(value, value_of(type, node), type->value_size);
	else if (type->value_put)
		type->value_put(value_of(type, node));
	node_free(type, node);
	return 1;
}

void gt_sharded_range(struct gt_sharded *map,
		      int (*fn)(const void *key, void *value, void *arg), void *arg)
{
	const struct gt_map_type *type = type_of(map);
	struct table *table = table_of(map);
	int more = 1;

	for (int i = 0; table && more && i < SHARDS; i++) {
		struct shard *shard = &table->shards[i];

		gt_mutex_lock(&shard->mutex);
		for (size_t at = 0; more && at < shard->size; at++)
			for (struct node *node = shard->buckets[at]; more && node;
			     node = node->next)
				more = fn(node->bytes, value_of(type, node), arg);
		gt_mutex_unlock(&shard->mutex);
	}
}

void gt_sharded_clear(struct gt_sharded *map)
{
	const struct gt_map_type *type = type_of(map);
	struct table *table = table_of(map);

	for (int i = 0; table && i < SHARDS; i++) {
		struct shard *shard = &table->shards[i];
		struct node **buckets, *node, *next;
		size_t size;

		gt_mutex_lock(&shard->mutex);
		buckets = shard->buckets;
		size = shard->size;
		shard->buckets = NULL;
		shard->size = shard->count = 0;
		gt_mutex_unlock(&shard->mutex);
		for (size_t at = 0; at < size; at++)
			for (node = buckets[at]; node; node = next) {
				next = node->next;
				if (type->value_put)
					type->value_put(value_of(type, node));
				node_free(type, node);
			}
		free(buckets);
	}
}

void gt_sharded_destroy(struct gt_sharded *map)
{
	gt_sharded_clear(map);
	free(map->gt_table);
	map->gt_table = NULL;
}
