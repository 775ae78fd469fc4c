/* SPDX-License-Identifier: MIT */
/* Counters of the scheduler. */
#ifndef GT_STATS_H
#define GT_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_stats - counts since gt_run(); more members may come at the end
 * @tasks_started: tasks made.
 * @threads_started: worker threads made.
 * @threads: worker threads alive.
 * @steals: times that an idle processor took tasks from another's queue.
 * @handoffs: processors taken from a thread that was blocked undeclared.
 * @handoffs_refused: looks at a blocked thread that found it in the runtime, or
 *	awake again, and left it its processor.
 * @regains: returns from such a block, or a declared system call, that found a free processor.
 * @requeues: returns from such a block, or a declared system call, that had to queue for one.
 * @gap_ns: time that tasks ran user code after such a block without holding a
 *	processor, in all. Only the kmod backend can measure it; else 0.
 * @kernel_blocks: blocks of worker threads, as the module counted them.
 * @kernel_uncovered: blocks that the module saw last longer than the grace.
 * @procs: processors in use: gt_gomaxprocs(), or more for a while after it was lowered.
 * @preemptions: times that a task had to let go of its processor, its time slice being
 *	used up.
 * @preemptions_held: those of them that held the task's thread, as it did not enter
 *	the runtime.
 * @preemptions_late: requests that found another task than they meant, and did nothing.
 * @preemptions_refused: requests that found no thread to give the processor to.
 * @held: threads that are held by preemption now.
 * @held_max: the most of them at once.
 * @held_let_go: held tasks that went on without a processor, for a lock that they had.
 * @syscalls_handed_off: processors taken during a declared system call.
 * @wakes: threads woken to look for work: at most one for each task made ready, none while
 *	one looks, and one more by each that has found some.
 * @returns_held: those of @requeues whose thread was held before it ran user code again.
 *	Only the kmod backend can; else 0.
 * @slices_module: time slices, others waiting, whose end the module told.
 * @slices_looked: those that the runtime had to look for.
 * @kernel_quiet: those of @kernel_uncovered for which the module looked whether it need not
 *	wake a thread, as another processor was idle.
 * @handoffs_quiet: those of @handoffs in which it did not, and then that one was taken.
 */
struct gt_stats {
	uint64_t tasks_started;
	uint64_t threads_started;
	uint64_t threads;
	uint64_t steals;
	uint64_t handoffs;
	uint64_t handoffs_refused;
	uint64_t regains;
	uint64_t requeues;
	uint64_t gap_ns;
	uint64_t kernel_blocks;
	uint64_t kernel_uncovered;
	uint64_t procs;
	uint64_t preemptions;
	uint64_t preemptions_held;
	uint64_t preemptions_late;
	uint64_t preemptions_refused;
	uint64_t held;
	uint64_t held_max;
	uint64_t held_let_go;
	uint64_t syscalls_handed_off;
	uint64_t wakes;
	uint64_t returns_held;
	uint64_t slices_module;
	uint64_t slices_looked;
	uint64_t kernel_quiet;
	uint64_t handoffs_quiet;
};

/**
 * gt_stats_read - read the counters
 * @stats: where to put them.
 * @size: sizeof(struct gt_stats) as the caller knows it.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: 0; -ESRCH if the runtime does not run.
 */
int gt_stats_read(struct gt_stats *stats, size_t size);

GT_END_DECLS

#endif /* GT_STATS_H */
