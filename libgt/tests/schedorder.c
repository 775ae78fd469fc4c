// SPDX-License-Identifier: GPL-2.0
/*
 * Which tasks go where: those that do not fit into a ring, and those that an idle
 * processor takes from a busy one. One thread runs tasks at a time here, so that their
 * order is known.
 */
#include "test.h"

static int order[1024];
static atomic_int noted;

static void note(void *arg)
{
	order[atomic_load(&noted)] = (int)(uintptr_t)arg;
	atomic_fetch_add(&noted, 1);
}

static void start(int first, int last)
{
	int i;

	for (i = first; i <= last; i++)
		CHECK_EQ(gt_go(note, (void *)(uintptr_t)i), 0);
}

/*
 * Tasks 1 to 256 fill the ring, and 257 waits before it. 258 takes its place there, 257
 * finds no room: the older half of the ring goes to the global queue, and 257 behind it.
 */
GT_TEST_ORDER(overflow_moves_the_older_half)
{
	int at[259], i;

	start(1, 258);
	AWAIT(noted == 258);
	for (i = 0; i < 258; i++)
		at[order[i]] = i;
	CHECK_EQ(order[0], 258);
	for (i = 1; i <= 50; i++)	/* before the global queue's first turn */
		CHECK_EQ(order[i], 128 + i);
	for (i = 2; i <= 128; i++)
		CHECK(at[i] > at[i - 1]);
	for (i = 130; i <= 256; i++)
		CHECK(at[i] > at[i - 1]);
	CHECK(at[1] < at[256]);		/* each 61st turn is the global queue's */
	CHECK(at[2] - at[1] >= 61 || at[2] > at[256]);
	CHECK(at[257] > at[128]);
}

/*
 * Nine tasks: eight in the ring, 9 before it. The other processor takes the older half,
 * 1 to 4, and begins with the last of them; then the older half of what is left; the one
 * before the ring, which its owner was likely to run at once, it takes in the end.
 */
GT_TEST_ORDER(half_is_stolen)
{
	static const int expected[] = { 4, 1, 2, 3, 6, 5, 7, 8, 9 };
	size_t i;

	start(1, ARRAY_SIZE(expected));
	gt_gomaxprocs(2);
	while (noted < (int)ARRAY_SIZE(expected))
		;
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		CHECK_EQ(order[i], expected[i]);
}

/* A task that is readied runs before those that were there. */
static struct gt_chan *chan;

static void receives(void *arg)
{
	CHECK_EQ(gt_chan_recv(chan, NULL), 1);
	note(arg);
}

GT_TEST_ORDER(readied_task_runs_next)
{
	CHECK(chan = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(receives, (void *)1), 0);
	gt_yield();
	start(2, 3);
	gt_chan_send(chan, NULL);
	AWAIT(noted == 3);
	CHECK_EQ(order[0], 1);
	gt_chan_put(chan);
}

static uint64_t wakes(void)
{
	return stats_now().wakes;
}

/*
 * The maker wakes one thread, if none looks for work, and that one the next when it has
 * found some; and nobody is woken who could have no processor.
 */
GT_TEST_ORDER(one_wake_a_submission)
{
	uint64_t before = wakes();
	int i;

	start(1, 100);
	CHECK_EQ(wakes(), before);
	AWAIT(noted == 100);
	gt_gomaxprocs(8);
	for (i = 1; i <= 100; i++) {
		before = wakes();
		atomic_store(&noted, 0);
		start(1, 1);
		CHECK(wakes() - before <= 2);
		while (!atomic_load(&noted))
			;
	}
}

/*
 * Partners stay where they are, but not for good: the one that stands beside a long task
 * gets the other processor, though nobody is woken for it, and no time slice ends.
 */
static struct gt_chan *back;

static void answers(void *arg)
{
	while (gt_chan_recv(chan, NULL)) {
		note(arg);
		gt_chan_send(back, NULL);
	}
}

GT_TEST_ORDER(a_partner_that_stands_is_moved)
{
	long i, n = scaled(200);
	int before;

	CHECK(chan = gt_chan_make(0, 0));
	CHECK(back = gt_chan_make(0, 1));
	gt_gomaxprocs(2);
	CHECK_EQ(gt_go(answers, NULL), 0);
	for (i = 0; i < n; i++) {
		atomic_store(&noted, 0);
		for (before = 0; before < 100; before++) {
			gt_chan_send(chan, NULL);
			CHECK_EQ(gt_chan_recv(back, NULL), 1);
		}
		before = atomic_load(&noted);
		gt_chan_send(chan, NULL);
		while (atomic_load(&noted) == before)
			;
		CHECK_EQ(gt_chan_recv(back, NULL), 1);
	}
	gt_chan_close(chan);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(chan);
	gt_chan_put(back);
}

TEST_MAIN
