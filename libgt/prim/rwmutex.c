/* SPDX-License-Identifier: MIT */
/*
 * Read-write mutexes: a word, and two queues in the table of sema.c.
 *
 *	WRITER	 a writer has it
 *	COUNT	 or so many readers have it
 *	QUEUED	 there may be somebody in a queue: who comes has to queue, too
 *
 * Invariants, whenever the bucket is unlocked:
 * - WRITER is set or COUNT is not zero, or both are not so;
 * - QUEUED is set if anybody is in a queue; also for a while after the last of them
  has given up;
- if nobody has the mutex and somebody is in a queue, who left last is on its way to
  hand over: so none queues behind QUEUED alone, but takes the mutex;
 * - readers are in their queue only if WRITER is set or a writer is in the other;
 *   after a writer's deadline that is restored by given_up().
 *
 * A waiting writer so stops new readers. Who leaves last hands over, under the
 * bucket's lock: a writer to all readers that wait, else to the next writer; a reader
 * to the first writer. So readers and writers take turns when both wait, and neither
 * is left out.
 *
 *	waiter				who leaves
 *	lock the bucket			clear WRITER, or count down COUNT to 0 (A)
 *	set QUEUED (B), queue		if QUEUED was set: lock the bucket
 *	park; commit unlocks		take waiters out, set the word for them
 *
 * (A) and (B) are read-modify-writes of one word: who leaves sees QUEUED, or the
 * waiter sees that nobody is left and takes it. While QUEUED is set and nobody has
 * the mutex, only who holds the bucket's lock changes the word.
 *
 * A reader has let go at (A), and the mutex may be freed then; after it, it looks only
 * into the queue. If it finds a waiter there, the mutex is alive.
 *
 * Handing over always is a switch for each turn of contending writers. Rejected: to let
 * them compete, as in mutex.c: who writes that often wants a mutex. Go's inner mutex
 * for writers: its unlock comes after readers were let in, who may free the whole.
 *
 * Source: Go's sync/rwmutex.go for who is let in when.
 */
#include <errno.h>

#include "gt/panic.h"
#include "gt/sync.h"
#include "prim/sema.h"

#define WRITER (1u << 31)
#define QUEUED (1u << 30)
#define COUNT (QUEUED - 1)

static _Atomic uint32_t *word_of(struct gt_rwmutex *rwmutex)
{
	return (_Atomic uint32_t *)&rwmutex->gt_state;
}

/* The names of the two queues; sema.c puts them into one bucket. */
static const void *readers(const struct gt_rwmutex *rwmutex)
{
	return (const char *)rwmutex + 1;
}

static const void *writers(const struct gt_rwmutex *rwmutex)
{
	return (const char *)rwmutex + 2;
}

static bool change(_Atomic uint32_t *word, uint32_t *old, uint32_t new)
{
	return atomic_compare_exchange_weak_explicit(word, old, new, memory_order_acq_rel,
						     memory_order_relaxed);
}

/* Take all readers out of their queue. Returns how many; the list is for ready_all(). */
static uint32_t take_readers_locked(struct gt_rwmutex *rwmutex, struct gt_sema_bucket *bucket,
				    struct gt_sema_waiter **list)
{
	struct gt_sema_waiter *waiter;
	uint32_t count = 0;

	while ((waiter = gt_sema_take_locked(bucket, readers(rwmutex)))) {
		*list = waiter;
		list = &waiter->next;
		count++;
	}
	return count;
}

static void ready_all(struct gt_sema_waiter *list)
{
	struct gt_sema_waiter *waiter;
	bool many = list && list->next;

	while ((waiter = list)) {
		/* Readied, its stack is its own again. */
		list = waiter->next;
		if (many)
			gt_ready_last(waiter->g);
		else
			gt_ready(waiter->g);
	}
}

static uint32_t queued_locked(struct gt_rwmutex *rwmutex, struct gt_sema_bucket *bucket)
{
	return gt_sema_first_locked(bucket, writers(rwmutex)) ||
	       gt_sema_first_locked(bucket, readers(rwmutex)) ? QUEUED : 0;
}

