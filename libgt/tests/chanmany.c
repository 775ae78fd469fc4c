// SPDX-License-Identifier: GPL-2.0
/*
 * Channels among many: nothing is lost, doubled, torn or out of a sender's order,
 * with tasks and plain threads in every role.
 */
#include "test.h"

/* A value that shows whether it is whole. */
struct item {
	uint32_t sender, number;
	uint64_t copies[6];
};

enum { MOST = 16 };

static struct gt_chan *chan;
static long items_each;
static atomic_int senders_left;
static atomic_long items_in, sum_in, items_out, sum_out;

static struct item make_item(uint32_t sender, uint32_t number)
{
	struct item item = { sender, number, {0} };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(item.copies); i++)
		item.copies[i] = (uint64_t)sender << 32 | number;
	return item;
}

static void check_item(const struct item *item)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(item->copies); i++)
		CHECK(item->copies[i] == ((uint64_t)item->sender << 32 | item->number));
}

/* The last one out closes. */
static void sender(void *arg)
{
	uint32_t me = (uintptr_t)arg;
	struct item item;
	long i;

	for (i = 1; i <= items_each; i++) {
		item = make_item(me, i);
		if (i % 5 || gt_chan_try_send(chan, &item))
			gt_chan_send(chan, &item);
		atomic_fetch_add(&items_in, 1);
		atomic_fetch_add(&sum_in, me * 1000003l + i);
	}
	if (atomic_fetch_sub(&senders_left, 1) == 1)
		gt_chan_close(chan);
}

/* Each receiver sees the values of one sender in order. */
static void receiver(void *arg)
{
	uint32_t last[MOST] = {0};
	struct item item;
	int got;

	for (;;) {
		got = -EAGAIN;
		if (items_out % 4 == 0)
			got = gt_chan_try_recv(chan, &item);
		if (got == -EAGAIN)
			got = gt_chan_recv(chan, &item);
		if (!got)
			break;
		check_item(&item);
		CHECK(item.sender < MOST && item.number > last[item.sender]);
		last[item.sender] = item.number;
		atomic_fetch_add(&items_out, 1);
		atomic_fetch_add(&sum_out, item.sender * 1000003l + item.number);
	}
	(void)arg;
}

static void *sender_thread(void *arg)
{
	sender(arg);
	return NULL;
}

static void *receiver_thread(void *arg)
{
	receiver(arg);
	return NULL;
}

struct mix {
	int senders, receivers, sender_threads, receiver_threads;
};

static void many_to_many(const struct mix *mix, size_t cap, long items)
{
	pthread_t threads[2 * MOST];
	int i, n = 0;

	items_each = items;
	atomic_store(&items_in, 0);
	atomic_store(&items_out, 0);
	atomic_store(&sum_in, 0);
	atomic_store(&sum_out, 0);
	atomic_store(&senders_left, mix->senders + mix->sender_threads);
	CHECK(chan = gt_chan_make(sizeof(struct item), cap));
	for (i = 0; i < mix->sender_threads; i++)
		CHECK_EQ(pthread_create(&threads[n++], NULL, sender_thread,
					(void *)(uintptr_t)(mix->senders + i)), 0);
	for (i = 0; i < mix->receiver_threads; i++)
		CHECK_EQ(pthread_create(&threads[n++], NULL, receiver_thread, NULL), 0);
	for (i = 0; i < mix->senders; i++)
		CHECK_EQ(gt_go(sender, (void *)(uintptr_t)i), 0);
	for (i = 0; i < mix->receivers; i++)
		CHECK_EQ(gt_go(receiver, NULL), 0);
	AWAIT(senders_left == 0 && items_out == items_in);
	AWAIT(gt_task_count() <= 1);
	while (n--)
		CHECK_EQ(pthread_join(threads[n], NULL), 0);
	CHECK_EQ(items_in, items * (mix->senders + mix->sender_threads));
	CHECK_EQ(items_out, items_in);
	CHECK_EQ(sum_out, sum_in);
	gt_chan_put(chan);
}

