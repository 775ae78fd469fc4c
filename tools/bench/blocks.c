// SPDX-License-Identifier: MIT
/*
 * From a read() that blocks to the first instruction of the thread that takes over.
 *
 * With the module that one is in standby. Without it, a monitor sleeps 20 us, looks at
 * what the reader is doing, and wakes it from a futex: as Go's monitor when it looks most
 * often, but that takes over at the second look and this one at the first. So it is no
 * worse than any other that looks; it is told of the block by a flag, which no library
 * that blocks would set.
 *
 * From sched_out to the other's first instruction it is two context switches, to the idle
 * task, whose first interrupt does the waking, and from it: some 7,800 instructions on
 * 6.12, and 6,100 on 6.1. Under --icount, where one takes a nanosecond, that was three
 * tenths of the monitor's time on 6.12 and two thirds on 6.1, whose monitor took 9 us
 * instead of 26: its median moves with the phase of its sleep. So a fifth is not met at a
 * nanosecond each. Sleep is most of the monitor's time, and no faster on a faster
 * processor, but that was not measured.
 *
 * On two emulated processors it was half of the monitor's time, 57 to 98 us of 127 to 193,
 * since who takes over is woken on the CPU that the reader has left idle; before, when that
 * was as a rule the other one, which had first to be interrupted, the two took the same.
 *
 * The reader waits until the other sleeps again, and then some, so that blocks have no
 * common phase with the monitor's looks.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "raw.h"

#define LOOK_NS		20000
#define SETTLE_NS	100000
#define PHASE_NS	50000

static struct {
	long rounds;
	int pipe[2];
	_Atomic int64_t blocked;	/* when */
	int64_t *late;

	/* The side without the module. */
	_Atomic uint32_t is_blocked;	/* says the reader; the monitor takes it back */
	_Atomic uint32_t wake;		/* the futex */
	_Atomic long asleep;		/* rounds for which the other is about to sleep */
	_Atomic bool over;
} blocks;

static bool other_sleeps(uint32_t slot, long round)
{
	if (raw.kmod)
		return GT_WORD_STATE(raw.worker[slot].word) == GT_STATE_STANDBY;
	return atomic_load(&blocks.asleep) > round;
}

static void stand_by(long round)
{
	struct gt_worker_park arg = { .size = sizeof(arg), .deadline_ns = GT_DEADLINE_NONE };

	if (raw.kmod) {
		raw_command(GT_IOC_WORKER_STANDBY, &arg);
		return;
	}
	atomic_store(&blocks.asleep, round + 1);
	while (!atomic_load(&blocks.wake))
		raw_futex_wait(&blocks.wake, 0);
	atomic_store(&blocks.wake, 0);
}

static _Atomic uint32_t other_slot, other_there;

static void *takes_over(void *arg)
{
	atomic_store(&other_slot, raw_attach());
	atomic_store(&other_there, 1);
	for (long i = 0; i < blocks.rounds; i++) {
		stand_by(i);
		blocks.late[i] = raw_now() - atomic_load(&blocks.blocked);
		if (write(blocks.pipe[1], "", 1) != 1)
			abort();
	}
	return arg;
}

static void *monitors(void *arg)
{
	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load(&blocks.over)) {
		raw_sleep(LOOK_NS);
		if (atomic_load(&blocks.is_blocked) && atomic_exchange(&blocks.is_blocked, 0)) {
			atomic_store(&blocks.wake, 1);
			raw_futex_wake(&blocks.wake);
		}
	}
	return arg;
}

static void *reads(void *arg)
{
	uint32_t slot = raw_attach(), random = 1;
	char byte;

	while (!atomic_load(&other_there))
		raw_sleep(SETTLE_NS);
	for (long i = 0; i < blocks.rounds; i++) {
		int64_t start;

		do
			raw_sleep(SETTLE_NS);
		while (!other_sleeps(atomic_load(&other_slot), i));
		random = random * 1664525 + 1013904223;
		start = raw_now();
		while (raw_now() - start < (random >> 8) % PHASE_NS)
			;
		if (raw.kmod)
			raw.user[slot].cover = 1;
		atomic_store(&blocks.blocked, raw_now());
		atomic_store(&blocks.is_blocked, 1);
		if (read(blocks.pipe[0], &byte, 1) != 1)
			abort();
		atomic_store(&blocks.is_blocked, 0);
		if (raw.kmod)
			raw.user[slot].cover = 0;
	}
	return arg;
}

static void block(void)
{
	pthread_t reader, other, monitor;

	blocks.rounds = bench_samples(5000);
	blocks.late = bench_alloc((size_t)blocks.rounds, sizeof(*blocks.late));
	if (pipe(blocks.pipe))
		abort();
	raw_setup(2);
	raw_start(&other, takes_over, NULL);
	raw_start(&reader, reads, NULL);
	if (!raw.kmod)
		raw_start(&monitor, monitors, NULL);
	pthread_join(reader, NULL);
	pthread_join(other, NULL);
	atomic_store(&blocks.over, true);
	if (!raw.kmod)
		pthread_join(monitor, NULL);
	bench_out_percentiles("raw_block", blocks.late, blocks.rounds);
}

const struct bench raw_blocks[] = {
	{ "raw_block", block, "from a read() that blocks to the thread that takes over" },
	{ NULL, NULL, NULL },
};
