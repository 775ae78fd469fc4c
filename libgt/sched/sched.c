/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which M runs which G with which P.
 *
 * Ready tasks are in the ring of a P, in p->next, in the global queue, in timers
 * that are due, or behind descriptors that are ready. An M with a P looks in all
 * of these (find.c), nearest first; an M that finds nothing gives its P back and
 * sleeps.
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
 * The global queue has a second guard: an M gives its P back under the same lock
 * under which it looked there.
 *
 * Rejected: one wake for each ready task (Go's old scheduler), which wakes and
 * sleeps threads all the time; direct hand-off of the P to a woken M, which loses
 * the caches.
 *
 * Source: Go's runtime, proc.go (wakep), "Worker thread parking".
 */
#include "base/window.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/sched.h"

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

struct gt_g *gt_queue_get_locked(struct gt_p *p, size_t max)
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
