// SPDX-License-Identifier: GPL-2.0
/* Contexts: the tree, its ends, its values, and that it leaves nothing behind. */
#include "test.h"

static struct gt_wg wg;
static atomic_long ran, released;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static bool is_closed(struct gt_chan *done)
{
	return gt_chan_try_recv(done, NULL) == 0;
}

static void expect_open(struct gt_context *ctx)
{
	CHECK_EQ(gt_context_err(ctx), 0);
	CHECK_EQ(gt_context_cause(ctx), 0);
	CHECK(!gt_context_err_text(ctx));
	CHECK(!gt_context_cause_text(ctx));
	CHECK_EQ(gt_chan_try_recv(gt_context_done(ctx), NULL), -EAGAIN);
}

static void expect_done(struct gt_context *ctx, int err, int cause, const char *cause_text)
{
	CHECK_EQ(gt_context_err(ctx), err);
	CHECK(!strcmp(gt_context_err_text(ctx), err == -ECANCELED ? "context canceled" :
						"context deadline exceeded"));
	CHECK_EQ(gt_context_cause(ctx), cause);
	CHECK(!strcmp(gt_context_cause_text(ctx), cause_text));
	CHECK(is_closed(gt_context_done(ctx)));
}

static void expect_cancelled(struct gt_context *ctx)
{
	expect_done(ctx, -ECANCELED, -ECANCELED, "context canceled");
}

static struct gt_context *child_of(struct gt_context *parent)
{
	struct gt_context *ctx = gt_context_with_cancel(parent);

	CHECK(ctx);
	return ctx;
}

static struct gt_context *child_of_background(void)
{
	return child_of(gt_context_background());
}

static void end(struct gt_context *ctx)
{
	gt_context_cancel(ctx);
	gt_context_put(ctx);
}

/* ---------------------------------------------------------------- the tree ---- */

static void background_is_never_done(void)
{
	static const struct gt_context_key key;
	struct gt_context *ctx = gt_context_background();
	int i;

	for (i = 0; i < 3; i++)
		CHECK(gt_context_get(ctx) == gt_context_background());
	for (i = 0; i < 10; i++)
		gt_context_put(ctx);
	gt_context_put(NULL);
	expect_open(ctx);
	CHECK(!gt_context_done(ctx));
	CHECK(!gt_context_value(ctx, &key));
	CHECK(gt_context_deadline(ctx) == INT64_MAX);
}

static void cancel_is_told_in_each_way(void)
{
	struct gt_context *early = child_of_background(), *late = child_of_background();
	struct gt_chan *done = gt_context_done(early);

	CHECK(done);
	CHECK_EQ(gt_chan_cap(done), 0);
	expect_open(early);
	CHECK(gt_context_done(early) == done);
	gt_context_cancel(early);
	CHECK(gt_context_done(early) == done);
	expect_cancelled(early);

	gt_context_cancel(late);
	expect_cancelled(late);		/* its channel is made after the end */
	gt_context_put(early);
	gt_context_put(late);
}

static void only_the_first_cancel_counts(void)
{
	struct gt_context *ctx = child_of_background(), *plain = child_of_background();

	gt_context_cancel_cause(ctx, -EPIPE, "the peer went away");
	gt_context_cancel_cause(ctx, -EIO, "too late");
	gt_context_cancel(ctx);
	expect_done(ctx, -ECANCELED, -EPIPE, "the peer went away");
	gt_context_put(ctx);

	gt_context_cancel(plain);
	gt_context_cancel_cause(plain, -EIO, "too late");
	expect_cancelled(plain);
	gt_context_put(plain);
}

static void causes_have_texts(void)
{
	struct gt_context *number = child_of_background(), *text = child_of_background(),
			  *odd = child_of_background();

	gt_context_cancel_cause(number, -EPIPE, NULL);
	expect_done(number, -ECANCELED, -EPIPE, "Broken pipe");
	gt_context_cancel_cause(text, 0, "shutting down");
	expect_done(text, -ECANCELED, -ECANCELED, "shutting down");
	gt_context_cancel_cause(odd, 1000000, NULL);
	expect_done(odd, -ECANCELED, 1000000, "unknown cause");
	gt_context_put(number);
	gt_context_put(text);
	gt_context_put(odd);
}

