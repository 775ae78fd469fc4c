// SPDX-License-Identifier: MIT
/*
 * What the programs of the bench share: options, and figures.
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

#include "bench.h"

#define SAMPLES_MIN 50

static const struct bench_program *program;
static double scale = 1;
static long fixed_ops;
static clockid_t loop_clock = CLOCK_MONOTONIC;

static void usage(FILE *to)
{
	fprintf(to, "usage: %s [OPTION]... BENCHMARK\n\n%s"
		"  --scale F    do everything F times as often as usual (1)\n"
		"  --ops N      do everything N times\n"
		"  --cpu        measure loops in time on processors: less precise about\n"
		"               parallel ones, but others on the machine do not matter\n"
		"  --list       print the benchmarks and what they do\n%s",
		program->name, program->options, program->remark);
}

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program->name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
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
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
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

void *bench_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		bench_die("no memory for %zu times %zu bytes", count, size);
	return memory;
}

static void list(void)
{
	for (size_t i = 0; program->tables[i]; i++)
		for (const struct bench *bench = program->tables[i]; bench->name; bench++)
			printf("%-18s %s\n", bench->name, bench->what);
}

static const struct bench *find(const char *name)
{
	for (size_t i = 0; program->tables[i]; i++)
		for (const struct bench *bench = program->tables[i]; bench->name; bench++)
			if (!strcmp(bench->name, name))
				return bench;
	bench_die("no benchmark named '%s'; see %s --list", name, program->name);
}

double bench_number(const char *option, const char *value)
{
	char *end;
	double n = value ? strtod(value, &end) : 0;

	if (!value || *end || !(n > 0))
		bench_die("%s takes a positive number, not '%s'", option, value ? value : "");
	return n;
}

const struct bench *bench_choose(const struct bench_program *of, int argc, char **argv)
{
	const struct bench *bench = NULL;

	program = of;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			exit(0);
		} else if (!strcmp(argv[i], "--list")) {
			list();
			exit(0);
		} else if (!strcmp(argv[i], "--cpu")) {
			loop_clock = CLOCK_PROCESS_CPUTIME_ID;
		} else if (!strcmp(argv[i], "--scale")) {
			scale = bench_number(argv[i], argv[i + 1]);
			i++;
		} else if (!strcmp(argv[i], "--ops")) {
			fixed_ops = (long)bench_number(argv[i], argv[i + 1]);
			i++;
		} else if (argv[i][0] == '-') {
			if (!program->option(argv[i], argv[i + 1])) {
				usage(stderr);
				exit(2);
			}
			i++;
		} else if (bench) {
			usage(stderr);
			exit(2);
		} else {
			bench = find(argv[i]);
		}
	}
	if (!bench) {
		usage(stderr);
		exit(2);
	}
	return bench;
}

void bench_end(void)
{
	if (fflush(stdout) || ferror(stdout))
		bench_die("standard output: %s", strerror(errno));
}
