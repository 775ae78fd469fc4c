/* SPDX-License-Identifier: MIT */
/* Messages from places where stdio may be locked by a thread that does not run. */
#ifndef GT_BASE_PRINT_H
#define GT_BASE_PRINT_H

/*
 * Write to stderr, a line or less at a time, by one write(): no lock, no memory of libc's.
 * Longer than GT_PRINT_MAX is cut.
 */
#define GT_PRINT_MAX 512

__attribute__((__format__(__printf__, 1, 2))) void gt_print(const char *format, ...);

/* What the program has written to stdout comes first, if nobody is at it. */
void gt_print_flush(void);

#endif /* GT_BASE_PRINT_H */
