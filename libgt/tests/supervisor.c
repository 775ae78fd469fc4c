// SPDX-License-Identifier: GPL-2.0
/* Supervisors: who is started again, when, how often, and how they stop. */
#include "test.h"

static struct gt_supervisor *sup;
static struct gt_context *ctx;
static atomic_long starts, stops, panics, exits, returns;
static char events[256];	/* of tasks that are ordered by the supervisor */
static size_t event_count;
static int64_t times[16];

static void make(const struct gt_supervisor_attr *attr)
{
	CHECK(sup = gt_supervisor_make(attr));
	CHECK(ctx = gt_context_with_cancel(gt_context_background()));
}

static void add(const char *name, int (*fn)(struct gt_context *ctx, void *arg), void *arg,
		enum gt_restart restart)
{
	CHECK_EQ(gt_supervisor_add(sup, &(struct gt_child){ name, fn, arg, restart }), 0);
}

static void finish(int result)
{
	CHECK_EQ(gt_supervisor_run(sup, ctx), result);
	gt_supervisor_free(sup);
	gt_context_put(ctx);
}

static void log_ends(void *arg, const char *name, enum gt_child_end how, int result,
		     const char *panic)
{
	CHECK(arg == events && name);
	if (how == GT_CHILD_PANICKED) {
		CHECK(!strcmp(panic, "no 1") && !strcmp(name, "odd"));
		atomic_fetch_add(&panics, 1);
	} else if (how == GT_CHILD_EXITED) {
		atomic_fetch_add(&exits, 1);
	} else {
		CHECK(!panic);
		atomic_fetch_add(&returns, result ? 100 : 1);
	}
}

/* Panics, exits, fails, and is content then. */
static int odd_ends(struct gt_context *own, void *arg)
{
	switch (atomic_fetch_add(&starts, 1)) {
	case 0:
		gt_panic("no %d", 1);
		break;
	case 1:
		gt_exit();
	case 2:
		return -EIO;
	}
	CHECK_EQ(gt_context_err(own), 0);
	return arg != NULL;
}

