/* SPDX-License-Identifier: MIT */
/*
 * Timers: a 4-ary heap for each P, under a lock of its own.
 *
 * A task adds to the heap of its P; that P's M looks at it whenever it picks a
 * task, which is cheap: the first deadline is in an atomic word beside. Ms that
 * have nothing to do run the due timers of others, and one of them sleeps in the
 * poller until the first of all. That one must hear of an earlier timer:
 *
 *	adder				poller's M (wait_in_poller in sched.c)
 *	first = when			polled = 0; poll_until = until
 *	(A) full fence			(B) both sequentially consistent
 *	if (!polled && when <		if (the first of all < until)
 *	    poll_until) kick			do not sleep
 *
 * Four children a node halve the depth against two, and a node's children share
 * one or two cache lines, as the deadline stands beside the pointer.
 *
 * Rejected: an intrusive pairing heap, which needs no memory of its own but
 * touches the stacks of sleeping tasks. A timing wheel, which rounds.
 *
 * Source: Go's runtime, time.go.
 */
#include <stdlib.h>

#include "sched/sched.h"
#include "sched/timer.h"

#define GT_HEAP_WAYS 4
#define GT_HEAP_ROOM 64

bool gt_timer_reserve(struct gt_p *p)
{
	struct gt_timers *timers = &p->timers;
	struct gt_timer_slot *heap;
	bool ok = true;

	gt_lock(&timers->lock);
	if (timers->count == timers->room) {
		size_t room = timers->room ? timers->room * 2 : GT_HEAP_ROOM;

		heap = realloc(timers->heap, room * sizeof(*heap));
		ok = heap;
		if (ok) {
			timers->heap = heap;
			timers->room = room;
		}
	}
	gt_unlock(&timers->lock);
	return ok;
}

static void sift_up(struct gt_timer_slot *heap, size_t i, struct gt_timer_slot slot)
{
	while (i) {
		size_t parent = (i - 1) / GT_HEAP_WAYS;

		if (heap[parent].when <= slot.when)
			break;
		heap[i] = heap[parent];
		i = parent;
	}
	heap[i] = slot;
}

static void sift_down(struct gt_timer_slot *heap, size_t count, struct gt_timer_slot slot)
{
	size_t i = 0;

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
		heap[i] = heap[least];
		i = least;
	}
	heap[i] = slot;
}

void gt_timer_add(struct gt_p *p, struct gt_timer *timer, int64_t when)
{
	struct gt_timers *timers = &p->timers;
	struct gt_timer_slot slot = { .when = when, .timer = timer };
	bool first;

	gt_lock(&timers->lock);
	sift_up(timers->heap, timers->count++, slot);
	first = timers->heap[0].timer == timer;
	if (first)
		gt_store(&timers->first, when);
	gt_unlock(&timers->lock);
	if (!first)
		return;

	atomic_thread_fence(memory_order_seq_cst);			/* (A) */
	if (atomic_load(&gt_sched.polled))
		gt_wake_p();
	else if (when < atomic_load(&gt_sched.poll_until))
		gt_sched.poller->kick();
}

int64_t gt_timer_run(struct gt_p *p, int64_t now)
{
	struct gt_timers *timers = &p->timers;
	int64_t first = gt_load(&timers->first);

	if (gt_likely(first > now))
		return first;
	gt_lock(&timers->lock);
	while (timers->count && timers->heap[0].when <= now) {
		struct gt_timer *timer = timers->heap[0].timer;

		if (--timers->count)
			sift_down(timers->heap, timers->count, timers->heap[timers->count]);
		gt_store(&timers->first,
			 timers->count ? timers->heap[0].when : INT64_MAX);
		gt_unlock(&timers->lock);
		timer->fire(timer);
		gt_lock(&timers->lock);
	}
	first = gt_load(&timers->first);
	gt_unlock(&timers->lock);
	return first;
}

int64_t gt_timer_first(void)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < gt_sched.maxprocs; i++) {
		int64_t when = atomic_load(&gt_sched.all_p[i].timers.first);

		if (when < first)
			first = when;
	}
	return first;
}
