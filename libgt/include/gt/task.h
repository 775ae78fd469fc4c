/* SPDX-License-Identifier: MIT */
/*
 * Tasks: starting the runtime, starting tasks, yielding and ending.
 *
 * A task is a function with a stack of its own. At most gt_gomaxprocs() tasks
 * run user code at once; the others wait in queues that cost no thread. A task
 * may call any function, blocking ones of other libraries included: while it is
 * blocked in the kernel, another thread takes over the processor it held.
 */
#ifndef GT_TASK_H
#define GT_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/** GT_STACK_SIZE - bytes of address space of a task's stack, unless it asks. */
#define GT_STACK_SIZE ((size_t)64 << 10)

/** GT_GUARD_SIZE - bytes of the guard below a task's stack, unless it asks. */
#define GT_GUARD_SIZE ((size_t)16 << 10)

/** GT_STACK_SIZE_MAX - the largest stack, and guard, that a task may ask for. */
#define GT_STACK_SIZE_MAX ((size_t)1 << 30)

/**
 * struct gt_task_attr - options of a new task; zeroed members mean the default
 * @name: shown in dumps and fatal errors; not copied, must outlive the task.
 * @stack_size: bytes of stack wanted, up to GT_STACK_SIZE_MAX; rounded up to
 *	whole pages, and to GT_STACK_SIZE at least. Memory is committed page by
 *	page as it is touched.
 * @guard_size: bytes below the stack that must not be touched, up to
 *	GT_STACK_SIZE_MAX; rounded up to whole pages, and to GT_GUARD_SIZE at least.
 *
 * A task that overflows its stack touches the guard and dies with a message, unless a
 * function's frame is larger than the guard and its first access lands below. Code with
 * such frames is compiled with -fstack-clash-protection, or gets a larger guard.
 *
 * A task with a larger stack or guard than usual has a mapping of its own, made at
 * its start and unmapped at its end: that takes some ten times as long.
 */
struct gt_task_attr {
	const char *name;
	size_t stack_size;
	size_t guard_size;
};

/**
 * gt_run - run the runtime until its main task returns
 * @fn: body of the main task.
 * @arg: passed to it.
 *
 * Starts the worker threads and a first task, and returns when that task's @fn
 * has returned. Tasks that are still alive then are given no more processor:
 * they never run again, and nothing of theirs is cleaned up but their stacks and
 * their calls on descriptors. What else they wait on when it ends (a channel, a
 * waitgroup) must not be used any more.
 * If a task is inside a blocking call or a loop that never enters the runtime,
 * its thread cannot be ended: gt_run() gives it 100 ms, then returns without it.
 *
 * The runtime may be run again after it has ended, if every thread of it ended.
 *
 * While it runs, SIGSEGV and SIGBUS have a handler that names the task whose stack
 * overflows; any other goes to the handler that was set before.
 *
 * Context: from a plain thread, one at a time. Signal-safe: no.
 * Return: 0; -EBUSY if it is running already, or a thread of an earlier run is
 * still inside a blocking call; -EINVAL for a GTBACKEND, GTMAXPROCS, GTHANDOFF or
 * GTDEBUG that cannot be understood (said on stderr); -ENODEV, -EPROTO or another
 * error of the device under GTBACKEND=kmod; -ENOMEM, -EAGAIN or -EMFILE if the
 * system's resources do not suffice.
 */
int gt_run(void (*fn)(void *arg), void *arg);

/**
 * gt_main - a program's entry point, as its main task
 * @argc: as main() gets it.
 * @argv: as main() gets it.
 *
 * A program that links the entry object (libgt-main.a, or the pkg-config module
 * "libgt-main") defines this in place of main().
 *
 * Return: the program's exit status.
 */
int gt_main(int argc, char **argv);

/**
 * gt_go - start a task
 * @fn: its body. The task ends when it returns.
 * @arg: passed to @fn. It must stay valid for as long as the task uses it.
 *
 * The new task is the next to run on the caller's processor, when the caller
 * suspends; it inherits the rest of the caller's time slice. The one that would
 * have been next moves to the end of the queue.
 *
 * Context: Suspends: no. Migrates: only if the task has had its time slice, or after
 * an undeclared blocking call that cost it its processor. Pthread: works, while the
 * runtime runs. Signal-safe: no.
 * Return: 0; -ENOMEM if there is no memory for its stack, or no room for it below
 * RLIMIT_AS, vm.overcommit_memory's limit or vm.max_map_count; -ESRCH if the runtime
 * does not run, or in the child of a fork().
 */
int gt_go(void (*fn)(void *arg), void *arg);

