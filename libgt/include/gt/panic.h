/* SPDX-License-Identifier: MIT */
/* Errors of the program itself, from which it cannot go on. */
#ifndef GT_PANIC_H
#define GT_PANIC_H

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * gt_panic - end the program because of a bug in it
 * @format: the reason, as printf() takes it.
 *
 * Prints "panic: REASON", the calling task's number and name and who created it
 * on stderr, and ends the process with SIGABRT.
 *
 * Context: Pthread: works. Signal-safe: no.
 */
__attribute__((__noreturn__, __format__(__printf__, 1, 2))) void
gt_panic(const char *format, ...);

GT_END_DECLS

#endif /* GT_PANIC_H */
