// SPDX-License-Identifier: MIT
/*
 * A thread that runs is made to call a function: by an upcall, or by tgkill() and a
 * signal's handler.
 *
 * raw_preempt_self is all that it takes on one processor: a thread that does it to
 * itself, request, call and return; raw_preempt_request is what of it does not fall to
 * the thread that is preempted. raw_preempt has the two threads on two processors;
 * it shows when the requester sees that the function has been called, and that the loop
 * goes on, and how long a hole that is in the loop.
 *
 * A signal's costs are few instructions that take long, those that save the vector state
 * and restore it in the kernel: so the goal of a fifth, which is met in time, is not met
 * in instructions, where it is about a third. Less than a third of an upcall's are the
 * module's; the rest is the way into the kernel and back, with the security modules'
 * hooks, task work and rseq.
 *
 * raw_slice is by how much a time slice of 10 ms is too long. With the module the kernel
 * says so, without it a monitor that looks as Go's does: 20 us after a look, after fifty
 * in vain twice as long each time, up to 10 ms; what it has found running at a look, and
 * again 10 ms later, it preempts.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw.h"
#include "upcall.h"

#define MSEC		1000000
#define SLICE_NS	(10 * MSEC)
#define LOOK_MIN_NS	20000
#define LOOK_MAX_NS	(10 * MSEC)
#define LOOKS_IN_VAIN	50
#define PAUSE_NS	200000

static struct {
	volatile uint32_t called;	/* by the upcall or the handler */
	volatile uint32_t resumed;	/* the same, as seen by the interrupted loop */
	uint32_t slot;
	pid_t tid;
	_Atomic bool there, over;
	long rounds;
	int64_t *hole;
} target;

void gt_upcall(void *frame)
{
	(void)frame;
	target.called++;
}

static void handler(int signal)
{
	(void)signal;
	target.called++;
}

static void prepare(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	raw_setup(1);
	if (sigaction(SIGURG, &action, NULL))
		abort();
}

static void become_target(void)
{
	target.slot = raw_attach();
	raw_take_upcalls();
	target.tid = (pid_t)syscall(SYS_gettid);
	atomic_store(&target.there, true);
}

static void request(void)
{
	struct gt_worker_preempt arg = { .size = sizeof(arg), .slot = target.slot };

	if (raw.kmod)
		raw_command(GT_IOC_WORKER_PREEMPT, &arg);
	else if (syscall(SYS_tgkill, getpid(), target.tid, SIGURG))
		abort();
}

static void preempt_self(void)
{
	long ops = bench_ops(200000);
	int64_t start;

	prepare();
	become_target();
	start = bench_clock();
	for (long i = 0; i < ops; i++)
		request();
	bench_out_each("raw_preempt_self", start, ops);
	if (target.called != ops)
		bench_die("%ld requests led to %u calls", ops, target.called);
}

/* What of it the requester pays: the target is on the same processor, and not running. */
static void *only_loops(void *arg)
{
	raw_pin(0);
	become_target();
	while (!atomic_load_explicit(&target.over, memory_order_relaxed))
		;
	return arg;
}

static void preempt_request(void)
{
	int64_t *took;
	pthread_t thread;

	target.rounds = bench_samples(2000);
	took = bench_alloc((size_t)target.rounds, sizeof(*took));
	prepare();
	raw_pin(0);
	prctl(PR_SET_TIMERSLACK, 1);
	raw_start(&thread, only_loops, NULL);
	while (!atomic_load(&target.there))
		raw_sleep(PAUSE_NS);
	for (long i = 0; i < target.rounds; i++) {
		uint32_t called = target.called;
		int64_t start = raw_now();

		request();
		took[i] = raw_now() - start;
		while (target.called == called)
			raw_sleep(PAUSE_NS);
	}
	atomic_store(&target.over, true);
	pthread_join(thread, NULL);
	bench_out_percentiles("raw_preempt_request", took, target.rounds);
}

/* Whose round it is: the target sleeps, or is to loop, or does. */
enum { ASLEEP, LOOP, LOOPS };

static _Atomic uint32_t phase;

/* Until it has been called once. How long was it away? */
static int64_t loop(uint32_t calls)
{
	int64_t last, now = raw_now();

	atomic_store(&phase, LOOPS);
	do {
		last = now;
		now = raw_now();
	} while (target.called != calls);
	target.resumed = calls;
	/* The call may have come between the look at the clock and that at the number. */
	return raw_now() - last;
}

static void *loops(void *arg)
{
	raw_pin(0);
	become_target();
	for (long i = 0; i < target.rounds; i++) {
		while (atomic_load(&phase) != LOOP)
			raw_futex_wait(&phase, ASLEEP);
		target.hole[i] = loop((uint32_t)i + 1);
		atomic_store(&phase, ASLEEP);
	}
	return arg;
}

