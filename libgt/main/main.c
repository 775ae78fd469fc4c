/* SPDX-License-Identifier: MIT */
/* The entry object: main() for programs that define gt_main(). */
#include <stdio.h>
#include <string.h>

#include "gt/task.h"

struct entry {
	int argc;
	char **argv;
	int status;
};

static void run_main(void *arg)
{
	struct entry *entry = arg;

	entry->status = gt_main(entry->argc, entry->argv);
}

int main(int argc, char **argv)
{
	struct entry entry = { .argc = argc, .argv = argv };
	int error = gt_run(run_main, &entry);

	if (error) {
		fprintf(stderr, "%s: cannot start the runtime: %s\n", argv[0], strerror(-error));
		return 70;
	}
	return entry.status;
}
