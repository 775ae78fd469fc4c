/* SPDX-License-Identifier: MIT */
/*
 * Locks, conditions, waitgroups and things that are done once.
 *
 * Zero bytes are ready to use, and nothing has to be destroyed. The memory is the
 * caller's. An object must not be copied or moved after its first use.
 *
 * A lock belongs to no task: one may lock it and another unlock it. No lock may be
 * taken twice by one caller. Go's atomic types are C11's atomics, and work as well
 * in tasks as in threads.
 */
#ifndef GT_SYNC_H
#define GT_SYNC_H

#include <stdint.h>

#include <gt/panic.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_mutex - mutual exclusion
 * @gt_state: libgt's own.
 * @gt_streak: the same.
 * @gt_busy: the same.
 * @gt_revoked: the same.
 *
 * Waiters are served in the order in which they came, but those that run already
 * may be faster; a waiter that has waited for 1 ms is handed the mutex, ahead of all
 * others. The owner may free it after its unlock if no other can be waiting, and so
 * may the next owner as soon as it has it: the unlock before does not touch it then.
 */
struct gt_mutex {
	uint32_t gt_state;
	uint16_t gt_streak;
	uint8_t gt_busy;
	uint8_t gt_revoked;
};

/**
 * gt_mutex_lock - take a mutex, waiting until it is free
 * @mutex: the mutex.
 *
 * Memory model: an unlock happens before the return of each later lock.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_mutex_lock(struct gt_mutex *mutex);

/**
 * gt_mutex_lock_until - take a mutex, waiting until it is free or a time has come
 * @mutex: the mutex.
 * @deadline: absolute, as gt_now() gives it; one in the past takes a free mutex and
 *	does not wait; GT_NO_DEADLINE waits as long as it takes.
 *
 * Memory model: as gt_mutex_lock() if it succeeds; nothing otherwise.
 *
 * Context: as gt_mutex_lock().
 * Return: 0; -ETIMEDOUT; -ENOMEM if there is no memory for a deadline.
 */
int gt_mutex_lock_until(struct gt_mutex *mutex, int64_t deadline);

/**
 * gt_mutex_try_lock - take a mutex if it is free
 * @mutex: the mutex.
 *
 * Memory model: as gt_mutex_lock() if it succeeds; nothing otherwise.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 0, or -EAGAIN if it is locked.
 */
int gt_mutex_try_lock(struct gt_mutex *mutex);

/**
 * gt_mutex_unlock - let a mutex go
 * @mutex: the mutex; panics if nobody has it.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_mutex_unlock(struct gt_mutex *mutex);

/**
 * struct gt_rwmutex - many readers or one writer
 * @gt_state: libgt's own.
 *
 * A writer that waits stops new readers; when it is done, all readers that wait
 * then have their turn before the next writer. So a task that has it for reading must
 * not lock it for reading again: a writer may wait in between. It may be freed as
 * gt_mutex says. Up to 2^30 - 1 may read at once.
 *
 * It pays where reading takes long, or several processors read all the time. Where
 * many write, a gt_mutex is faster.
 */
struct gt_rwmutex {
	uint32_t gt_state;
};

/**
 * gt_rwmutex_rlock - take it for reading, waiting for writers
 * @rwmutex: the read-write mutex.
 *
 * Memory model: an unlock happens before the return of each later rlock, and an
 * runlock before the return of each later lock.
 *
 * Context: as gt_mutex_lock().
 */
void gt_rwmutex_rlock(struct gt_rwmutex *rwmutex);

/**
 * gt_rwmutex_rlock_until - take it for reading, waiting until a time has come
 * @rwmutex: the read-write mutex.
 * @deadline: absolute, as gt_now() gives it; one in the past takes what is free and
 *	does not wait; GT_NO_DEADLINE waits as long as it takes.
 *
 * Context: as gt_mutex_lock().
 * Return: 0; -ETIMEDOUT; -ENOMEM if there is no memory for a deadline.
 */
int gt_rwmutex_rlock_until(struct gt_rwmutex *rwmutex, int64_t deadline);

/**
 * gt_rwmutex_try_rlock - take it for reading if no writer has it or waits
 * @rwmutex: the read-write mutex.
 *
 * Context: as gt_mutex_try_lock().
 * Return: 0, or -EAGAIN.
 */