/**
 * gt_go_copy - start a task with an argument block of its own
 * @fn: its body.
 * @block: bytes to copy, or NULL if @size is 0.
 * @size: how many, at most 16 KiB. The copy has malloc()'s alignment.
 *
 * Like gt_go(), but @fn gets the address of a copy of @block on the new task's
 * stack, so that a loop may start many tasks from one variable.
 *
 * Context: as gt_go().
 * Return: as gt_go(); -E2BIG if @size is too large.
 */
int gt_go_copy(void (*fn)(void *block), const void *block, size_t size);

/**
 * gt_go_attr - start a task with options
 * @fn: its body.
 * @arg: passed to @fn.
 * @attr: the options, or NULL for none. Not used after the return.
 *
 * Context: as gt_go().
 * Return: as gt_go(); -EINVAL if a size is over GT_STACK_SIZE_MAX.
 */
int gt_go_attr(void (*fn)(void *arg), void *arg, const struct gt_task_attr *attr);

/**
 * gt_yield - let others run
 *
 * The caller goes to the end of its processor's queue.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: sched_yield().
 * Signal-safe: no.
 */
void gt_yield(void);

/**
 * gt_exit - end the calling task
 *
 * Unwinds the task's stack: function by function, innermost first, what it deferred
 * runs, and then its cleanups; see <gt/panic.h>. gt_recover() finds nothing to
 * recover meanwhile. A panic in a deferred call may be recovered by another; the exit
 * goes on then. In gt_try() it ends that call only.
 *
 * When the main task calls it the others go on, and gt_run() does not return. One of
 * them may end the process. Once none is left, nor a thread of the program's own that
 * could start one, that is a deadlock.
 *
 * Context: Pthread: panics. Signal-safe: no.
 */
__attribute__((__noreturn__)) void gt_exit(void);

/**
 * gt_task_id - the calling task's number
 *
 * Numbers start at 1, the main task's, and are not used again.
 *
 * Context: Suspends: no. Pthread: returns 0. Signal-safe: yes.
 * Return: the number, or 0 on a thread that runs no task.
 */
uint64_t gt_task_id(void);

/**
 * gt_task_count - how many tasks are alive
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the count, the caller included; a snapshot if others run.
 */
size_t gt_task_count(void);

/** GT_MAXPROCS_MAX - the most processors. */
#define GT_MAXPROCS_MAX 256

/**
 * gt_gomaxprocs - ask for or set the number of processors
 * @n: how many tasks may run user code at once, 1 to GT_MAXPROCS_MAX (more is
 *	taken as that); less than 1 only asks.
 *
 * While the runtime runs the number changes at once, and nobody waits for it: not the
 * caller, and no task but those that lose their processor. More processors take up
 * waiting tasks right away. If there are fewer, idle ones go at once, and each busy one
 * when its task next suspends; so tasks that suspend neither may for a while be more
 * than @n, but never more than before. gt_stats_read() tells how many are in use.
 *
 * Set before gt_run() it holds for runs from then on, and wins over GTMAXPROCS. If
 * neither is set the number is the least of
 *
 *  - GT_MAXPROCS_MAX;
 *  - the CPUs in the affinity mask of gt_run()'s caller;
 *  - the CPU quota of the process's control group and of each visible group above it
 *    (v2's cpu.max, or v1's cpu.cfs_quota_us over cpu.cfs_period_us), rounded up to a
 *    whole CPU, and to 2 at least;
 *
 * and follows these as they change, at most once a second, while tasks run. Any @n
 * from 1 on ends that, also one that changes nothing.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: the value before the call.
 * Source: Go's runtime.GOMAXPROCS, which stops all tasks for the time of the change.
 */
int gt_gomaxprocs(int n);

/**
 * gt_gomaxprocs_default - go back to the default number of processors
 *
 * As if neither gt_gomaxprocs() nor GTMAXPROCS had set it: the number is what the
 * affinity mask of the calling thread and the control groups make it now, and follows
 * them again.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: the value before the call.
 * Source: Go's runtime.SetDefaultGOMAXPROCS.
 */
int gt_gomaxprocs_default(void);

/**
 * gt_max_threads - ask for or set how many threads the runtime may use
 * @n: the number, 10,000 at first; less than 1 only asks. It holds for later runs, too.
 *
 * A program that has more tasks inside blocking calls at once than this needs more
 * threads than are good for the system. It ends: with "fatal: program exceeds
 * 10000-thread limit" and all its tasks on stderr, and exit status 2. That happens in
 * this call if there are more than @n threads already.
 *
 * If the system refuses a thread below the limit, that is said on stderr, and tasks wait
 * for one.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: the value before the call.
 * Source: Go's runtime/debug.SetMaxThreads.
 */
int gt_max_threads(int n);

/**
 * gt_backend_name - which backend the running runtime chose
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: "kmod" or "futex", static; NULL if the runtime does not run.
 */
const char *gt_backend_name(void);

GT_END_DECLS

#endif /* GT_TASK_H */
