/* SPDX-License-Identifier: MIT */
/*
 * Select: wait for the first of several sends and receives that can proceed.
 *
 *	struct gt_case cases[] = {
 *		gt_case_recv(jobs, &job),
 *		gt_case_send(results, &result),
 *		gt_case_recv(quit, NULL),
 *	};
 *
 *	switch (gt_select(cases, 3, 0)) {
 *	case 0:
 *		if (!cases[0].ok)
 *			return;		// closed and drained
 *		work(&job);
 *		break;
 *	case 1:
 *		sent++;
 *		break;
 *	case 2:
 *		return;
 *	}
 *
 * The same with statements in place of numbers, which is as fast:
 *
 *	GT_SELECT {
 *	GT_ON(gt_case_recv(jobs, &job))
 *		work(&job);
 *	GT_ON(gt_case_send(results, &result))
 *		sent++;
 *	GT_ON_DEFAULT
 *		idle();
 *	}
 *
 * Which one: if several can proceed, one of them is chosen at random, each with the
 * same probability. "Can proceed" is about one moment, at which all of the channels
 * are looked at together. Exactly one case takes place, and the others leave no
 * trace. A channel may stand in several cases, in both directions too: a select
 * never meets itself. A case whose channel is NULL never proceeds.
 *
 * Memory model: that of the chosen send or receive, see <gt/chan.h>.
 */
#ifndef GT_SELECT_H
#define GT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gt/chan.h>
#include <gt/time.h>
#include <gt/version.h>

GT_BEGIN_DECLS

/** GT_SELECT_MAX - the most cases that a select may have. */
#define GT_SELECT_MAX 65536

/** GT_SELECT_DEFAULT - do not wait: if no case can proceed, return -EAGAIN. */
#define GT_SELECT_DEFAULT 1u

/**
 * enum gt_direction - what a case does with its channel
 * @GT_DIRECTION_RECV: it receives.
 * @GT_DIRECTION_SEND: it sends.
 */
enum gt_direction {
	GT_DIRECTION_RECV,
	GT_DIRECTION_SEND
};

/**
 * struct gt_case - a send or a receive that a select may choose
 * @chan: the channel, or NULL: the case never proceeds.
 * @value: where to receive to, or NULL to drop the value; or what to send. Not
 *	touched unless the case is chosen.
 * @direction: GT_DIRECTION_RECV or GT_DIRECTION_SEND.
 * @ok: set if the case is chosen: whether a value was passed; false for a receive
 *	from a channel that is closed and drained, whose value is zeroed.
 *
 * The caller's. A select may use it any number of times, with other channels and
 * values in between: to switch a case off, set @chan to NULL.
 */
struct gt_case {
	struct gt_chan *chan;
	void *value;
	enum gt_direction direction;
	bool ok;
};

/**
 * gt_select - carry out one of several sends and receives
 * @cases: the cases; the caller holds a reference to each channel.
 * @n: how many, up to GT_SELECT_MAX, else it panics.
 * @flags: 0 to wait until a case can proceed, or GT_SELECT_DEFAULT.
 *
 * Panics if it chooses a send on a closed channel. Waits for ever if no case has a
 * channel, unless the flags say not to wait. Up to 64 cases need no memory but the
 * caller's stack.
 *
 * Context: Suspends: yes, unless GT_SELECT_DEFAULT. Migrates: yes, as gt_go() with
 * GT_SELECT_DEFAULT. Pthread: blocks the thread. Signal-safe: no.
 * Return: the index of the case that took place; -EAGAIN as the flag says; -ENOMEM
 * if there are more than 64 cases, none can proceed, and there is no memory to wait
 * for them.
 */
int gt_select(struct gt_case *cases, size_t n, unsigned int flags);

/**
 * gt_select_until - the same, waiting no longer than to a deadline
 * @cases: as in gt_select().
 * @n: as in gt_select().
 * @deadline: absolute, as gt_now() gives it, or GT_NO_DEADLINE. One that has passed
 *	fails the call only if no case can proceed.
 *
 * Context: as gt_select().
 * Return: the index of the case that took place; -ETIMEDOUT: none did; -ENOMEM as
 * gt_select(), or if there is no memory for the deadline.
 */
int gt_select_until(struct gt_case *cases, size_t n, int64_t deadline);

/**
 * gt_case_recv - a case that receives
 * @chan: the channel, or NULL.
 * @value: where to put the value, or NULL.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the case, to initialise an element of an array, or for GT_ON().
 */