static void cancel_goes_down_and_only_down(void)
{
	struct gt_context *top = child_of_background(), *left = child_of(top), *right = child_of(top),
			  *leaf = child_of(left), *deep = child_of(leaf);

	gt_context_cancel_cause(left, -EPIPE, "why");
	expect_open(top);
	expect_open(right);
	expect_done(left, -ECANCELED, -EPIPE, "why");
	expect_done(leaf, -ECANCELED, -EPIPE, "why");
	expect_done(deep, -ECANCELED, -EPIPE, "why");

	gt_context_cancel_cause(top, -EIO, "all");
	expect_done(top, -ECANCELED, -EIO, "all");
	expect_done(right, -ECANCELED, -EIO, "all");
	expect_done(leaf, -ECANCELED, -EPIPE, "why");
	gt_context_put(top);
	gt_context_put(left);
	gt_context_put(right);
	gt_context_put(leaf);
	gt_context_put(deep);
}

static void child_that_ended_first_keeps_its_cause(void)
{
	struct gt_context *top = child_of_background(), *below = child_of(top), *lower = child_of(below);

	gt_context_cancel_cause(below, -EPIPE, "mine");
	gt_context_cancel_cause(top, -EIO, "yours");
	expect_done(lower, -ECANCELED, -EPIPE, "mine");
	gt_context_put(lower);
	gt_context_put(below);
	gt_context_put(top);
}

static void child_of_what_is_done_is_done(void)
{
	struct gt_context *top = child_of_background(), *late;

	gt_context_cancel_cause(top, -EPIPE, "why");
	late = child_of(top);
	expect_done(late, -ECANCELED, -EPIPE, "why");
	gt_context_cancel(late);
	gt_context_put(top);
	expect_done(late, -ECANCELED, -EPIPE, "why");
	gt_context_put(late);
}

static void parent_is_kept_by_its_child(void)
{
	struct gt_context *top = child_of_background(), *middle = child_of(top),
			  *below = child_of(middle);

	gt_context_put(middle);
	gt_context_cancel(top);
	expect_cancelled(below);
	gt_context_put(top);
	gt_context_put(below);
}

static void put_cancels_nothing(void)
{
	struct gt_context *ctx = child_of_background();
	struct gt_chan *done = gt_chan_get(gt_context_done(ctx));

	gt_context_put(ctx);
	CHECK_EQ(gt_chan_try_recv(done, NULL), -EAGAIN);
	gt_chan_put(done);
}

/* A task's stack has room for neither of these by recursion. */
static void deep_and_wide_trees(void)
{
	long i, n = scaled(100000);
	struct gt_context *top = child_of_background(), *ctx = gt_context_get(top), *below,
			  **flat = calloc(n, sizeof(*flat));

	CHECK(flat);
	for (i = 0; i < n; i++) {
		flat[i] = child_of(top);
		below = child_of(ctx);
		gt_context_put(ctx);
		ctx = below;
	}
	gt_context_cancel(top);
	CHECK_EQ(gt_context_err(ctx), -ECANCELED);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_context_err(flat[i]), -ECANCELED);
		gt_context_put(flat[i]);
	}
	gt_context_put(top);
	gt_context_put(ctx);		/* and the whole line with it */
	free(flat);
}

/* ---------------------------------------------------------------- values ---- */

static void count_release(void *value)
{
	atomic_fetch_add(&released, (long)value);
}

static const struct gt_context_key borrowed = { "borrowed", NULL },
				   owned = { "owned", count_release };

static struct gt_context *with(struct gt_context *parent, const struct gt_context_key *key,
			       long value)
{
	struct gt_context *ctx = gt_context_with_value(parent, key, (void *)value);

	CHECK(ctx);
	return ctx;
}

static void nearest_value_of_a_key(void)
{
	static const struct gt_context_key other = { "borrowed", NULL };
	struct gt_context *one = with(gt_context_background(), &borrowed, 1),
			  *two = with(one, &borrowed, 2), *three = child_of(two),
			  *four = with(three, &owned, 4), *five = gt_context_without_cancel(four);

	CHECK(five);
	CHECK_EQ((long)gt_context_value(one, &borrowed), 1);
	CHECK_EQ((long)gt_context_value(two, &borrowed), 2);
	CHECK_EQ((long)gt_context_value(three, &borrowed), 2);
	CHECK_EQ((long)gt_context_value(five, &borrowed), 2);
	CHECK_EQ((long)gt_context_value(five, &owned), 4);
	CHECK(!gt_context_value(three, &owned));
	CHECK(!gt_context_value(five, &other));		/* a key is its address */
	gt_context_cancel(three);
	CHECK_EQ((long)gt_context_value(four, &borrowed), 2);
	gt_context_put(one);
	gt_context_put(two);
	gt_context_put(three);
	gt_context_put(four);
	CHECK_EQ(released, 0);
	gt_context_put(five);
	CHECK_EQ(released, 4);
}

