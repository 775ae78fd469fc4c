// SPDX-License-Identifier: GPL-2.0
/*
 * What run.sh debugs: more tasks that compute than processors, so that each loses its own
 * again and again, and none that enters the runtime meanwhile. They go on until somebody
 * sets over, or makes the file that is named; then it is said whether all sums are right.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <gt/gt.h>

enum { TASKS = 3, STEPS = 1000 };

static volatile int over;
static volatile long ready;
static struct gt_wg computing;
static long wrong;

/* For the debugger to call: it takes some slices' time. */
static __attribute__((__used__)) long twice(long n)
{
	struct timespec begun, now;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begun.tv_sec) * 1000000000 + now.tv_nsec - begun.tv_nsec < 5000000);
	return 2 * n;
}

/* run.sh knows lines by their marks. */
static long leaf(long n)
{					/* mark: leaf */
	return n + 1;		/* mark: return */
}

static long sum_of(long n)
{
	long sum = 0, i;

	for (i = 0; i < n; i++) {	/* mark: loop */
		sum += i;		/* mark: add */
		sum ^= 1;		/* mark: xor */
		sum = leaf(sum);	/* mark: call */
	}
	return sum;
}

/* A loop as the debugger sees it, and what comes of it by heart. */
static void compute(void *arg)
{
	long sum, expected = 0, i;

	for (i = 0; i < STEPS; i++)
		expected = ((expected + i) ^ 1) + 1;
	while (!over) {
		sum = sum_of(STEPS);
		if (sum != expected)
			wrong++;
		ready++;
	}
	gt_wg_done(&computing);
	(void)arg;
}

int gt_main(int argc, char **argv)
{
	int i;

	/* The debugger is no parent of ours. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	gt_wg_add(&computing, TASKS);
	for (i = 0; i < TASKS; i++)
		if (gt_go(compute, NULL))
			return 2;
	while (!ready)
		gt_sleep(1000000);
	puts("computing");
	fflush(stdout);
	while (!over) {
		gt_sleep(1000000);
		if (argc > 1 && !access(argv[1], F_OK))
			over = 1;
	}
	gt_wg_wait(&computing);
	puts(wrong ? "wrong" : "right");
	return wrong != 0;
}
