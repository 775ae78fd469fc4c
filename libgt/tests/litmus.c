// SPDX-License-Identifier: GPL-2.0
/*
 * Litmus tests: the memory model's pairs, by the classic shapes, at full speed.
 *
 * All variables that a pair is to order are plain: under ThreadSanitizer a pair that is
 * not there is a data race in whatever order things happen. Natively it takes the
 * processor, or the compiler, to reorder; so naked() shows that the method would see it.
 * A test runs for a time, not a number of rounds, so that it ends on a slow machine.
 */
#include "test.h"

#define SHARE (scaled(40) * GT_MILLISECOND)	/* of time, for one shape */

static struct gt_wg wg;
static long x, y;			/* plain */
static long seen_x, seen_y;		/* plain: written by one, read after the wait */
static atomic_long step;
static struct gt_chan *chan, *other;
static struct gt_mutex mutex;
static struct gt_rwmutex rwmutex;
static struct gt_cond cond;
static struct gt_once once;
static struct gt_semaphore sem;
static struct gt_context *ctx;
static bool ready;			/* mutex */

/* Two tasks for each round: one writes and signals, one is signalled and reads. */
struct shape {
	void (*prepare)(void);
	void (*first)(void *arg);
	void (*second)(void *arg);
	void (*check)(void);
	void (*finish)(void);
};

static void nothing(void)
{
}

static void run(const struct shape *shape)
{
	int64_t until = gt_now() + SHARE;
	long round = 0;

	do {
		x = y = seen_x = seen_y = 0;
		shape->prepare();
		if (round % 2) {
			CHECK_EQ(gt_wg_go(&wg, shape->first, NULL), 0);
			CHECK_EQ(gt_wg_go(&wg, shape->second, NULL), 0);
		} else {
			CHECK_EQ(gt_wg_go(&wg, shape->second, NULL), 0);
			CHECK_EQ(gt_wg_go(&wg, shape->first, NULL), 0);
		}
		gt_wg_wait(&wg);
		shape->check();
		shape->finish();
	} while (++round % 16 || gt_now() < until);
}

/* --------------------------------------------------- message passing: x, signal ---- */

static void saw_x(void)
{
	CHECK_EQ(seen_x, 1);
}

