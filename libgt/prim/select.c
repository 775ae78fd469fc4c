/* SPDX-License-Identifier: MIT */
/*
 * Select: several sends and receives, of which one takes place.
 *
 * First without a lock: look at all channels. If some look ready, lock one of those,
 * chosen at random, and try. If none does, and there is a default, that is the
 * answer, provided that none was ready at one and the same moment: see none_ready().
 *
 * Else under the locks of all the channels, each taken once, in the order of their
 * addresses, so that no two selects wait for each other: if a case can proceed, it
 * does. If not, a waiter goes into the queue of each channel, all with one wait (see
 * chan.h), and the task parks. Since its own waiters are queued only after it has
 * looked for others, a select never meets itself.
 *
 *	selecting task			waker, of one of its channels
 *	lock all, enqueue all		lock it
 *	park; commit: unlock all	claim the wait
 *	...				copy, unlink, unlock, ready
 *	see the other waiters out
 *
 * With a deadline the clock is one more that may claim the wait. A deadline that has
 * passed fails a select only if it would have to wait.
 *
 * Rejected: enqueuing under one lock at a time. A select that has been enqueued in
 * part may be claimed while it claims another, and two words would have to change
 * at once for neither to be stuck with half a match.
 *
 * The commit walks the list of locks, which is on the stack of a task that may be
 * woken as soon as the first of them is free. So the task, before it returns, takes
 * the lock that the commit lets go last, if there are several: once it has that, the
 * commit is done with the list.
 *
 * Choice: under the locks or without, the cases that look ready are counted, and the
 * one of a random number among them is tried. Queued waiters have the order of the
 * cases, which decides nothing unless a channel stands in two cases; then they are
 * shuffled.
 *
 * What one costs: 90 instructions, 5 ns, with a default and nothing ready. One of four
 * channels that has to wait takes 980 with the send that ends it, 125 to 165 ns: four
 * locks, four places in queues, a park, the claim, and three places to be seen out of
 * again, each under its lock; the atomic instructions among them are a third of the time.
 *
 * Source: Go's runtime, select.go.
 */
#include <errno.h>
#include <stdlib.h>

#include "gt/panic.h"
#include "gt/select.h"
#include "gt/time.h"
#include "prim/chan.h"

#define GT_FEW 8		/* cases that cost a small frame, */
#define GT_SOME 64		/* a larger one; more take memory */

/* One select that may have to wait; on its task's stack. */
struct selection {
	struct gt_case *cases;
	size_t n;
	struct gt_chan_waiter *waiters;	/* n of them */
	struct gt_chan **locks;		/* the channels, each once, by address */
	size_t lock_count;
	struct gt_wait wait;		/* claimed with the chosen case + 1 */
};

/* ------------------------------------------------------------- choosing ---- */

static __thread uint32_t thread_random;

/* 0 to n - 1, each as likely. The generator is the M's, or the plain thread's. */
static uint32_t random_below(uint32_t n)
{
	struct gt_m *m = gt_m_self();
	uint32_t *state = gt_likely(m) ? &m->random : &thread_random;
	uint32_t x = *state;

	if (gt_unlikely(!x))
		x = (uint32_t)gt_clock() | 1;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return (uint64_t)x * n >> 32;
}

static inline bool side_ready(const struct gt_chan *chan, enum gt_direction direction)
{
	return gt_likely(direction == GT_DIRECTION_RECV) ? gt_chan_can_recv(chan) :
							   gt_chan_can_send(chan);
}

static inline bool looks_ready(const struct gt_case *one)
{
	return one->chan && side_ready(one->chan, one->direction);
}

static size_t count_ready(const struct gt_case *cases, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += looks_ready(&cases[i]);
	return count;
}

/* One of the count cases that look ready; n if there are fewer by now. */
static size_t choose(const struct gt_case *cases, size_t n, size_t count)
{
	size_t skip = count > 1 ? random_below(count) : 0;

	for (size_t i = 0; i < n; i++)
		if (looks_ready(&cases[i]) && !skip--)
			return i;
	return n;
}

/*
 * Were all cases unready at one moment? What makes one ready is preceded by its
 * channel's version growing. If no version has grown between the first look at it
 * and the second, nothing has become ready in between: what was seen unready after
 * the first look was so until the second. All the second looks come after all the
 * first, and the moment is the one between. Versions only grow, so their sum will do.
 * One channel needs no second look.
 */