static inline struct gt_case gt_case_recv(struct gt_chan *chan, void *value)
{
	struct gt_case one;

	one.chan = chan;
	one.value = value;
	one.direction = GT_DIRECTION_RECV;
	one.ok = false;
	return one;
}

/**
 * gt_case_send - a case that sends
 * @chan: the channel, or NULL.
 * @value: what to send; it has to stay until the select is over.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the case, to initialise an element of an array, or for GT_ON().
 */
static inline struct gt_case gt_case_send(struct gt_chan *chan, const void *value)
{
	struct gt_case one;

	one.chan = chan;
	one.value = (void *)(uintptr_t)value;
	one.direction = GT_DIRECTION_SEND;
	one.ok = false;
	return one;
}

/** GT_SELECT_ROOM - the most cases that a GT_SELECT block may have. */
#define GT_SELECT_ROOM 16

/* private: a GT_SELECT block at work. */
struct gt_selection {
	struct gt_case cases[GT_SELECT_ROOM];
	int n;			/* the cases seen on this way through the block */
	int chosen;		/* the one to carry out */
	bool again;		/* the second way through: it has been chosen */
	bool wait;		/* there is no default */
	int64_t deadline;
};

void gt_selection_full(void);

static inline struct gt_selection *gt_selection_init(struct gt_selection *s, int64_t deadline)
{
	s->n = -1;
	s->again = false;
	s->wait = true;
	s->deadline = deadline;
	return s;
}

static inline bool gt_selection_next(struct gt_selection *s)
{
	if (s->again)
		return false;
	if (s->n < 0) {
		s->n = 0;
		return true;
	}
	s->chosen = s->wait ? gt_select_until(s->cases, (size_t)s->n, s->deadline) :
			      gt_select(s->cases, (size_t)s->n, GT_SELECT_DEFAULT);
	s->again = true;
	s->n = 0;
	return true;
}

static inline bool gt_selection_add(struct gt_selection *s, struct gt_case one)
{
	if (s->n == GT_SELECT_ROOM)
		gt_selection_full();
	s->cases[s->n++] = one;
	return false;
}

static inline bool gt_selection_default(struct gt_selection *s)
{
	s->wait = false;
	return s->again && s->chosen < 0;
}
/* public: */

/**
 * GT_SELECT - a select whose cases carry their statements with them
 *
 * Starts a block that holds nothing but GT_ON(), and GT_ON_DEFAULT if it is not to
 * wait, each before a statement. The block is gone through twice: once to collect the
 * cases, each evaluated once, and once to carry out the statement of the one that took
 * place. What a case sends has to outlive the block: no compound literal in GT_ON()
 * does. break and continue in a statement both leave the block, and it alone. Up to
 * GT_SELECT_ROOM cases, else it panics. An empty block waits for ever.
 */
#define GT_SELECT GT_SELECT_UNTIL(GT_NO_DEADLINE)

/**
 * GT_SELECT_UNTIL - GT_SELECT, waiting no longer than to a deadline
 * @deadline: as in gt_select_until(). If it comes, the statement of GT_ON_TIMEOUT is
 *	carried out, or none.
 */
#define GT_SELECT_UNTIL(deadline) \
	for (struct gt_selection gt_selection_, \
	     *gt_s_ = gt_selection_init(&gt_selection_, (deadline)); \
	     gt_selection_next(gt_s_);)

/**
 * GT_ON - a case of a GT_SELECT block, and the statement that follows it
 * @one: a struct gt_case, as gt_case_recv() and gt_case_send() give it.
 */
#define GT_ON(one) \
	if (!(gt_s_->again ? gt_s_->chosen == gt_s_->n++ : gt_selection_add(gt_s_, (one)))) { \
	} else

/** GT_ON_DEFAULT - the statement of a GT_SELECT block if no case can proceed */
#define GT_ON_DEFAULT \
	if (!gt_selection_default(gt_s_)) { \
	} else

/**
 * GT_ON_TIMEOUT - the statement of a GT_SELECT_UNTIL block whose deadline came
 *
 * Also if there is no memory for the deadline.
 */
#define GT_ON_TIMEOUT \
	if (!(gt_s_->again && gt_s_->chosen < 0)) { \
	} else

/** GT_OK - in the statement of a case: whether a value was passed, see struct gt_case */
#define GT_OK (gt_s_->cases[gt_s_->chosen].ok)

GT_END_DECLS

#endif /* GT_SELECT_H */
