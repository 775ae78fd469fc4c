/* SPDX-License-Identifier: MIT */
/*
 * Timers: a 4-ary heap of alarms for each P, under a lock of its own.
 *
 * A task sets alarms in the heap of its P; that P's M looks at it whenever it picks
 * a task, which is cheap: the first deadline is in an atomic word beside. Ms that
 * have nothing to do run the due alarms of others, and one of them sleeps in the
 * poller until the first of all. That one must hear of an earlier alarm:
 *
 *	setter				poller's M (wait_in_poller in find.c)
 *	first = when			polled = 0; poll_until = until
 *	(A) full fence			(B) both sequentially consistent
 *	if (!polled && when <		if (the first of all < until)
 *	    poll_until) kick			do not sleep
 *
 * An alarm knows its place in its heap, so that it is taken out, or moved within it,
 * at once: no dead entry is ever in a heap, and first is exact. All of it is under the
 * lock of the heap that it names; so who wants it locks that and looks whether it still
 * does (lock_of). It comes to another heap by naming none in between, or under the
 * locks of both.
 *
 * FIRING. fire() is called without the lock, by one thread at a time for each heap:
 * firing names the alarm meanwhile. Who cancels an alarm that is no longer in its
 * heap waits until firing is another. So an alarm that is firing is not set in
 * another heap than the one that fires it: else cancel had two places to look.
 *
 * Four children a node halve the depth against two, and a node's children share
 * one or two cache lines, as the deadline stands beside the pointer.
 *
 * The heaps stand in static memory: an alarm of a plain thread may be cancelled after
 * the run in which it was set, whose number tells that it is not in the heap any more.
 * Who cancels or sets it then is told that it was set: it has not fired, and will not.
 *
 * Rejected: an intrusive pairing heap, which needs no memory of its own but
 * touches the stacks of sleeping tasks. A timing wheel, which rounds. Marking what
 * is cancelled and removing it later, as Go does: a stack frame cannot go away
 * then, and the last alarm of all is seen as life though it is cancelled.
 *
 * What setting and stopping one costs: 90 ns, of which 20 are the clock's, 20 malloc()'s
 * and its free()'s, and 30 those of two locks, a count of references and (A).
 *
 * Source: Go's runtime, time.go.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "base/relax.h"
#include "base/window.h"
#include "gt/task.h"
#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/timer.h"

#define GT_HEAP_WAYS 4
#define GT_HEAP_ROOM 64

static struct gt_timers heaps[GT_MAXPROCS_MAX] = {
	[0 ... GT_MAXPROCS_MAX - 1] = { .first = INT64_MAX },
};

struct gt_timers *gt_timers_of(uint32_t p_index)
{
	return &heaps[p_index];
}

/* ---------------------------------------------------------------- the heap ---- */

static inline void put(struct gt_timers *timers, size_t i, struct gt_timer_slot slot)
{
	timers->heap[i] = slot;
	slot.alarm->at = (uint32_t)i + 1;
}

/* Put slot in at i or above. */
static void sift_up(struct gt_timers *timers, size_t i, struct gt_timer_slot slot)
{
	struct gt_timer_slot *heap = timers->heap;

	while (i) {
		size_t parent = (i - 1) / GT_HEAP_WAYS;

		if (heap[parent].when <= slot.when)
			break;
		put(timers, i, heap[parent]);
		i = parent;
	}
	put(timers, i, slot);
}

/* Put slot in at i or below. */
static void sift_down(struct gt_timers *timers, size_t i, struct gt_timer_slot slot)
{
	struct gt_timer_slot *heap = timers->heap;
	size_t count = timers->count;

	for (;;) {
		size_t child = i * GT_HEAP_WAYS + 1, least = child;
		size_t end = child + GT_HEAP_WAYS < count ? child + GT_HEAP_WAYS : count;

		if (child >= count)
			break;
		while (++child < end)
			if (heap[child].when < heap[least].when)
				least = child;
		if (slot.when <= heap[least].when)
			break;
		put(timers, i, heap[least]);
		i = least;
	}
	put(timers, i, slot);
}

