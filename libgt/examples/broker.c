/* SPDX-License-Identifier: MIT */
/*
 * A broker: what is published goes to all subscribers, each of which has a buffer of its
 * own. A subscriber that is too slow must not stop the others; what becomes of it is its
 * own choice: it misses the newest, misses the oldest, or is cut off.
 *
 * Locking: the broker's lock protects the list, and is held while a value is handed out,
 * which never waits. So a channel is not closed under a send.
 */
#include <stdbool.h>
#include <stdio.h>

#include <gt/gt.h>

enum when_slow { MISS_NEWEST, MISS_OLDEST, CUT_OFF };

struct subscriber {
	struct subscriber *next; /* broker.lock */
	struct gt_chan *chan;	 /* of long; closed when it is cut off, or at the end */
	enum when_slow when_slow;
	long missed; /* broker.lock */
};

struct broker {
	struct gt_mutex lock;
	struct subscriber *first; /* lock */
};

static bool subscribe(struct broker *broker, struct subscriber *sub, size_t buffer,
		      enum when_slow when_slow)
{
	*sub = (struct subscriber){ .when_slow = when_slow };
	sub->chan = gt_chan_make(sizeof(long), buffer);
	if (!sub->chan)
		return false;
	gt_mutex_lock(&broker->lock);
	sub->next = broker->first;
	broker->first = sub;
	gt_mutex_unlock(&broker->lock);
	return true;
}

/* False: it is cut off. Locked. */
static bool hand_out(struct subscriber *sub, long value)
{
	while (gt_chan_try_send(sub->chan, &value)) {
		sub->missed++;
		if (sub->when_slow == CUT_OFF)
			return false;
		if (sub->when_slow == MISS_NEWEST)
			return true;
		gt_chan_try_recv(sub->chan, NULL); /* or it has just been received */
	}
	return true;
}

static void publish(struct broker *broker, long value)
{
	struct subscriber **link = &broker->first, *sub;

	gt_mutex_lock(&broker->lock);
	while ((sub = *link)) {
		if (hand_out(sub, value)) {
			link = &sub->next;
		} else {
			*link = sub->next;
			gt_chan_close(sub->chan);
		}
	}
	gt_mutex_unlock(&broker->lock);
}

static void end(struct broker *broker)
{
	gt_mutex_lock(&broker->lock);
	for (struct subscriber *sub = broker->first; sub; sub = sub->next)
		gt_chan_close(sub->chan);
	broker->first = NULL;
	gt_mutex_unlock(&broker->lock);
}

/* ------------------------------------------------------------------- its use ---- */

struct reader {
	struct subscriber sub;
	long count, sum;
};

static struct gt_wg readers;

static void read_all(void *arg)
{
	struct reader *reader = arg;
	long value;

	while (gt_chan_recv(reader->sub.chan, &value)) {
		reader->count++;
		reader->sum += value;
	}
	gt_wg_done(&readers);
}

int gt_main(int argc, char **argv)
{
	/* Room for all; the next three read nothing until all has been published. */
	static const struct {
		const char *name;
		size_t buffer;
		enum when_slow when_slow;
		long count, sum, missed;
	} cases[] = {
		{ "quick", 100, CUT_OFF, 100, 5050, 0 },
		{ "misses the newest", 10, MISS_NEWEST, 10, 55, 90 },
		{ "misses the oldest", 10, MISS_OLDEST, 10, 955, 90 },
		{ "is cut off", 10, CUT_OFF, 10, 55, 1 },
	};
	struct reader reader[4] = { 0 };
	struct broker broker = { 0 };
	int bad = 0;

	(void)argc, (void)argv;
	for (int i = 0; i < 4; i++)
		if (!subscribe(&broker, &reader[i].sub, cases[i].buffer, cases[i].when_slow))
			return 1;
	for (long value = 1; value <= 100; value++)
		publish(&broker, value);
	end(&broker);
	for (int i = 0; i < 4; i++) {
		gt_wg_add(&readers, 1);
		if (gt_go(read_all, &reader[i]))
			return 1;
	}
	gt_wg_wait(&readers);
	for (int i = 0; i < 4; i++) {
		printf("%-18s got %3ld, sum %4ld, missed %2ld\n", cases[i].name, reader[i].count,
		       reader[i].sum, reader[i].sub.missed);
		bad |= reader[i].count != cases[i].count || reader[i].sum != cases[i].sum ||
		       reader[i].sub.missed != cases[i].missed;
		gt_chan_put(reader[i].sub.chan);
	}
	return bad;
}
