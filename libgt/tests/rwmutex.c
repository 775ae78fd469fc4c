// SPDX-License-Identifier: GPL-2.0
/* Read-write mutexes. */
#include "test.h"

static struct gt_rwmutex rw;	/* zero bytes are ready to use */
static struct gt_wg wg;
static long value, copy;	/* rw's */
static atomic_long readers, writers, turns;

GT_TEST_PROCS(alone)
{
	struct gt_rwmutex fresh = {0};

	gt_rwmutex_rlock(&fresh);
	CHECK_EQ(gt_rwmutex_try_rlock(&fresh), 0);
	CHECK_EQ(gt_rwmutex_try_lock(&fresh), -EAGAIN);
	gt_rwmutex_runlock(&fresh);
	CHECK_EQ(gt_rwmutex_try_lock(&fresh), -EAGAIN);
	gt_rwmutex_runlock(&fresh);
	CHECK_EQ(gt_rwmutex_try_lock(&fresh), 0);
	CHECK_EQ(gt_rwmutex_try_lock(&fresh), -EAGAIN);
	CHECK_EQ(gt_rwmutex_try_rlock(&fresh), -EAGAIN);
	gt_rwmutex_unlock(&fresh);
	gt_rwmutex_lock(&fresh);
	gt_rwmutex_unlock(&fresh);
}

/* ------------------------------------------------------------- exclusion ---- */

static void reads(void)
{
	atomic_fetch_add(&readers, 1);
	CHECK_EQ(writers, 0);
	CHECK_EQ(value, copy);
}

static void writes(bool yields)
{
	CHECK_EQ(atomic_fetch_add(&writers, 1), 0);
	CHECK_EQ(readers, 0);
	value++;
	if (yields)
		gt_yield();
	copy++;
	CHECK_EQ(atomic_fetch_sub(&writers, 1), 1);
}

/* With deadlines among them, if asked. Each success is a turn. */
static bool with_deadlines;

static int64_t some_deadline(uint64_t *random)
{
	if (!with_deadlines || test_random(random) % 4 == 0)
		return GT_NO_DEADLINE;
	return gt_now() + test_random(random) % 50000;
}

static void uses(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	long i, n = scaled(1500);

	for (i = 0; i < n; i++) {
		uint32_t what = test_random(&random) % 16;
		int64_t deadline = some_deadline(&random);
		bool yields = test_random(&random) % 8 == 0;

		if (what < 4) {
			if (what ? gt_rwmutex_lock_until(&rw, deadline) :
				   gt_rwmutex_try_lock(&rw)) {
				CHECK(!what || deadline != GT_NO_DEADLINE);
				continue;
			}
			writes(yields);
			gt_rwmutex_unlock(&rw);
		} else {
			if (what > 4 ? gt_rwmutex_rlock_until(&rw, deadline) :
				       gt_rwmutex_try_rlock(&rw)) {
				CHECK(what == 4 || deadline != GT_NO_DEADLINE);
				continue;
			}
			reads();
			if (yields)
				gt_yield();
			atomic_fetch_sub(&readers, 1);
			gt_rwmutex_runlock(&rw);
		}
		atomic_fetch_add(&turns, 1);
	}
}

static void all_use(long tasks, long threads)
{
	run_on_each(uses, tasks, threads);
	CHECK(turns > 0);
	CHECK_EQ(value, copy);
	/* Nothing is left of those that gave up. */
	CHECK_EQ(rw.gt_state, 0);
}

GT_TEST_PROCS(tasks_exclude)
{
	all_use(10, 0);
}

GT_TEST_PROCS(tasks_and_threads_exclude)
{
	all_use(6, 4);
}

PLAIN_TEST(threads_exclude)
{
	all_use(0, 4);
}

GT_TEST_PROCS(deadlines_race_the_handing_over)
{
	with_deadlines = true;
	all_use(12, 0);
}

GT_TEST_PROCS(deadlines_race_with_threads)
{
	with_deadlines = true;
	all_use(6, 3);
}

PLAIN_TEST(deadlines_race_between_threads)
{
	with_deadlines = true;
	all_use(0, 4);
}

/* Readers share: all have it at one time. */
static void meets_the_others(void *arg)
{
	gt_rwmutex_rlock(&rw);
	atomic_fetch_add(&readers, 1);
	AWAIT(readers == 10);
	gt_rwmutex_runlock(&rw);
	(void)arg;
}

GT_TEST_PROCS(readers_share)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_wg_go(&wg, meets_the_others, NULL), 0);
	gt_wg_wait(&wg);
}

/* -------------------------------------------------------------- fairness ---- */

static char order[64];
static atomic_int at;

static void notes_a_read(void *arg)
{
	gt_rwmutex_rlock(&rw);
	order[atomic_fetch_add(&at, 1)] = 'r';
	gt_rwmutex_runlock(&rw);
	(void)arg;
}

static void notes_a_write(void *arg)
{
	gt_rwmutex_lock(&rw);
	order[atomic_fetch_add(&at, 1)] = 'w';
	gt_rwmutex_unlock(&rw);
	(void)arg;
}

static void start(void (*fn)(void *arg))
{
	CHECK_EQ(gt_go(fn, NULL), 0);
	gt_yield();	/* it waits now */
}