int gt_rwmutex_try_rlock(struct gt_rwmutex *rwmutex);

/**
 * gt_rwmutex_runlock - a reader lets it go
 * @rwmutex: the read-write mutex; panics if nobody has it for reading.
 *
 * Context: as gt_mutex_unlock().
 */
void gt_rwmutex_runlock(struct gt_rwmutex *rwmutex);

/**
 * gt_rwmutex_lock - take it for writing, waiting until nobody has it
 * @rwmutex: the read-write mutex.
 *
 * Context: as gt_mutex_lock().
 */
void gt_rwmutex_lock(struct gt_rwmutex *rwmutex);

/**
 * gt_rwmutex_lock_until - take it for writing, waiting until a time has come
 * @rwmutex: the read-write mutex.
 * @deadline: absolute, as gt_now() gives it; one in the past takes what is free and
 *	does not wait; GT_NO_DEADLINE waits as long as it takes.
 *
 * If it gives up, the readers that waited for it go on.
 *
 * Context: as gt_mutex_lock().
 * Return: 0; -ETIMEDOUT; -ENOMEM if there is no memory for a deadline.
 */
int gt_rwmutex_lock_until(struct gt_rwmutex *rwmutex, int64_t deadline);

/**
 * gt_rwmutex_try_lock - take it for writing if nobody has it
 * @rwmutex: the read-write mutex.
 *
 * Context: as gt_mutex_try_lock().
 * Return: 0, or -EAGAIN.
 */
int gt_rwmutex_try_lock(struct gt_rwmutex *rwmutex);

/**
 * gt_rwmutex_unlock - the writer lets it go
 * @rwmutex: the read-write mutex; panics if no writer has it.
 *
 * Context: as gt_mutex_unlock().
 */
void gt_rwmutex_unlock(struct gt_rwmutex *rwmutex);

/**
 * struct gt_cond - waits for a condition that is true of what a mutex protects
 * @gt_self: libgt's own.
 * @gt_waiters: libgt's own.
 *
 * It may be freed when no wait on it is under way. Using a copy of one that was
 * used panics.
 */
struct gt_cond {
	void *gt_self;
	uint32_t gt_waiters;
};

/**
 * gt_cond_wait - unlock a mutex, wait for a signal, lock it again
 * @cond: the condition.
 * @mutex: locked by the caller; the same for all that wait at one time.
 *
 * From the unlock on, no signal is missed. It returns after a gt_cond_signal() or
 * gt_cond_broadcast() only; but others may have had the mutex before, so the
 * condition has to be looked at again, in a loop.
 *
 * Memory model: a signal happens before the return of the wait that it ends.
 *
 * Context: as gt_mutex_lock().
 */
void gt_cond_wait(struct gt_cond *cond, struct gt_mutex *mutex);

/**
 * gt_cond_wait_until - the same, until a signal or until a time has come
 * @cond: the condition.
 * @mutex: as in gt_cond_wait(); locked again whatever the result.
 * @deadline: absolute, as gt_now() gives it; GT_NO_DEADLINE waits as long as it takes.
 *
 * A signal is not spent on a wait that its deadline has ended.
 *
 * Context: as gt_mutex_lock().
 * Return: 0 after a signal; -ETIMEDOUT; -ENOMEM if there is no memory for a deadline.
 */
int gt_cond_wait_until(struct gt_cond *cond, struct gt_mutex *mutex, int64_t deadline);

/**
 * gt_cond_signal - end the wait that began first
 * @cond: the condition. If nobody waits, nothing happens.
 *
 * The caller may have the mutex, and need not.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_cond_signal(struct gt_cond *cond);

/**
 * gt_cond_broadcast - end all waits
 * @cond: the condition.
 *
 * Context: as gt_cond_signal().
 */
void gt_cond_broadcast(struct gt_cond *cond);

/**
 * struct gt_once - does something once
 * @gt_done: libgt's own.
 * @gt_lock: libgt's own.
 */
struct gt_once {
	uint32_t gt_done;
	struct gt_mutex gt_lock;
};