/*
 * Nobody has the mutex but, if it leaves, a writer. Returns whom to ready.
 */
static struct gt_sema_waiter *hand_over_locked(struct gt_rwmutex *rwmutex,
					       struct gt_sema_bucket *bucket, bool readers_first)
{
	struct gt_sema_waiter *list = NULL;
	uint32_t count;

	if (!readers_first || !gt_sema_first_locked(bucket, readers(rwmutex)))
		list = gt_sema_take_locked(bucket, writers(rwmutex));
	if (list) {
		gt_store_release(word_of(rwmutex), WRITER | queued_locked(rwmutex, bucket));
	} else {
		count = take_readers_locked(rwmutex, bucket, &list);
		gt_store_release(word_of(rwmutex), count | queued_locked(rwmutex, bucket));
	}
	return list;
}

/* A waiter has given up: readers that waited for a writer before them need not. */
static void given_up(struct gt_rwmutex *rwmutex)
{
	_Atomic uint32_t *word = word_of(rwmutex);
	struct gt_sema_bucket *bucket = gt_sema_lock(rwmutex);
	struct gt_sema_waiter *list = NULL;
	uint32_t old = gt_load(word), count;

	if (!(old & WRITER) && !gt_sema_first_locked(bucket, writers(rwmutex))) {
		count = take_readers_locked(rwmutex, bucket, &list);
		/* A writer may come meanwhile only if QUEUED was not set: count is 0 then. */
		while (!(old & WRITER) && !change(word, &old, (old & COUNT) + count))
			;
	}
	gt_sema_unlock(bucket);
	ready_all(list);
}

/* Queue and park until handed the mutex. Unlocks the bucket. */
static int wait_locked(struct gt_rwmutex *rwmutex, struct gt_sema_bucket *bucket,
		       const void *queue, int64_t deadline, enum gt_reason reason)
{
	struct gt_sema_waiter waiter;
	int error;

	gt_sema_queue_locked(bucket, &waiter, queue, false);
	error = gt_sema_park_until_locked(bucket, &waiter, NULL, NULL, deadline, reason);
	if (error)
		given_up(rwmutex);
	return error;
}

/* ---------------------------------------------------------------- readers ---- */

