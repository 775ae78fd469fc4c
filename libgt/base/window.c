/* SPDX-License-Identifier: MIT */
/* See window.h. */
#include "base/window.h"

#ifdef GT_WINDOWS
void (*_Atomic gt_window_hook)(const char *name);

void gt_window(const char *name)
{
	void (*hook)(const char *name) = atomic_load_explicit(&gt_window_hook, memory_order_acquire);

	if (hook)
		hook(name);
}
#else
/* An empty file is no C. */
extern int gt_no_windows;
#endif
