/* SPDX-License-Identifier: MIT */
/*
 * Maps: liburcu's lock-free hash table of nodes that never change.
 *
 * A node has a key and a value. A store replaces the node as a whole, by the table's
 * compare-and-swap; so a reader, who copies the value out under RCU, sees one store
 * or another, and calls on one key are ordered as the table orders them. A node that
 * was taken out loses the table's reference after a grace period (rcu.c).
 *
 * The table is sorted by the bits of the hash in reverse order. Walks (range, clear)
 * go by that order, which no resizing and no store changes:
 *
 *	read: collect nodes from the last order on, counting a reference of each
 *	no longer reading: visit them
 *	read: find one of them again, the last first; go on behind it, with what is
 *	of a higher order than the last
 *
 * So nothing is read while users' functions run, a key replaced or stored anew does
 * not come twice, and what was not touched comes. If all of a batch have been deleted
 * the walk begins at the front and skips. A batch ends between two orders only.
 *
 * The table grows and shrinks by its user's hand: whoever stores or deletes, and finds
 * it far from the count of nodes, resizes it, in a declared system call since that may
 * take a while. liburcu's own resizing would start a thread, which deadlock.c would
 * take for a sign of life. The count is split by hash, so that writers of different
 * keys rarely meet in it.
 *
 * Source: Desnoyers' rculfhash, after Shalev and Shavit, "Split-Ordered Lists". Go's
 * sync/map.go for what the calls do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/rculfhash.h>

#include "gt/map.h"
#include "gt/syscall.h"
#include "prim/hash.h"
#include "prim/rcu.h"

#define BUCKETS_MIN 64		/* a power of two, as are the next */
#define STRIPES 16
#define WALK_BATCH 32

struct node {
	struct cds_lfht_node link;
	struct gt_rcu_head retired;
	const struct gt_map_type *type;
	_Atomic uint32_t refs;		/* the table's, until a grace period later; walks' */
	_Alignas(max_align_t) char bytes[];	/* key, then value: value_of() */
};

struct table {
	struct cds_lfht *ht;
	struct gt_rcu_batch retired;
	_Atomic uint32_t resizing;
	_Atomic size_t buckets;		/* written by who set resizing */
	struct {
		_Alignas(GT_CACHELINE) _Atomic long nodes;
	} stripes[STRIPES];
};

/* What a lookup looks for. */
struct wanted {
	const struct gt_map_type *type;
	const void *key;
	unsigned long hash;
};

static const struct gt_map_type words = {
	.key_size = sizeof(void *),
	.value_size = sizeof(void *),
};

static const struct gt_map_type *type_of(const struct gt_map *map)
{
	return map->type ? map->type : &words;
}

static struct node *node_of(struct cds_lfht_node *link)
{
	return link ? (struct node *)((char *)link - offsetof(struct node, link)) : NULL;
}

static void *value_of(struct node *node)
{
	return node->bytes + gt_value_offset(node->type);
}

static int match(struct cds_lfht_node *link, const void *arg)
{
	const struct wanted *wanted = arg;
	struct node *node = node_of(link);

	gt_rcu_reach(node);
	return gt_key_equal(wanted->type, node->bytes, wanted->key);
}

static int match_node(struct cds_lfht_node *link, const void *node)
{
	return node_of(link) == node;
}

static struct wanted want(const struct gt_map *map, const void *key)
{
	const struct gt_map_type *type = type_of(map);

	return (struct wanted){ type, key, gt_key_hash(type, key) };
}

/* ------------------------------------------------------------------ nodes ---- */

static struct node *node_make(const struct wanted *wanted, const void *value)
{
	const struct gt_map_type *type = wanted->type;
	struct node *node;

	node = malloc(sizeof(*node) + gt_value_offset(type) + type->value_size);
	if (!node)
		return NULL;
	cds_lfht_node_init(&node->link);
	node->type = type;
	gt_store(&node->refs, 1);
	memcpy(node->bytes, wanted->key, type->key_size);
	gt_copy(value_of(node), value, type->value_size);
	if (type->key_get && type->key_get(node->bytes)) {
		free(node);
		return NULL;
	}
	gt_rcu_publish(node);
	return node;
}

/* It was never in the table: its value is the caller's still. */
static void node_drop(struct node *node)
{
	if (node->type->key_put)
		node->type->key_put(node->bytes);
	free(node);
}

static void node_put(struct node *node)
{
	if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (node->type->value_put)
		node->type->value_put(value_of(node));
	node_drop(node);
}

static void node_free(struct gt_rcu_head *head)
{
	node_put((struct node *)((char *)head - offsetof(struct node, retired)));
}

