// SPDX-License-Identifier: MIT
/*
 * Two threads that wake each other and sleep, there and back: what passing a CPU on
 * costs. Each pass is a swap, or a wake and a park; on the other side a pair of futex
 * calls.
 *
 * On one processor it is no gain, in instructions: three quarters of a swap are the
 * scheduler's, as with a futex, and an ioctl() passes the file table and the security
 * modules' hooks, some 330 instructions on Debian that a futex call does not take. The
 * goal is for more processors, where a futex's wake fetches one from its idle state and
 * a swap (from 6.6 on) does not. That shows on a quiet host only.
 */
#include <sched.h>
#include <stdlib.h>

#include "raw.h"

static struct {
	bool by_swap;
	long rounds;
	_Atomic uint32_t turn;		/* whose it is, 0 or 1 */
	_Atomic uint32_t slot[2];
	_Atomic uint32_t ready;
	const char *name;
} sleeps;

static void wake(uint32_t whom)
{
	uint32_t slot = atomic_load(&sleeps.slot[whom]);
	struct gt_worker_wake arg = {
		.size = sizeof(arg), .count = 1, .slots = (uintptr_t)&slot,
	};

	if (raw.kmod)
		raw_command(GT_IOC_WORKER_WAKE, &arg);
	else
		raw_futex_wake(&sleeps.turn);
}

/* It is the other's turn; until it is ours again. */
static void pass_on(uint32_t me)
{
	struct gt_worker_swap swap = {
		.size = sizeof(swap), .deadline_ns = GT_DEADLINE_NONE,
		.slot = atomic_load(&sleeps.slot[1 - me]),
	};
	struct gt_worker_park park = { .size = sizeof(park), .deadline_ns = GT_DEADLINE_NONE };

	atomic_store(&sleeps.turn, 1 - me);
	if (!raw.kmod || !sleeps.by_swap)
		wake(1 - me);
	while (atomic_load(&sleeps.turn) != me) {
		if (!raw.kmod)
			raw_futex_wait(&sleeps.turn, 1 - me);
		else if (sleeps.by_swap)
			raw_command(GT_IOC_WORKER_SWAP, &swap);
		else
			raw_command(GT_IOC_WORKER_PARK, &park);
		swap.slot = GT_SLOT_NONE;
	}
}

static void attach(uint32_t me)
{
	atomic_store(&sleeps.slot[me], raw_attach());
	atomic_fetch_add(&sleeps.ready, 1);
	while (atomic_load(&sleeps.ready) < 2)
		sched_yield();
}

/* Each passes it on as often, and the last waits for nobody. */
static void *second(void *arg)
{
	attach(1);
	while (atomic_load(&sleeps.turn) != 1)
		sched_yield();
	for (long i = 1; i < sleeps.rounds; i++)
		pass_on(1);
	atomic_store(&sleeps.turn, 0);
	wake(0);
	return arg;
}

static void *first(void *arg)
{
	int64_t start;

	attach(0);
	start = bench_clock();
	for (long i = 0; i < sleeps.rounds; i++)
		pass_on(0);
	bench_out_each(sleeps.name, start, sleeps.rounds);
	return arg;
}

static void threads(const char *name, bool by_swap)
{
	pthread_t thread[2];

	sleeps.name = name;
	sleeps.by_swap = by_swap;
	sleeps.rounds = bench_ops(100000);
	raw_setup(2);
	raw_start(&thread[0], first, NULL);
	raw_start(&thread[1], second, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

static void swap(void)
{
	threads("raw_swap", true);
}

static void park(void)
{
	threads("raw_park", false);
}

const struct bench raw_sleeps[] = {
	{ "raw_swap", swap, "two threads wake each other and sleep, by swap" },
	{ "raw_park", park, "the same by wake and park" },
	{ NULL, NULL, NULL },
};
