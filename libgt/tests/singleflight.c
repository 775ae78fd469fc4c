// SPDX-License-Identifier: GPL-2.0
/* Singleflight: one does the work, all get the result, and it is freed once. */
#include "test.h"

static void release(void *value);
static struct gt_singleflight group = { .release = release };
static struct gt_wg wg;
static struct gt_chan *gate;
static atomic_long ran, released, asked, shared;

static void release(void *value)
{
	atomic_fetch_add(&released, 1);
	free(value);
}

static void make_gate(void)
{
	CHECK(gate = gt_chan_make(0, 0));
}

static int make_value(void *arg, void **value)
{
	long *made = malloc(sizeof(*made));

	CHECK(made);
	*made = atomic_fetch_add(&ran, 1) + 1;
	*value = made;
	return (intptr_t)arg;
}

static int make_at_gate(void *arg, void **value)
{
	atomic_fetch_add(&asked, 1);
	gt_chan_recv(gate, NULL);
	return make_value(arg, value);
}

static void expect_flight(struct gt_flight *flight, int error, long value)
{
	CHECK(flight);
	CHECK_EQ(gt_chan_try_recv(gt_flight_done(flight), NULL), 0);
	CHECK_EQ(gt_flight_error(flight), error);
	CHECK_EQ(*(long *)gt_flight_value(flight), value);
}

static void one_after_the_other(void)
{
	struct gt_flight *flight;
	long i, first = ran;

	for (i = 1; i <= 10; i++) {
		flight = gt_singleflight_do(&group, "key", make_value, (void *)(i % 2 ? 0L : -EIO));
		expect_flight(flight, i % 2 ? 0 : -EIO, first + i);
		CHECK(!gt_flight_shared(flight));
		CHECK_EQ(released, first + i - 1);
		gt_flight_put(gt_flight_get(flight));
		gt_flight_put(flight);
		CHECK_EQ(released, first + i);	/* the caller was the one that ran it */
	}
	gt_flight_put(NULL);
	gt_singleflight_forget(&group, "never seen");
	check_leaks();
}

GT_TEST_PROCS(one_after_the_other_in_tasks)
{
	one_after_the_other();
}

PLAIN_TEST(one_after_the_other_on_a_plain_thread)
{
	one_after_the_other();
	CHECK(!gt_singleflight_go(&group, "key", make_value, NULL));	/* no runtime */
	one_after_the_other();
}

static void asks(void *arg)
{
	struct gt_flight *flight;

	atomic_fetch_add(&asked, 1);
	flight = gt_singleflight_do(&group, "key", make_at_gate, arg);
	CHECK(flight);
	CHECK_EQ(gt_flight_error(flight), (intptr_t)arg);
	expect_flight(flight, (intptr_t)arg, *(long *)gt_flight_value(flight));
	atomic_fetch_add(&shared, gt_flight_shared(flight));
	gt_flight_put(flight);
}

static void *thread_asks(void *arg)
{
	asks(arg);
	return NULL;
}

/* How many wait cannot be seen; those that come late would do it a second time. */
GT_TEST_ORDER(all_that_ask_at_once_share)
{
	long i, n = crowd(1000);

	make_gate();
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_wg_go(&wg, asks, (void *)-EIO), 0);
	AWAIT(asked == n + 1);
	gt_yield();
	CHECK_EQ(ran, 0);
	gt_chan_close(gate);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 1);
	CHECK_EQ(shared, n);
	AWAIT(released == 1);
	gt_chan_put(gate);
	check_leaks();
}

GT_TEST_PROCS(threads_share_with_tasks)
{
	struct gt_flight *flight;
	pthread_t threads[3];
	int i;

	make_gate();
	CHECK(flight = gt_singleflight_go(&group, "key", make_at_gate, NULL));
	AWAIT(asked == 1);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_asks, NULL), 0);
	CHECK_EQ(gt_wg_go(&wg, asks, NULL), 0);
	AWAIT(asked == 5);
	/* All have been told to ask; whoever has not joined yet waits for another round. */
	gt_chan_close(gate);
	gt_wg_wait(&wg);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	expect_flight(flight, 0, 1);
	gt_flight_put(flight);
	AWAIT(released == ran);		/* who runs it is the last to let go */
	gt_chan_put(gate);
}

GT_TEST_PROCS(keys_are_apart)
{
	struct gt_flight *flights[200];
	char key[16];
	long i;

	make_gate();
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "key %ld", i % 100);
		flights[i] = gt_singleflight_go(&group, key, make_at_gate, NULL);
		CHECK(flights[i]);
		if (i >= 100)
			CHECK(flights[i] == flights[i - 100]);
	}
	CHECK_EQ(gt_chan_try_recv(gt_flight_done(flights[0]), NULL), -EAGAIN);
	gt_chan_close(gate);
	for (i = 0; i < 200; i++) {
		CHECK_EQ(gt_chan_recv(gt_flight_done(flights[i]), NULL), 0);
		CHECK(gt_flight_shared(flights[i]));
		gt_flight_put(flights[i]);
	}
	CHECK_EQ(ran, 100);
	AWAIT(released == 100);
	gt_chan_put(gate);
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