static void many_to_many_all_sizes(const struct mix *mix, long items)
{
	many_to_many(mix, 0, items);
	many_to_many(mix, 1, items);
	many_to_many(mix, 7, items);
	many_to_many(mix, 1000, items);
}

GT_TEST_PROCS(tasks_one_to_one)
{
	static const struct mix mix = { 1, 1, 0, 0 };

	many_to_many_all_sizes(&mix, scaled(20000));
}

GT_TEST_PROCS(tasks_many_to_many)
{
	static const struct mix mix = { 8, 8, 0, 0 };

	many_to_many_all_sizes(&mix, scaled(5000));
}

GT_TEST_PROCS(tasks_many_to_one)
{
	static const struct mix mix = { 12, 1, 0, 0 };

	many_to_many_all_sizes(&mix, scaled(2000));
}

GT_TEST_PROCS(tasks_one_to_many)
{
	static const struct mix mix = { 1, 12, 0, 0 };

	many_to_many_all_sizes(&mix, scaled(10000));
}

GT_TEST_PROCS(threads_send)
{
	static const struct mix mix = { 0, 3, 3, 0 };

	many_to_many_all_sizes(&mix, scaled(1000));
}

GT_TEST_PROCS(threads_receive)
{
	static const struct mix mix = { 3, 0, 0, 3 };

	many_to_many_all_sizes(&mix, scaled(1000));
}

GT_TEST_PROCS(threads_and_tasks)
{
	static const struct mix mix = { 3, 3, 3, 3 };

	many_to_many_all_sizes(&mix, scaled(1000));
}

/* Without a runtime they are channels of plain threads. */
PLAIN_TEST(threads_alone)
{
	static const struct mix mix = { 0, 0, 3, 3 };

	many_to_many_all_sizes(&mix, scaled(2000));
}

/*
 * A channel that one processor has used for long has a lock that leans to it. A thread
 * from elsewhere takes it back while the processor goes on using it.
 */
static struct gt_chan *leaning;
static atomic_bool comes, gone;

static void *comes_from_elsewhere(void *arg)
{
	long value, sum = 0, took = 0;

	comes = true;
	while (!gone) {
		if (gt_chan_try_recv(leaning, &value) == 1) {
			sum += value;
			took++;
		}
	}
	atomic_fetch_add(&sum_out, sum);
	atomic_fetch_add(&items_out, took);
	return arg;
}

static void uses_alone_then_with_another(void *arg)
{
	long value, sum = 0, took = 0, put = 0, i;
	pthread_t thread;

	for (i = 0; i < 3000; i++) {
		gt_chan_send(leaning, &i);
		CHECK_EQ(gt_chan_recv(leaning, &value), 1);
		CHECK_EQ(value, i);
	}
	CHECK_EQ(pthread_create(&thread, NULL, comes_from_elsewhere, NULL), 0);
	for (i = 1; !comes || i < 2000; i++) {
		if (!gt_chan_try_send(leaning, &i)) {
			sum_in += i;
			put++;
		}
		if (i % 3 == 0 && gt_chan_try_recv(leaning, &value) == 1) {
			sum += value;
			took++;
		}
	}
	while (gt_chan_try_recv(leaning, &value) == 1) {
		sum += value;
		took++;
	}
	gone = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(items_out + took, put);
	CHECK_EQ(sum_out + sum, sum_in);
	(void)arg;
}

GT_TEST_PROCS(lock_that_leans_is_taken_back)
{
	long rounds = scaled(100);

	while (rounds--) {
		sum_in = sum_out = items_out = 0;
		comes = gone = false;
		CHECK(leaning = gt_chan_make(sizeof(long), 1 + rounds % 5));
		uses_alone_then_with_another(NULL);
		CHECK_EQ(gt_chan_len(leaning), 0);
		gt_chan_put(leaning);
	}
}