/* A waiting writer stops new readers, and goes before those that came after it. */
GT_TEST_ORDER(writer_is_not_starved)
{
	gt_rwmutex_rlock(&rw);
	start(notes_a_read);
	CHECK(!strcmp(order, "r"));
	start(notes_a_write);
	start(notes_a_read);
	start(notes_a_read);
	CHECK_EQ(gt_rwmutex_try_rlock(&rw), -EAGAIN);
	CHECK(!strcmp(order, "r"));
	gt_rwmutex_runlock(&rw);
	AWAIT(gt_task_count() == 1);
	CHECK(!strcmp(order, "rwrr"));
}

/* After a writer all readers that wait, then the next writer. */
GT_TEST_ORDER(reader_is_not_starved)
{
	gt_rwmutex_lock(&rw);
	start(notes_a_write);
	start(notes_a_write);
	start(notes_a_read);
	start(notes_a_write);
	start(notes_a_read);
	gt_rwmutex_unlock(&rw);
	AWAIT(gt_task_count() == 1);
	CHECK(!strcmp(order, "rrwww"));
}

static void gives_up_writing(void *arg)
{
	int64_t deadline = gt_now() + 2 * GT_MILLISECOND;

	CHECK_EQ(gt_rwmutex_lock_until(&rw, deadline), -ETIMEDOUT);
	CHECK(gt_now() >= deadline);
	(void)arg;
}

GT_TEST_ORDER(readers_go_on_when_the_writer_gives_up)
{
	gt_rwmutex_rlock(&rw);
	start(gives_up_writing);
	start(notes_a_read);
	start(notes_a_read);
	AWAIT(at == 2);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_rwmutex_try_rlock(&rw), 0);
	gt_rwmutex_runlock(&rw);
	gt_rwmutex_runlock(&rw);
	CHECK_EQ(gt_rwmutex_try_lock(&rw), 0);
}

GT_TEST_PROCS(until_gives_up_in_time)
{
	int64_t deadline;

	CHECK_EQ(gt_rwmutex_lock_until(&rw, 0), 0);
	CHECK_EQ(gt_rwmutex_lock_until(&rw, 0), -ETIMEDOUT);
	CHECK_EQ(gt_rwmutex_rlock_until(&rw, 0), -ETIMEDOUT);
	deadline = gt_now() + 2 * GT_MILLISECOND;
	CHECK_EQ(gt_rwmutex_rlock_until(&rw, deadline), -ETIMEDOUT);
	CHECK(gt_now() >= deadline);
	gt_rwmutex_unlock(&rw);
	CHECK_EQ(gt_rwmutex_rlock_until(&rw, 0), 0);
	CHECK_EQ(gt_rwmutex_rlock_until(&rw, 0), 0);
	gives_up_writing(NULL);
	CHECK_EQ(gt_rwmutex_rlock_until(&rw, 0), 0);
}

/* ------------------------------------------------------------------- memory ---- */

struct object {
	struct gt_rwmutex rw;
	atomic_int users;
};

/* The last user frees it; it counts while it has the mutex, whose unlock may go on. */
static void uses_object(void *arg)
{
	struct object *object = *(struct object **)arg;
	bool reads_it = (uintptr_t)object % 64 == 0, last;

	if (reads_it)
		gt_rwmutex_rlock(&object->rw);
	else
		gt_rwmutex_lock(&object->rw);
	last = atomic_fetch_sub(&object->users, 1) == 1;
	if (reads_it)
		gt_rwmutex_runlock(&object->rw);
	else
		gt_rwmutex_unlock(&object->rw);
	/* Whoever is last takes it once more, so that all others have let go. */
	if (last) {
		gt_rwmutex_lock(&object->rw);
		memset(object, 0xff, sizeof(*object));
		free(object);
	}
}

GT_TEST_PROCS(freed_by_the_next_owner)
{
	long i, j, n = scaled(3000);

	for (i = 0; i < n; i++) {
		struct object *object = calloc(1, sizeof(*object));

		CHECK(object);
		object->users = 5;
		gt_rwmutex_lock(&object->rw);
		for (j = 0; j < 5; j++) {
			while (gt_go_copy(uses_object, &object, sizeof(object)))
				gt_yield();
		}
		if (i % 2)
			gt_yield();
		gt_rwmutex_unlock(&object->rw);
	}
	AWAIT(gt_task_count() == 1);
}

/* ------------------------------------------------------------------- misuse ---- */

static void runlocks_unlocked(void)
{
	gt_rwmutex_runlock(&rw);
}

static void runlocks_a_writers(void)
{
	gt_rwmutex_lock(&rw);
	gt_rwmutex_runlock(&rw);
}

static void unlocks_unlocked(void)
{
	gt_rwmutex_unlock(&rw);
}

static void unlocks_a_readers(void)
{
	gt_rwmutex_rlock(&rw);
	gt_rwmutex_unlock(&rw);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(runlocks_unlocked, "sync: RUnlock of unlocked RWMutex");
	expect_panic(runlocks_a_writers, "sync: RUnlock of unlocked RWMutex");
	expect_panic(unlocks_unlocked, "sync: Unlock of unlocked RWMutex");
	expect_panic(unlocks_a_readers, "sync: Unlock of unlocked RWMutex");
}

TEST_MAIN
