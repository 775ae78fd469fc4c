/* SPDX-License-Identifier: MIT */
/* Panics. The message is built on the stack: the heap may be what is broken. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gt/panic.h"
#include "sched/park.h"

void gt_panic(const char *format, ...)
{
	struct gt_g *g = gt_g_self();
	char reason[512], who[256] = "a thread that runs no task";
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (!g->thread)
		snprintf(who, sizeof(who), "task %" PRIu64 "%s%s%s, created by %s%" PRIu64, g->id,
			 g->name ? " '" : "", g->name ? g->name : "", g->name ? "'" : "",
			 g->creator ? "task " : "gt_run, task ", g->creator);
	fflush(stdout);
	fprintf(stderr, "panic: %s\n[%s]\n", reason, who);
	abort();
}
