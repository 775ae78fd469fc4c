// SPDX-License-Identifier: GPL-2.0
/*
 * Block detection: from the context switch to the standby worker.
 *
 * sched_out sees its task go to sleep, stores BLOCKED in the status word and, if
 * the worker is covered, starts the grace (a timer; an irq_work if there is no
 * grace). When that ends and the word is still the same, the group's uncovered
 * event is raised, if it is wanted: one standby worker is woken, or, if there is none,
 * the event waits for the next.
 *
 * WHO WRITES THE WORD
 *
 * Only the worker's own task, in program order: attach, park, standby and detach
 * in process context, sched_out and sched_in in between; and exit_work when the
 * task is dead and off its CPU. So there is one writer at a time and plain stores
 * are enough: process context does not sleep between its look at the word and its
 * store, and a preemption there writes nothing. All else reads. The words that
 * belong to a block (blocked_ns, nr_blocked) are stored before the word, and the
 * word is a release: who reads the word with acquire and then those sees them at
 * least as new as the word.
 *
 *   FREE -> RUNNING		attach
 *   RUNNING -> BLOCKED		sched_out, number + 1
 *   BLOCKED -> RUNNING		sched_in
 *   RUNNING -> PARKED, STANDBY, and back: park.c
 *   RUNNING -> FREE		detach; exit_work
 *
 * The number is the slot's, not the worker's: it goes on when the slot is taken
 * again, so that a word never comes back. Within PARKED and STANDBY the scheduler
 * hooks change nothing. A worker that is in an address space other than its
 * group's (exec, or exit past exit_mm()) stays RUNNING until it is gone.
 *
 * ORDERING
 *
 * 1. No report for a block that is over, no report twice.
 *
 *	worker's CPU			CPU of the timer or irq_work
 *
 *	sched_out:			gt_block_report:
 *	  armed = word'			  LOCK group
 *	  word = word'     (A)		  word, armed	   (B)
 *	  start timer / irq_work	  word == armed && armed != raised ?
 *	sched_in:			    raised = word, raise
 *	  word = RUNNING   (C)		  UNLOCK group
 *	  cancel timer     (D)
 *
 *    Starting the timer or claiming the irq_work orders (A) before (B). At (B)
 *    the worker is in the same block or it is not; if (C) comes right after, it
 *    was blocked for the whole grace none the less. (D) waits for a callback that
 *    is under way, so a report never meets a block later than the one it was
 *    started for, and the grace of that later one is whole. An irq_work cannot be
 *    cancelled: one that is late may meet a later block. armed then says whether
 *    that one is to be reported, and raised that it is reported once.
 *
 *    (D) may wait: sched_in holds no lock, and the callback, in a hard interrupt
 *    on another CPU, takes group->lock and wakes a task, nothing that waits for
 *    this CPU.
 *
 *    Rejected: leaving the timer to find the word changed. It saves the cancel,
 *    but then a callback late from one block could report the next one before its
 *    grace is over, and user code would be interrupted for nothing.
 *
 * 2. No event is lost between a raise and a standby that is about to sleep.
 *
 *    Both sides are under group->lock: the raise hands the event to the head of
 *    group->standby or sets group->uncovered; standby takes group->uncovered or
 *    enters group->standby. Whichever comes second sees the first. From there on
 *    the event is a bit of that worker, and park.c tells why that is not lost.
 *
 * 3. No event is withheld that user space waits for (ONLY IF THERE IS WORK in the ABI).
 *
 *	gt_block_report			user space, as it takes the last spare right
 *
 *	reported = word, quiet++	spare = 0
 *	(E) full barrier		full barrier
 *	if (!spare) raise		if (quiet) look at reported of all
 *
 *    The barriers are in the middle of both, so one sees the other. What was to be done
 *    when the worker blocked is in its queue, which it alone adds to: so a look at that,
 *    in sched_out, where it can be read at its own address, is of the moment of the block.
 *    It is not waited for: a page of it that is not there counts as work.
 *
 *    tools/model/quiet.pml has these steps.
 *
 *    Rejected: a count of what is runnable, in the user area, which each addition and each
 *    removal would have to write, where they are a few instructions long; a look at the
 *    queue when the grace is over, since it is in an address space that is not there then;
 *    the queues in the user area, which costs user space an indirection each time.
 *
 * LOCKING
 *
 * sched_out runs with the run queue locked and interrupts off. It may store, queue
 * an irq_work, and start a timer as the scheduler itself does for its own tick; it
 * may not take group->lock or wake anybody. The timer is pinned: the search for
 * another CPU would be wasted, and so would be that CPU's interrupt. It does not
 * strand if the CPU goes offline, for hrtimers_cpu_dying() moves pinned timers as
 * well, and what is left of irq_works is run by the dying CPU itself.
 */
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "trace.h"
#include "compat/compat.h"