/**
 * gt_once_do - call a function, unless it was done before
 * @once: which calls belong together, whatever their @fn.
 * @fn: called by the first.
 * @arg: passed to it.
 *
 * No call returns before the first one's @fn has returned. So @fn must not call
 * gt_once_do() on the same @once: that waits for itself. If @fn panics or exits it is
 * done all the same, and later calls return.
 *
 * Memory model: the return of @fn happens before the return of each call.
 *
 * Context: Suspends: yes, unless it was done before. Migrates: yes. Pthread: blocks
 * the thread. Signal-safe: no.
 */
void gt_once_do(struct gt_once *once, void (*fn)(void *arg), void *arg);

/**
 * struct gt_once_value - makes a value once
 * @gt_once: libgt's own.
 * @gt_outcome: libgt's own.
 * @gt_value: libgt's own.
 * @gt_panic: libgt's own.
 */
struct gt_once_value {
	struct gt_once gt_once;
	uint32_t gt_outcome;
	void *gt_value;
	struct gt_panic_info gt_panic;
};

/**
 * gt_once_value - the value of a function that is called once
 * @once: which calls belong together.
 * @fn: called by the first; what it returns is the value.
 * @arg: passed to it.
 *
 * If @fn panics, so does each call, with the same value; if it exits, later calls
 * panic. What the value points to is its users'.
 *
 * Memory model: as gt_once_do().
 *
 * Context: as gt_once_do().
 * Return: the value.
 */
void *gt_once_value(struct gt_once_value *once, void *(*fn)(void *arg), void *arg);

/**
 * gt_once_func - call a function once, and panic again if it does
 * @once: which calls belong together.
 * @fn: called by the first.
 * @arg: passed to it.
 *
 * Unlike after gt_once_do(), nobody goes on as if a call that panicked had not.
 *
 * Context: as gt_once_do().
 */
void gt_once_func(struct gt_once_value *once, void (*fn)(void *arg), void *arg);

/**
 * struct gt_wg - waits until a number of things are done; zero bytes are ready
 * @gt_state: libgt's own.
 * @gt_direct: the same.
 *
 * It must not be copied after its first use. It may be freed as soon as a
 * gt_wg_wait() on it has returned and no other is under way.
 */
struct gt_wg {
	uint64_t gt_state;
	void *gt_direct;
};

/** GT_WG_MAX - the highest counter. */
#define GT_WG_MAX INT32_MAX

/**
 * gt_wg_add - add to the counter
 * @wg: the waitgroup.
 * @delta: how much; may be negative.
 *
 * When the counter reaches zero all waiters go on. A counter below zero or above
 * GT_WG_MAX panics. An add from zero must happen before the wait that is to see it,
 * and after all waits for the zero before have returned; what is seen of either
 * mistake panics.
 *
 * Memory model: an add that brings the counter to zero happens before the return
 * of each wait that it releases.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 */
void gt_wg_add(struct gt_wg *wg, int delta);

/**
 * gt_wg_done - take one from the counter
 * @wg: the waitgroup.
 *
 * Context: as gt_wg_add().
 */
void gt_wg_done(struct gt_wg *wg);

/**
 * gt_wg_wait - wait until the counter is zero
 * @wg: the waitgroup.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_wg_wait(struct gt_wg *wg);

/**
 * gt_wg_wait_until - wait until the counter is zero, or a time has come
 * @wg: the waitgroup. After an error others still use it.
 * @deadline: absolute, as gt_now() gives it; one in the past only looks;
 *	GT_NO_DEADLINE waits as long as it takes.
 *
 * Context: as gt_wg_wait().
 * Return: 0; -ETIMEDOUT; -ENOMEM if there is no memory for a deadline.
 */
int gt_wg_wait_until(struct gt_wg *wg, int64_t deadline);

/**
 * gt_wg_go - start a task that counts
 * @wg: the waitgroup; must outlive the task.
 * @fn: the task's body.
 * @arg: passed to it.
 *
 * Adds one, starts the task, and takes one when @fn returns or the task exits.
 *
 * Context: as gt_go().
 * Return: as gt_go(); the counter is unchanged after an error.
 */
int gt_wg_go(struct gt_wg *wg, void (*fn)(void *arg), void *arg);

GT_END_DECLS

#endif /* GT_SYNC_H */