/* Put slot in at i, where something else was, or below or above. */
static void sift(struct gt_timers *timers, size_t i, struct gt_timer_slot slot)
{
	if (i && slot.when < timers->heap[(i - 1) / GT_HEAP_WAYS].when)
		sift_up(timers, i, slot);
	else
		sift_down(timers, i, slot);
}

static inline void first_changed(struct gt_timers *timers)
{
	gt_store(&timers->first, timers->count ? timers->heap[0].when : INT64_MAX);
}

static inline bool is_in(const struct gt_timers *timers, const struct gt_alarm *alarm)
{
	return alarm->at && alarm->run == timers->run;
}

static bool grow(struct gt_timers *timers, size_t count)
{
	size_t room = timers->room ? timers->room : GT_HEAP_ROOM;
	struct gt_timer_slot *heap;

	while (room < count)
		room *= 2;
	if (room >= UINT32_MAX)
		return false;
	heap = realloc(timers->heap, room * sizeof(*heap));
	if (!heap)
		return false;
	timers->heap = heap;
	timers->room = room;
	return true;
}

static int insert(struct gt_timers *timers, struct gt_alarm *alarm, int64_t when, int64_t period)
{
	/* INT64_MAX in first is "none": no alarm is that late. */
	struct gt_timer_slot slot = { .when = when - (when == INT64_MAX), .alarm = alarm };

	if (gt_unlikely(timers->count == timers->room) && !grow(timers, timers->count + 1))
		return -ENOMEM;
	gt_store(&alarm->timers, timers);
	alarm->run = timers->run;
	alarm->period = period;
	sift_up(timers, timers->count++, slot);
	if (alarm->at == 1)
		first_changed(timers);
	return 0;
}

static void take_out(struct gt_timers *timers, struct gt_alarm *alarm)
{
	size_t i = alarm->at - 1;

	alarm->at = 0;
	if (i != --timers->count)
		sift(timers, i, timers->heap[timers->count]);
	if (!i)
		first_changed(timers);
}

/* --------------------------------------------------------------- one alarm ---- */

/* A P's heap has an earlier first alarm than before. It has been unlocked. */
static void announce(int64_t when)
{
	GT_WINDOW("timer.first");
	atomic_thread_fence(memory_order_seq_cst);			/* (A) */
	if (atomic_load(&gt_sched.polled))
		gt_wake_p();
	else if (when < atomic_load(&gt_sched.poll_until))
		gt_sched.poller->kick();
}

/* first: what it was when the caller had locked the heap. */
static inline void unlock_announcing(struct gt_timers *timers, int64_t first)
{
	int64_t when = gt_load(&timers->first);
	bool earlier = when < first && !timers->of_bubble;

	gt_unlock(&timers->lock);
	if (earlier)
		announce(when);
}

/* Where the caller's alarms go. NULL: it has no P, and is in no bubble. */
static inline struct gt_timers *own_heap(void)
{
	struct gt_m *m = gt_m_self();

	if (gt_unlikely(m && m->g->bubble))
		return &m->g->bubble->timers;
	return gt_likely(m && m->p) ? m->p->timers : NULL;
}

/*
 * Who has no P takes the heap of some P in use. It may retire meanwhile, and looks for
 * its alarms under the same lock; see procs.c.
 */
static __attribute__((__noinline__)) struct gt_timers *lock_any(void)
{
	uint32_t i = (uint32_t)((uintptr_t)gt_g_self() >> 12) % GT_MAXPROCS_MAX;
	struct gt_p *p;

	for (;; i = gt_p_index(p) + 1) {
		p = gt_p_from(i);
		if (!p)
			p = gt_p_from(0);
		gt_lock(&p->timers->lock);
		if (!gt_load(&p->retired))			/* (A) of procs.c */
			return p->timers;
		gt_unlock(&p->timers->lock);
	}
}

static inline struct gt_timers *lock_own(void)
{
	struct gt_timers *own = own_heap();

	if (gt_unlikely(!own))
		return lock_any();
	gt_lock(&own->lock);
	return own;
}

