// SPDX-License-Identifier: MIT
/*
 * floor: what this machine takes for the parts that a scheduler is made of. No
 * figure of the library can be below those that it needs.
 *
 * Output and --scale as gtbench's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch.h"

#define STACK_SIZE ((size_t)64 << 10)
#define PAGE ((size_t)4096)
#define ASLEEP_NS 50000		/* after this time a waiter is asleep */

static double scale = 1;

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static long ops(long usual)
{
	long n = (long)((double)usual * scale);

	return n > 0 ? n : 1;
}

static void out(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
}

static void out_each(const char *name, int64_t start, long count)
{
	out(name, (double)(now() - start) / (double)count);
}

static __attribute__((__noreturn__)) void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The two first CPUs that we may use. False: there is only one. */
static bool two_cpus(int *first, int *second)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity");
	*first = *second = -1;
	for (int i = 0; i < CPU_SETSIZE && *second < 0; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (*first < 0)
			*first = i;
		else
			*second = i;
	}
	return *second >= 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void *here, *there;

static void other_stack(void *arg)
{
	(void)arg;
	for (;;)
		gt_switch(&there, here);
}

static void stack_switch(void)
{
	long count = ops(20000000);
	char *stack = malloc(STACK_SIZE);
	int64_t start;

	if (!stack)
		die("malloc");
	there = gt_frame_make(stack + STACK_SIZE, other_stack, NULL);
	gt_switch(&here, there);
	start = now();
	for (long i = 0; i < count; i++)
		gt_switch(&here, there);
	out_each("floor_switch", start, 2 * count);
	free(stack);
}

static void atomics(void)
{
	static _Alignas(64) _Atomic uint64_t word;
	long count = ops(20000000);
	int64_t start = now();

	for (long i = 0; i < count; i++) {
		uint64_t old = atomic_load_explicit(&word, memory_order_relaxed);

		atomic_compare_exchange_strong(&word, &old, old + 1);
	}
	out_each("floor_cas", start, count);
	start = now();
	for (long i = 0; i < count; i++) {
		atomic_store_explicit(&word, (uint64_t)i, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
	}
	out_each("floor_fence", start, count);
}

static void kernel(void)
{
	long count = ops(5000000);
	int64_t start = now();
	char *map;

	for (long i = 0; i < count; i++)
		now();
	out_each("floor_clock", start, count);

	count = ops(2000000);
	start = now();
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
	out_each("floor_syscall", start, count);

	count = ops(50000);
	map = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		die("mmap");
	madvise(map, (size_t)count * PAGE, MADV_NOHUGEPAGE);
	start = now();
	for (long i = 0; i < count; i++)
		*(volatile char *)(map + (size_t)i * PAGE) = 1;
	out_each("floor_fault", start, count);
	munmap(map, (size_t)count * PAGE);
}

/* A thread on the other CPU, which runs busily or waits to be woken. */
static struct {
	int cpu;
	_Atomic bool started, stop;
	_Alignas(64) _Atomic uint32_t word;
	_Alignas(64) _Atomic int64_t ran;
} other;

static void *other_busy(void *arg)
{
	pin(other.cpu);
	atomic_store(&other.started, true);
	while (!atomic_load(&other.stop))
		gt_cpu_relax();
	return arg;
}

static void *other_waiter(void *arg)
{
	pin(other.cpu);
	atomic_store(&other.started, true);
	for (;;) {
		while (!atomic_load(&other.word))
			syscall(SYS_futex, &other.word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		if (atomic_load(&other.stop))
			return arg;
		atomic_store(&other.word, 0);
		atomic_store(&other.ran, now());
	}
}

static pthread_t other_start(void *(*fn)(void *arg))
{
	pthread_t thread;

	atomic_store(&other.started, false);
	atomic_store(&other.stop, false);
	errno = pthread_create(&thread, NULL, fn, NULL);
	if (errno)
		die("pthread_create");
	while (!atomic_load(&other.started))
		gt_cpu_relax();
	return thread;
}

static void membarrier(void)
{
	long count = ops(5000);
	pthread_t thread = other_start(other_busy);
	int64_t start;

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) {
		printf("# skipped: membarrier: %s\n", strerror(errno));
	} else {
		start = now();
		for (long i = 0; i < count; i++)
			syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		out_each("floor_membarrier", start, count);
	}
	atomic_store(&other.stop, true);
	pthread_join(thread, NULL);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void wake(void)
{
	atomic_store(&other.word, 1);
	syscall(SYS_futex, &other.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_wake(void)
{
	long count = ops(2000);
	int64_t *latency = calloc(count, sizeof(*latency)), call = 0;
	pthread_t thread = other_start(other_waiter);

	if (!latency)
		die("calloc");
	for (long i = 0; i < count; i++) {
		int64_t start = now();

		while (now() - start < ASLEEP_NS)
			gt_cpu_relax();
		atomic_store(&other.ran, 0);
		start = now();
		wake();
		call += now() - start;
		while (!atomic_load(&other.ran))
			gt_cpu_relax();
		latency[i] = atomic_load(&other.ran) - start;
	}
	atomic_store(&other.stop, true);
	wake();
	pthread_join(thread, NULL);
	qsort(latency, (size_t)count, sizeof(*latency), compare);
	out("floor_futex_wake", (double)call / (double)count);
	out("floor_futex_p50", (double)latency[count / 2]);
	out("floor_futex_p99", (double)latency[count * 99 / 100]);
	free(latency);
}

int main(int argc, char **argv)
{
	int cpu;

	if (argc == 3 && !strcmp(argv[1], "--scale") && strtod(argv[2], NULL) > 0) {
		scale = strtod(argv[2], NULL);
	} else if (argc > 1) {
		fputs("usage: floor [--scale F]\n", argc == 2 && !strcmp(argv[1], "--help") ?
		      stdout : stderr);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	if (!two_cpus(&cpu, &other.cpu)) {
		stack_switch();
		atomics();
		kernel();
		printf("# skipped: waking another core needs two CPUs\n");
		return 0;
	}
	pin(cpu);
	stack_switch();
	atomics();
	kernel();
	membarrier();
	futex_wake();
	return 0;
}
