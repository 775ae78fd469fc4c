/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which M runs which G with which P.
 *
 * Ready tasks are in the ring of a P, in p->next, in the global queue, in timers
 * that are due, or behind descriptors that are ready. An M with a P looks in all
 * of these (gt_find), nearest first; an M that finds nothing gives its P back and
 * sleeps. At most half as many Ms as there are busy Ps look at once ("spin"),
 * since each look disturbs the others.
 *
 * NO LOST WAKEUP. A task made ready must be found, though its maker wakes nobody
 * while no P is idle or somebody spins, and that one may be about to give up:
 *
 *	maker (gt_ready)		M that goes idle (gt_find)
 *	add the task to a queue		idle_p_count++; if it spins: spinning--
 *	(A) full barrier		(B) full barrier
 *	if (idle_p_count && !spinning)	look once more into every queue
 *		wake an M
 *
 * Both are sequentially consistent, so one of the two sees the other: the maker
 * sees an idle P and that nobody spins, and wakes an M; or the M sees the task. An M
 * that did not spin looks, too: spinning may have been that of a maker which then found
 * no idle P (gt_wake_p), or of an M that has taken its task and looks no more. (A) is
 * free where the task was added by the exchange of gt_runq_put_next(): that and
 * the loads of gt_wake_p() are sequentially consistent themselves. Elsewhere it is
 * a fence before gt_wake_p(). An M that is started to run what the maker added is
 * started spinning, and a spinner that finds work starts another (found): so each
 * of many tasks added at once gets its M, one wake after the other.
 *
 * PARTNERS are tasks that wake each other in turns: each is p->next for a moment, until
 * the other parks. Moved to another P they would wake each other across, which takes
 * several times as long. So a thief takes a next only if it stands for GT_PARTNER_TIME,
 * in which its P begins nothing else. It must not leave the others for good: their P may
 * come upon a long task, and whoever made them ready wakes nobody any more. Nor does it
 * spin, or let itself be woken at each turn. It dozes: it sleeps, counted as spinning, and
 * looks again after a while, which doubles up to GT_DOZE_MAX. So a task that becomes ready
 * beside partners may wait for that long until it is moved. One M at a time does this,
 * and the others leave every next to it:
 *
 *	M that goes idle		the one that dozes
 *	idle_p_count++; spinning--	dozing = false
 *	(B) full barrier		(E) full barrier
 *	look into queues and rings	look into everything; if there are
 *	if (!dozing) at each next	but partners, dozing = true, and so on
 *
 * Who sees dozing set has seen nothing that its second look will not. It dozes in the
 * poller, if nobody is there, and so is in time for descriptors and timers.
 *
 * The global queue has a second guard: an M gives its P back under the same lock
 * under which it looked there.
 *
 * The poller: one M without a P waits for descriptors and the first timer. polled
 * is 0 meanwhile, and who takes it from non-zero to 0 is that M. Who adds a timer
 * before poll_until kicks it (announce in timer.c).
 *
 * Rejected: one wake for each ready task (Go's old scheduler), which wakes and
 * sleeps threads all the time; direct hand-off of the P to a woken M, which loses
 * the caches.
 *
 * Source: Go's runtime, proc.go (findRunnable, wakep), "Worker thread parking".
 */
#include "arch.h"
#include "base/futex.h"
#include "base/window.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/timer.h"

#define GT_STEAL_ROUNDS 4

/* Nanoseconds. The first is what a switch to another core is worth, as in Go. */
#define GT_PARTNER_TIME 3000
#define GT_DOZE_MIN 50000
#define GT_DOZE_MAX 200000

struct gt_sched gt_sched;

void gt_queue_counted_locked(void)
{
	/* Who sees that they are gone from here sees them where they have gone: recheck(). */
	gt_store_release(&gt_sched.queue_count, gt_sched.queue.count + gt_sched.bound.count);
}

void gt_queue_put(struct gt_list *list)
{
	gt_lock(&gt_sched.lock);
	gt_list_join(&gt_sched.queue, list);
	gt_queue_counted_locked();
	gt_unlock(&gt_sched.lock);
	atomic_thread_fence(memory_order_seq_cst);			/* (A) */
}

/* Take up to a fair share of the global queue, at most max; the first is returned. */
static struct gt_g *queue_get_locked(struct gt_p *p, size_t max)
{
	size_t count = gt_sched.queue.count;
	size_t share = count / gt_load(&gt_sched.procs_wanted) + 1;
	struct gt_g *g = gt_bound_get_locked();

	if (gt_unlikely(g))
		return g;
	g = gt_list_pop(&gt_sched.queue);
	if (share > max)
		share = max;
	for (; g && share > 1 && gt_sched.queue.head; share--)
		gt_runq_put_tail(p, gt_list_pop(&gt_sched.queue));
	gt_sched.queue_popped += count - gt_sched.queue.count;
	gt_queue_counted_locked();
	return g;
}

static struct gt_g *queue_get(struct gt_p *p, size_t max)
{
	struct gt_g *g;

	if (!gt_load(&gt_sched.queue_count))
		return NULL;
	gt_lock(&gt_sched.lock);
	g = queue_get_locked(p, max);
	gt_unlock(&gt_sched.lock);
	return g;
}

void gt_p_idle_put_locked(struct gt_p *p)
{
	if (gt_procs_retire_locked(p))
		return;
	p->idle_next = gt_sched.idle_p;
	gt_sched.idle_p = p;
	gt_store(&gt_sched.idle_p_count, gt_load(&gt_sched.idle_p_count) + 1);
	if (gt_sched.backend->spare)
		gt_sched.backend->spare(true);
}

/*
 * The last idle P is about to go. Ps of Ms whose blocks were kept quiet, as it was there,
 * are to be idle in its place: see handoff.c.
 */
static void replace_idle_locked(void)
{
	uint64_t quiet;
	struct gt_p *p;

	gt_sched.backend->spare(false);
	GT_WINDOW("spare.gone");
	atomic_thread_fence(memory_order_seq_cst);			/* (C) of handoff.c */
	quiet = gt_sched.backend->quiet();
	while (quiet != gt_sched.quiet_seen && gt_load(&gt_sched.idle_p_count) == 1) {
		p = gt_handoff_take_quiet();
		if (p) {
			atomic_fetch_add_explicit(&gt_sched.nr_quiet_taken, 1,
						  memory_order_relaxed);
			gt_p_idle_put_locked(p);
		} else {
			gt_sched.quiet_seen = quiet;
		}
	}
}

struct gt_p *gt_p_idle_get_locked(void)
{
	struct gt_p *p = gt_sched.idle_p;

	if (!p)
		return NULL;
	if (gt_load(&gt_sched.idle_p_count) == 1 && gt_sched.backend->spare) {
		replace_idle_locked();
		p = gt_sched.idle_p;
	}
	gt_sched.idle_p = p->idle_next;
	gt_store(&gt_sched.idle_p_count, gt_load(&gt_sched.idle_p_count) - 1);
	if (gt_unlikely(gt_load(&gt_sched.sysmon_asleep)))
		gt_sysmon_wake();
	return p;
}

struct gt_p *gt_p_idle_get(void)
{
	struct gt_p *p;

	gt_lock(&gt_sched.lock);
	p = gt_p_idle_get_locked();
	gt_unlock(&gt_sched.lock);
	return p;
}

bool gt_p_has_work(struct gt_p *p, int64_t now)
{
	return !gt_runq_empty(p) || gt_load(&gt_sched.queue_count) ||
	       gt_load(&p->timers->first) <= now;
}

void gt_p_acquire(struct gt_m *m, struct gt_p *p)
{
	m->p = p;
	m->p_number = gt_p_index(p) + 1;
	m->pick = m->locked ? NULL : p;
	gt_store(&m->held, p);
	gt_store_release(&p->m, m);
	gt_sched.backend->cover(m, true);
}

struct gt_p *gt_p_release(struct gt_m *m)
{
	struct gt_p *p = m->p;

	gt_sched.backend->cover(m, false);
	gt_store_release(&p->m, NULL);
	m->p = NULL;
	m->pick = NULL;
	gt_store(&m->held, NULL);
	return p;
}

void gt_wake_p(void)
{
	struct gt_p *p;
	uint32_t none = 0;

	GT_WINDOW("wake.added");
	if (gt_likely(!atomic_load(&gt_sched.idle_p_count)) ||		/* (A) */
	    atomic_load(&gt_sched.spinning) ||
	    !atomic_compare_exchange_strong(&gt_sched.spinning, &none, 1))
		return;
	GT_WINDOW("wake.won");
	p = gt_p_idle_get();
	if (p) {
		atomic_fetch_add_explicit(&gt_sched.nr_wakes, 1, memory_order_relaxed);
		gt_thread_start(p, true);
	} else {
		atomic_fetch_sub(&gt_sched.spinning, 1);
	}
}

void gt_inject(struct gt_list *list)
{
	size_t count = list->count;

	if (!count)
		return;
	gt_queue_put(list);
	for (; count; count--) {
		struct gt_p *p;

		p = gt_p_idle_get();
		if (!p)
			break;
		gt_thread_start(p, false);
	}
}

/* Run m's tasks from a list; the first is returned, the rest are queued. */
static struct gt_g *take_list(struct gt_p *p, struct gt_list *list)
{
	struct gt_g *g = gt_list_pop(list), *next;

	if (!list->head)
		return g;
	while ((next = gt_list_pop(list)))
		gt_runq_put_tail(p, next);
	atomic_thread_fence(memory_order_seq_cst);			/* (A) */
	gt_wake_p();
	return g;
}

static uint32_t next_random(struct gt_m *m)
{
	uint32_t x = m->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return m->random = x;
}

/*
 * Fire due timers into p's ring, until that is half full: were it to overflow, those
 * that are due would go behind all tasks of the global queue. The heap has them in
 * order. One at least, so that tasks that only yield do not keep them there.
 */
static int64_t fire_due(struct gt_p *p, struct gt_timers *timers)
{
	uint32_t queued = gt_load(&p->tail) - gt_load(&p->head);

	return gt_timers_run(timers, gt_clock(), queued < GT_RING / 2 ? GT_RING / 2 - queued : 1);
}

/*
 * Does a task stand in victim->next, so that it is worth moving? The line is its owner's,
 * who writes it all the time: it is left alone between two looks.
 */
static bool next_stands(struct gt_m *m, struct gt_p *victim)
{
	uint64_t tick = gt_load(&victim->tick);
	int64_t until;

	if (!gt_load(&victim->next))
		return false;
	if (!gt_load(&victim->m))
		return true;
	for (until = gt_clock() + GT_PARTNER_TIME; gt_clock() < until;)
		gt_cpu_relax();
	if (gt_load(&victim->tick) == tick)
		return true;
	m->partners = true;
	return false;
}

/*
 * Look into every other P, from a random one on. p->next of a busy P is taken in
 * the last round only, if it stands.
 */
static struct gt_g *steal(struct gt_m *m, int64_t *until)
{
	struct gt_p *p = m->p;

	for (int round = 0; round < GT_STEAL_ROUNDS; round++) {
		bool last = round == GT_STEAL_ROUNDS - 1;
		uint32_t made = gt_load_acquire(&gt_sched.procs_made);
		uint32_t start = next_random(m) % made;

		for (uint32_t i = 0; i < made; i++) {
			uint32_t number = start + i < made ? start + i : start + i - made;
			struct gt_p *victim = &gt_sched.all_p[number];
			struct gt_g *g;

			if (gt_load(&gt_sched.phase) == GT_STOPPING)
				return NULL;
			if (!gt_p_live(number))
				continue;
			if (last) {
				int64_t first = fire_due(p, victim->timers);

				if (first < *until)
					*until = first;
				g = gt_runq_get(p);
				if (g)
					return g;
			}
			if (victim == p)
				continue;
			g = gt_runq_steal(p, victim);
			if (!g && last && next_stands(m, victim))
				g = gt_runq_steal_next(victim);
			if (g) {
				atomic_fetch_add_explicit(&gt_sched.nr_steals, 1,
							  memory_order_relaxed);
				return g;
			}
		}
	}
	return NULL;
}

bool gt_steal(struct gt_m *m)
{
	int64_t until = INT64_MAX;
	struct gt_g *g = steal(m, &until);

	if (!g)
		return false;
	gt_runq_put_next(m->p, g);					/* (A) */
	/* What came with g was in no queue for a while, in which a spinner may have quit. */
	if (gt_load(&m->p->head) != gt_load(&m->p->tail))
		gt_wake_p();
	return true;
}

/* Does any P have work? Then an idle P to do it with, if there is one. */
static struct gt_p *recheck(void)
{
	struct gt_p *p = NULL;
	bool work = gt_load_acquire(&gt_sched.queue_count);
	bool dozing = atomic_load(&gt_sched.dozing);

	gt_for_each_p(each)
		work |= dozing ? !gt_runq_ring_empty(each) : !gt_runq_empty(each);
	if (work)
		p = gt_p_idle_get();
	return p;
}

void gt_p_idle_give(struct gt_p *p)
{
	gt_lock(&gt_sched.lock);
	gt_p_idle_put_locked(p);
	gt_unlock(&gt_sched.lock);
	gt_procs_tidy();
	atomic_thread_fence(memory_order_seq_cst);			/* (B) */
	p = recheck();
	if (p)
		gt_thread_start(p, false);
}

/*
 * Somebody waits in the poller, or need not: who comes to wait for something later wakes
 * an M if there is nobody. An M that finds that out late must not hide that somebody has
 * been there since, and is gone.
 */
static void tell_unattended(void)
{
	if (!gt_sched.backend->attended)
		return;
	gt_sched.backend->attended(true);
	atomic_thread_fence(memory_order_seq_cst);
	if (!gt_nothing_awaited())
		gt_sched.backend->attended(false);
}

/*
 * Without a P: be the one who waits for descriptors and timers, if nobody is; no longer
 * than until doze. Returns true if there may be work, with a P then, and perhaps a task in *g.
 */
static bool wait_in_poller(struct gt_m *m, int64_t until, int64_t doze, struct gt_g **g)
{
	struct gt_list list = { 0 };
	int64_t now, delay = -1;
	struct gt_p *p;

	*g = NULL;
	if (!gt_load(&gt_sched.poll_waiters) && until == INT64_MAX &&
	    doze == INT64_MAX) {
		/*
		 * There is nothing to wait for. An M that waits all the same, for a
		 * timer that was cancelled, would be taken for life by deadlock.c.
		 */
		if (!atomic_load(&gt_sched.polled))			/* (C) */
			gt_sched.poller->kick();
		else
			tell_unattended();
		return false;
	}
	if (!atomic_exchange(&gt_sched.polled, 0)) {			/* (D) */
		/* Another M waits there: is it early enough for our timers? */
		if (until < atomic_load(&gt_sched.poll_until))
			gt_sched.poller->kick();
		return false;
	}
	/* Later than it was, if the first was cancelled: who did so has not met (D) at (C). */
	until = gt_timers_first();
	now = gt_clock();
	if (doze < until)
		until = doze;
	if (until != INT64_MAX)
		delay = until > now ? until - now : 0;
	else if (!gt_load(&gt_sched.poll_waiters))
		delay = 0;
	GT_WINDOW("poll.entered");
	atomic_store(&gt_sched.poll_until, until);
	GT_WINDOW("poll.until");
	/* Timers added meanwhile did not see poll_until: look at them once more. */
	if (gt_timers_first() < until || gt_load(&gt_sched.phase) == GT_STOPPING)
		delay = 0;
	GT_WINDOW("poll.sleep");
	if (gt_sched.backend->attended)
		gt_sched.backend->attended(true);
	gt_sched.poller->poll(&list, delay);
	GT_WINDOW("poll.woke");
	if (gt_sched.backend->attended)
		gt_sched.backend->attended(false);
	atomic_store(&gt_sched.poll_until, 0);
	atomic_store(&gt_sched.polled, gt_clock());

	p = gt_p_idle_get();
	if (!p) {
		gt_inject(&list);
		return false;
	}
	gt_p_acquire(m, p);
	if (list.head)
		*g = take_list(p, &list);
	return true;
}

static void spin_begin(struct gt_m *m)
{
	if (!m->spinning) {
		m->spinning = true;
		atomic_fetch_add(&gt_sched.spinning, 1);
	}
}

/* m found a task. If it was the last to look, there may be more to find. */
static struct gt_g *found(struct gt_m *m, struct gt_g *g)
{
	m->doze = 0;
	if (m->spinning) {
		m->spinning = false;
		atomic_fetch_sub(&gt_sched.spinning, 1);
		gt_wake_p();
	}
	return g;
}

/* m, which spins, has seen partners: until when to doze, or INT64_MAX if another does. */
static int64_t doze_begin(struct gt_m *m)
{
	if (atomic_exchange(&gt_sched.dozing, true))
		return INT64_MAX;
	m->doze = m->doze ? 2 * m->doze : GT_DOZE_MIN;
	if (m->doze > GT_DOZE_MAX)
		m->doze = GT_DOZE_MAX;
	return gt_clock() + m->doze;
}

static void doze_end(int64_t doze)
{
	if (doze == INT64_MAX)
		return;
	GT_WINDOW("doze.over");
	atomic_store(&gt_sched.dozing, false);
	atomic_thread_fence(memory_order_seq_cst);			/* (E) */
}

/* Everything that an M with a P can reach without giving it back. */
static struct gt_g *find_with_p(struct gt_m *m, int64_t *until)
{
	struct gt_p *p = m->p;
	struct gt_list list = { 0 };
	uint32_t idle = gt_load(&gt_sched.idle_p_count);
	struct gt_g *g;

	*until = fire_due(p, p->timers);
	if (gt_load(&p->tick) % GT_QUEUE_TICK == 0) {
		g = queue_get(p, 1);
		if (g)
			return g;
	}
	g = gt_runq_get(p);
	if (!g)
		g = queue_get(p, GT_RING / 2);
	if (g)
		return g;
	if (gt_load(&gt_sched.poll_waiters) && gt_load(&gt_sched.polled)) {
		gt_sched.poller->poll(&list, 0);
		if (list.head)
			return take_list(p, &list);
	}
	if (m->spinning || 2 * gt_load(&gt_sched.spinning) < gt_load(&gt_sched.procs) - idle) {
		spin_begin(m);
		g = steal(m, until);
	}
	return g;
}

struct gt_g *gt_find(struct gt_m *m)
{
	static _Atomic uint32_t nobody;		/* wakes who sleeps on it */
	struct gt_g *g;
	struct gt_p *p;
	int64_t until, doze;
	bool polled;

again:
	m->partners = false;
	if (gt_load_acquire(&gt_sched.phase) == GT_STOPPING)
		return NULL;
	if (!m->p && !gt_thread_stop(m))
		return NULL;
	if (gt_unlikely(gt_load(&gt_sched.slow) & GT_SLOW_SHED) && gt_procs_shed(m))
		goto idle;
	g = find_with_p(m, &until);
	if (g)
		goto out;

	gt_lock(&gt_sched.lock);
	g = queue_get_locked(m->p, GT_RING / 2);
	if (g) {
		gt_unlock(&gt_sched.lock);
		goto out;
	}
	gt_p_idle_put_locked(gt_p_release(m));
	gt_unlock(&gt_sched.lock);
	gt_procs_tidy();
idle:
	GT_WINDOW("idle.given");
	doze = m->spinning && m->partners ? doze_begin(m) : INT64_MAX;
	if (m->spinning && doze == INT64_MAX) {
		m->spinning = false;
		atomic_fetch_sub(&gt_sched.spinning, 1);
	}
	GT_WINDOW("idle.quit");
	atomic_thread_fence(memory_order_seq_cst);			/* (B) */
	p = recheck();
	if (p) {
		doze_end(doze);
		gt_p_acquire(m, p);
		spin_begin(m);
		goto again;
	}
	polled = wait_in_poller(m, gt_timers_first(), doze, &g);
	if (!polled && doze != INT64_MAX) {
		gt_futex_wait(&nobody, 0, doze);
		p = gt_p_idle_get();
		if (p)
			gt_p_acquire(m, p);
	}
	doze_end(doze);
	if (polled && g)
		goto out;
	if (m->p)
		goto again;
	if (m->spinning) {
		m->partners = false;
		goto idle;
	}
	if (!gt_thread_stop(m))
		return NULL;
	goto again;

out:
	if (gt_unlikely(g->bound)) {
		found(m, NULL);
		gt_bound_grant(g, gt_p_release(m));
		goto again;
	}
	/* Where there is no other M it would come back for ever. */
	if (gt_unlikely(gt_sched.config.migrate) && g->last_m == m && !m->alone) {
		found(m, NULL);
		if (!gt_thread_swap(m, g))
			return NULL;
		goto again;
	}
	m->alone = false;
	return found(m, g);
}
