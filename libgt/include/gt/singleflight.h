/* SPDX-License-Identifier: MIT */
/*
 * Singleflight: of all that ask for one thing at the same time, one does the work.
 *
 *	static struct gt_singleflight pages = { .release = free };
 *	struct gt_flight *flight = gt_singleflight_do(&pages, "/index", fetch, arg);
 *
 *	if (flight && !gt_flight_error(flight))
 *		show(gt_flight_value(flight));
 *	gt_flight_put(flight);		(the last one frees the page)
 *
 * Ownership: a flight is the result of one call of the function, and counted: each that
 * asked gets a reference. The value belongs to the flight, and goes to release() with it.
 *
 * Source: golang.org/x/sync/singleflight.
 */
#ifndef GT_SINGLEFLIGHT_H
#define GT_SINGLEFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include <gt/chan.h>
#include <gt/sync.h>
#include <gt/version.h>

GT_BEGIN_DECLS

struct gt_flight;

/**
 * struct gt_singleflight - a set of keys at work; zero bytes are ready to use
 * @release: called with the value that belongs to a flight when it is freed; NULL: values
 *	are borrowed. Not called for a value of NULL.
 * @gt_lock: libgt's own.
 * @gt_calls: libgt's own.
 * @gt_buckets: libgt's own.
 * @gt_count: libgt's own.
 *
 * The memory is the caller's. It may be freed when no call is under way and no task of
 * gt_singleflight_go() is at work; flights may outlive it. While it is idle it has no
 * memory of its own.
 */
struct gt_singleflight {
	void (*release)(void *value);
	struct gt_mutex gt_lock;
	struct gt_flight **gt_calls;
	size_t gt_buckets;
	size_t gt_count;
};

/**
 * gt_singleflight_do - do something, or wait for who does it already
 * @group: which keys belong together.
 * @key: what is asked for; copied.
 * @fn: called if nobody is at it. It returns 0 or an error, and may set *@value, which
 *	the flight owns, also after an error.
 * @arg: passed to @fn.
 *
 * If @fn panics, all that wait for it panic as well. If it calls gt_exit(), they get
 * -ECANCELED.
 *
 * Memory model: what @fn does happens before the return of each call that shares it.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread. Signal-safe: no.
 * Return: the flight, which has landed: a reference for the caller; NULL if there is no
 * memory, with @fn not called.
 */
struct gt_flight *gt_singleflight_do(struct gt_singleflight *group, const char *key,
				     int (*fn)(void *arg, void **value), void *arg);

/**
 * gt_singleflight_go - have something done, unless somebody does it already
 * @group: as in gt_singleflight_do().
 * @key: as in gt_singleflight_do().
 * @fn: as in gt_singleflight_do(); called in a task of its own.
 * @arg: passed to @fn.
 *
 * The flight's gt_flight_done() says when it has landed, so that a select may wait for
 * it, or for something else, or a context give up: the work goes on without the caller.
 * If @fn panics in that task and nothing recovers, the program ends.
 *
 * Context: Suspends: yes, for the group's lock alone. Migrates: yes. Pthread: works,
 * while the runtime runs. Signal-safe: no.
 * Return: the flight: a reference for the caller; NULL if there is no memory, or no
 * runtime.
 */
struct gt_flight *gt_singleflight_go(struct gt_singleflight *group, const char *key,
				     int (*fn)(void *arg, void **value), void *arg);

/**
 * gt_singleflight_forget - let the next that asks do it anew
 * @group: the group.
 * @key: the key. Those that wait for it already go on waiting.
 *
 * Context: Suspends: yes, for the group's lock alone. Migrates: yes. Pthread: works.
 * Signal-safe: no.
 */
void gt_singleflight_forget(struct gt_singleflight *group, const char *key);

/**
 * gt_flight_done - a channel that is closed when the flight has landed
 * @flight: the flight.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the channel, of elements of size 0: the flight's.
 */
struct gt_chan *gt_flight_done(struct gt_flight *flight);

/**
 * gt_flight_error - what the function returned
 * @flight: a flight that has landed.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: 0 or its error; -ECANCELED if it called gt_exit().
 */
int gt_flight_error(const struct gt_flight *flight);

/**
 * gt_flight_value - what the function made
 * @flight: a flight that has landed.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: the value: the flight's.
 */
void *gt_flight_value(const struct gt_flight *flight);

/**
 * gt_flight_shared - did more than one ask for it
 * @flight: a flight that has landed.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: whether the value went to several callers.
 */
bool gt_flight_shared(const struct gt_flight *flight);

/**
 * gt_flight_get - take a reference
 * @flight: the flight.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: @flight.
 */
struct gt_flight *gt_flight_get(struct gt_flight *flight);

/**
 * gt_flight_put - give a reference back
 * @flight: the flight, or NULL. It may be in the air.
 *
 * Context: Suspends: as the group's release(). Pthread: works. Signal-safe: no.
 */
void gt_flight_put(struct gt_flight *flight);

GT_END_DECLS

#endif /* GT_SINGLEFLIGHT_H */