GT_TEST_PROCS(put_in_the_air_and_forget)
{
	struct gt_flight *first, *second;

	make_gate();
	CHECK(first = gt_singleflight_go(&group, "key", make_at_gate, NULL));
	gt_singleflight_forget(&group, "key");
	CHECK(second = gt_singleflight_go(&group, "key", make_at_gate, NULL));
	CHECK(first != second);
	gt_flight_put(first);
	gt_chan_send(gate, NULL);
	gt_chan_close(gate);
	CHECK_EQ(gt_chan_recv(gt_flight_done(second), NULL), 0);
	CHECK(!gt_flight_shared(second));
	gt_flight_put(second);
	AWAIT(released == 2);
	gt_chan_put(gate);
}

/* ------------------------------------------------------------ odd endings ---- */

static int panics_at_gate(void *arg, void **value)
{
	atomic_fetch_add(&asked, 1);
	gt_chan_recv(gate, NULL);
	gt_panic("no luck with %s", (char *)arg);
	return *value != NULL;
}

static int exits_at_gate(void *arg, void **value)
{
	(void)arg, (void)value;
	atomic_fetch_add(&asked, 1);
	gt_chan_recv(gate, NULL);
	gt_exit();
}

static void asks_for_trouble(void *arg)
{
	atomic_fetch_add(&asked, 1);
	gt_singleflight_do(&group, "key", panics_at_gate, arg);
}

static void survives(void *arg)
{
	struct gt_panic_info info;

	CHECK_EQ(gt_try(asks_for_trouble, arg, &info), GT_PANICKED);
	CHECK(!strcmp(info.message, "no luck with it"));
	atomic_fetch_add(&ran, 1);
}

GT_TEST_ORDER(panic_is_everybodys)
{
	int i;

	make_gate();
	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_wg_go(&wg, survives, "it"), 0);
	AWAIT(asked == 6);
	gt_chan_close(gate);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 5);
	gt_chan_put(gate);
	/* It is not in the way of the next. */
	gt_flight_put(gt_singleflight_do(&group, "key", make_value, NULL));
	check_leaks();
}

static void asks_for_an_exit(void *arg)
{
	struct gt_flight *flight;

	atomic_fetch_add(&asked, 1);
	flight = gt_singleflight_do(&group, "key", exits_at_gate, arg);
	CHECK_EQ(gt_flight_error(flight), -ECANCELED);
	CHECK(!gt_flight_value(flight));
	gt_flight_put(flight);
	atomic_fetch_add(&ran, 1);
}

GT_TEST_ORDER(exit_is_an_error_for_the_others)
{
	int i;

	make_gate();
	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_wg_go(&wg, asks_for_an_exit, NULL), 0);
	AWAIT(asked == 6);
	gt_chan_close(gate);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, 4);
	gt_chan_put(gate);
	check_leaks();
}

static void panics_in_its_own_task(void)
{
	make_gate();
	gt_chan_close(gate);
	gt_singleflight_go(&group, "key", panics_at_gate, "it");
	gt_sleep(60 * GT_SECOND);
}

PLAIN_TEST(panic_of_a_task_ends_the_program)
{
	expect_panic(panics_in_its_own_task, "no luck with it");
}

/* ------------------------------------------------------------------- races ---- */

static int adds_up(void *arg, void **value)
{
	long *made = malloc(sizeof(*made));

	CHECK(made);
	*made = (long)arg * 3;
	*value = made;
	if ((long)arg % 2)
		gt_yield();
	return 0;
}

static void asks_often(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct gt_flight *flight;
	long i, n;
	char key[16];

	for (i = 0; i < scaled(2000); i++) {
		n = test_random(&random) % 5;
		snprintf(key, sizeof(key), "%ld", n);
		if (test_random(&random) % 3) {
			flight = gt_singleflight_do(&group, key, adds_up, (void *)n);
		} else {
			flight = gt_singleflight_go(&group, key, adds_up, (void *)n);
			CHECK_EQ(gt_chan_recv(gt_flight_done(flight), NULL), 0);
		}
		if (i % 50 == 0)
			gt_singleflight_forget(&group, key);
		CHECK_EQ(*(long *)gt_flight_value(flight), n * 3);
		gt_flight_put(flight);
	}
}

GT_TEST_PROCS(many_at_once)
{
	long i;

	for (i = 0; i < 8; i++)
		CHECK_EQ(gt_wg_go(&wg, asks_often, (void *)i), 0);
	gt_wg_wait(&wg);
	AWAIT(gt_task_count() == 1);
	CHECK(released > 0);
	check_leaks();
}

TEST_MAIN
