/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: a word, and a queue in the table of sema.c.
 *
 *	LOCKED	 somebody has it
 *	WAITERS	 there may be somebody in the queue
 *	WOKEN	 one that was in the queue, or spins, is on its way to try again
 *
 * Unlocked with WAITERS set, the first of the queue is woken, and competes: with
 * those that run already it often loses, which is what makes a mutex fast under
 * load, since the winner has the caches and needs no switch. It then queues at the
 * front, keeping the time at which it began to wait. WOKEN keeps the unlocks until
 * then from waking more who would lose.
 *
 * If the first has waited for longer than GT_STARVING, the mutex is handed over:
 * LOCKED stays set throughout, so nobody can come in between. A waiter loses at
 * most one race after its millisecond, since when it queues again its time says so.
 *
 *	waiter				owner, unlocking
 *	lock the bucket			if WAITERS and not WOKEN: lock the bucket
 *	if !LOCKED try again		take the first out, set WOKEN, clear LOCKED
 *	set WAITERS, clear own WOKEN	unlock the bucket; ready it
 *	queue, park; commit unlocks	else: clear LOCKED, by compare-and-swap
 *
 * WAITERS is set while LOCKED is, by compare-and-swap, so it cannot slip past an
 * owner that clears LOCKED by the same means: that one sees WAITERS, or the waiter
 * sees that LOCKED is gone. Who owns WOKEN clears it as it takes LOCKED or queues;
 * both are compare-and-swaps too, so an unlock that trusted WOKEN is seen by it. A
 * WAITERS that is set for nobody, as after a deadline, costs one look into the queue.
 *
 * Nothing is touched after LOCKED is cleared but the table: the next owner may free
 * the mutex at once. The slow unlock goes through the table while it still owns it.
 *
 * A mutex that one P alone uses leans to it (lean.h), and is then LOCKED and unlocked by
 * plain stores, a third of the time. Whoever finds it in another state than these, or
 * comes from elsewhere, first straightens it: so a leaning word never has WAITERS or
 * WOKEN, and what is above is about words that do not lean.
 *
 * Who finds it locked while its owner may run stays away for a moment before it queues,
 * as backoff.h says: several tasks on two Ps take it in bursts then, and what is left of
 * the cost, beside the two compare-and-swaps that a shared word takes, is the way of its
 * line between bursts.
 *
 * Rejected: Go's starving bit, which waiters set and the last one clears: the unlock
 * reads the clock before it wakes somebody, which is cheap beside the wake, and then
 * knows as much. Yielding after handing over, as Go does: an unlock that suspends
 * surprises C. The new owner is the next to run here, or stolen by an idle P.
 *
 * Source: Go's internal/sync/mutex.go (spinning, 1 ms); WebKit's ParkingLot and
 * Rust's parking_lot (deciding under the bucket's lock).
 */
#include <errno.h>

#include "gt/panic.h"
#include "gt/sync.h"
#include "gt/time.h"
#include "base/backoff.h"
#include "prim/lean.h"
#include "prim/mutex.h"
#include "prim/sema.h"
#include "sched/runq.h"

#define LOCKED 1u
#define WAITERS 2u
#define WOKEN 4u
#define FLAGS (LOCKED | WAITERS | WOKEN)

#define GT_STARVING GT_MILLISECOND
#define GT_SPINS 2		/* while others could run here, and */
#define GT_SPINS_ALONE 4	/* while there is nobody else */

struct waiter {
	struct gt_sema_waiter sema;	/* first: found by it */
	int64_t since;			/* when it first queued */
	bool owner;			/* it was handed the mutex. Waker's */
};

static inline struct gt_lean *lean_of(struct gt_mutex *mutex)
{
	return (struct gt_lean *)mutex;
}

static inline _Atomic uint32_t *word_of(struct gt_mutex *mutex)
{
	return &lean_of(mutex)->word;
}

/*
 * The owner runs, as far as one can tell: then it is likely to be done sooner than it
 * takes to park, be readied and come back, here and there.
 */
