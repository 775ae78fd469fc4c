/* SPDX-License-Identifier: MIT */
/*
 * Alarms: the scheduler's timers, in their users' memory. See timer.c. What a
 * program sees as struct gt_timer is built on them.
 */
#ifndef GT_SCHED_TIMER_H
#define GT_SCHED_TIMER_H

#include "base/clock.h"
#include "sched/types.h"

/*
 * Zero bytes and fire are ready to use. One caller at a time sets or cancels it; it
 * may fire meanwhile. While it is set its memory stays.
 */
struct gt_alarm {
	/*
	 * Called once it is due, with the time that it was set for, without a lock, by
	 * any thread of the runtime, also one without a P. Must not park, must not
	 * cancel the alarm it is called for; may set it again.
	 */
	void (*fire)(struct gt_alarm *alarm, int64_t when);
	/* The heap that it is in, or was in last, or NULL. Changed under the heap's lock. */
	_Atomic(struct gt_timers *) timers;
	uint32_t at;		/* its place in the heap, from 1; 0: none. timers->lock */
	uint32_t run;		/* timers->run when it was set. timers->lock */
	int64_t period;		/* then it stays set, for so much later, or 0. As at */
};

/*
 * Let it fire at a time, on the clock of its heap: the one that it is in, else that
 * of the caller's P, or, for a plain thread, of any P. Inside the runtime, which
 * must be on. Returns 1 if it was set before, and has been moved; 0 if not; -ENOMEM
 * if there is no room, with nothing changed.
 */
int gt_alarm_set(struct gt_alarm *alarm, int64_t when, int64_t period);

/*
 * Let it fire at another time, if it is set and not firing: at no time can it fire for
 * the old one then. Returns whether it has been moved.
 */
bool gt_alarm_move(struct gt_alarm *alarm, int64_t when);

/* From fire(): set it, unless somebody has meanwhile. Returns as gt_alarm_set(). */
int gt_alarm_set_again(struct gt_alarm *alarm, int64_t when);

/*
 * Take it out. When this returns fire() is not running, and will not be called, so
 * that the alarm's memory may go away. No lock may be held that fire() takes. Any
 * thread, also without a runtime. Returns whether it was set, and now will not fire.
 */
bool gt_alarm_cancel(struct gt_alarm *alarm);

/*
 * For park: set an alarm that is not set, and keep it from firing until its heap is
 * let go, by park's commit. 0; -ENOMEM with nothing changed or held. Tasks only.
 */
int gt_alarm_hold(struct gt_alarm *alarm, int64_t when);
void gt_alarm_let_go(struct gt_alarm *alarm);
/* In place of gt_alarm_let_go(): it is not set after all. */
void gt_alarm_drop(struct gt_alarm *alarm);

/* The heap of the P with this index. It outlives the P, and runs. */
struct gt_timers *gt_timers_of(uint32_t p_index);

/* Fire those that are due by now, at most so many. Returns when the next is, or INT64_MAX. */
int64_t gt_timers_run(struct gt_timers *timers, int64_t now, size_t most);

/*
 * Move all of from to the heap of P to. Not by who is firing one of from. 0; -ENOMEM, or
 * -ESTALE if to has retired: they stay.
 */
int gt_timers_move(struct gt_p *to, struct gt_timers *from);

/* Is none in it, or about to be set again? */
bool gt_timers_empty_locked(struct gt_timers *timers);

/* When the first alarm of all Ps is due, or INT64_MAX. */
int64_t gt_timers_first(void);

/*
 * Those of a bubble that has ended, whose tasks have, too: none will fire, and fire()
 * is called to say so, for INT64_MAX.
 */
void gt_timers_drop(struct gt_timers *timers);

/* Nobody will use it any more. */
void gt_timers_free(struct gt_timers *timers);

/* The end of a run: nobody else is there, and what is set will never fire. */
void gt_timers_end(void);
/* In the child of a fork(): the same, and the locks and the memory are leftovers. */
void gt_timers_forget(void);

/* Has p an alarm that is due? Reads the clock only if it has any. */
static inline bool gt_timers_due(struct gt_p *p)
{
	int64_t first = gt_load(&p->timers->first);

	return gt_unlikely(first != INT64_MAX) && first <= gt_clock();
}

#endif /* GT_SCHED_TIMER_H */