GT_TEST_PROCS(each_kind_of_failure_is_a_restart)
{
	make(&(struct gt_supervisor_attr){ .log = log_ends, .log_arg = events });
	add("odd", odd_ends, NULL, GT_RESTART_FAILED);
	CHECK_EQ(gt_supervisor_run(sup, ctx), 0);
	CHECK_EQ(starts, 4);
	CHECK_EQ(panics, 1);
	CHECK_EQ(exits, 1);
	CHECK_EQ(returns, 101);
	CHECK_EQ(gt_supervisor_restarts(sup), 3);
	finish(0);			/* it may run again */
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

static int counts_start(struct gt_context *own, void *arg)
{
	(void)own;
	return atomic_fetch_add((atomic_long *)arg, 1) < 2 ? -EIO : 0;
}

GT_TEST_PROCS(restart_policies)
{
	static atomic_long never, failed, always;

	make(NULL);
	add("never", counts_start, &never, GT_RESTART_NEVER);
	finish(0);
	CHECK_EQ(never, 1);
	make(NULL);
	add("failed", counts_start, &failed, GT_RESTART_FAILED);
	finish(0);
	CHECK_EQ(failed, 3);
	make(&(struct gt_supervisor_attr){ .period = 3600 * GT_SECOND });
	add("always", counts_start, &always, GT_RESTART_ALWAYS);
	finish(-ELOOP);
	CHECK_EQ(always, 4);		/* three restarts are not too many */
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

GT_TEST_PROCS(nothing_to_do)
{
	make(NULL);
	CHECK_EQ(gt_supervisor_add(sup, &(struct gt_child){ .name = "none" }), -EINVAL);
	finish(0);
}

/* -------------------------------------------------------- order, strategies ---- */

static void event(char kind, const void *arg)
{
	events[event_count++] = kind;
	events[event_count++] = *(const char *)arg;
}

static atomic_long alive, fail_once;

/* Notes its start and its stop; the one that is to fails, when all are there. */
static int noted(struct gt_context *own, void *arg)
{
	char name = *(const char *)arg;

	atomic_fetch_add(&alive, 1);
	if (name == 'b' && !atomic_exchange(&fail_once, 1)) {
		AWAIT(alive == 3);
		atomic_fetch_sub(&alive, 1);
		return -EIO;
	}
	gt_chan_recv(gt_context_done(own), NULL);
	event('-', arg);
	atomic_fetch_sub(&alive, 1);
	return 0;
}

static void runs(void *arg)
{
	CHECK_EQ(gt_supervisor_run(sup, ctx), -ECANCELED);
	atomic_fetch_add(&stops, 1);
	(void)arg;
}

static void expect_events(enum gt_strategy strategy, long restarts, const char *before,
			  const char *after)
{
	event_count = 0;
	memset(events, 0, sizeof(events));
	atomic_store(&fail_once, 0);
	atomic_store(&alive, 0);
	atomic_store(&stops, 0);
	make(&(struct gt_supervisor_attr){ .strategy = strategy, .shutdown = -1 });
	add("a", noted, "a", GT_RESTART_ALWAYS);
	add("b", noted, "b", GT_RESTART_ALWAYS);
	add("c", noted, "c", GT_RESTART_ALWAYS);
	CHECK_EQ(gt_go(runs, NULL), 0);
	AWAIT((long)gt_supervisor_restarts(sup) == restarts && alive == 3);
	CHECK(!strcmp(events, before));
	gt_context_cancel(ctx);
	AWAIT(stops == 1);
	CHECK(!strcmp(events + strlen(before), after));
	gt_supervisor_free(sup);
	gt_context_put(ctx);
}

/* All stop in the opposite order of their start, each after the other. */
GT_TEST_PROCS(strategies)
{
	expect_events(GT_ONE_FOR_ONE, 1, "", "-c-b-a");
	expect_events(GT_REST_FOR_ONE, 1, "-c", "-c-b-a");
	expect_events(GT_ONE_FOR_ALL, 1, "-c-a", "-c-b-a");
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

/* ------------------------------------------------------------ virtual time ---- */

static int fails(struct gt_context *own, void *arg)
{
	long n = atomic_fetch_add(&starts, 1);

	(void)own;
	if (n < 16)
		times[n] = gt_now();
	gt_sleep((intptr_t)arg);
	return -EIO;
}

static void budget_is_of_a_period(void *arg)
{
	(void)arg;
	/* Each two seconds: never more than 2 restarts in 5 s but for those that count. */
	atomic_store(&starts, 0);
	make(&(struct gt_supervisor_attr){ .intensity = 2, .period = 3 * GT_SECOND });
	add("slow", fails, (void *)(2 * GT_SECOND), GT_RESTART_ALWAYS);
	CHECK_EQ(gt_context_err(ctx), 0);
	gt_context_put(ctx);
	CHECK(ctx = gt_context_with_timeout(gt_context_background(), 100 * GT_SECOND + 1));
	CHECK_EQ(gt_supervisor_run(sup, ctx), -ETIMEDOUT);
	CHECK_EQ(starts, 51);
	gt_supervisor_free(sup);
	gt_context_put(ctx);

	atomic_store(&starts, 0);
	make(&(struct gt_supervisor_attr){ .intensity = 2, .period = 4 * GT_SECOND });
	add("slow", fails, (void *)(2 * GT_SECOND), GT_RESTART_ALWAYS);
	finish(-ELOOP);
	CHECK_EQ(starts, 3);
}

static void pauses_double(void *arg)
{
	static const int pauses[] = { 1, 2, 4, 8, 10, 10 };
	int i;

	(void)arg;
	atomic_store(&starts, 0);
	make(&(struct gt_supervisor_attr){ .intensity = 6, .period = 3600 * GT_SECOND,
					   .backoff = GT_SECOND, .backoff_max = 10 * GT_SECOND });
	add("fast", fails, NULL, GT_RESTART_ALWAYS);
	finish(-ELOOP);
	CHECK_EQ(starts, 7);
	for (i = 0; i < 6; i++)
		CHECK_EQ(times[i + 1] - times[i], pauses[i] * GT_SECOND);
}

static int will_not_stop(struct gt_context *own, void *arg)
{
	gt_chan_recv(gt_context_done(own), NULL);
	gt_sleep(60 * GT_SECOND);
	atomic_fetch_add((atomic_long *)arg, 1);
	return 0;
}

static void shutdown_is_bounded(void *arg)
{
	int64_t begin = gt_now();

	atomic_store(&stops, 0);
	make(&(struct gt_supervisor_attr){ .shutdown = 2 * GT_SECOND });
	add("stubborn", will_not_stop, &stops, GT_RESTART_ALWAYS);
	add("willing", noted, "w", GT_RESTART_ALWAYS);
	gt_context_put(ctx);
	CHECK(ctx = gt_context_with_timeout(gt_context_background(), GT_SECOND));
	finish(-ETIMEDOUT);
	CHECK_EQ(gt_now() - begin, 3 * GT_SECOND);
	CHECK_EQ(stops, 0);
	gt_sleep(120 * GT_SECOND);	/* its life is its own */
	CHECK_EQ(stops, 1);
	(void)arg;
}

GT_TEST_PROCS(in_virtual_time)
{
	CHECK_EQ(gt_bubble_run(budget_is_of_a_period, NULL), 0);
	CHECK_EQ(gt_bubble_run(pauses_double, NULL), 0);
	CHECK_EQ(gt_bubble_run(shutdown_is_bounded, NULL), 0);
	check_leaks();
}

/* ------------------------------------------------------------------ others ---- */

static int supervises(struct gt_context *own, void *arg)
{
	struct gt_supervisor *inner = gt_supervisor_make(NULL);
	int result;

	CHECK(inner);
	CHECK_EQ(gt_supervisor_add(inner, &(struct gt_child){ "inner", counts_start, arg,
							      GT_RESTART_ALWAYS }), 0);
	result = gt_supervisor_run(inner, own);
	gt_supervisor_free(inner);
	return result;
}

GT_TEST_PROCS(supervisors_nest)
{
	static atomic_long inner;

	make(&(struct gt_supervisor_attr){ .intensity = 1 });
	add("outer", supervises, &inner, GT_RESTART_FAILED);
	finish(-ELOOP);
	CHECK_EQ(inner, 8);		/* twice four */
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

static void *thread_supervises(void *arg)
{
	finish(0);
	return arg;
}

GT_TEST_PROCS(from_a_plain_thread)
{
	pthread_t thread;

	make(NULL);
	add("odd", odd_ends, NULL, GT_RESTART_FAILED);
	CHECK_EQ(pthread_create(&thread, NULL, thread_supervises, NULL), 0);
	AWAIT(starts == 4);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

PLAIN_TEST(without_a_runtime)
{
	make(NULL);
	add("odd", odd_ends, NULL, GT_RESTART_FAILED);
	finish(-ESRCH);
	check_leaks();
}

/* Children end while their supervisor is told to stop. */
static int ends_soon(struct gt_context *own, void *arg)
{
	if ((long)arg % 2)
		gt_yield();
	return (long)arg % 3 ? -EIO : gt_context_err(own);
}

GT_TEST_PROCS(ends_meet_the_shutdown)
{
	long round, i;

	for (round = 0; round < scaled(100); round++) {
		atomic_store(&stops, 0);
		make(&(struct gt_supervisor_attr){ .intensity = -1, .strategy = round % 3,
						   .shutdown = -1 });
		for (i = 0; i < 6; i++)
			add("soon", ends_soon, (void *)i, GT_RESTART_ALWAYS);
		CHECK_EQ(gt_go(runs, NULL), 0);
		AWAIT((long)gt_supervisor_restarts(sup) > round % 10);
		gt_context_cancel(ctx);
		AWAIT(stops == 1);
		gt_supervisor_free(sup);
		gt_context_put(ctx);
	}
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

/*
 * The last child ends first, and each time the supervisor hears of an end all that it has
 * started have ended again: so the lives of the last are many, and nobody has read of them.
 */
enum { CHILDREN = 6 };
static long turn;

static int ends_in_turn(struct gt_context *own, void *arg)
{
	(void)own;
	AWAIT((long)arg >= turn);
	turn--;
	atomic_fetch_add(&starts, 1);
	return -EIO;
}

static void lets_all_end(void *arg, const char *name, enum gt_child_end how, int result,
			 const char *panic)
{
	long i;

	(void)arg, (void)name, (void)how, (void)result, (void)panic;
	for (i = 0; i < 100; i++)
		gt_yield();
	if (++returns == CHILDREN)
		gt_context_cancel(ctx);
}

GT_TEST_ORDER(an_end_is_told_without_waiting)
{
	long i;

	turn = CHILDREN - 1;
	make(&(struct gt_supervisor_attr){ .strategy = GT_REST_FOR_ONE, .intensity = -1,
					   .log = lets_all_end, .shutdown = 20 * GT_SECOND });
	for (i = 0; i < CHILDREN; i++)
		add("ends", ends_in_turn, (void *)i, GT_RESTART_ALWAYS);
	finish(-ECANCELED);
	CHECK_EQ(starts, CHILDREN + CHILDREN * (CHILDREN - 1) / 2);
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

TEST_MAIN
