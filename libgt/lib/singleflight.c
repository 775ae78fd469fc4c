/* SPDX-License-Identifier: MIT */
/*
 * Singleflight: a table of what is in the air.
 *
 * A flight is in the table from the call that starts it until its function has ended, or
 * gt_singleflight_forget(). Under the group's lock, whoever finds it there joins it; who
 * does not adds his own. So nobody joins after it was taken out, and what says whether it
 * is shared (joined) is constant from then on, as are its results: they are written
 * before its channel is closed, and read after that.
 *
 * The function ends by a deferred call, since it may also exit or panic. A panic is kept
 * for those who wait, and passed on to whoever runs the function.
 *
 * Locking: the group's lock protects the table and joined. References: one for each that
 * asked, and one for who runs the function.
 *
 * Source: golang.org/x/sync/singleflight.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gt/panic.h"
#include "gt/singleflight.h"
#include "gt/task.h"

#define BUCKETS 16		/* at first; a power of two */

struct gt_flight {
	struct gt_flight *next;		/* group's lock: in its bucket */
	struct gt_singleflight *group;	/* valid until it has landed */
	void (*release)(void *value);	/* constant */
	_Atomic uint32_t refs;
	uint32_t hash;			/* constant */
	bool listed;			/* group's lock: in the table */
	bool joined;			/* group's lock, constant once it is not listed */
	bool returned;			/* the function did. Runner's, like the next */
	bool inline_caller;		/* the runner asked for it, and has that reference too */
	int (*fn)(void *arg, void **value);
	void *arg;
	struct gt_chan *done;		/* constant */
	/* Written by the runner before done is closed. */
	int error;
	void *value;
	struct gt_panic_info *panic;	/* it panicked, and there was memory to keep why */
	bool panicked;
	char key[];			/* constant */
};

/* FNV-1a. */
static uint32_t hash_of(const char *key)
{
	uint32_t hash = 2166136261u;

	while (*key)
		hash = (hash ^ (unsigned char)*key++) * 16777619u;
	return hash;
}

/* ------------------------------------------------------------ references ---- */

struct gt_flight *gt_flight_get(struct gt_flight *flight)
{
	atomic_fetch_add_explicit(&flight->refs, 1, memory_order_relaxed);
	return flight;
}