static inline __attribute__((__always_inline__)) bool none_ready(const struct gt_case *cases,
								 size_t n)
{
	const struct gt_case *one, *end = cases + n;
	uint64_t sum = 0;

	for (one = cases; one != end; one++) {
		const struct gt_chan *chan = one->chan;

		if (gt_unlikely(!chan))
			continue;
		sum += gt_load_acquire(&chan->version);
		if (side_ready(chan, one->direction))
			return false;
	}
	if (n <= 1)
		return true;
	atomic_thread_fence(memory_order_acquire);
	for (one = cases; one != end; one++)
		if (gt_likely(one->chan))
			sum -= gt_load(&one->chan->version);
	return !sum;
}

/* Under the channel's lock. */
static enum gt_chan_result attempt(struct gt_case *one, struct gt_g **partner)
{
	enum gt_chan_result result;

	if (one->direction == GT_DIRECTION_RECV) {
		result = gt_chan_recv_locked(one->chan, one->value, partner);
		if (result == GT_CHAN_CLOSED)
			gt_chan_zero(one->chan, one->value);
	} else {
		result = gt_chan_send_locked(one->chan, one->value, partner);
	}
	one->ok = result == GT_CHAN_PASSED;
	return result;
}

/* If some look ready, try one. Its index, or -EAGAIN. */
static int try_one(struct gt_case *cases, size_t n)
{
	size_t count = count_ready(cases, n), i;
	enum gt_chan_result result;
	struct gt_g *partner;

	if (!count)
		return -EAGAIN;
	i = choose(cases, n, count);
	if (i == n)
		return -EAGAIN;
	gt_bias_lock(&cases[i].chan->lock);
	result = attempt(&cases[i], &partner);
	gt_bias_unlock(&cases[i].chan->lock);
	if (partner)
		gt_ready(partner);
	return result == GT_CHAN_WAIT ? -EAGAIN : (int)i;
}

/* -------------------------------------------------------------- locking ---- */

/* Pointers into different objects have no order of their own. */
static inline bool behind(const struct gt_chan *one, const struct gt_chan *other)
{
	return (uintptr_t)one > (uintptr_t)other;
}

static void sift_down(struct gt_chan **heap, size_t at, size_t n)
{
	struct gt_chan *chan = heap[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && behind(heap[child + 1], heap[child]))
			child++;
		if (!behind(heap[child], chan))
			break;
		heap[at] = heap[child];
	}
	heap[at] = chan;
}

/* By insertion if few, as a heap if many: neither needs memory or recursion. */
static void sort(struct gt_chan **chans, size_t n)
{
	struct gt_chan *chan;

	if (n <= GT_FEW) {
		for (size_t i = 1, j; i < n; i++) {
			chan = chans[i];
			for (j = i; j && behind(chans[j - 1], chan); j--)
				chans[j] = chans[j - 1];
			chans[j] = chan;
		}
		return;
	}
	for (size_t i = n / 2; i--;)
		sift_down(chans, i, n);
	for (size_t i = n - 1; i; i--) {
		chan = chans[i];
		chans[i] = chans[0];
		chans[0] = chan;
		sift_down(chans, 0, i);
	}
}

/* Returns whether a channel stands in several cases. */
static bool lock_all(struct selection *s)
{
	size_t used = 0, count = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->cases[i].chan)
			s->locks[used++] = s->cases[i].chan;
	sort(s->locks, used);
	for (size_t i = 0; i < used; i++) {
		if (count && s->locks[i] == s->locks[count - 1])
			continue;
		s->locks[count++] = s->locks[i];
		gt_bias_lock(&s->locks[count - 1]->lock);
	}
	s->lock_count = count;
	return count < used;
}

static void unlock_all(struct gt_chan *const *locks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gt_bias_unlock(&locks[i]->lock);
}

/* -------------------------------------------------------------- waiting ---- */

static bool commit_unlock_all(struct gt_g *g, void *arg)
{
	struct selection *s = arg;

	(void)g;
	unlock_all(s->locks, s->lock_count);
	return true;
}