static bool spin_pays(int spins)
{
	struct gt_m *m = gt_m_self();

	if (spins >= GT_SPINS_ALONE)
		return false;
	if (!m)
		return true;
	return gt_load(&gt_sched.procs_wanted) > 1 + gt_load(&gt_sched.idle_p_count) +
					    gt_load(&gt_sched.spinning) &&
	       (spins < GT_SPINS || gt_runq_empty(m->p));
}

/* Under the bucket's lock: the caller will wait. False: the mutex is free, or leans again. */
static bool begin_wait(_Atomic uint32_t *word, uint32_t token)
{
	uint32_t old = gt_load(word);

	while ((old & (LOCKED | GT_LEANS)) == LOCKED)
		if (atomic_compare_exchange_weak_explicit(word, &old, (old | WAITERS) & ~token,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

/* The caller's time is up. False: it is, but the mutex is free. */
static bool give_up(_Atomic uint32_t *word, uint32_t token)
{
	uint32_t old = gt_load(word);

	if (!token)
		return old & LOCKED;
	while (old & LOCKED)
		if (atomic_compare_exchange_weak_explicit(word, &old, old & ~token,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

/* Inside the runtime. 0, or -ETIMEDOUT or -ENOMEM. */
static int lock_slow(struct gt_mutex *mutex, int64_t deadline)
{
	_Atomic uint32_t *word = word_of(mutex);
	struct waiter waiter = { .since = 0 };
	struct gt_sema_bucket *bucket;
	uint32_t old = gt_load(word);
	uint32_t token = 0;		/* WOKEN, if it is the caller's */
	int spins = 0, error;

	for (;;) {
		if (old & GT_LEANS) {
			old = gt_lean_straighten(lean_of(mutex));
			continue;
		}
		if (!(old & LOCKED)) {
			if (atomic_compare_exchange_weak_explicit(word, &old,
								  (old | LOCKED) & ~token,
								  memory_order_acquire,
								  memory_order_relaxed))
				return 0;
			continue;
		}
		if (gt_deadline_passed(deadline)) {
			if (give_up(word, token))
				return -ETIMEDOUT;
			old = gt_load(word);
			continue;
		}
		if (spin_pays(spins++)) {
			/* The unlocker need not wake anybody meanwhile. */
			if (!token && (old & (WAITERS | WOKEN)) == WAITERS &&
			    atomic_compare_exchange_strong_explicit(word, &old, old | WOKEN,
								    memory_order_relaxed,
								    memory_order_relaxed))
				token = WOKEN;
			gt_backoff(&lean_of(mutex)->backoff, word, LOCKED);
			old = gt_load(word);
			continue;
		}
		bucket = gt_sema_lock(mutex);
		if (!begin_wait(word, token)) {
			gt_sema_unlock(bucket);
			old = gt_load(word);
			continue;
		}
		gt_sema_queue_locked(bucket, &waiter.sema, mutex, waiter.since);
		if (!waiter.since)
			waiter.since = gt_clock();
		error = gt_sema_park_until_locked(bucket, &waiter.sema, NULL, NULL, deadline,
						  GT_REASON_MUTEX);
		if (waiter.owner || error)
			return error;
		token = WOKEN;
		spins = 0;
		old = gt_load(word);
	}
}

/*
 * Inside the runtime; the caller still owns the mutex, and holds the bucket's lock.
 * Whom to ready, or NULL. Only WOKEN may change meanwhile, by who spins.
 */
static struct gt_g *release_locked(struct gt_mutex *mutex, struct gt_sema_bucket *bucket)
{
	_Atomic uint32_t *word = word_of(mutex);
	struct waiter *waiter = (struct waiter *)gt_sema_first_locked(bucket, mutex);
	uint32_t old;

	if (!waiter) {
		atomic_fetch_and_explicit(word, ~(LOCKED | WAITERS), memory_order_release);
		return NULL;
	}
	if (gt_clock() - waiter->since > GT_STARVING) {
		gt_sema_take_locked(bucket, mutex);
		waiter->owner = true;
		if (!gt_sema_first_locked(bucket, mutex))
			atomic_fetch_and_explicit(word, ~WAITERS, memory_order_relaxed);
		return waiter->sema.g;
	}
	/* Who spins and has WOKEN may give up just now, and then somebody else is woken. */
	while ((old = atomic_fetch_or_explicit(word, WOKEN, memory_order_relaxed)) & WOKEN)
		while (old & WOKEN)
			if (atomic_compare_exchange_weak_explicit(word, &old, old & ~LOCKED,
								  memory_order_release,
								  memory_order_relaxed))
				return NULL;
	gt_sema_take_locked(bucket, mutex);
	if (!gt_sema_first_locked(bucket, mutex))
		old &= ~WAITERS;
	gt_store_release(word, (old & ~LOCKED) | WOKEN);
	return waiter->sema.g;
}

static void unlock_slow(struct gt_mutex *mutex)
{
	_Atomic uint32_t *word = word_of(mutex);
	struct gt_sema_bucket *bucket;
	struct gt_g *g = NULL;
	uint32_t old;

	gt_enter();
	old = gt_lean_straighten(lean_of(mutex));
	do {
		if (gt_unlikely(!(old & LOCKED)))
			gt_panic("sync: unlock of unlocked mutex");
		if ((old & (WAITERS | WOKEN)) == WAITERS) {
			bucket = gt_sema_lock(mutex);
			g = release_locked(mutex, bucket);
			gt_sema_unlock(bucket);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(word, &old, old & ~LOCKED,
							memory_order_release,
							memory_order_relaxed));
	if (g)
		gt_ready(g);
	gt_leave();
}

static inline bool lock_fast(struct gt_mutex *mutex)
{
	uint32_t old = gt_load(word_of(mutex));

	if (gt_likely(old & GT_LEANS))
		return gt_lean_store(lean_of(mutex), 0, LOCKED);
	return !(old & FLAGS) && gt_lean_take(lean_of(mutex), old, LOCKED);
}

void gt_mutex_lock(struct gt_mutex *mutex)
{
	if (gt_likely(lock_fast(mutex)))
		return;
	gt_enter();
	lock_slow(mutex, GT_NO_DEADLINE);
	gt_leave();
}

int gt_mutex_lock_until(struct gt_mutex *mutex, int64_t deadline)
{
	int error;

	if (lock_fast(mutex))
		return 0;
	gt_enter();
	error = lock_slow(mutex, deadline);
	gt_leave();
	return error;
}

int gt_mutex_try_lock(struct gt_mutex *mutex)
{
	_Atomic uint32_t *word = word_of(mutex);
	uint32_t old;

	if (lock_fast(mutex))
		return 0;
	old = gt_load(word);
	while (!(old & LOCKED)) {
		if (old & GT_LEANS) {
			gt_enter();
			old = gt_lean_straighten(lean_of(mutex));
			gt_leave();
		} else if (atomic_compare_exchange_weak_explicit(word, &old, old | LOCKED,
								 memory_order_acquire,
								 memory_order_relaxed)) {
			return 0;
		}
	}
	return -EAGAIN;
}

bool gt_mutex_locked(struct gt_mutex *mutex)
{
	return gt_load(word_of(mutex)) & LOCKED;
}

void gt_mutex_unlock(struct gt_mutex *mutex)
{
	uint32_t old = gt_load(word_of(mutex));

	if (gt_likely(old & GT_LEANS)) {
		if (gt_likely(gt_lean_store(lean_of(mutex), LOCKED, 0)))
			return;
	} else if (gt_likely((old & FLAGS) == LOCKED) &&
		   gt_likely(atomic_compare_exchange_strong_explicit(word_of(mutex), &old,
								     old & ~LOCKED,
								     memory_order_release,
								     memory_order_relaxed))) {
		return;
	}
	unlock_slow(mutex);
}