/* Lock the heap that alarm is in, or was in last. NULL: it was never set. */
static inline struct gt_timers *lock_of(struct gt_alarm *alarm)
{
	struct gt_timers *timers;

	while ((timers = gt_load(&alarm->timers))) {
		gt_lock(&timers->lock);
		if (gt_likely(gt_load(&alarm->timers) == timers))
			break;
		gt_unlock(&timers->lock);
	}
	return timers;
}

static void move(struct gt_timers *timers, struct gt_alarm *alarm, int64_t when)
{
	struct gt_timer_slot slot = { .when = when - (when == INT64_MAX), .alarm = alarm };
	size_t i = alarm->at - 1;

	sift(timers, i, slot);
	if (!i || alarm->at == 1)
		first_changed(timers);
}

int gt_alarm_set(struct gt_alarm *alarm, int64_t when, int64_t period)
{
	struct gt_timers *timers = lock_of(alarm);
	int64_t first = timers ? gt_load(&timers->first) : 0;
	int was_set;

	if (timers && is_in(timers, alarm)) {
		move(timers, alarm, when);
		alarm->period = period;
		was_set = 1;
	} else {
		was_set = timers && alarm->at;
		if (!timers || (timers != own_heap() && timers->firing != alarm)) {
			if (timers) {
				gt_store(&alarm->timers, NULL);
				gt_unlock(&timers->lock);
			}
			timers = lock_own();
			first = gt_load(&timers->first);
		}
		if (insert(timers, alarm, when, period)) {
			gt_unlock(&timers->lock);
			return -ENOMEM;
		}
	}
	unlock_announcing(timers, first);
	return was_set;
}

int gt_alarm_set_again(struct gt_alarm *alarm, int64_t when)
{
	struct gt_timers *timers = lock_of(alarm);
	int64_t first = gt_load(&timers->first);
	int result = is_in(timers, alarm) ? 1 : insert(timers, alarm, when, 0);

	unlock_announcing(timers, first);
	return result;
}

bool gt_alarm_move(struct gt_alarm *alarm, int64_t when)
{
	struct gt_timers *timers = lock_of(alarm);
	int64_t first;
	bool moved;

	if (!timers)
		return false;
	first = gt_load(&timers->first);
	moved = is_in(timers, alarm) && timers->firing != alarm;
	if (moved)
		move(timers, alarm, when);
	unlock_announcing(timers, first);
	return moved;
}

bool gt_alarm_cancel(struct gt_alarm *alarm)
{
	struct gt_timers *timers = lock_of(alarm);
	bool was_set, none;

	if (!timers)
		return false;
	was_set = alarm->at;
	none = is_in(timers, alarm);
	if (none)
		take_out(timers, alarm);
	alarm->at = 0;
	for (int i = 0; gt_unlikely(timers->firing == alarm); i++) {
		gt_unlock(&timers->lock);
		gt_relax(i);
		gt_lock(&timers->lock);
	}
	none = none && !timers->count;
	gt_unlock(&timers->lock);
	if (none && !gt_m_self())
		gt_deadlock_hint();
	return was_set;
}

int gt_alarm_hold(struct gt_alarm *alarm, int64_t when)
{
	struct gt_timers *timers = lock_own();

	if (!insert(timers, alarm, when, 0))
		return 0;
	gt_unlock(&timers->lock);
	return -ENOMEM;
}

void gt_alarm_let_go(struct gt_alarm *alarm)
{
	struct gt_timers *timers = gt_load(&alarm->timers);
	bool first = alarm->at == 1 && !timers->of_bubble;
	int64_t when = timers->heap[0].when;

	gt_unlock(&timers->lock);
	if (first)
		announce(when);
}

void gt_alarm_drop(struct gt_alarm *alarm)
{
	struct gt_timers *timers = gt_load(&alarm->timers);

	take_out(timers, alarm);
	gt_unlock(&timers->lock);
}

/* --------------------------------------------------------------- all of them ---- */

