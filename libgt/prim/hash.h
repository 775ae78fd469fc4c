/* SPDX-License-Identifier: MIT */
/* Keys and values of maps: hashing, comparing, copying. */
#ifndef GT_PRIM_HASH_H
#define GT_PRIM_HASH_H

#include <stdbool.h>
#include <string.h>

#include "gt/map.h"

/* Of bytes, with a seed of the process; well mixed. See hash.c. */
uint64_t gt_hash_bytes(const void *bytes, size_t size);
/* Of a number, which may be another hash. */
uint64_t gt_hash_word(uint64_t word);

static inline uint64_t gt_key_hash(const struct gt_map_type *type, const void *key)
{
	uint64_t word;

	if (type->hash)
		return gt_hash_word(type->hash(key));
	if (type->key_size != sizeof(word))
		return gt_hash_bytes(key, type->key_size);
	memcpy(&word, key, sizeof(word));
	return gt_hash_word(word);
}

static inline bool gt_bytes_equal(const void *a, const void *b, size_t size)
{
	uint64_t x, y;

	if (size != sizeof(x))
		return !memcmp(a, b, size);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

static inline bool gt_key_equal(const struct gt_map_type *type, const void *a, const void *b)
{
	return type->equal ? type->equal(a, b) : gt_bytes_equal(a, b, type->key_size);
}

static inline bool gt_value_equal(const struct gt_map_type *type, const void *a, const void *b)
{
	return type->value_equal ? type->value_equal(a, b) :
				   gt_bytes_equal(a, b, type->value_size);
}

static inline void gt_copy(void *to, const void *from, size_t size)
{
	if (size == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (size)
		memcpy(to, from, size);
}

/* Where a value stands behind its key, aligned as malloc()'s memory is. */
static inline size_t gt_value_offset(const struct gt_map_type *type)
{
	size_t align = type->value_size % 16 ? 8 : 16;

	return (type->key_size + align - 1) & ~(align - 1);
}

#endif /* GT_PRIM_HASH_H */