static void value_follows_its_parent(void)
{
	struct gt_context *top = child_of_background(), *value = with(top, &borrowed, 1),
			  *below = child_of(value), *middle = child_of(value);

	CHECK(gt_context_done(value) == gt_context_done(top));
	expect_open(value);
	gt_context_cancel(middle);
	expect_open(value);
	expect_open(below);
	gt_context_cancel(top);
	expect_cancelled(value);
	expect_cancelled(below);
	gt_context_put(top);
	gt_context_put(value);
	gt_context_put(below);
	gt_context_put(middle);
}

static void without_cancel_goes_on(void)
{
	struct gt_context *top = child_of_background(), *value = with(top, &borrowed, 1),
			  *on = gt_context_without_cancel(value), *below = child_of(on);

	gt_context_cancel(top);
	expect_open(on);
	CHECK(!gt_context_done(on));
	CHECK(gt_context_deadline(on) == INT64_MAX);
	CHECK_EQ((long)gt_context_value(below, &borrowed), 1);
	expect_open(below);
	gt_context_cancel(below);
	expect_cancelled(below);
	gt_context_put(top);
	gt_context_put(value);
	gt_context_put(on);
	gt_context_put(below);
}

/* ------------------------------------------------------------- functions ---- */

static uint64_t ran_in;

static void note_task(void *arg)
{
	ran_in = gt_task_id();
	count_one(arg);
}

GT_TEST_PROCS(function_runs_once_in_its_own_task)
{
	struct gt_context *top = child_of_background(), *below = child_of(top);
	struct gt_context_after *after;

	CHECK_EQ(gt_context_after_func(below, note_task, NULL, &after), 0);
	CHECK_EQ(gt_context_after_func(below, count_one, NULL, NULL), 0);
	gt_yield();
	CHECK_EQ(ran, 0);
	gt_context_cancel(top);
	gt_context_cancel(below);
	AWAIT(ran == 2 && gt_task_count() == 1);
	CHECK_EQ(ran, 2);
	CHECK(ran_in != gt_task_id());
	CHECK(!gt_context_after_stop(after));
	gt_context_put(top);
	gt_context_put(below);
	check_leaks();
}

GT_TEST_PROCS(function_of_what_is_done_runs_at_once)
{
	struct gt_context *ctx = child_of_background();
	struct gt_context_after *after;

	gt_context_cancel(ctx);
	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, &after), 0);
	AWAIT(ran == 1);
	CHECK(!gt_context_after_stop(after));
	gt_context_put(ctx);
}

GT_TEST_PROCS(function_that_is_stopped_never_runs)
{
	struct gt_context *ctx = child_of_background(), *never = gt_context_without_cancel(ctx);
	struct gt_context_after *stopped, *kept, *idle;

	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, &stopped), 0);
	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, &kept), 0);
	CHECK_EQ(gt_context_after_func(never, count_one, NULL, &idle), 0);
	CHECK_EQ(gt_context_after_func(never, count_one, NULL, NULL), 0);
	CHECK(gt_context_after_stop(stopped));
	gt_context_cancel(ctx);
	AWAIT(ran == 1 && gt_task_count() == 1);
	gt_context_put(ctx);		/* kept has a reference of its own */
	CHECK(!gt_context_after_stop(kept));
	CHECK(gt_context_after_stop(idle));
	gt_context_put(never);
	CHECK_EQ(ran, 1);
	check_leaks();
}

GT_TEST_PROCS(function_of_what_is_freed_never_runs)
{
	struct gt_context *ctx = child_of_background();
	struct gt_context_after *after;

	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, NULL), 0);
	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, &after), 0);
	gt_context_put(ctx);
	CHECK(gt_context_after_stop(after));
	gt_yield();
	CHECK_EQ(ran, 0);
	CHECK_EQ(gt_task_count(), 1);
	check_leaks();
}

PLAIN_TEST(function_without_a_runtime_runs_before_cancel_returns)
{
	struct gt_context *ctx = child_of_background();
	struct gt_context_after *after;

	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, NULL), 0);
	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, &after), 0);
	gt_context_cancel(ctx);
	CHECK_EQ(ran, 2);
	CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, NULL), 0);
	CHECK_EQ(ran, 3);
	CHECK(!gt_context_after_stop(after));
	gt_context_put(ctx);
	check_leaks();
}

/* ---------------------------------------------- the same in each setting ---- */