void gt_flight_put(struct gt_flight *flight)
{
	if (!flight || atomic_fetch_sub_explicit(&flight->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (flight->value && flight->release)
		flight->release(flight->value);
	gt_chan_put(flight->done);
	free(flight->panic);
	free(flight);
}

static struct gt_flight *make(struct gt_singleflight *group, const char *key, uint32_t hash)
{
	size_t length = strlen(key) + 1;
	struct gt_flight *flight = calloc(1, sizeof(*flight) + length);

	if (!flight)
		return NULL;
	flight->done = gt_chan_make(0, 0);
	if (!flight->done) {
		free(flight);
		return NULL;
	}
	flight->group = group;
	flight->release = group->release;
	flight->hash = hash;
	atomic_store_explicit(&flight->refs, 1, memory_order_relaxed);
	memcpy(flight->key, key, length);
	return flight;
}

/* ---------------------------------------------- the table, under the lock ---- */

/* Where the key's flight is linked; NULL if it is not there. */
static struct gt_flight **find(struct gt_singleflight *group, const char *key, uint32_t hash)
{
	struct gt_flight **link;

	if (!group->gt_buckets)
		return NULL;
	link = &group->gt_calls[hash & (group->gt_buckets - 1)];
	while (*link && ((*link)->hash != hash || strcmp((*link)->key, key)))
		link = &(*link)->next;
	return *link ? link : NULL;
}

/* Twice the buckets. Without memory the chains get longer, if there are any. */
static bool grow(struct gt_singleflight *group)
{
	size_t buckets = group->gt_buckets ? group->gt_buckets * 2 : BUCKETS;
	struct gt_flight **calls = calloc(buckets, sizeof(*calls)), *flight, **link;

	if (!calls)
		return group->gt_buckets;
	for (size_t i = 0; i < group->gt_buckets; i++) {
		while ((flight = group->gt_calls[i])) {
			group->gt_calls[i] = flight->next;
			link = &calls[flight->hash & (buckets - 1)];
			flight->next = *link;
			*link = flight;
		}
	}
	free(group->gt_calls);
	group->gt_calls = calls;
	group->gt_buckets = buckets;
	return true;
}

static bool list(struct gt_singleflight *group, struct gt_flight *flight)
{
	struct gt_flight **link;

	if (group->gt_count >= group->gt_buckets && !grow(group))
		return false;
	link = &group->gt_calls[flight->hash & (group->gt_buckets - 1)];
	flight->next = *link;
	*link = flight;
	flight->listed = true;
	group->gt_count++;
	return true;
}

static void unlist(struct gt_singleflight *group, struct gt_flight **link)
{
	struct gt_flight *flight = *link;

	*link = flight->next;
	flight->listed = false;
	if (--group->gt_count)
		return;
	free(group->gt_calls);		/* an idle group has nothing to free */
	group->gt_calls = NULL;
	group->gt_buckets = 0;
}

/* ------------------------------------------------------------- the flight ---- */

/* The runner's: it must not touch the group afterwards. */
static void land(struct gt_flight *flight)
{
	struct gt_singleflight *group = flight->group;

	gt_mutex_lock(&group->gt_lock);
	if (flight->listed)
		unlist(group, find(group, flight->key, flight->hash));
	gt_mutex_unlock(&group->gt_lock);
	gt_chan_close(flight->done);
	gt_flight_put(flight);
}

static void end(void *arg)
{
	struct gt_flight *flight = arg;
	const struct gt_panic_info *panic = flight->returned ? NULL : gt_recover();

	if (flight->returned) {
		land(flight);
		return;
	}
	flight->error = -ECANCELED;
	flight->panicked = panic;
	if (panic && (flight->panic = malloc(sizeof(*flight->panic))))
		*flight->panic = *panic;
	if (flight->inline_caller)
		gt_flight_put(flight);		/* it will not see it */
	land(flight);
	if (panic)
		gt_panic_again(panic);
}

static void fly(void *arg)
{
	struct gt_flight *flight = arg;

	GT_DEFER(end, flight);
	flight->error = flight->fn(flight->arg, &flight->value);
	flight->returned = true;
}

static void fly_copy(void *arg)
{
	fly(*(struct gt_flight **)arg);
}

/*
 * The key's flight, with a reference for the caller, and another for its runner if it is
 * new.
 */
static struct gt_flight *join(struct gt_singleflight *group, const char *key,
			      int (*fn)(void *arg, void **value), void *arg, bool *fresh)
{
	struct gt_flight **link, *flight, *mine;
	uint32_t hash = hash_of(key);

	gt_mutex_lock(&group->gt_lock);
	link = find(group, key, hash);
	if (link) {
		flight = gt_flight_get(*link);
		flight->joined = true;
		gt_mutex_unlock(&group->gt_lock);
		*fresh = false;
		return flight;
	}
	mine = make(group, key, hash);
	if (mine && !list(group, mine)) {
		gt_flight_put(mine);
		mine = NULL;
	}
	if (mine) {
		mine->fn = fn;
		mine->arg = arg;
		gt_flight_get(mine);
	}
	gt_mutex_unlock(&group->gt_lock);
	*fresh = true;
	return mine;
}

struct gt_flight *gt_singleflight_do(struct gt_singleflight *group, const char *key,
				     int (*fn)(void *arg, void **value), void *arg)
{
	struct gt_panic_info panic = { .message = "singleflight: the function panicked" };
	bool fresh;
	struct gt_flight *flight = join(group, key, fn, arg, &fresh);

	if (!flight)
		return NULL;
	if (fresh) {
		flight->inline_caller = true;
		fly(flight);
		return flight;
	}
	gt_chan_recv(flight->done, NULL);
	if (flight->panicked) {
		if (flight->panic)
			panic = *flight->panic;
		gt_flight_put(flight);
		gt_panic_again(&panic);
	}
	return flight;
}

struct gt_flight *gt_singleflight_go(struct gt_singleflight *group, const char *key,
				     int (*fn)(void *arg, void **value), void *arg)
{
	bool fresh;
	struct gt_flight *flight = join(group, key, fn, arg, &fresh);
	int error;

	if (!flight || !fresh)
		return flight;
	error = gt_go_copy(fly_copy, &flight, sizeof(flight));
	if (!error)
		return flight;
	/* Others may have joined meanwhile: they are told. */
	flight->error = error;
	land(flight);
	gt_flight_put(flight);
	return NULL;
}

void gt_singleflight_forget(struct gt_singleflight *group, const char *key)
{
	struct gt_flight **link;

	gt_mutex_lock(&group->gt_lock);
	link = find(group, key, hash_of(key));
	if (link)
		unlist(group, link);
	gt_mutex_unlock(&group->gt_lock);
}

struct gt_chan *gt_flight_done(struct gt_flight *flight)
{
	return flight->done;
}

int gt_flight_error(const struct gt_flight *flight)
{
	return flight->error;
}

void *gt_flight_value(const struct gt_flight *flight)
{
	return flight->value;
}

bool gt_flight_shared(const struct gt_flight *flight)
{
	return flight->joined;
}