#define MESSAGE(name, prepare_, signal_, wait_, finish_) \
	static void name##_first(void *arg) \
	{ \
		x = 1; \
		signal_; \
		(void)arg; \
	} \
	static void name##_second(void *arg) \
	{ \
		wait_; \
		seen_x = x; \
		(void)arg; \
	} \
	static void name##_prepare(void) \
	{ \
		prepare_; \
	} \
	static void name##_finish(void) \
	{ \
		finish_; \
	} \
	static const struct shape name = { name##_prepare, name##_first, name##_second, saw_x, \
					   name##_finish }

static void make_chan(size_t capacity)
{
	CHECK(chan = gt_chan_make(sizeof(long), capacity));
}

static void fill_chan(void)
{
	make_chan(1);
	gt_chan_send(chan, &(long){ 0 });
}

static void try_until(struct gt_chan *from)
{
	while (gt_chan_try_recv(from, NULL) == -EAGAIN)
		gt_yield();
}

static void select_on_two(void)
{
	struct gt_case cases[] = { gt_case_recv(chan, NULL), gt_case_recv(other, NULL) };

	gt_select(cases, 2, 0);
}

static void make_two(void)
{
	make_chan(0);
	CHECK(other = gt_chan_make(0, 0));
}

static void put_two(void)
{
	gt_chan_put(chan);
	gt_chan_put(other);
}

static void set_ready(bool broadcast)
{
	gt_mutex_lock(&mutex);
	ready = true;
	gt_mutex_unlock(&mutex);
	if (broadcast)
		gt_cond_broadcast(&cond);
	else
		gt_cond_signal(&cond);
}

static void await_ready(void)
{
	gt_mutex_lock(&mutex);
	while (!ready)
		gt_cond_wait(&cond, &mutex);
	gt_mutex_unlock(&mutex);
}

static void make_sem(void)
{
	gt_semaphore_init(&sem, 1);
	gt_semaphore_acquire(&sem, 1);
}

static void make_context(void)
{
	struct gt_context *top = gt_context_with_cancel(gt_context_background());

	CHECK(top && (ctx = gt_context_with_cancel(top)));
	gt_context_put(top);
}

static void await_error(void)
{
	while (!gt_context_err(ctx))
		gt_yield();
}

MESSAGE(unbuffered, make_chan(0), gt_chan_send(chan, &x), gt_chan_recv(chan, NULL),
	gt_chan_put(chan));
MESSAGE(buffered, make_chan(2), gt_chan_send(chan, &x), gt_chan_recv(chan, NULL),
	gt_chan_put(chan));
MESSAGE(try_received, make_chan(2), gt_chan_send(chan, &x), try_until(chan), gt_chan_put(chan));
MESSAGE(closed, make_chan(0), gt_chan_close(chan), gt_chan_recv(chan, NULL), gt_chan_put(chan));
MESSAGE(close_is_seen, make_chan(1), gt_chan_close(chan), try_until(chan), gt_chan_put(chan));
/* Backwards: the receive happens before the send that it makes room for returns. */
MESSAGE(taken, make_chan(0), gt_chan_recv(chan, NULL), gt_chan_send(chan, &y), gt_chan_put(chan));
MESSAGE(made_room, fill_chan(), gt_chan_recv(chan, NULL), gt_chan_send(chan, &y),
	gt_chan_put(chan));
MESSAGE(selected, make_two(), gt_chan_send(chan, &x), select_on_two(), put_two());
MESSAGE(close_selected, make_two(), gt_chan_close(other), select_on_two(), put_two());
MESSAGE(signalled, ready = false, set_ready(false), await_ready(), nothing());
MESSAGE(broadcast, ready = false, set_ready(true), await_ready(), nothing());
MESSAGE(released, make_sem(), gt_semaphore_release(&sem, 1), gt_semaphore_acquire(&sem, 1),
	nothing());
MESSAGE(cancelled, make_context(), gt_context_cancel(ctx),
	gt_chan_recv(gt_context_done(ctx), NULL), gt_context_put(ctx));
MESSAGE(error_is_seen, make_context(), gt_context_cancel(ctx), await_error(),
	gt_context_put(ctx));

/* Whichever comes first does it: x is written there alone. */
static void once_body(void *arg)
{
	x = 1;
	(void)arg;
}

static void done_once_first(void *arg)
{
	gt_once_do(&once, once_body, arg);
}

static void done_once_second(void *arg)
{
	gt_once_do(&once, once_body, arg);
	seen_x = x;
}

static void again(void)
{
	once = (struct gt_once){ 0 };
}

static const struct shape done_once = { again, done_once_first, done_once_second, saw_x, nothing };

static struct gt_wg inner;

static void two_to_wait_for(void)
{
	gt_wg_add(&inner, 2);
}

static void both_done(void)
{
	gt_wg_done(&inner);		/* not the one that makes it zero, perhaps */
}

static void other_done(void)
{
	gt_wg_done(&inner);
	gt_wg_wait(&inner);
}

MESSAGE(waited_for, two_to_wait_for(), both_done(), other_done(), nothing());

static void tick_it(void *arg)
{
	gt_chan_send(arg, &y);
}

/* The call that sets the timer happens before its function. */
static void set_timer(void)
{
	struct gt_timer *timer = gt_after_func(0, tick_it, chan);

	CHECK(timer);
	gt_timer_put(timer);
}

MESSAGE(fired, make_chan(1), set_timer(), gt_chan_recv(chan, NULL), gt_chan_put(chan));

GT_TEST_PROCS(message_by_channel)
{
	run(&unbuffered);
	run(&buffered);
	run(&try_received);
	run(&closed);
	run(&close_is_seen);
	run(&taken);
	run(&made_room);
	run(&selected);
	run(&close_selected);
}

GT_TEST_PROCS(message_by_sync)
{
	run(&signalled);
	run(&broadcast);
	run(&released);
	run(&cancelled);
	run(&error_is_seen);
	run(&done_once);
	run(&waited_for);
	run(&fired);
}

/* ---------------------------------- store buffering, and coherence, under locks ---- */

/* Each writes one and reads the other, in one critical section: not both may read 0. */
#define BUFFERING(name, lock_, unlock_) \
	static void name##_first(void *arg) \
	{ \
		lock_; \
		x = 1; \
		seen_y = y; \
		unlock_; \
		(void)arg; \
	} \
	static void name##_second(void *arg) \
	{ \
		lock_; \
		y = 1; \
		seen_x = x; \
		unlock_; \
		(void)arg; \
	} \
	static const struct shape name = { nothing, name##_first, name##_second, saw_either, \
					   nothing }

static void saw_either(void)
{
	CHECK(seen_x || seen_y);
}

static void lock_by_try(void)
{
	while (gt_mutex_try_lock(&mutex))
		gt_yield();
}

BUFFERING(by_mutex, gt_mutex_lock(&mutex), gt_mutex_unlock(&mutex));
BUFFERING(by_try, lock_by_try(), gt_mutex_unlock(&mutex));
BUFFERING(by_writers, gt_rwmutex_lock(&rwmutex), gt_rwmutex_unlock(&rwmutex));
BUFFERING(by_semaphore, gt_semaphore_acquire(&sem, 1), gt_semaphore_release(&sem, 1));
BUFFERING(by_channel, gt_chan_send(chan, &(long){ 0 }), gt_chan_recv(chan, NULL));

GT_TEST_PROCS(store_buffering)
{
	run(&by_mutex);
	run(&by_try);
	run(&by_writers);
	gt_semaphore_init(&sem, 1);
	run(&by_semaphore);
	make_chan(1);			/* a channel of one as a lock */
	run(&by_channel);
	gt_chan_put(chan);
}

/* ------------------------------------------------------------------------ IRIW ---- */

/*
 * Two write, x and y; two read both, in opposite orders, under the lock for readers. They
 * must agree on what came first.
 */
static long first_x, first_y, second_x, second_y;

static void writes_x(void *arg)
{
	gt_rwmutex_lock(&rwmutex);
	x = 1;
	gt_rwmutex_unlock(&rwmutex);
	(void)arg;
}

static void writes_y(void *arg)
{
	gt_rwmutex_lock(&rwmutex);
	y = 1;
	gt_rwmutex_unlock(&rwmutex);
	(void)arg;
}

static long read_under(const long *from)
{
	long value;

	gt_rwmutex_rlock(&rwmutex);
	value = *from;
	gt_rwmutex_runlock(&rwmutex);
	return value;
}

static void reads_x_then_y(void *arg)
{
	first_x = read_under(&x);
	second_y = read_under(&y);
	(void)arg;
}

static void reads_y_then_x(void *arg)
{
	first_y = read_under(&y);
	second_x = read_under(&x);
	(void)arg;
}

GT_TEST_PROCS(readers_agree_on_the_order_of_writes)
{
	static void (*const bodies[])(void *arg) = { writes_x, reads_x_then_y, writes_y,
						     reads_y_then_x };
	int64_t until = gt_now() + SHARE * 2;
	long round = 0, i;

	do {
		x = y = 0;
		for (i = 0; i < 4; i++)
			CHECK_EQ(gt_wg_go(&wg, bodies[(i + round) % 4], NULL), 0);
		gt_wg_wait(&wg);
		CHECK(!(first_x && !second_y && first_y && !second_x));
	} while (++round % 16 || gt_now() < until);
}

/* ------------------------------------------------- a task's own order, migrating ---- */

static void hops(void *arg)
{
	long mine[8] = { 0 }, i;
	int64_t until = gt_now() + SHARE * 2;

	for (i = 0; i % 64 || gt_now() < until; i++) {
		mine[i % 8] = i;
		gt_yield();		/* others may run it on */
		CHECK_EQ(mine[i % 8], i);
		CHECK(i < 8 || mine[(i + 1) % 8] == i - 7);
	}
	(void)arg;
}

GT_TEST_PROCS(task_sees_its_own_writes_on_every_thread)
{
	int i;

	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_wg_go(&wg, hops, NULL), 0);
	gt_wg_wait(&wg);
}

