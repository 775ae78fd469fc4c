/* SPDX-License-Identifier: MIT */
/*
 * Tasks and their threads: staying on one, and keeping the processor.
 *
 * A task may change threads whenever it suspends. What belongs to a thread, as
 * thread-local variables, credentials, namespaces, CPU affinity, a GL context or a
 * library's handle for one thread, it must then not rely on, unless it locks the thread.
 */
#ifndef GT_THREAD_H
#define GT_THREAD_H

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * gt_lock_os_thread - stay on this thread, alone
 *
 * From here on the calling task runs on no other thread, and no other task runs on
 * this one, until gt_unlock_os_thread() has been called as often. While the task is
 * suspended the thread sleeps, and its processor serves others. That makes each of
 * its suspensions cost two switches between threads.
 *
 * A task that ends while it has its thread locked ends the thread as well: its
 * thread-local variables are destroyed, and what the task did to the thread touches
 * nobody else. Threads that the runtime starts inherit from the thread that called
 * gt_run(), and never from one that a task has locked.
 *
 * The main task's thread is one like the others, not the process's first.
 *
 * Context: Suspends: no. Migrates: as gt_go(), before it returns. Pthread: does
 * nothing: a plain thread is nobody else's. Signal-safe: no.
 * Source: Go's runtime.LockOSThread().
 */
void gt_lock_os_thread(void);

/**
 * gt_unlock_os_thread - undo one gt_lock_os_thread()
 *
 * The last one lets the task change threads again, and other tasks use this one: what
 * was changed of the thread should have been changed back. Without a lock it does
 * nothing.
 *
 * Context: Suspends: no. Migrates: no, while it is locked. Pthread: does nothing.
 * Signal-safe: no.
 */
void gt_unlock_os_thread(void);

/**
 * gt_preempt_off - keep the processor, for a few instructions
 *
 * A task that has run for 10 ms while others wait lets go of its processor wherever it
 * is: it stops, as a thread that the system has descheduled, and goes on later. From
 * here to gt_preempt_on() that does not happen to the calling task, as long as it does
 * not suspend or block itself. Calls nest.
 *
 * It is of use where others spin for what the task is about to do, and for measuring.
 * It excludes nobody: other tasks run on other processors, and the system deschedules
 * threads as ever.
 *
 * Preemption is done with SIGURG, whose handler gt_run() installs. It passes on each
 * SIGURG that is not the runtime's to the handler that was there before. A program that
 * installs one later, or blocks the signal in a task, does without preemption of tasks that
 * do not call the runtime. System calls are restarted, save those that never are, such
 * as poll(), should the signal arrive in the microsecond in which the task begins one.
 *
 * Context: Suspends: no. Migrates: no. Pthread: does nothing. Signal-safe: yes.
 */
void gt_preempt_off(void);

/**
 * gt_preempt_on - undo one gt_preempt_off()
 *
 * A request that came meanwhile is made up for at once. Without an open gt_preempt_off()
 * it panics.
 *
 * Context: Suspends: no. Migrates: no. Pthread: does nothing. Signal-safe: yes.
 */
void gt_preempt_on(void);

GT_END_DECLS

#endif /* GT_THREAD_H */
