/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of rawbench share: what a kernel mechanism of /dev/gt takes, against
 * that which a program has without it. There is no libgt, so no scheduler is in between.
 *
 * --side kmod measures the one, --side futex the other.
 */
#ifndef GT_BENCH_RAW_H
#define GT_BENCH_RAW_H

#include <linux/gt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

extern const struct bench raw_sleeps[], raw_blocks[], raw_preempts[], raw_attached[];

/* Which side it is, and /dev/gt if it is that of the module, with the group's areas. */
struct raw {
	bool kmod;
	int fd;
	const volatile struct gt_status *status;
	const volatile struct gt_worker_status *worker;
	volatile struct gt_worker_user *user;
};

extern struct raw raw;

/* A group for so many workers, on the side that has one. */
void raw_setup(unsigned int workers);
/* A command that must not fail. */
void raw_command(unsigned int command, void *arg);
/* The calling thread is a worker from now on. Returns its slot; 0 on the other side. */
uint32_t raw_attach(void);
/* Upcalls of the calling worker go to entry, of libgt/arch, and that calls gt_upcall(). */
void raw_take_upcalls(void);

int64_t raw_now(void);
void raw_sleep(int64_t ns);
int raw_cpus(void);
/* The calling thread runs on the processor with this number alone, counted from 0. */
void raw_pin(int which);
void raw_start(pthread_t *thread, void *(*run)(void *arg), void *arg);
void raw_futex_wait(_Atomic uint32_t *word, uint32_t value);
void raw_futex_wake(_Atomic uint32_t *word);

#endif /* GT_BENCH_RAW_H */