/* -------------------------------------------------------------- pipelines ---- */

enum { STAGES = 100 };

struct stage {
	struct gt_chan *in, *out;
};

static void adds_one(void *arg)
{
	struct stage *stage = arg;
	long value;

	while (gt_chan_recv(stage->in, &value)) {
		value++;
		gt_chan_send(stage->out, &value);
	}
	gt_chan_close(stage->out);
	gt_chan_put(stage->in);
}

struct feed {
	struct gt_chan *chan;
	long values;
};

static void feeds(void *arg)
{
	struct feed *feed = arg;
	long i;

	for (i = 0; i < feed->values; i++)
		gt_chan_send(feed->chan, &i);
	gt_chan_close(feed->chan);
}

GT_TEST_PROCS(chain_of_stages)
{
	struct gt_chan *first = gt_chan_make(sizeof(long), 0), *in = first;
	struct feed feed = { first, scaled(500) };
	struct stage stage;
	long i, value;

	for (i = 0; i < STAGES; i++) {
		stage.in = in;
		CHECK(stage.out = in = gt_chan_make(sizeof(long), i % 3));
		CHECK_EQ(gt_go_copy(adds_one, &stage, sizeof(stage)), 0);
	}
	CHECK_EQ(gt_go(feeds, &feed), 0);
	for (i = 0; i < feed.values; i++) {
		CHECK_EQ(gt_chan_recv(in, &value), 1);
		CHECK_EQ(value, i + STAGES);
	}
	CHECK_EQ(gt_chan_recv(in, &value), 0);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(in);
}

/* A lock made of a channel of one: what it protects is a plain variable. */
static struct gt_chan *token;
static long protected_count;
static long increments;

static void increments_under_token(void *arg)
{
	long i;

	for (i = 0; i < increments; i++) {
		gt_chan_send(token, NULL);
		protected_count++;
		gt_chan_recv(token, NULL);
	}
	(void)arg;
}

/* The k-th receive happens before the (k+1)-th send on a capacity of one. */
GT_TEST_PROCS(channel_as_a_lock)
{
	int i;

	increments = scaled(5000);
	CHECK(token = gt_chan_make(0, 1));
	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(increments_under_token, NULL), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(protected_count, 10 * increments);
	gt_chan_put(token);
}

/* The sender writes, sends; the receiver reads what it wrote, unbuffered and not. */
struct letter {
	long number, body[4];
};

static struct letter letters[64];
static struct gt_chan *mail, *empties;

static void writes_letters(void *arg)
{
	long i, n = (long)arg, slot;
	size_t j;

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_chan_recv(empties, &slot), 1);
		letters[slot].number = i;
		for (j = 0; j < ARRAY_SIZE(letters[slot].body); j++)
			letters[slot].body[j] = ~i;
		gt_chan_send(mail, &slot);
	}
	gt_chan_close(mail);
}

GT_TEST_PROCS(send_happens_before_receive)
{
	long i, n, slot, cap;
	size_t j;

	for (cap = 0; cap <= 8; cap += 4) {
		n = scaled(10000);
		CHECK(mail = gt_chan_make(sizeof(long), cap));
		CHECK(empties = gt_chan_make(sizeof(long), ARRAY_SIZE(letters)));
		for (i = 0; i < (long)ARRAY_SIZE(letters); i++)
			gt_chan_send(empties, &i);
		CHECK_EQ(gt_go(writes_letters, (void *)n), 0);
		for (i = 0; gt_chan_recv(mail, &slot); i++) {
			CHECK_EQ(letters[slot].number, i);
			for (j = 0; j < ARRAY_SIZE(letters[slot].body); j++)
				CHECK_EQ(letters[slot].body[j], ~i);
			gt_chan_send(empties, &slot);
		}
		CHECK_EQ(i, n);
		AWAIT(gt_task_count() == 1);
		gt_chan_put(mail);
		gt_chan_put(empties);
	}
}

TEST_MAIN