static inline bool read_fast(_Atomic uint32_t *word)
{
	uint32_t old = gt_load(word);

	while (gt_likely(!(old & (WRITER | QUEUED))))
		if (atomic_compare_exchange_weak_explicit(word, &old, old + 1,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

/* Inside the runtime, with the bucket's lock, which it lets go. */
static int read_locked(struct gt_rwmutex *rwmutex, struct gt_sema_bucket *bucket,
		       int64_t deadline)
{
	_Atomic uint32_t *word = word_of(rwmutex);
	uint32_t old = gt_load(word);

	for (;;) {
		bool wait = old & WRITER || gt_sema_first_locked(bucket, writers(rwmutex));

		if (wait && gt_deadline_passed(deadline)) {
			gt_sema_unlock(bucket);
			return -ETIMEDOUT;
		}
		if (!change(word, &old, wait ? old | QUEUED : old + 1))		/* (B) */
			continue;
		if (wait)
			return wait_locked(rwmutex, bucket, readers(rwmutex), deadline,
					   GT_REASON_RWMUTEX_READ);
		gt_sema_unlock(bucket);
		return 0;
	}
}

static __attribute__((__noinline__)) int read_slow(struct gt_rwmutex *rwmutex, int64_t deadline)
{
	int error;

	gt_enter();
	error = read_locked(rwmutex, gt_sema_lock(rwmutex), deadline);
	gt_leave();
	return error;
}

int gt_rwmutex_rlock_until(struct gt_rwmutex *rwmutex, int64_t deadline)
{
	return read_fast(word_of(rwmutex)) ? 0 : read_slow(rwmutex, deadline);
}

void gt_rwmutex_rlock(struct gt_rwmutex *rwmutex)
{
	if (!read_fast(word_of(rwmutex)))
		read_slow(rwmutex, GT_NO_DEADLINE);
}

int gt_rwmutex_try_rlock(struct gt_rwmutex *rwmutex)
{
	return read_fast(word_of(rwmutex)) ? 0 : -EAGAIN;
}

/* The last reader has gone, and the mutex may be gone. */
static void readers_gone(struct gt_rwmutex *rwmutex)
{
	struct gt_sema_waiter *list = NULL;
	struct gt_sema_bucket *bucket;

	gt_enter();
	bucket = gt_sema_lock(rwmutex);
	if (queued_locked(rwmutex, bucket) &&
	    !(gt_load(word_of(rwmutex)) & (WRITER | COUNT)))
		list = hand_over_locked(rwmutex, bucket, false);
	gt_sema_unlock(bucket);
	ready_all(list);
	gt_leave();
}

void gt_rwmutex_runlock(struct gt_rwmutex *rwmutex)
{
	_Atomic uint32_t *word = word_of(rwmutex);
	uint32_t old;

	if (gt_unlikely(!(gt_load(word) & COUNT)))
		gt_panic("sync: RUnlock of unlocked RWMutex");
	old = atomic_fetch_sub_explicit(word, 1, memory_order_acq_rel);		/* (A) */
	if (gt_unlikely(old == (QUEUED | 1)))
		readers_gone(rwmutex);
}

/* ---------------------------------------------------------------- writers ---- */

static inline bool write_fast(_Atomic uint32_t *word)
{
	uint32_t none = 0;

	return gt_likely(atomic_compare_exchange_strong_explicit(word, &none, WRITER,
								 memory_order_acquire,
								 memory_order_relaxed));
}

/* Inside the runtime. */
static int write_slow(struct gt_rwmutex *rwmutex, int64_t deadline)
{
	_Atomic uint32_t *word = word_of(rwmutex);
	struct gt_sema_bucket *bucket = gt_sema_lock(rwmutex);
	uint32_t old = gt_load(word);

	for (;;) {
		/* QUEUED alone may be left over from one who gave up: nobody would wake us. */
		bool wait = old & (WRITER | COUNT) || queued_locked(rwmutex, bucket);

		if (wait && gt_deadline_passed(deadline)) {
			gt_sema_unlock(bucket);
			return -ETIMEDOUT;
		}
		if (!change(word, &old, wait ? old | QUEUED : WRITER))		/* (B) */
			continue;
		if (wait)
			return wait_locked(rwmutex, bucket, writers(rwmutex), deadline,
					   GT_REASON_RWMUTEX_WRITE);
		gt_sema_unlock(bucket);
		return 0;
	}
}

int gt_rwmutex_lock_until(struct gt_rwmutex *rwmutex, int64_t deadline)
{
	int error;

	if (write_fast(word_of(rwmutex)))
		return 0;
	gt_enter();
	error = write_slow(rwmutex, deadline);
	gt_leave();
	return error;
}

void gt_rwmutex_lock(struct gt_rwmutex *rwmutex)
{
	gt_rwmutex_lock_until(rwmutex, GT_NO_DEADLINE);
}

int gt_rwmutex_try_lock(struct gt_rwmutex *rwmutex)
{
	return write_fast(word_of(rwmutex)) ? 0 : -EAGAIN;
}

void gt_rwmutex_unlock(struct gt_rwmutex *rwmutex)
{
	uint32_t old = WRITER;
	struct gt_sema_waiter *list;
	struct gt_sema_bucket *bucket;

	if (gt_likely(atomic_compare_exchange_strong_explicit(word_of(rwmutex), &old, 0,
							      memory_order_release,
							      memory_order_relaxed))) /* (A) */
		return;
	if (!(old & WRITER))
		gt_panic("sync: Unlock of unlocked RWMutex");
	gt_enter();
	bucket = gt_sema_lock(rwmutex);
	list = hand_over_locked(rwmutex, bucket, true);
	gt_sema_unlock(bucket);
	ready_all(list);
	gt_leave();
}
