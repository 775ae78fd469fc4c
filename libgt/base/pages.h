/* SPDX-License-Identifier: MIT */
/* Advice to the kernel about many ranges of memory. */
#ifndef GT_BASE_PAGES_H
#define GT_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#define GT_PAGE ((size_t)4096)

/* From linux/mman.h; older headers lack some. */
#define GT_ADVICE_POPULATE_READ 22
#define GT_ADVICE_POPULATE_WRITE 23
#define GT_ADVICE_GUARD_INSTALL 102

/* madvise() for count ranges of size bytes, one each stride from low on. */
bool gt_pages_advise(char *low, size_t size, size_t stride, unsigned int count, int advice);

/*
 * The same in one system call, which takes a quarter less time; false, and nothing
 * may have been done, where the kernel has none for this advice: 6.14 and later have.
 */
bool gt_pages_advise_at_once(char *low, size_t size, size_t stride, unsigned int count,
			     int advice);

#endif /* GT_BASE_PAGES_H */
