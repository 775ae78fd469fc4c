/* SPDX-License-Identifier: MIT */
/*
 * A histogram of times: log-linear, so of fixed size and of fixed relative error.
 *
 * Values below 64 have a bucket each. Above, each power of two is divided into 64
 * buckets, so that a quantile is at most 1/64 above the true value, at any count.
 */
#ifndef LOAD_HIST_H
#define LOAD_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS	6
#define HIST_SUB	(1 << HIST_SUB_BITS)
#define HIST_BUCKETS	((64 - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
	uint64_t count, max;
	uint64_t bucket[HIST_BUCKETS];
};

/* Count @value. */
void hist_add(struct hist *hist, uint64_t value);

/* The least value that at least the share @q of all values, 0 < @q <= 1, does not
 * exceed; 0 if there are none. */
uint64_t hist_quantile(const struct hist *hist, double q);

#endif /* LOAD_HIST_H */
