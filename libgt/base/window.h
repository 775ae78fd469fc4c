/* SPDX-License-Identifier: MIT */
/*
 * Windows: the moments between two steps of a protocol, where another thread may come.
 *
 * The arguments at the heads of files say that whatever it does there, nothing is lost.
 * Most windows are a few instructions wide, so that a test meets them by luck only. In
 * VARIANT=windows GT_WINDOW("name") calls a hook, which holds the thread up in one window
 * at a time (tests/windows.c); everywhere else it is nothing.
 */
#ifndef GT_BASE_WINDOW_H
#define GT_BASE_WINDOW_H

#ifdef GT_WINDOWS
#include <stdatomic.h>

/* Called on any stack, with locks held or not. It keeps errno. */
extern void (*_Atomic gt_window_hook)(const char *name);

void gt_window(const char *name);
#define GT_WINDOW(name) gt_window(name)
#else
#define GT_WINDOW(name) ((void)0)
#endif

#endif /* GT_BASE_WINDOW_H */
