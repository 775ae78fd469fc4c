// SPDX-License-Identifier: MIT
/*
 * gtbench: figures of gt, one line each.
 *
 * A line of output is a figure's name and value, "yield2 14.2", or a remark after
 * a "#". Times are nanoseconds. One process runs one benchmark, so that none
 * inherits the threads, stacks and memory of another; the driver, run, does that
 * in turns with a peer.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gt/gt.h>

#include "bench.h"

static const struct bench *const tables[] = { bench_tasks, bench_chans, bench_selects,
						bench_timers, bench_syncs, bench_waits,
						bench_swaps };
#define SAMPLES_MIN 50
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static double scale = 1;
static long fixed_ops;
static clockid_t loop_clock = CLOCK_MONOTONIC;

static void usage(FILE *to)
{
	fputs("usage: gtbench [OPTION]... BENCHMARK\n"
	      "\n"
	      "  --workers N  processors (1)\n"
	      "  --scale F    do everything F times as often as usual (1)\n"
	      "  --ops N      do everything N times\n"
	      "  --cpu        measure loops in time on processors: less precise about\n"
	      "               parallel ones, but others on the machine do not matter\n"
	      "  --list       print the benchmarks and what they do\n"
	      "\n"
	      "The runtime's own variables hold: GTBACKEND, GTHANDOFF, GTDEBUG.\n", to);
}

static __attribute__((__noreturn__, __format__(__printf__, 1, 2))) void
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("gtbench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(1);
}

long bench_ops(long usual)
{
	long ops = fixed_ops ? fixed_ops : (long)((double)usual * scale);

	return ops > 0 ? ops : 1;
}

long bench_samples(long usual)
{
	long ops = bench_ops(usual);

	return fixed_ops || ops > SAMPLES_MIN ? ops : SAMPLES_MIN;
}

int64_t bench_clock(void)
{
	struct timespec ts;

	clock_gettime(loop_clock, &ts);
	return ts.tv_sec * GT_SECOND + ts.tv_nsec;
}

void bench_out(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
}

void bench_out_each(const char *name, int64_t start, long ops)
{
	bench_out(name, (double)(bench_clock() - start) / (double)ops);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void bench_out_percentiles(const char *name, int64_t *samples, long count)
{
	char full[64];

	qsort(samples, (size_t)count, sizeof(*samples), compare);
	snprintf(full, sizeof(full), "%s_p50", name);
	bench_out(full, (double)samples[count / 2]);
	snprintf(full, sizeof(full), "%s_p99", name);
	bench_out(full, (double)samples[count * 99 / 100]);
}

void bench_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# skipped: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

void bench_go(void (*fn)(void *arg), void *arg)
{
	int error = gt_go(fn, arg);

	if (error)
		die("cannot start a task: %s", strerror(-error));
}

struct gt_chan *bench_chan(size_t elem_size, size_t capacity)
{
	struct gt_chan *chan = gt_chan_make(elem_size, capacity);

	if (!chan)
		die("no memory for a channel");
	return chan;
}

void *bench_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("no memory for %zu times %zu bytes", count, size);
	return memory;
}

/* Sum of the kilobytes that a file of /proc gives under any of these keys. */
static int64_t proc_bytes(const char *path, const char *const *keys)
{
	FILE *file = fopen(path, "r");
	char line[256];
	int64_t bytes = 0;

	if (!file)
		die("%s: %s", path, strerror(errno));
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

static void list(void)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct bench *bench = tables[i]; bench->name; bench++)
			printf("%-14s %s\n", bench->name, bench->what);
}

static const struct bench *find(const char *name)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct bench *bench = tables[i]; bench->name; bench++)
			if (!strcmp(bench->name, name))
				return bench;
	die("no benchmark named '%s'; see gtbench --list", name);
}

static double number(const char *option, const char *value)
{
	char *end;
	double n = value ? strtod(value, &end) : 0;

	if (!value || *end || !(n > 0))
		die("%s takes a positive number, not '%s'", option, value ? value : "");
	return n;
}

static void main_task(void *arg)
{
	const struct bench *bench = arg;

	bench->run();
}

int main(int argc, char **argv)
{
	const struct bench *bench = NULL;
	int workers = 1, error;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return 0;
		} else if (!strcmp(argv[i], "--list")) {
			list();
			return 0;
		} else if (!strcmp(argv[i], "--cpu")) {
			loop_clock = CLOCK_PROCESS_CPUTIME_ID;
		} else if (!strcmp(argv[i], "--workers")) {
			workers = (int)number(argv[i], argv[i + 1]);
			i++;
		} else if (!strcmp(argv[i], "--scale")) {
			scale = number(argv[i], argv[i + 1]);
			i++;
		} else if (!strcmp(argv[i], "--ops")) {
			fixed_ops = (long)number(argv[i], argv[i + 1]);
			i++;
		} else if (argv[i][0] == '-' || bench) {
			usage(stderr);
			return 2;
		} else {
			bench = find(argv[i]);
		}
	}
	if (!bench) {
		usage(stderr);
		return 2;
	}
	gt_gomaxprocs(workers);
	error = gt_run(main_task, (void *)bench);
	if (error)
		die("gt_run: %s", strerror(-error));
	if (fflush(stdout) || ferror(stdout))
		die("standard output: %s", strerror(errno));
	return 0;
}