/* Waiters of one channel are claimed in the order in which they are queued. */
static void shuffle(struct gt_chan_waiter *waiters, size_t n)
{
	for (uint32_t i = n; i-- > 1;) {
		uint32_t j = random_below(i + 1), key = waiters[i].key;

		waiters[i].key = waiters[j].key;
		waiters[j].key = key;
	}
}

static void enqueue_all(struct selection *s, bool duplicates)
{
	gt_wait_begin(&s->wait);
	for (size_t i = 0; i < s->n; i++)
		s->waiters[i].key = i + 1;
	if (duplicates)
		shuffle(s->waiters, s->n);
	for (size_t i = 0; i < s->n; i++) {
		struct gt_chan_waiter *waiter = &s->waiters[i];
		struct gt_case *one = &s->cases[waiter->key - 1];
		struct gt_chan *chan = one->chan;

		gt_store(&waiter->link.next, NULL);
		if (!chan)
			continue;
		waiter->g = s->wait.g;
		waiter->value = one->value;
		waiter->wait = &s->wait;
		gt_chan_enqueue(chan, one->direction == GT_DIRECTION_RECV ? &chan->recvq : &chan->sendq,
				waiter);
	}
}

/* Under all locks: take all back. */
static void dequeue_all(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (gt_load(&s->waiters[i].link.next))
			gt_chan_unlink(&s->waiters[i]);
}

/* Awake again: see all waiters out but the winner's, who has been. */
static void see_out(struct selection *s)
{
	struct gt_chan *last = s->lock_count > 1 ? s->locks[s->lock_count - 1] : NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct gt_chan *chan = s->cases[s->waiters[i].key - 1].chan;

		if (chan && gt_chan_forget(chan, &s->waiters[i]) && chan == last)
			last = NULL;
	}
	if (last) {	/* the commit may be under way */
		gt_bias_lock(&last->lock);
		gt_bias_unlock(&last->lock);
	}
}

/* What came of the case with that key. Returns its index. */
static int finish(struct selection *s, uint32_t key)
{
	struct gt_case *one = &s->cases[key - 1];
	const struct gt_chan_waiter *waiter = s->waiters;

	while (waiter->key != key)
		waiter++;
	one->ok = waiter->passed;
	if (!one->ok && one->direction == GT_DIRECTION_RECV)
		gt_chan_zero(one->chan, one->value);
	return key - 1;
}

static enum gt_reason reason_of(const struct selection *s)
{
	if (!s->lock_count)
		return GT_REASON_CHAN_NIL;
	if (s->n > 1)
		return GT_REASON_SELECT;
	return s->cases->direction == GT_DIRECTION_RECV ? GT_REASON_CHAN_RECV : GT_REASON_CHAN_SEND;
}

/* Is there one that is not of a bubble? */
static bool any_outside(const struct selection *s)
{
	bool any = false;

	for (size_t i = 0; i < s->lock_count; i++)
		any |= !s->locks[i]->bubble;
	return any;
}

/* Under all locks, which are let go. The chosen case, -ETIMEDOUT or -ENOMEM. */
static int wait_in_all(struct selection *s, bool duplicates, int64_t deadline)
{
	int64_t key;

	enqueue_all(s, duplicates);
	if (gt_unlikely(gt_load(&gt_bubbles_used)))
		s->wait.g->outside = any_outside(s);
	key = gt_wait_park(&s->wait, commit_unlock_all, s, deadline, reason_of(s));
	if (gt_unlikely(key < 0)) {
		dequeue_all(s);
		unlock_all(s->locks, s->lock_count);
		return key;
	}
	see_out(s);
	return key == GT_WAIT_TIMEOUT ? -ETIMEDOUT : finish(s, key);
}

/* Under all locks, which are let go. The chosen case, or -EAGAIN. */
static int select_in(struct selection *s, unsigned int flags, int64_t deadline)
{
	bool duplicates = lock_all(s);
	struct gt_g *partner = NULL;
	int chosen = -EAGAIN;
	size_t count, i;

	/* An attempt fails if it finds but waiters that were claimed, and ends those. */
	while ((count = count_ready(s->cases, s->n))) {
		i = choose(s->cases, s->n, count);
		if (attempt(&s->cases[i], &partner) != GT_CHAN_WAIT) {
			chosen = i;
			break;
		}
	}
	if (chosen >= 0 || (flags & GT_SELECT_DEFAULT)) {
		unlock_all(s->locks, s->lock_count);
		if (partner)
			gt_ready(partner);
		return chosen;
	}
	return wait_in_all(s, duplicates, deadline);
}

