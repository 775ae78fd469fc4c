/* SPDX-License-Identifier: MIT */
/* Tasks in words, for messages of whatever has gone wrong. Signal-safe. */
#include <inttypes.h>
#include <stdio.h>

#include "base/symbol.h"
#include "sched/sched.h"

void gt_describe(char *text, size_t size, const struct gt_g *g)
{
	snprintf(text, size, "task %" PRIu64 "%s%.80s%s", g->id, g->name ? " '" : "",
		 g->name ? g->name : "", g->name ? "'" : "");
}

void gt_describe_creator(char *text, size_t size, const struct gt_g *g)
{
	char site[256] = "";
	char who[32] = "a thread that runs no task";

	if (g->main) {
		snprintf(text, size, "gt_run()");
		return;
	}
	if (g->creator)
		snprintf(who, sizeof(who), "task %" PRIu64, g->creator);
	if (g->site)
		gt_symbol_print(site, sizeof(site), g->site);
	snprintf(text, size, g->site ? "%s at %s" : "%s", who, site);
}
