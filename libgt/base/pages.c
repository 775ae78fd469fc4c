/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/pages.h"
#include "base/sanitize.h"

#define GT_PIDFD_SELF (-10000)
#define GT_RANGES 64

bool gt_pages_advise_at_once(char *low, size_t size, size_t stride, unsigned int count,
			     int advice)
{
	struct iovec ranges[GT_RANGES];

	/* Its release 3.19 does not know the call, and says so each time. */
	if (gt_on_valgrind())
		return false;
	while (count) {
		unsigned int n = count < GT_RANGES ? count : GT_RANGES;

		for (unsigned int i = 0; i < n; i++, low += stride)
			ranges[i] = (struct iovec){ .iov_base = low, .iov_len = size };
		if (syscall(SYS_process_madvise, GT_PIDFD_SELF, ranges, (size_t)n, advice, 0) !=
		    (long)(n * size))
			return false;
		count -= n;
	}
	return true;
}

bool gt_pages_advise(char *low, size_t size, size_t stride, unsigned int count, int advice)
{
	if (count > 1 && gt_pages_advise_at_once(low, size, stride, count, advice))
		return true;
	for (; count; count--, low += stride)
		if (madvise(low, size, advice))
			return false;
	return true;
}