static void simple_ones(void)
{
	background_is_never_done();
	cancel_is_told_in_each_way();
	only_the_first_cancel_counts();
	causes_have_texts();
	cancel_goes_down_and_only_down();
	child_that_ended_first_keeps_its_cause();
	child_of_what_is_done_is_done();
	parent_is_kept_by_its_child();
	put_cancels_nothing();
	deep_and_wide_trees();
	nearest_value_of_a_key();
	value_follows_its_parent();
	without_cancel_goes_on();
	check_leaks();
}

GT_TEST_PROCS(tree_and_values)
{
	simple_ones();
}

PLAIN_TEST(tree_and_values_on_a_plain_thread)
{
	simple_ones();
}

/* --------------------------------------------------------------- waiting ---- */

struct shared {
	struct gt_context *ctx;
	long written;		/* no atomic: ordered by the cancel alone */
};

static void waits_for_done(void *arg)
{
	struct shared *shared = arg;

	CHECK_EQ(gt_chan_recv(gt_context_done(shared->ctx), NULL), 0);
	CHECK_EQ(shared->written, 1);
	CHECK_EQ(gt_context_err(shared->ctx), -ECANCELED);
}

static void asks_until_done(void *arg)
{
	struct shared *shared = arg;

	AWAIT(gt_context_err(shared->ctx));
	CHECK_EQ(shared->written, 1);
}

static void reads_what_was_written(void *arg)
{
	CHECK_EQ(((struct shared *)arg)->written, 1);
	gt_wg_done(&wg);
}

GT_TEST_PROCS(what_was_before_the_cancel_is_seen_after_it)
{
	long round;

	for (round = 0; round < scaled(1000); round++) {
		struct gt_context *top = child_of_background();
		struct shared shared = { .ctx = child_of(top) };

		CHECK_EQ(gt_wg_go(&wg, waits_for_done, &shared), 0);
		CHECK_EQ(gt_wg_go(&wg, waits_for_done, &shared), 0);
		CHECK_EQ(gt_wg_go(&wg, asks_until_done, &shared), 0);
		gt_wg_add(&wg, 1);
		CHECK_EQ(gt_context_after_func(shared.ctx, reads_what_was_written, &shared, NULL), 0);
		if (round % 2)
			gt_yield();
		shared.written = 1;
		gt_context_cancel(top);
		gt_wg_wait(&wg);
		gt_context_put(shared.ctx);
		gt_context_put(top);
	}
}

static void *thread_waits(void *arg)
{
	waits_for_done(arg);
	return NULL;
}

static void thread_is_woken(void)
{
	struct shared shared = { .ctx = child_of_background() };
	pthread_t threads[3];
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_waits, &shared), 0);
	shared.written = 1;
	gt_context_cancel(shared.ctx);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	gt_context_put(shared.ctx);
}

GT_TEST_PROCS(threads_wait_beside_tasks)
{
	thread_is_woken();
}

PLAIN_TEST(threads_wait_alone)
{
	thread_is_woken();
}

/* ----------------------------------------------------------------- races ---- */

static struct gt_context *tops[2];
static atomic_bool stop;

/* Makes, uses and ends contexts below one that may end at any moment. */
static void lives_below(void *arg)
{
	uint64_t random = (uintptr_t)arg + 1;

	while (!atomic_load(&stop)) {
		struct gt_context *top = tops[test_random(&random) % 2], *child = child_of(top),
				  *value = with(child, &owned, 1), *leaf = child_of(value);
		struct gt_context_after *after;

		CHECK_EQ(gt_context_after_func(leaf, count_one, NULL, &after), 0);
		if (test_random(&random) % 2)
			CHECK(gt_context_done(leaf));
		gt_context_put(child);
		if (test_random(&random) % 4 == 0)
			gt_yield();
		if (test_random(&random) % 4 == 0)
			gt_context_cancel(leaf);
		if (test_random(&random) % 4 == 0)
			gt_context_cancel(child);
		if (gt_context_err(top)) {
			/* Perhaps not yet those below, but whoever comes now. */
			struct gt_context *late = child_of(top);

			CHECK_EQ(gt_context_err(late), -ECANCELED);
			gt_context_put(late);
		}
		gt_context_put(value);
		gt_context_put(leaf);
		gt_context_after_stop(after);
		atomic_fetch_add(&ran, 1);
	}
}

static void cancels_top(void *arg)
{
	struct shared *shared = arg;

	gt_context_cancel(tops[0]);
	/* Whoever cancels, and is late, finds all below cancelled as well. */
	CHECK_EQ(gt_context_err(shared->ctx), -ECANCELED);
	gt_context_cancel(tops[1]);
}