/* While reading: a copy for the caller. */
static void hand_out(struct node *node, void *value)
{
	gt_rcu_reach(node);
	if (!value)
		return;
	gt_copy(value, value_of(node), node->type->value_size);
	if (node->type->value_get)
		node->type->value_get(value);
}

/* ------------------------------------------------------------------ table ---- */

static struct table *table_of(struct gt_map *map)
{
	return gt_load_acquire((_Atomic(struct table *) *)&map->gt_table);
}

static struct table *table_make(struct gt_map *map)
{
	struct table *table, *other = NULL;

	gt_rcu_init();
	table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	gt_store(&table->buckets, BUCKETS_MIN);
	table->ht = cds_lfht_new_flavor(BUCKETS_MIN, BUCKETS_MIN, 0, 0, &urcu_bp_flavor, NULL);
	if (!table->ht) {
		free(table);
		return NULL;
	}
	if (atomic_compare_exchange_strong((_Atomic(struct table *) *)&map->gt_table, &other, table))
		return table;
	cds_lfht_destroy(table->ht, NULL);
	free(table);
	return other;
}

/* Make the number of buckets that of the nodes, about. */
static __attribute__((__noinline__)) void resize(struct table *table)
{
	size_t buckets = BUCKETS_MIN;
	long nodes = 0;

	if (atomic_exchange_explicit(&table->resizing, 1, memory_order_acquire))
		return;
	for (int i = 0; i < STRIPES; i++)
		nodes += gt_load(&table->stripes[i].nodes);
	while ((long)buckets < nodes)
		buckets *= 2;
	if (buckets != gt_load(&table->buckets)) {
		gt_entersyscall();
		cds_lfht_resize(table->ht, buckets);
		gt_exitsyscall();
		gt_store(&table->buckets, buckets);
	}
	gt_store_release(&table->resizing, 0);
}

/* By one stripe's word, as if the others were like it. */
static void counted(struct table *table, const struct wanted *wanted, int change)
{
	_Atomic long *nodes = &table->stripes[wanted->hash % STRIPES].nodes;
	long now = atomic_fetch_add_explicit(nodes, change, memory_order_relaxed) + change;
	long buckets = (long)gt_load(&table->buckets);

	if (gt_unlikely(now * STRIPES > 2 * buckets ||
			(now * STRIPES < buckets / 8 && buckets > BUCKETS_MIN)))
		resize(table);
}

/* Out of the table, not reading any more. */
static void retire(struct table *table, struct node *node)
{
	gt_rcu_retire(&table->retired, &node->retired, node_free);
}

static void deleted(struct table *table, const struct wanted *wanted, struct node *node)
{
	retire(table, node);
	counted(table, wanted, -1);
}

/* While reading. */
static struct node *look_up(struct table *table, const struct wanted *wanted,
			    struct cds_lfht_iter *iter)
{
	cds_lfht_lookup(table->ht, wanted->hash, match, wanted, iter);
	return node_of(cds_lfht_iter_get_node(iter));
}

/* ------------------------------------------------------------------ calls ---- */

static int load(struct table *table, const struct wanted *wanted, void *value)
{
	struct cds_lfht_iter iter;
	struct node *node;

	gt_rcu_read_lock();
	node = look_up(table, wanted, &iter);
	if (node)
		hand_out(node, value);
	gt_rcu_read_unlock();
	return node != NULL;
}

int gt_map_load(struct gt_map *map, const void *key, void *value)
{
	struct table *table = table_of(map);
	struct wanted wanted;

	if (!table)
		return 0;
	wanted = want(map, key);
	return load(table, &wanted, value);
}

/* The table and a new node for the key. 0 or -ENOMEM. */
static int prepare(struct gt_map *map, const struct wanted *wanted, const void *value,
		   struct table **table, struct node **node)
{
	*table = table_of(map);
	if (!*table)
		*table = table_make(map);
	*node = *table ? node_make(wanted, value) : NULL;
	return *node ? 0 : -ENOMEM;
}

int gt_map_swap(struct gt_map *map, const void *key, const void *value, void *previous)
{
	struct wanted wanted = want(map, key);
	struct table *table;
	struct node *node, *old;
	int error = prepare(map, &wanted, value, &table, &node);

	if (error)
		return error;
	gt_rcu_read_lock();
	old = node_of(cds_lfht_add_replace(table->ht, wanted.hash, match, &wanted, &node->link));
	if (old)
		hand_out(old, previous);
	gt_rcu_read_unlock();
	if (old)
		retire(table, old);
	else
		counted(table, &wanted, 1);
	return old != NULL;
}

int gt_map_store(struct gt_map *map, const void *key, const void *value)
{
	int result = gt_map_swap(map, key, value, NULL);

	return result < 0 ? result : 0;
}

