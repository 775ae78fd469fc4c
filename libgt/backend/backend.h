/* SPDX-License-Identifier: MIT */
/*
 * What a backend does for the scheduler: put threads to sleep, wake them, and
 * tell which of them are blocked. The futex backend guesses the last from /proc;
 * the kmod backend knows it from /dev/gt.
 */
#ifndef GT_BACKEND_H
#define GT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gt_config;
struct gt_m;
struct gt_stats;

struct gt_backend {
	const char *name;
	/*
	 * Sleeping Ms are woken when another blocks. Then one M is always kept
	 * asleep to stand by, and sysmon need not look.
	 */
	bool standby;

	/* Once a run, before the first M. 0 or -errno; start undoes itself then. */
	int (*start)(const struct gt_config *config);
	/* After the last M has ended. */
	void (*stop)(void);

	/* First and last act of an M, on its own thread. */
	void (*attach)(struct gt_m *m);
	void (*detach)(struct gt_m *m);
	/* After M's thread has ended, and nobody can ask for its state any more. */
	void (*release)(struct gt_m *m);

	/* M has a P now, or none: from M, and before its thread first attaches. */
	void (*cover)(struct gt_m *m, bool has_p);

	/*
	 * Sleep until a wake; wakes are remembered. May return for no reason. True:
	 * an M may have blocked with its P, look at all of them.
	 */
	bool (*park)(struct gt_m *m, bool standby);
	void (*wake)(struct gt_m *m);
	/* wake(other), then park(m, false). other gets m's CPU, if the backend can do that. */
	void (*swap)(struct gt_m *m, struct gt_m *other);

	/*
	 * Reports can be withheld while some P is idle and somebody waits in the poller, or
	 * nobody need: see handoff.c. spare is called with each change of the first, under
	 * sched.lock; attended with the second. quiet changes whenever a report may have
	 * been withheld. No such functions: none ever is.
	 */
	void (*spare)(bool any);
	void (*attended)(bool by_any);
	uint64_t (*quiet)(void);

	/* Are M's blocks reported to whoever stands by? Else sysmon looks. Any thread. */
	bool (*reports)(struct gt_m *m);
	/*
	 * Which block M's thread sleeps in, in the kernel and long enough to count; 0 if
	 * it does not. Equal numbers are the same block, or are always 1 where the
	 * backend cannot tell. They are what the kernel puts into m->take, if it does.
	 * Any thread.
	 */
	uint64_t (*blocked)(struct gt_m *m);
	/* Does M's thread sleep in the kernel, as far as can be seen? Any thread. */
	bool (*asleep)(struct gt_m *m);
	/*
	 * Have M call gt_preempt_upcall(false), wherever it is in user code, soon; NULL or
	 * false: by a signal, please. Any thread, while M cannot end.
	 */
	bool (*preempt)(struct gt_m *m);
	/* Was the last one given up, with no call and no signal to come? Any thread. */
	bool (*preempt_missed)(struct gt_m *m);

	/*
	 * Does M call gt_preempt_upcall(true) when it has spent a time slice of CPU time on
	 * one thing? NULL or false: no, look for that, please. Any thread, and
	 * signal-safe.
	 */
	bool (*slices)(struct gt_m *m);
	/* No more of these. From M. */
	void (*slices_end)(struct gt_m *m);

	/* For M itself, after a block: for how long it has been running again. */
	int64_t (*resumed_ago)(struct gt_m *m);

	/*
	 * The CPU quota in whole CPUs, rounded up, as far as the kernel tells it to the
	 * backend: 0 if it does not, or there is none. No such function: it never does.
	 */
	int (*cpu_limit)(void);

	/*
	 * A mapping of zeroes for stacks, each stride with a guard at its low end that the
	 * kernel keeps; munmap() ends it, and only as a whole. NULL: not to be had. Always
	 * the same stride and guard. Under stacks.lock. No such function: never to be had.
	 */
	void *(*map_stacks)(size_t size, size_t stride, size_t guard);

	/* Add the backend's own counters. */
	void (*count)(struct gt_stats *stats);
};

extern const struct gt_backend gt_backend_futex;
extern const struct gt_backend gt_backend_kmod;

/* How long a thread must be blocked before its P is taken. */
#define GT_GRACE_NS 20000

#endif /* GT_BACKEND_H */
