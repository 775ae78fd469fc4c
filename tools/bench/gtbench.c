// SPDX-License-Identifier: MIT
/* gtbench: figures of gt. bench.c says what it prints. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gt/gt.h>

#include "bench.h"

static int workers = 1;

void bench_go(void (*fn)(void *arg), void *arg)
{
	int error = gt_go(fn, arg);

	if (error)
		bench_die("cannot start a task: %s", strerror(-error));
}

struct gt_chan *bench_chan(size_t elem_size, size_t capacity)
{
	struct gt_chan *chan = gt_chan_make(elem_size, capacity);

	if (!chan)
		bench_die("no memory for a channel");
	return chan;
}

/* Sum of the kilobytes that a file of /proc gives under any of these keys. */
static int64_t proc_bytes(const char *path, const char *const *keys)
{
	FILE *file = fopen(path, "r");
	char line[256];
	int64_t bytes = 0;

	if (!file)
		bench_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; keys[i]; i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				bytes += strtol(line + strlen(keys[i]), NULL, 10) * 1024;
	fclose(file);
	return bytes;
}

int64_t bench_memory(void)
{
	static const char *const keys[] = { "VmRSS:", "VmPTE:", NULL };

	return proc_bytes("/proc/self/status", keys);
}

int64_t bench_memory_available(void)
{
	static const char *const keys[] = { "MemAvailable:", NULL };

	return proc_bytes("/proc/meminfo", keys);
}

static void main_task(void *arg)
{
	const struct bench *bench = arg;

	bench->run();
}

static bool option(const char *name, const char *value)
{
	if (strcmp(name, "--workers"))
		return false;
	workers = (int)bench_number(name, value);
	return true;
}

int main(int argc, char **argv)
{
	static const struct bench *const tables[] = {
		bench_tasks, bench_chans, bench_selects, bench_timers, bench_syncs, bench_waits, NULL,
	};
	static const struct bench_program program = {
		.name = "gtbench", .tables = tables, .option = option,
		.options = "  --workers N  processors (1)\n",
		.remark = "\nThe runtime's own variables hold: GTBACKEND, GTHANDOFF, GTDEBUG.\n",
	};
	const struct bench *bench = bench_choose(&program, argc, argv);
	int error;

	gt_gomaxprocs(workers);
	error = gt_run(main_task, (void *)bench);
	if (error)
		bench_die("gt_run: %s", strerror(-error));
	bench_end();
	return 0;
}
