/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share. bench.c says what they print.
 *
 * Those of gtbench run as the main task of a fresh process, and peer/bench.go has the
 * same loops under the same names: change both or none. Those of rawbench run without
 * libgt, see raw.h.
 */
#ifndef GT_BENCH_H
#define GT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench {
	const char *name;	/* NULL ends a table */
	void (*run)(void);
	const char *what;	/* shown by --list */
};

extern const struct bench bench_tasks[], bench_chans[], bench_selects[], bench_timers[],
	bench_syncs[], bench_waits[];

/* A program of benchmarks. */
struct bench_program {
	const char *name;
	const struct bench *const *tables;	/* NULL ends them */
	/* Takes an option with its value; false: there is no such option. */
	bool (*option)(const char *name, const char *value);
	const char *options, *remark;		/* for its --help */
};

/* What the options say is to be run. */
const struct bench *bench_choose(const struct bench_program *program, int argc, char **argv);
double bench_number(const char *option, const char *value);
void bench_end(void);
void bench_die(const char *format, ...)
	__attribute__((__noreturn__, __format__(__printf__, 1, 2)));

/* How often to do it: usual times --scale, or --ops; at least 1. */
long bench_ops(long usual);
/* The same for things that wait: at least as many as percentiles need. */
long bench_samples(long usual);

/* The time that loops are measured with: real, or with --cpu of all processors. */
int64_t bench_clock(void);

/* Print a figure. */
void bench_out(const char *name, double value);
/* The nanoseconds an operation took, since start on bench_clock(). */
void bench_out_each(const char *name, int64_t start, long ops);
/* The p50 and p99 of count samples, as NAME_p50 and NAME_p99. Sorts them. */
void bench_out_percentiles(const char *name, int64_t *samples, long count);
/* There will be no figures, for this reason. */
void bench_skip(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* malloc(), gt_go() and gt_chan_make() that end the program on failure. */
void *bench_alloc(size_t count, size_t size);
void bench_go(void (*fn)(void *arg), void *arg);
struct gt_chan *bench_chan(size_t elem_size, size_t capacity);

/* Bytes of memory that the process has, page tables included. */
int64_t bench_memory(void);
/* Bytes that it could still get. */
int64_t bench_memory_available(void);

#endif /* GT_BENCH_H */