static u64 gt_block_word(u64 number, unsigned int state)
{
	return number << 8 | state;
}

static unsigned int gt_block_state(const struct gt_worker *worker)
{
	return GT_WORD_STATE(READ_ONCE(worker->status->word));
}

/**
 * gt_block_word_set - enter a state that is not a block
 * @worker:	of current, or of a dead task
 * @state:	GT_STATE_*
 */
void gt_block_word_set(struct gt_worker *worker, unsigned int state)
{
	u64 *word = &worker->status->word;

	/* Pairs with user space's acquire of the word. */
	smp_store_release(word, gt_block_word(GT_WORD_SEQ(*word), state));
}

/**
 * gt_block_raise_locked - raise the uncovered event
 * @group: whose lock is held
 *
 * Return: the worker that it went to, which the caller must wake after it has
 * released the lock; NULL if the event waits.
 */
struct gt_worker *gt_block_raise_locked(struct gt_group *group)
{
	struct gt_worker *standby;

	lockdep_assert_held(&group->lock);

	standby = list_first_entry_or_null(&group->standby, struct gt_worker, standby);
	if (standby && !gt_fault(GT_FAULT_EVENT)) {
		list_del_init(&standby->standby);
		trace_gt_standby_woken(standby);
		gt_count(group, GT_COUNT_STANDBY_WOKEN);
		atomic_or(GT_EVENT_UNCOVERED, &standby->events);
	} else {
		standby = NULL;
		group->uncovered = true;
		WRITE_ONCE(gt_group_status(group)->uncovered, 1);
	}
	return standby;
}

/* Has current, in its own sched_out, nothing in its queue? False too if that is not known. */
static bool gt_block_is_workless(const struct gt_worker *worker)
{
	const u64 address = READ_ONCE(worker->user->queue);
	const struct gt_queue __user *queue = u64_to_user_ptr(address);
	struct {
		u32 tail, reserved;
		u64 next;
	} rest;
	u32 head;

	BUILD_BUG_ON(sizeof(*queue) - offsetof(struct gt_queue, tail) != sizeof(rest));

	return address && address % 8 == 0 &&
	       !copy_from_user_nofault(&head, &queue->head, sizeof(head)) &&
	       !copy_from_user_nofault(&rest, &queue->tail, sizeof(rest)) &&
	       head == rest.tail && !rest.next;
}

/* The worker has become uncovered. Shall nobody be woken for that? */
static bool gt_block_is_quiet_locked(const struct gt_worker *worker)
{
	const struct gt_group_user *user = gt_group_user(worker->group);
	struct gt_status *status = gt_group_status(worker->group);

	if (!worker->workless)
		return false;
	WRITE_ONCE(status->quiet, status->quiet + 1);
	smp_mb();						/* (E) */
	if (!READ_ONCE(user->spare) || !READ_ONCE(user->attended))
		return false;
	gt_count(worker->group, GT_COUNT_QUIET);
	return true;
}

/*
 * Here, if the blocked worker has left its CPU without work: that one is awake, and has in
 * its caches what the worker held. Another would have to be interrupted first.
 */
static void gt_block_wake(struct gt_worker *standby)
{
	if (is_idle_task(current))
		gt_compat_wake_up_here(standby->task);
	else
		wake_up_process(standby->task);
}