/* Three sizes of frame, so that a task that waits for little takes little. */

static __attribute__((__noinline__)) int select_few(struct selection *s, unsigned int flags,
						    int64_t deadline)
{
	struct gt_chan_waiter waiters[GT_FEW];
	struct gt_chan *locks[GT_FEW];

	s->waiters = waiters;
	s->locks = locks;
	return select_in(s, flags, deadline);
}

static __attribute__((__noinline__)) int select_some(struct selection *s, unsigned int flags,
						     int64_t deadline)
{
	struct gt_chan_waiter waiters[GT_SOME];
	struct gt_chan *locks[GT_SOME];

	s->waiters = waiters;
	s->locks = locks;
	return select_in(s, flags, deadline);
}

static __attribute__((__noinline__)) int select_many(struct selection *s, unsigned int flags,
						     int64_t deadline)
{
	void *memory = malloc(s->n * (sizeof(*s->waiters) + sizeof(*s->locks)));
	int chosen;

	if (!memory)
		return -ENOMEM;
	s->waiters = memory;
	s->locks = (struct gt_chan **)(s->waiters + s->n);
	chosen = select_in(s, flags, deadline);
	free(memory);
	return chosen;
}

static __attribute__((__noinline__)) int select_slow(struct gt_case *cases, size_t n,
						     unsigned int flags, int64_t deadline)
{
	struct selection s;

	s.cases = cases;
	s.n = n;
	if (n <= GT_FEW)
		return select_few(&s, flags, deadline);
	if (n <= GT_SOME)
		return select_some(&s, flags, deadline);
	return select_many(&s, flags, deadline);
}

static __attribute__((__noinline__)) int select_any(struct gt_case *cases, size_t n,
						    unsigned int flags, int64_t deadline)
{
	int chosen;

	if (gt_unlikely(n > GT_SELECT_MAX))
		gt_panic("gt_select: too many cases (max %d)", GT_SELECT_MAX);
	for (size_t i = 0; gt_unlikely(gt_load(&gt_bubbles_used)) && i < n; i++)
		if (cases[i].chan)
			gt_chan_check(cases[i].chan, "select on synctest channel");
	if ((flags & GT_SELECT_DEFAULT) && gt_load(&gt_bubbles_used) && none_ready(cases, n))
		return -EAGAIN;
	gt_enter();
	chosen = try_one(cases, n);
	if (chosen == -EAGAIN) {
		if (gt_deadline_passed(deadline))
			flags = GT_SELECT_DEFAULT;
		chosen = select_slow(cases, n, flags, deadline);
	}
	gt_leave();
	if (gt_unlikely(chosen >= 0 && cases[chosen].direction == GT_DIRECTION_SEND &&
			!cases[chosen].ok))
		gt_panic("send on closed channel");
	return chosen;
}

/* A look that finds nothing calls nothing, and so saves no register. */
int gt_select(struct gt_case *cases, size_t n, unsigned int flags)
{
	if ((flags & GT_SELECT_DEFAULT) && gt_likely(n <= GT_SELECT_MAX) &&
	    gt_likely(!gt_load(&gt_bubbles_used)) && none_ready(cases, n))
		return -EAGAIN;
	return select_any(cases, n, flags, GT_NO_DEADLINE);
}

int gt_select_until(struct gt_case *cases, size_t n, int64_t deadline)
{
	int chosen = select_any(cases, n, 0, deadline);

	return chosen == -EAGAIN ? -ETIMEDOUT : chosen;
}

int gt_chan_send_until(struct gt_chan *chan, const void *value, int64_t deadline)
{
	struct gt_case one = gt_case_send(chan, value);
	int chosen = gt_select_until(&one, 1, deadline);

	return chosen < 0 ? chosen : 0;
}

int gt_chan_recv_until(struct gt_chan *chan, void *value, int64_t deadline)
{
	struct gt_case one = gt_case_recv(chan, value);
	int chosen = gt_select_until(&one, 1, deadline);

	return chosen < 0 ? chosen : one.ok;
}

void gt_selection_full(void)
{
	gt_panic("GT_SELECT: more than %d cases", GT_SELECT_ROOM);
}
