/* SPDX-License-Identifier: MIT */
/*
 * How an M finds a task to run, and waits for one.
 *
 * It looks at the P that it has, at the global queue, at the poller, and at other Ps. At
 * most half as many Ms as there are busy Ps do the last at once ("spin"), since each look
 * disturbs the others. Who finds nothing gives its P back, looks once more, and waits.
 * That nothing is lost meanwhile is argued in sched.c, with its barriers (A) and (B).
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
 * The poller: one M without a P waits for descriptors and the first timer. polled
 * is 0 meanwhile, and who takes it from non-zero to 0 is that M. Who adds a timer
 * before poll_until kicks it (announce in timer.c).
 *
 * Source: Go's runtime, proc.go (findRunnable).
 */
#include "base/futex.h"
#include "base/relax.h"
#include "base/window.h"
#include "sched/bound.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/timer.h"

#define GT_STEAL_ROUNDS 4

/* Nanoseconds. The first is what a switch to another core is worth, as in Go. */
#define GT_PARTNER_TIME 3000
#define GT_DOZE_MIN 50000
#define GT_DOZE_MAX 200000

static struct gt_g *queue_get(struct gt_p *p, size_t max)
{
	struct gt_g *g;

	if (!gt_load(&gt_sched.queue_count))
		return NULL;
	gt_lock(&gt_sched.lock);
	g = gt_queue_get_locked(p, max);
	gt_unlock(&gt_sched.lock);
	return g;
}

/* Run m's tasks from a list; the first is returned, the rest are queued. */
static struct gt_g *take_list(struct gt_p *p, struct gt_list *list)
{
	struct gt_g *g = gt_list_pop(list), *next;

	if (!list->head)
		return g;
	while ((next = gt_list_pop(list)))
		gt_runq_put_tail(p, next);
	atomic_thread_fence(memory_order_seq_cst);			/* (A) of sched.c */
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

	if (!gt_load(&victim->next))
		return false;
	if (!gt_load(&victim->m))
		return true;
	gt_relax_for(GT_PARTNER_TIME);
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
	gt_runq_put_next(m->p, g);					/* (A) of sched.c */
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
	atomic_thread_fence(memory_order_seq_cst);			/* (B) of sched.c */
	p = recheck();
	if (p)
		gt_thread_start(p, false);
}

static void tell_attended(bool by_any)
{
	if (gt_sched.backend->attended)
		gt_sched.backend->attended(by_any);
}

/*
 * Somebody waits in the poller, or need not: who comes to wait for something later wakes
 * an M if there is nobody. An M that finds that out late must not hide that somebody has
 * been there since, and is gone.
 */
static void tell_unattended(void)
{
	tell_attended(true);
	atomic_thread_fence(memory_order_seq_cst);
	if (!gt_nothing_awaited())
		tell_attended(false);
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
	if (!gt_load(&gt_sched.poll_waiters) && until == INT64_MAX && doze == INT64_MAX) {
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
	tell_attended(true);
	gt_sched.poller->poll(&list, delay);
	GT_WINDOW("poll.woke");
	tell_attended(false);
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
	g = gt_queue_get_locked(m->p, GT_RING / 2);
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
	atomic_thread_fence(memory_order_seq_cst);			/* (B) of sched.c */
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