GT_TEST_PROCS(children_come_and_go_while_the_parent_ends)
{
	long round, i;

	for (round = 0; round < scaled(200); round++) {
		struct gt_context *line[8] = { 0 };
		struct shared shared = { 0 };

		atomic_store(&stop, false);
		tops[0] = child_of_background();
		tops[1] = child_of(tops[0]);
		for (i = 0; i < 8; i++)
			line[i] = child_of(i ? line[i - 1] : tops[0]);
		shared.ctx = line[7];
		for (i = 0; i < 4; i++)
			CHECK_EQ(gt_wg_go(&wg, lives_below, (void *)(round * 4 + i)), 0);
		for (i = 0; i < round % 20; i++)
			gt_yield();
		for (i = 0; i < 3; i++)
			CHECK_EQ(gt_wg_go(&wg, cancels_top, &shared), 0);
		AWAIT(gt_context_err(tops[1]));
		gt_yield();
		atomic_store(&stop, true);
		gt_wg_wait(&wg);
		for (i = 0; i < 8; i++)
			gt_context_put(line[i]);
		gt_context_put(tops[0]);
		gt_context_put(tops[1]);
	}
	AWAIT(gt_task_count() == 1);
	check_leaks();
}

/* A context is put by one task, cancelled by a second and its parent by a third. */
static void puts_one(void *arg)
{
	gt_context_put(arg);
}

static void ends_one(void *arg)
{
	end(arg);
}

GT_TEST_PROCS(put_and_cancel_and_the_parents_cancel_at_once)
{
	long round;

	for (round = 0; round < scaled(3000); round++) {
		struct gt_context *top = child_of_background(), *ctx = child_of(top),
				  *lone = child_of(top);

		gt_context_get(ctx);
		gt_context_get(top);
		CHECK_EQ(gt_wg_go(&wg, puts_one, lone), 0);
		CHECK_EQ(gt_wg_go(&wg, puts_one, ctx), 0);
		CHECK_EQ(gt_wg_go(&wg, ends_one, top), 0);
		CHECK_EQ(gt_wg_go(&wg, ends_one, ctx), 0);
		gt_context_put(top);
		gt_wg_wait(&wg);
	}
	check_leaks();
}

/* ---------------------------------------------------------------- memory ---- */

/* Every way in which a child leaves a parent that stays. */
static void child_leaves(struct gt_context *top, long i)
{
	struct gt_context *value = with(top, &owned, 1), *ctx = child_of(value);

	gt_context_put(value);
	if (i % 3 == 0)
		CHECK_EQ(gt_context_after_func(ctx, count_one, NULL, NULL), 0);
	if (i % 7 == 0)
		gt_context_done(ctx);
	if (i % 3 == 1)
		gt_context_cancel(ctx);
	gt_context_put(ctx);
}

GT_TEST(parent_that_stays_does_not_grow)
{
	long i, n = scaled(4000000), before = 0;
	struct gt_context *top = child_of_background();

	for (i = 0; i < n; i++) {
		if (i == n / 10)
			before = status_kib("VmRSS:");
		child_leaves(top, i);
	}
	CHECK_EQ(released, n);		/* none is kept */
	CHECK_EQ(ran, 0);
	if (!TEST_ASAN && !TEST_TSAN)	/* they keep what is freed */
		CHECK(status_kib("VmRSS:") < before + 1024);
	end(top);
	check_leaks();
}

/* ---------------------------------------------------------------- misuse ---- */

static void no_parent(void)
{
	gt_context_with_cancel(NULL);
}

static void no_parent_for_value(void)
{
	gt_context_with_value(NULL, &borrowed, NULL);
}

static void no_parent_to_leave(void)
{
	gt_context_without_cancel(NULL);
}

static void no_key(void)
{
	gt_context_with_value(gt_context_background(), NULL, NULL);
}

static void cancels_background(void)
{
	gt_context_cancel(gt_context_background());
}

static void cancels_value(void)
{
	gt_context_cancel(with(child_of_background(), &borrowed, 1));
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(no_parent, "cannot create context from nil parent");
	expect_panic(no_parent_for_value, "cannot create context from nil parent");
	expect_panic(no_parent_to_leave, "cannot create context from nil parent");
	expect_panic(no_key, "nil key");
	expect_panic(cancels_background, "cancel of a context that only follows its parent");
	expect_panic(cancels_value, "cancel of a context that only follows its parent");
}

TEST_MAIN