/* ------------------------------------------------------------- threads, the run ---- */

static void *thread_first(void *arg)
{
	const struct shape *shape = arg;

	shape->first(NULL);
	return NULL;
}

static void *thread_second(void *arg)
{
	const struct shape *shape = arg;

	shape->second(NULL);
	return NULL;
}

/* Between a task and a thread, in both directions; or two threads. */
static void run_with_threads(const struct shape *shape, bool tasks)
{
	int64_t until = gt_now() + SHARE / 2;
	pthread_t one, two;
	long round = 0;

	do {
		x = y = seen_x = seen_y = 0;
		shape->prepare();
		if (!tasks || round % 2)
			CHECK_EQ(pthread_create(&one, NULL, thread_first, (void *)shape), 0);
		else
			CHECK_EQ(gt_wg_go(&wg, shape->first, NULL), 0);
		if (!tasks || !(round % 2))
			CHECK_EQ(pthread_create(&two, NULL, thread_second, (void *)shape), 0);
		else
			CHECK_EQ(gt_wg_go(&wg, shape->second, NULL), 0);
		if (!tasks || round % 2)
			CHECK_EQ(pthread_join(one, NULL), 0);
		if (!tasks || !(round % 2))
			CHECK_EQ(pthread_join(two, NULL), 0);
		gt_wg_wait(&wg);
		shape->check();
		shape->finish();
	} while (++round % 2 || gt_now() < until);
}