int gt_map_load_or_store(struct gt_map *map, const void *key, const void *value, void *found)
{
	struct wanted wanted = want(map, key);
	struct table *table = table_of(map);
	struct node *node, *there;
	int error;

	if (table && load(table, &wanted, found))
		return 1;
	error = prepare(map, &wanted, value, &table, &node);
	if (error)
		return error;
	gt_rcu_read_lock();
	there = node_of(cds_lfht_add_unique(table->ht, wanted.hash, match, &wanted,
					    &node->link));
	if (there != node)
		hand_out(there, found);
	gt_rcu_read_unlock();
	if (there == node) {
		counted(table, &wanted, 1);
		return 0;
	}
	node_drop(node);
	return 1;
}

/* Delete the key if its value is old, or old is NULL. */
static int delete(struct gt_map *map, const void *key, const void *old, void *value)
{
	struct table *table = table_of(map);
	struct cds_lfht_iter iter;
	struct wanted wanted;
	struct node *node;

	if (!table)
		return 0;
	wanted = want(map, key);
	gt_rcu_read_lock();
	/* Another may delete or replace it first: what is there then? */
	while ((node = look_up(table, &wanted, &iter))) {
		if (old && !gt_value_equal(wanted.type, value_of(node), old)) {
			node = NULL;
			break;
		}
		if (!cds_lfht_del(table->ht, &node->link)) {
			hand_out(node, value);
			break;
		}
	}
	gt_rcu_read_unlock();
	if (!node)
		return 0;
	deleted(table, &wanted, node);
	return 1;
}

int gt_map_load_and_delete(struct gt_map *map, const void *key, void *value)
{
	return delete(map, key, NULL, value);
}

int gt_map_compare_and_delete(struct gt_map *map, const void *key, const void *old)
{
	return delete(map, key, old, NULL);
}

int gt_map_compare_and_swap(struct gt_map *map, const void *key, const void *old,
			    const void *value)
{
	struct wanted wanted = want(map, key);
	struct cds_lfht_iter iter;
	struct table *table;
	struct node *node, *there;
	int error;

	if (!table_of(map))
		return 0;
	error = prepare(map, &wanted, value, &table, &node);
	if (error)
		return error;
	gt_rcu_read_lock();
	while ((there = look_up(table, &wanted, &iter))) {
		if (!gt_value_equal(wanted.type, value_of(there), old)) {
			there = NULL;
			break;
		}
		if (!cds_lfht_replace(table->ht, &iter, wanted.hash, match, &wanted, &node->link))
			break;
	}
	gt_rcu_read_unlock();
	if (there)
		retire(table, there);
	else
		node_drop(node);
	return there != NULL;
}

/* ------------------------------------------------------------------ walks ---- */

struct walk {
	struct table *table;
	bool begun;
	unsigned long order;		/* of the last that was visited */
	size_t seen_count;
	struct node *seen[WALK_BATCH];	/* the last that were visited */
	size_t count, room;
	struct node **nodes;		/* the batch: first, or from malloc() */
	struct node *first[WALK_BATCH];
};

static unsigned long order_of(const struct node *node)
{
	return node->link.reverse_hash;
}

static unsigned long reverse(unsigned long bits)
{
	const uint64_t one = UINT64_MAX / 3, two = UINT64_MAX / 5, four = UINT64_MAX / 17;

	bits = (bits >> 1 & one) | (bits & one) << 1;
	bits = (bits >> 2 & two) | (bits & two) << 2;
	bits = (bits >> 4 & four) | (bits & four) << 4;
	return __builtin_bswap64(bits);
}

static void put_all(struct node **nodes, size_t count)
{
	while (count)
		node_put(nodes[--count]);
}

/* While reading: a place in the table before all that have to be visited yet. */
static void walk_find(struct walk *walk, struct cds_lfht_iter *iter)
{
	for (size_t i = walk->seen_count; i--; ) {
		struct node *node = walk->seen[i];

		cds_lfht_lookup(walk->table->ht, reverse(order_of(node)), match_node, node, iter);
		if (cds_lfht_iter_get_node(iter))
			return;
	}
	cds_lfht_first(walk->table->ht, iter);
}

/*
 * While reading: a batch of nodes, of whole orders. False: there are more of one
 * order than there is room.
 */