/* The first of when + n * period that is to come. A slow machine misses some. */
static int64_t after(int64_t when, int64_t period, int64_t now)
{
	int64_t next;

	if (__builtin_add_overflow(when + (now - when) / period * period, period, &next))
		next = INT64_MAX;
	return next;
}

int64_t gt_timers_run(struct gt_timers *timers, int64_t now, size_t most)
{
	int64_t first = gt_load(&timers->first);

	if (gt_likely(first > now))
		return first;
	gt_lock(&timers->lock);
	/* If another fires one of this heap, it goes on with the others that are due. */
	for (; most && !timers->firing && timers->count && timers->heap[0].when <= now; most--) {
		struct gt_alarm *alarm = timers->heap[0].alarm;
		int64_t when = timers->heap[0].when;

		if (alarm->period)
			move(timers, alarm, after(when, alarm->period, now));
		else
			take_out(timers, alarm);
		timers->firing = alarm;
		gt_unlock(&timers->lock);
		GT_WINDOW("timer.firing");
		alarm->fire(alarm, when);
		gt_lock(&timers->lock);
		timers->firing = NULL;
	}
	first = gt_load(&timers->first);
	gt_unlock(&timers->lock);
	return first;
}

int64_t gt_timers_first(void)
{
	int64_t first = INT64_MAX;

	gt_for_each_p(p) {
		int64_t when = atomic_load(&p->timers->first);

		if (when < first)
			first = when;
	}
	return first;
}

int gt_timers_move(struct gt_p *to_p, struct gt_timers *from)
{
	struct gt_timers *to = to_p->timers;
	struct gt_timers *low = to < from ? to : from, *high = to < from ? from : to;
	int error = 0;
	int64_t first;

	/* What is firing may set itself again in from: it has to end before it can move. */
	for (;;) {
		gt_lock(&low->lock);
		gt_lock(&high->lock);
		if (!from->firing)
			break;
		gt_unlock(&high->lock);
		gt_unlock(&low->lock);
		sched_yield();
	}
	if (gt_load(&to_p->retired))					/* (A) of procs.c */
		error = -ESTALE;
	else if (to->count + from->count > to->room && !grow(to, to->count + from->count))
		error = -ENOMEM;
	while (!error && from->count) {
		struct gt_timer_slot slot = from->heap[--from->count];

		insert(to, slot.alarm, slot.when, slot.alarm->period);
	}
	/* After those in to: at no time is an alarm in neither. */
	first_changed(from);
	first = error ? INT64_MAX : gt_load(&to->first);
	gt_unlock(&high->lock);
	gt_unlock(&low->lock);
	if (first != INT64_MAX)
		announce(first);
	return error;
}

bool gt_timers_empty_locked(struct gt_timers *timers)
{
	return !timers->count && !timers->firing;
}

void gt_timers_drop(struct gt_timers *timers)
{
	gt_lock(&timers->lock);
	while (timers->count) {
		struct gt_alarm *alarm = timers->heap[timers->count - 1].alarm;

		take_out(timers, alarm);
		timers->firing = alarm;
		gt_unlock(&timers->lock);
		alarm->fire(alarm, INT64_MAX);
		gt_lock(&timers->lock);
		timers->firing = NULL;
	}
	gt_unlock(&timers->lock);
}

void gt_timers_free(struct gt_timers *timers)
{
	free(timers->heap);
}

void gt_timers_end(void)
{
	for (size_t i = 0; i < GT_MAXPROCS_MAX; i++) {
		struct gt_timers *timers = &heaps[i];

		gt_lock(&timers->lock);
		free(timers->heap);
		timers->heap = NULL;
		timers->count = timers->room = 0;
		timers->run++;
		first_changed(timers);
		gt_unlock(&timers->lock);
	}
}

void gt_timers_forget(void)
{
	for (size_t i = 0; i < GT_MAXPROCS_MAX; i++)
		heaps[i] = (struct gt_timers){ .run = heaps[i].run + 1, .first = INT64_MAX };
}