static void with_threads(bool tasks)
{
	run_with_threads(&unbuffered, tasks);
	run_with_threads(&buffered, tasks);
	run_with_threads(&made_room, tasks);
	run_with_threads(&selected, tasks);
	run_with_threads(&signalled, tasks);
	run_with_threads(&cancelled, tasks);
	run_with_threads(&done_once, tasks);
	run_with_threads(&waited_for, tasks);
	run_with_threads(&by_mutex, tasks);
	run_with_threads(&by_writers, tasks);
}

GT_TEST_PROCS(threads_beside_tasks)
{
	with_threads(true);
}

PLAIN_TEST(threads_alone)
{
	with_threads(false);
}

static void main_task(void)
{
	CHECK_EQ(x, 1);
	y = 1;
}

PLAIN_TEST(run_begins_and_ends)
{
	int i;

	for (i = 0; i < scaled(50); i++) {
		x = 1;
		y = 0;
		test_run(1 + i % 3, main_task);
		CHECK_EQ(y, 1);
	}
}

/* --------------------------------------------------- the method can see it ---- */

static atomic_long naked_x, naked_y, turn_one, turn_two, naked_seen_x, naked_seen_y;

static void *stores_and_loads(void *arg)
{
	long round = 0, both = 0;

	while (!atomic_load(&step)) {
		round++;
		atomic_store(&turn_one, round);
		while (atomic_load(&turn_two) < round && !atomic_load(&step))
			;
		atomic_store_explicit(&naked_x, round, memory_order_relaxed);
		atomic_store_explicit(&naked_seen_y,
				      atomic_load_explicit(&naked_y, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store(&turn_one, -round);
		while (atomic_load(&turn_two) > -round && !atomic_load(&step))
			;
		both += atomic_load(&naked_seen_y) != round && atomic_load(&naked_seen_x) != round;
		if (both)
			atomic_store(&step, 1);
	}
	(void)arg;
	return NULL;
}

/*
 * Store buffering without a barrier, between two threads: an x86 shows it within some
 * thousand rounds, if it has two processors to run them on.
 */
PLAIN_TEST(naked_store_buffering_is_seen)
{
	int64_t until = gt_now() + 20 * GT_SECOND;
	pthread_t thread;
	long round = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("one CPU reorders nothing that its threads could see");
	CHECK_EQ(pthread_create(&thread, NULL, stores_and_loads, NULL), 0);
	while (!atomic_load(&step) && gt_now() < until) {
		round++;
		while (atomic_load(&turn_one) != round && !atomic_load(&step))
			;
		atomic_store(&turn_two, round);
		atomic_store_explicit(&naked_y, round, memory_order_relaxed);
		atomic_store_explicit(&naked_seen_x,
				      atomic_load_explicit(&naked_x, memory_order_relaxed),
				      memory_order_relaxed);
		while (atomic_load(&turn_one) != -round && !atomic_load(&step))
			;
		atomic_store(&turn_two, -round);
	}
	if (!atomic_exchange(&step, 1)) {
		pthread_join(thread, NULL);
		test_skip("this machine did not reorder in %ld rounds", round);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_MAIN