static bool walk_collect(struct walk *walk, struct cds_lfht_iter *iter)
{
	struct node *node;
	size_t whole = 0;

	for (; (node = node_of(cds_lfht_iter_get_node(iter)));
	     cds_lfht_next(walk->table->ht, iter)) {
		gt_rcu_reach(node);
		if (walk->begun && order_of(node) <= walk->order)
			continue;
		if (walk->count && order_of(node) != order_of(walk->nodes[walk->count - 1]))
			whole = walk->count;
		if (walk->count == walk->room)
			break;
		atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
		walk->nodes[walk->count++] = node;
	}
	if (!node)
		return true;
	/* Never the last reference: the table's stays as long as somebody reads. */
	while (walk->count > whole)
		atomic_fetch_sub_explicit(&walk->nodes[--walk->count]->refs, 1,
					  memory_order_release);
	return whole;
}

static bool walk_grow(struct walk *walk)
{
	struct node **old = walk->nodes == walk->first ? NULL : walk->nodes;
	struct node **nodes = realloc(old, 2 * walk->room * sizeof(struct node *));

	if (!nodes)
		return false;
	walk->nodes = nodes;
	walk->room *= 2;
	return true;
}

/* The next batch, which is empty at the end. 0 or -ENOMEM. */
static int walk_next(struct walk *walk)
{
	struct cds_lfht_iter iter;
	bool whole;

	for (;;) {
		gt_rcu_read_lock();
		walk_find(walk, &iter);
		whole = walk_collect(walk, &iter);
		gt_rcu_read_unlock();
		if (whole)
			return 0;
		if (!walk_grow(walk))
			return -ENOMEM;
	}
}

/* All of the batch have been visited. */
static void walk_seen(struct walk *walk)
{
	size_t keep = walk->count < WALK_BATCH ? walk->count : WALK_BATCH;

	put_all(walk->seen, walk->seen_count);
	put_all(walk->nodes, walk->count - keep);
	memcpy(walk->seen, walk->nodes + walk->count - keep, keep * sizeof(struct node *));
	walk->order = order_of(walk->seen[keep - 1]);
	walk->begun = true;
	walk->seen_count = keep;
	walk->count = 0;
}

/* Call visit(table, node, arg) for all nodes, until it returns 0. 0 or -ENOMEM. */
static int walk_all(struct table *table, int (*visit)(struct table *table, struct node *node,
						      void *arg), void *arg)
{
	struct walk walk = { .table = table, .room = WALK_BATCH };
	bool more = true;
	int error = 0;

	walk.nodes = walk.first;
	while (more) {
		error = walk_next(&walk);
		if (error || !walk.count)
			break;
		for (size_t i = 0; more && i < walk.count; i++)
			more = visit(table, walk.nodes[i], arg);
		walk_seen(&walk);
	}
	put_all(walk.seen, walk.seen_count);
	if (walk.nodes != walk.first)
		free(walk.nodes);
	return error;
}

struct visitor {
	int (*fn)(const void *key, const void *value, void *arg);
	void *arg;
};

static int visit_range(struct table *table, struct node *node, void *arg)
{
	struct visitor *visitor = arg;

	(void)table;
	return visitor->fn(node->bytes, value_of(node), visitor->arg);
}

int gt_map_range(struct gt_map *map, int (*fn)(const void *key, const void *value, void *arg),
		 void *arg)
{
	struct visitor visitor = { fn, arg };
	struct table *table = table_of(map);

	return table ? walk_all(table, visit_range, &visitor) : 0;
}

/* Nodes that come while this goes on are met if they come behind it: see gt/map.h. */
static void clear(struct table *table)
{
	struct cds_lfht_iter iter;
	struct wanted wanted = { .key = NULL };
	struct node *nodes[WALK_BATCH];
	unsigned long order = 0;
	size_t count;

	do {
		struct node *node;

		count = 0;
		gt_rcu_read_lock();
		cds_lfht_first(table->ht, &iter);
		for (; count < WALK_BATCH && (node = node_of(cds_lfht_iter_get_node(&iter)));
		     cds_lfht_next(table->ht, &iter)) {
			gt_rcu_reach(node);
			if (order_of(node) < order)
				continue;
			order = order_of(node);
			if (!cds_lfht_del(table->ht, &node->link))
				nodes[count++] = node;
		}
		gt_rcu_read_unlock();
		for (size_t i = 0; i < count; i++) {
			wanted.hash = reverse(order_of(nodes[i]));
			deleted(table, &wanted, nodes[i]);
		}
	} while (count == WALK_BATCH);
}

void gt_map_clear(struct gt_map *map)
{
	struct table *table = table_of(map);

	if (table)
		clear(table);
}

void gt_map_destroy(struct gt_map *map)
{
	struct table *table = table_of(map);

	if (!table)
		return;
	gt_map_clear(map);
	gt_rcu_flush(&table->retired);
	cds_lfht_destroy(table->ht, NULL);
	free(table);
	map->gt_table = NULL;
}
