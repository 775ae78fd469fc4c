/* SPDX-License-Identifier: MIT */
/*
 * Tasks and their threads: staying on one.
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
 * Context: Suspends: no. Migrates: before it returns, after an undeclared blocking
 * call that cost the task its processor. Pthread: does nothing: a plain thread is
 * nobody else's. Signal-safe: no.
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

GT_END_DECLS

#endif /* GT_THREAD_H */
