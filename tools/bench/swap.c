// SPDX-License-Identifier: MIT
/*
 * Two threads that wake each other and sleep, there and back: what passing a CPU on
 * costs. With GTBACKEND=kmod one command of /dev/gt does both, else it is a pair of
 * futex calls. They are plain threads: no scheduler is in between.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/gt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gt/gt.h>

#include "bench.h"

static struct {
	long rounds;
	int fd;			/* of /dev/gt; -1: futexes */
	_Atomic uint32_t turn;	/* futex: whose it is, 0 or 1 */
	_Atomic uint32_t slot[2];	/* slot + 1 of each */
	_Atomic uint32_t ready;
} swap;

static void futex(int op, uint32_t value)
{
	syscall(SYS_futex, &swap.turn, op, value, NULL, NULL, 0);
}

/* It is the other's turn; until it is ours again. */
static void pass_on(uint32_t me)
{
	struct gt_worker_swap arg = { .size = sizeof(arg), .deadline_ns = GT_DEADLINE_NONE };

	atomic_store(&swap.turn, 1 - me);
	arg.slot = atomic_load(&swap.slot[1 - me]) - 1;
	if (swap.fd < 0)
		futex(FUTEX_WAKE_PRIVATE, 1);
	while (atomic_load(&swap.turn) != me) {
		if (swap.fd < 0)
			futex(FUTEX_WAIT_PRIVATE, 1 - me);
		else if (ioctl(swap.fd, GT_IOC_WORKER_SWAP, &arg))
			abort();
		arg.slot = GT_SLOT_NONE;
	}
}

static void attach(uint32_t me)
{
	struct gt_worker_attach arg = { .size = sizeof(arg) };

	if (swap.fd >= 0 && ioctl(swap.fd, GT_IOC_WORKER_ATTACH, &arg))
		abort();
	atomic_store(&swap.slot[me], arg.slot + 1);
	atomic_fetch_add(&swap.ready, 1);
	while (atomic_load(&swap.ready) < 2)
		sched_yield();
}

/* Each passes it on as often, and the last waits for nobody. */
static void *second(void *arg)
{
	attach(1);
	while (atomic_load(&swap.turn) != 1)
		sched_yield();
	for (long i = 1; i < swap.rounds; i++)
		pass_on(1);
	atomic_store(&swap.turn, 0);
	if (swap.fd < 0) {
		futex(FUTEX_WAKE_PRIVATE, 1);
	} else {
		uint32_t slot = atomic_load(&swap.slot[0]) - 1;
		struct gt_worker_wake wake = {
			.size = sizeof(wake), .count = 1, .slots = (uintptr_t)&slot,
		};

		ioctl(swap.fd, GT_IOC_WORKER_WAKE, &wake);
	}
	return arg;
}

static void *first(void *arg)
{
	int64_t start;

	attach(0);
	start = bench_clock();
	for (long i = 0; i < swap.rounds; i++)
		pass_on(0);
	bench_out_each("swap", start, swap.rounds);
	return arg;
}

static void threads(void)
{
	struct gt_group_setup setup = { .size = sizeof(setup), .workers = 2 };
	const char *backend = getenv("GTBACKEND");
	pthread_t thread[2];

	swap.rounds = bench_ops(100000);
	swap.fd = -1;
	if (backend && !strcmp(backend, "kmod")) {
		swap.fd = open("/dev/" GT_DEVICE_NAME, O_RDWR | O_CLOEXEC);
		if (swap.fd < 0 || ioctl(swap.fd, GT_IOC_GROUP_SETUP, &setup))
			abort();
	}
	if (pthread_create(&thread[0], NULL, first, NULL) ||
	    pthread_create(&thread[1], NULL, second, NULL))
		abort();
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	if (swap.fd >= 0)
		close(swap.fd);
}

const struct bench bench_swaps[] = {
	{ "swap", threads, "two threads wake each other and sleep, there and back" },
	{ NULL, NULL, NULL },
};
