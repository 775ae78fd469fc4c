/* SPDX-License-Identifier: MIT */
/*
 * Hashing keys: multiply, and fold the high half of the product onto the low.
 *
 * The seed comes from the kernel's random bytes for the process, so that nobody who
 * sends keys knows which of them meet.
 *
 * Source: the folded multiplication is wyhash's (Wang Yi).
 */
#include <stdlib.h>
#include <sys/auxv.h>

#include "prim/hash.h"

static uint64_t seed;

__attribute__((__constructor__)) static void seed_init(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (random)
		memcpy(&seed, random, sizeof(seed));
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t gt_hash_word(uint64_t word)
{
	return fold(word ^ seed ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db);
}

uint64_t gt_hash_bytes(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t hash = seed ^ size, word;

	for (; size > sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = fold(hash ^ word, 0x8ebc6af09c88c6e3);
	}
	word = 0;
	memcpy(&word, at, size);
	return fold(gt_hash_word(hash ^ word), 0x589965cc75374cc3);
}

static uint64_t string_hash(const void *key)
{
	const char *text = *(char *const *)key;

	return gt_hash_bytes(text, strlen(text));
}

static int string_equal(const void *a, const void *b)
{
	return !strcmp(*(char *const *)a, *(char *const *)b);
}

static int string_get(void *key)
{
	char **text = key;

	*text = strdup(*text);
	return *text ? 0 : -1;
}

static void string_put(void *key)
{
	free(*(char **)key);
}

const struct gt_map_type gt_map_strings = {
	.key_size = sizeof(char *),
	.value_size = sizeof(void *),
	.hash = string_hash,
	.equal = string_equal,
	.key_get = string_get,
	.key_put = string_put,
};
