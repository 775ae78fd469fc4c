/* SPDX-License-Identifier: MIT */
#include "hist.h"

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < HIST_SUB)
		return value;
	shift = 63 - __builtin_clzll(value) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUB + (value >> shift) - HIST_SUB;
}

static uint64_t highest_in(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < HIST_SUB)
		return bucket;
	shift = bucket / HIST_SUB - 1;
	return (((uint64_t)bucket % HIST_SUB + HIST_SUB + 1) << shift) - 1;
}

void hist_add(struct hist *hist, uint64_t value)
{
	hist->bucket[bucket_of(value)]++;
	hist->count++;
	if (value > hist->max)
		hist->max = value;
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
	uint64_t rank = q * hist->count, below = 0;

	if (!hist->count)
		return 0;
	if (rank < q * hist->count) /* round up */
		rank++;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		below += hist->bucket[i];
		if (below >= rank && below) {
			uint64_t value = highest_in(i);

			return value < hist->max ? value : hist->max;
		}
	}
	return hist->max;
}