/* The grace is over. In a hard interrupt. */
static void gt_block_report(struct gt_worker *worker)
{
	struct gt_group *group = worker->group;
	struct gt_worker *standby = NULL;
	unsigned long flags;
	u64 word;

	if (gt_fault(GT_FAULT_REPORT))
		return;
	/* Keeps the standby and its task for the wakeup. */
	rcu_read_lock();
	raw_spin_lock_irqsave(&group->lock, flags);
	word = READ_ONCE(worker->status->word);		/* (B) */
	WRITE_ONCE(worker->answered, word);
	if (GT_WORD_STATE(word) == GT_STATE_BLOCKED &&
	    word == READ_ONCE(worker->armed) && word != worker->raised) {
		worker->raised = word;
		WRITE_ONCE(worker->status->reported, word);
		WRITE_ONCE(worker->status->nr_uncovered, worker->status->nr_uncovered + 1);
		trace_gt_uncovered(worker, word);
		gt_count(group, GT_COUNT_UNCOVERED);
		if (!gt_block_is_quiet_locked(worker))
			standby = gt_block_raise_locked(group);
	}
	raw_spin_unlock_irqrestore(&group->lock, flags);
	if (standby && !gt_fault(GT_FAULT_WAKEUP))
		gt_block_wake(standby);
	rcu_read_unlock();
}

static void gt_block_report_work(struct irq_work *work)
{
	gt_block_report(container_of(work, struct gt_worker, report_work));
}

static enum hrtimer_restart gt_block_grace_over(struct hrtimer *timer)
{
	gt_block_report(container_of(timer, struct gt_worker, grace_timer));
	return HRTIMER_NORESTART;
}

static void gt_block_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct gt_worker *worker = container_of(notifier, struct gt_worker, notifier);
	struct gt_worker_status *status = worker->status;
	bool covered;
	u64 word;

	gt_slice_out(worker);
	if (READ_ONCE(current->__state) == TASK_DEAD) {
		gt_worker_dead(worker);
		return;
	}
	if (gt_block_state(worker) != GT_STATE_RUNNING || !gt_compat_task_blocked())
		return;
	if (current->mm != worker->group->mm)
		return;

	word = gt_block_word(GT_WORD_SEQ(status->word) + 1, GT_STATE_BLOCKED);
	WRITE_ONCE(status->blocked_ns, ktime_get_mono_fast_ns());
	WRITE_ONCE(status->nr_blocked, status->nr_blocked + 1);
	covered = READ_ONCE(worker->user->cover);
	if (covered) {
		worker->workless = gt_block_is_workless(worker);
		WRITE_ONCE(worker->armed, word);
		gt_word_block(worker, GT_WORD_SEQ(word));
	}
	trace_gt_block(worker, word);
	gt_count(worker->group, GT_COUNT_BLOCK);
	/* Pairs with user space's acquire of the word. */
	smp_store_release(&status->word, word);		/* (A) */
	if (!covered)
		return;
	if (worker->group->grace_ns)
		hrtimer_start(&worker->grace_timer, ns_to_ktime(worker->group->grace_ns),
			      HRTIMER_MODE_REL_PINNED_HARD);
	else
		irq_work_queue(&worker->report_work);
}

static void gt_block_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct gt_worker *worker = container_of(notifier, struct gt_worker, notifier);
	bool taken;

	gt_slice_in(worker);
	if (gt_block_state(worker) != GT_STATE_BLOCKED)
		return;
	WRITE_ONCE(worker->status->resumed_ns, ktime_get_mono_fast_ns());
	gt_block_word_set(worker, GT_STATE_RUNNING);	/* (C) */
	/*
	 * A full barrier, which the ABI promises of gt_worker_status.word. Pairs with that
	 * of a user who stores, and then reads that one as still BLOCKED: this task sees the
	 * store.
	 */
	taken = gt_word_return(worker, GT_WORD_SEQ(worker->status->word));
	hrtimer_cancel(&worker->grace_timer);		/* (D) */
	if (taken)
		gt_upcall_request(worker, GT_UPCALL_RETURN);
}

struct preempt_ops gt_block_preempt_ops = {
	.sched_in = gt_block_sched_in,
	.sched_out = gt_block_sched_out,
};

/**
 * gt_block_init - make a worker ready for the scheduler's hooks
 * @worker: not attached yet
 */
void gt_block_init(struct gt_worker *worker)
{
	gt_compat_hrtimer_setup(&worker->grace_timer, gt_block_grace_over, CLOCK_MONOTONIC,
				HRTIMER_MODE_REL_PINNED_HARD);
	worker->report_work = IRQ_WORK_INIT_HARD(gt_block_report_work);
}

/**
 * gt_block_stop - wait until no interrupt is under way for a worker
 * @worker: whose notifier is registered no more
 */
void gt_block_stop(struct gt_worker *worker)
{
	hrtimer_cancel(&worker->grace_timer);
	irq_work_sync(&worker->report_work);
}