/*
 * Two virtual processors that are busy at the same time do not get that on a busy host, and
 * what it does in between only adds: so a low percentile is what to look at.
 */
static void least_disturbed(const char *name, int64_t *samples)
{
	char full[64];

	bench_out_percentiles(name, samples, target.rounds);
	snprintf(full, sizeof(full), "%s_p5", name);
	bench_out(full, (double)samples[target.rounds * 5 / 100]);
}

/*
 * In between both sleep: of two virtual processors that are never idle, on a busy host
 * one at least waits for a processor at any time.
 */
static void preempt(void)
{
	int64_t *called, *resumed;
	pthread_t thread;

	if (raw_cpus() < 2) {
		bench_skip("raw_preempt needs two processors");
		return;
	}
	target.rounds = bench_samples(2000);
	target.hole = bench_alloc((size_t)target.rounds, sizeof(*target.hole));
	called = bench_alloc((size_t)target.rounds, sizeof(*called));
	resumed = bench_alloc((size_t)target.rounds, sizeof(*resumed));
	prepare();
	raw_pin(1);
	raw_start(&thread, loops, NULL);
	for (long i = 0; i < target.rounds; i++) {
		uint32_t calls = (uint32_t)i + 1;
		int64_t start;

		while (!atomic_load(&target.there) || atomic_load(&phase) != ASLEEP)
			raw_sleep(PAUSE_NS);
		raw_sleep(PAUSE_NS);
		atomic_store(&phase, LOOP);
		raw_futex_wake(&phase);
		while (atomic_load(&phase) != LOOPS)
			;
		start = raw_now();
		request();
		while (target.called != calls)
			;
		called[i] = raw_now() - start;
		while (target.resumed != calls)
			;
		resumed[i] = raw_now() - start;
	}
	pthread_join(thread, NULL);
	least_disturbed("raw_preempt_called", called);
	least_disturbed("raw_preempt", resumed);
	least_disturbed("raw_preempt_hole", target.hole);
}

static _Atomic uint64_t runs_now;	/* a number of what the target runs */

static void *monitors(void *arg)
{
	int64_t delay = LOOK_MIN_NS, seen_at = 0;
	uint64_t seen = 0;
	int vain = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load(&target.over)) {
		uint64_t seq = atomic_load(&runs_now);
		int64_t now = raw_now();

		if (seq != seen) {
			seen = seq;
			seen_at = now;
		} else if (now - seen_at >= SLICE_NS) {
			seen_at = now;
			request();
			vain = 0;
		}
		if (!vain)
			delay = LOOK_MIN_NS;
		else if (vain > LOOKS_IN_VAIN && delay < LOOK_MAX_NS)
			delay = 2 * delay < LOOK_MAX_NS ? 2 * delay : LOOK_MAX_NS;
		vain++;
		raw_sleep(delay);
	}
	return arg;
}

static void next(void)
{
	uint64_t seq = atomic_fetch_add(&runs_now, 1) + 1;

	if (raw.kmod)
		raw.user[target.slot].seq = seq;
}

/* Some short things, and then one that is too long. */
static void *runs(void *arg)
{
	struct gt_worker_slice slice = { .size = sizeof(slice), .slice_ns = SLICE_NS };
	int64_t *late = bench_alloc((size_t)target.rounds, sizeof(*late));
	uint32_t random = 1;

	pthread_t monitor;

	become_target();
	if (raw.kmod) {
		raw.user[target.slot].waiting = 1;
		raw_command(GT_IOC_WORKER_SLICE, &slice);
	} else {
		raw_start(&monitor, monitors, NULL);
	}
	for (long i = 0; i < target.rounds; i++) {
		int64_t end, start;
		uint32_t called;

		random = random * 1664525 + 1013904223;
		end = raw_now() + (random >> 8) % SLICE_NS;
		while (raw_now() < end) {
			next();
			start = raw_now();
			while (raw_now() - start < MSEC)
				;
		}
		next();
		called = target.called;
		start = raw_now();
		while (target.called == called)
			;
		late[i] = raw_now() - start - SLICE_NS;
	}
	bench_out_percentiles("raw_slice", late, target.rounds);
	/* The monitor needs a target as long as it looks. */
	atomic_store(&target.over, true);
	if (!raw.kmod)
		pthread_join(monitor, NULL);
	return arg;
}

static void slice(void)
{
	pthread_t thread;

	target.rounds = bench_samples(200);
	prepare();
	raw_start(&thread, runs, NULL);
	pthread_join(thread, NULL);
}

const struct bench raw_preempts[] = {
	{ "raw_preempt_self", preempt_self, "a thread is made to call a function: by itself" },
	{ "raw_preempt_request", preempt_request, "what of it the requester pays" },
	{ "raw_preempt", preempt, "the same from another processor" },
	{ "raw_slice", slice, "by how much a time slice of 10 ms is late" },
	{ NULL, NULL, NULL },
};
