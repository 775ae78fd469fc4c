// SPDX-License-Identifier: GPL-2.0
/*
 * Time slices: a worker that has run one thing for too long gets an upcall, if
 * something else waits.
 *
 * What it runs is gt_worker_user.seq; how long, is counted while the worker is on a CPU,
 * from its sched_in to its sched_out. A timer looks four times a slice. It finds a new
 * seq: the slice begins there, up to a quarter late. It finds the old one, and the slice
 * over: it requests the upcall, now or as soon as gt_worker_user.waiting is set.
 *
 * The timer runs only while the worker does. It is not stopped in sched_out, which
 * happens far more often than the timer fires: it finds the worker off its CPU, and
 * ends. @ticking says whether it is still to come; whoever puts the worker on a CPU
 * starts it if it is not. Both look under @lock, so one of them knows of the other.
 *
 * It is pinned: to look for a better CPU would be wasted, as it is meant for this one.
 * If the worker moves, the timer follows when it has ended once; until then it requests
 * from afar. If a CPU goes offline, hrtimers_cpu_dying() moves its pinned timers too.
 *
 * @lock is taken in sched_out, with the run queue locked: under it nobody is woken.
 */
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "gt.h"
#include "compat/compat.h"

#define GT_SLICE_LOOKS	4

/* CPU time of the worker since its slices were set. */
static u64 gt_slice_spent_locked(const struct gt_slice *slice, u64 now)
{
	return slice->spent + (slice->on_cpu ? now - slice->since : 0);
}

static u64 gt_slice_period(const struct gt_slice *slice)
{
	return slice->length / GT_SLICE_LOOKS;
}

/* Is the slice over, and does it matter? Else what is left of it, in *@left. */
static bool gt_slice_is_over_locked(struct gt_worker *worker, u64 *left)
{
	struct gt_slice *slice = &worker->slice;
	u64 spent = gt_slice_spent_locked(slice, ktime_get_mono_fast_ns());
	u64 seq = READ_ONCE(worker->user->seq);

	*left = gt_slice_period(slice);
	if (seq != slice->seq) {
		slice->seq = seq;
		slice->begun = spent;
	}
	if (spent - slice->begun < slice->length) {
		*left = min(*left, slice->length - (spent - slice->begun));
		return false;
	}
	if (!READ_ONCE(worker->user->waiting))
		return false;
	slice->begun = spent;
	return true;
}

static enum hrtimer_restart gt_slice_look(struct hrtimer *timer)
{
	struct gt_worker *worker = container_of(timer, struct gt_worker, slice.timer);
	struct gt_slice *slice = &worker->slice;
	bool ticking, over = false;
	unsigned long flags;
	u64 left;

	raw_spin_lock_irqsave(&slice->lock, flags);
	ticking = slice->length && slice->on_cpu;
	if (ticking) {
		over = gt_slice_is_over_locked(worker, &left);
		hrtimer_forward_now(timer, ns_to_ktime(left));
	}
	slice->ticking = ticking;
	raw_spin_unlock_irqrestore(&slice->lock, flags);
	if (over)
		gt_upcall_request(worker, GT_UPCALL_SLICE);
	/* If it has been started anew meanwhile, that holds. */
	return ticking ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static void gt_slice_tick_locked(struct gt_slice *slice)
{
	if (slice->ticking)
		return;
	slice->ticking = true;
	hrtimer_start(&slice->timer, ns_to_ktime(gt_slice_period(slice)),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * gt_slice_in - the worker is on a CPU again
 * @worker: of current, in sched_in
 */
void gt_slice_in(struct gt_worker *worker)
{
	struct gt_slice *slice = &worker->slice;
	unsigned long flags;

	/* The task's own word, and this is the task. */
	if (!slice->length)
		return;
	raw_spin_lock_irqsave(&slice->lock, flags);
	slice->on_cpu = true;
	slice->since = ktime_get_mono_fast_ns();
	gt_slice_tick_locked(slice);
	raw_spin_unlock_irqrestore(&slice->lock, flags);
}

/**
 * gt_slice_out - the worker leaves its CPU
 * @worker: of current, in sched_out
 */
void gt_slice_out(struct gt_worker *worker)
{
	struct gt_slice *slice = &worker->slice;
	unsigned long flags;

	if (!slice->length)
		return;
	raw_spin_lock_irqsave(&slice->lock, flags);
	slice->spent = gt_slice_spent_locked(slice, ktime_get_mono_fast_ns());
	slice->on_cpu = false;
	raw_spin_unlock_irqrestore(&slice->lock, flags);
}

/**
 * gt_slice_set - GT_IOC_WORKER_SLICE
 * @worker:	of current
 * @arg:	the kernel's copy of the argument
 */
int gt_slice_set(struct gt_worker *worker, const struct gt_worker_slice *arg)
{
	struct gt_slice *slice = &worker->slice;
	unsigned long flags;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	if (arg->slice_ns && (arg->slice_ns < GT_SLICE_MIN_NS || arg->slice_ns > GT_SLICE_MAX_NS))
		return -EINVAL;

	raw_spin_lock_irqsave(&slice->lock, flags);
	slice->length = arg->slice_ns;
	slice->spent = 0;
	slice->begun = 0;
	slice->seq = READ_ONCE(worker->user->seq);
	slice->since = ktime_get_mono_fast_ns();
	slice->on_cpu = true;
	if (slice->length)
		gt_slice_tick_locked(slice);
	raw_spin_unlock_irqrestore(&slice->lock, flags);
	return 0;
}

/**
 * gt_slice_init - make a worker ready for slices
 * @worker: not attached yet
 */
void gt_slice_init(struct gt_worker *worker)
{
	raw_spin_lock_init(&worker->slice.lock);
	gt_compat_hrtimer_setup(&worker->slice.timer, gt_slice_look, CLOCK_MONOTONIC,
				HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * gt_slice_stop - no slice ends any more
 * @worker: no longer its task's; it still holds its file
 */
void gt_slice_stop(struct gt_worker *worker)
{
	hrtimer_cancel(&worker->slice.timer);
}
