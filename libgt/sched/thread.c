/* SPDX-License-Identifier: MIT */
/*
 * Ms: making, sleeping, waking and ending the threads.
 *
 * An idle M is on the stack sched.idle_m and sleeps in the backend. Who takes it
 * off that stack, under sched.lock, owns it: a starter then gives it a P by
 * next_p and wakes it; or it takes itself off, because a P of a blocked M waits
 * (handoff.c) or the runtime stops. The backend remembers wakes, so one that comes
 * before the sleep is not lost; one that is left over from an earlier start makes
 * the M look and sleep again.
 *
 * With a backend that reports blocks, one M more than the busy ones is asleep at
 * any time, to stand by (reserve()): a thread takes far longer to make than a block
 * takes to report.
 *
 * An M that is not there yet is asked of the maker (maker.c), and its P waits there.
 * Ms are not ended before the run is: an idle one costs a stack page or two. A thread
 * that cannot be made is no disaster: its P goes back, and tasks wait for a free M.
 * But a program that needs more than limit has lost control of them, and ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/print.h"
#include "base/window.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/preempt.h"
#include "sched/runq.h"
#include "sched/sched.h"

#define GT_THREADS_DEFAULT 10000
#define GT_END_PAUSE 1000000
#define GT_THREAD_STACK ((size_t)512 << 10)

static _Atomic uint32_t limit = GT_THREADS_DEFAULT;	/* it outlives runs */

__thread struct gt_m *gt_m_tls
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Say so once: tasks now wait for threads that are blocked. */
void gt_thread_failed(int error)
{
	static _Atomic bool warned;

	if (error != -ECANCELED && !atomic_exchange(&warned, true))
		fprintf(stderr,
			"gt: cannot start thread %u: %s; tasks wait until one is free "
			"(a task blocked in a system call holds a thread: see ulimit -u, "
			"the pids cgroup and vm.max_map_count)\n",
			gt_sched.threads + 1, strerror(-error));
}

static _Noreturn void die_of_threads(void)
{
	gt_print_flush();
	gt_print("fatal: program exceeds %u-thread limit (a task that is blocked outside the "
		 "runtime holds a thread; see gt_max_threads())\n\n", gt_load(&limit));
	gt_dump_tasks();
	_exit(2);
}

int gt_thread_limit(int n)
{
	uint32_t old = n > 0 ? atomic_exchange(&limit, n) : gt_load(&limit);
	bool too_many;

	if (n < 1 || gt_load(&gt_sched.phase) != GT_ON)
		return (int)old;
	gt_lock(&gt_sched.lock);
	too_many = gt_sched.threads > gt_load(&limit);
	gt_unlock(&gt_sched.lock);
	if (too_many)
		die_of_threads();
	return (int)old;
}

static void idle_put_locked(struct gt_m *m)
{
	m->idle = true;
	m->idle_next = gt_sched.idle_m;
	gt_sched.idle_m = m;
	gt_store(&gt_sched.idle_m_count, gt_load(&gt_sched.idle_m_count) + 1);
}

static void idle_remove_locked(struct gt_m *m)
{
	struct gt_m **link = &gt_sched.idle_m;

	while (*link != m)
		link = &(*link)->idle_next;
	*link = m->idle_next;
	m->idle = false;
	gt_store(&gt_sched.idle_m_count, gt_load(&gt_sched.idle_m_count) - 1);
}

/* The backend wants an M standing by: ask for one if there is none. */
static void reserve(void)
{
	if (!gt_sched.backend->standby || !gt_sched.config.handoff)
		return;
	gt_lock(&gt_sched.lock);
	if (!gt_sched.idle_m)
		gt_maker_ask_spare_locked();
	gt_unlock(&gt_sched.lock);
}

static void remove_locked(struct gt_m *m)
{
	struct gt_m **link = &gt_sched.all_m;

	while (*link != m)
		link = &(*link)->all_next;
	*link = m->all_next;
	m->all_next = gt_sched.ended_m;
	gt_sched.ended_m = m;
	gt_sched.threads--;
}

/*
 * m ends with its task, in the middle of a run: what is left of the thread after this,
 * the destruction of thread-local variables, is a plain thread's. False: the run ends,
 * so that m is waited for like all others.
 */
static bool end_alone(struct gt_m *m)
{
	bool on;

	gt_lock(&gt_sched.lock);
	on = gt_load(&gt_sched.phase) == GT_ON;
	if (on) {
		remove_locked(m);
		atomic_fetch_add_explicit(&gt_sched.nr_threads_gone, 1, memory_order_relaxed);
		gt_deadlock_check_locked();
	}
	gt_unlock(&gt_sched.lock);
	return on;
}

/* An M whose thread is gone, to be used again, or NULL. */
static struct gt_m *reap(void)
{
	struct gt_m **link = &gt_sched.ended_m, *m;

	gt_lock(&gt_sched.lock);
	while ((m = *link) && !m->joined && pthread_tryjoin_np(m->thread, NULL))
		link = &m->all_next;
	if (m)
		*link = m->all_next;
	gt_unlock(&gt_sched.lock);
	return m;
}

/*
 * Memory for an M. It may be one that a taker, which found it in a P long ago, still
 * looks at: so it stays what it is, and what takers read is written one by one.
 */
static struct gt_m *allocate(void)
{
	struct gt_m *m = reap();

	if (!m) {
		size_t size = (sizeof(*m) + GT_CACHELINE - 1) / GT_CACHELINE * GT_CACHELINE;

		m = aligned_alloc(GT_CACHELINE, size);
		if (!m)
			return NULL;
		memset(m, 0, size);
		gt_store(&m->stat_fd, -1);
	}
	gt_store(&m->inside, true);
	gt_store(&m->own_take, GT_TAKE_NONE);
	gt_store(&m->take, &m->own_take);
	gt_store(&m->held, NULL);
	gt_store(&m->tid, 0);
	m->seq = &m->own_seq;
	gt_store(&m->slot, -1);
	gt_store(&m->sliced, true);	/* before it is attached there is nothing to look for */
	gt_store(&m->wake, 0);
	gt_store(&m->grant, GT_GRANT_NONE);
	gt_store(&m->ended, false);
	m->joined = false;
	m->g = &m->g0;
	m->g0 = (struct gt_g){ 0 };
	gt_store(&m->request, 0);
	gt_store(&m->resumed, 0);
	gt_store(&m->loose, false);
	m->returned = false;
	if (atomic_exchange(&m->signalled, false))
		atomic_fetch_sub(&gt_sched.preempts_pending, 1);
	m->commit = NULL;
	m->locked = NULL;
	m->ending = false;
	m->signal_stack = NULL;
	m->random = (uint32_t)gt_clock() | 1;
	return m;
}

/* A request that is late finds no task here any more, and is not the program's. */
static void end_signals(void)
{
	sigset_t set;

	if (!gt_sched.config.preempt)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *thread_main(void *arg)
{
	struct gt_m *m = arg;
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	gt_m_set_self(m);
	m->errno_at = &errno;
	m->eh_at = gt_eh_here();
	pthread_sigmask(SIG_SETMASK, &gt_sched.signal_mask, NULL);
	/* Sleepers are late by the slack: 50 us if it is not set. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	/* It allocates, and without memory leaves no attributes. AddressSanitizer's alone. */
	if (!pthread_getattr_np(pthread_self(), &attr)) {
		pthread_attr_getstack(&attr, &low, &size);
		pthread_attr_destroy(&attr);
	}
	gt_fiber_adopt(&m->g0.fiber, low, size);
	gt_store_release(&m->tid, (int)syscall(SYS_gettid));
	gt_fault_thread_start(m);
	gt_sched.backend->attach(m);
	gt_sched.backend->cover(m, m->p != NULL);
	if (m->p)
		reserve();
	gt_run_loop(m);

	end_signals();
	if (m->ending && m->p)
		gt_thread_start(gt_p_release(m), false);
	gt_preempt_end(m);
	gt_sched.backend->detach(m);
	gt_fault_thread_stop(m);
	gt_m_set_self(NULL);
	if (m->ending && end_alone(m))
		return NULL;
	gt_store_release(&m->ended, true);
	atomic_fetch_add(&gt_sched.threads_ended, 1);
	gt_futex_wake(&gt_sched.threads_ended, INT32_MAX);
	return NULL;
}

static int create(struct gt_m *m)
{
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);

	if (!error) {
		pthread_attr_setstacksize(&attr, GT_THREAD_STACK);
		error = pthread_create(&m->thread, &attr, thread_main, m);
		pthread_attr_destroy(&attr);
	}
	return -error;
}

int gt_thread_new(struct gt_p *p, bool spinning)
{
	struct gt_m *m = allocate();
	int error = 0;

	if (!m)
		return -ENOMEM;
	m->spinning = spinning;
	m->alone = false;
	m->p = p;
	m->pick = p;
	gt_store(&m->held, p);
	if (p) {
		m->p_number = gt_p_index(p) + 1;
		gt_store_release(&p->m, m);
	}

	/* Counted before it begins: a thread on its way is life to deadlock.c. */
	gt_lock(&gt_sched.lock);
	if (gt_load(&gt_sched.phase) != GT_ON)
		error = -ECANCELED;
	else if (gt_sched.threads >= gt_load(&limit) && p && !gt_sched.idle_m)
		die_of_threads();
	else if (gt_sched.threads >= gt_load(&limit))
		error = -ECANCELED;	/* nobody needs a spare one yet, or one is idle */
	gt_sched.threads++;
	m->all_next = gt_sched.all_m;
	gt_sched.all_m = m;
	gt_unlock(&gt_sched.lock);
	/* Not under sched.lock: it takes locks of libc's. See maker.c. */
	if (!error) {
		atomic_fetch_add_explicit(&gt_sched.nr_threads, 1, memory_order_relaxed);
		error = create(m);
		if (!error)
			return 0;
		atomic_fetch_sub_explicit(&gt_sched.nr_threads, 1, memory_order_relaxed);
	}
	if (p)
		gt_store(&p->m, NULL);
	gt_lock(&gt_sched.lock);
	m->joined = true;
	remove_locked(m);
	gt_unlock(&gt_sched.lock);
	return error;
}

int gt_thread_first(struct gt_p *p)
{
	return gt_thread_new(p, false);
}

struct gt_m *gt_thread_take_idle_locked(struct gt_p *p)
{
	struct gt_m *m = gt_sched.idle_m;

	if (m) {
		idle_remove_locked(m);
		m->next_p = p;
		m->spinning = false;
		m->alone = false;
	}
	return m;
}

struct gt_m *gt_thread_give_locked(struct gt_p *p, bool spinning)
{
	struct gt_m *m = gt_thread_take_idle_locked(p);

	if (m)
		m->spinning = spinning;
	else
		gt_maker_ask_locked(p, spinning);
	return m;
}

void gt_thread_start(struct gt_p *p, bool spinning)
{
	struct gt_m *m;

	gt_lock(&gt_sched.lock);
	m = gt_thread_give_locked(p, spinning);
	gt_unlock(&gt_sched.lock);
	GT_WINDOW("thread.given");
	if (m)
		gt_sched.backend->wake(m);
}

bool gt_thread_stop(struct gt_m *m)
{
	bool handoff = gt_sched.config.handoff, look;
	struct gt_p *p, *taken = NULL;

	gt_lock(&gt_sched.lock);
	gt_sched.reserving = false;
	p = gt_maker_take_locked();
	if (p) {
		m->spinning = p->start_spinning;
		m->alone = p->start_failed;
		gt_unlock(&gt_sched.lock);
		gt_p_acquire(m, p);
		reserve();
		return true;
	}
	idle_put_locked(m);
	gt_deadlock_check_locked();
	while (gt_load(&gt_sched.phase) != GT_STOPPING) {
		gt_unlock(&gt_sched.lock);
		GT_WINDOW("thread.idle");
		look = gt_sched.backend->park(m, handoff) && handoff;
		if (look)
			taken = gt_handoff_scan();
		gt_lock(&gt_sched.lock);
		if (m->idle && taken)
			idle_remove_locked(m);
		if (!m->idle)
			break;
	}
	if (m->idle)
		idle_remove_locked(m);
	p = m->next_p;
	m->next_p = NULL;
	gt_unlock(&gt_sched.lock);
	if (gt_load(&gt_sched.phase) == GT_STOPPING)
		return false;

	if (p && taken)
		gt_thread_start(taken, false);
	gt_p_acquire(m, p ? p : taken);
	reserve();
	return true;
}

bool gt_thread_swap(struct gt_m *m, struct gt_g *g)
{
	struct gt_p *p = gt_p_release(m);

	gt_runq_put_next(p, g);
	gt_thread_start(p, false);
	return gt_thread_stop(m);
}

/* Is there an M that will end by itself: in the runtime, or not yet begun? */
static bool some_are_ending(void)
{
	bool any = false;

	gt_lock(&gt_sched.lock);
	for (struct gt_m *m = gt_sched.all_m; m; m = m->all_next)
		any |= !gt_load_acquire(&m->ended) && gt_load(&m->inside);
	gt_unlock(&gt_sched.lock);
	return any;
}

static void join_all(struct gt_m **list)
{
	struct gt_m *m;

	while ((m = *list)) {
		*list = m->all_next;
		if (!m->joined)
			pthread_join(m->thread, NULL);
		gt_sched.backend->release(m);
		free(m);
	}
}

bool gt_thread_end_all(int64_t deadline)
{
	struct gt_m *m;

	gt_lock(&gt_sched.lock);
	gt_store_release(&gt_sched.phase, GT_STOPPING);
	gt_slow_set(GT_SLOW_STOP);
	for (m = gt_sched.idle_m; m; m = m->idle_next)
		gt_sched.backend->wake(m);
	gt_unlock(&gt_sched.lock);
	gt_bound_end();

	/* An M on its way into the poller looks at the phase after polled is 0. */
	for (;;) {
		uint32_t ended = gt_load_acquire(&gt_sched.threads_ended);

		if (ended == gt_sched.threads)
			break;
		gt_sched.poller->kick();
		if (gt_futex_wait(&gt_sched.threads_ended, ended, deadline))
			continue;
		/* Who is still in user code then may stay there for ever. */
		if (!some_are_ending())
			return false;
		deadline = gt_clock() + GT_END_PAUSE;
	}
	join_all(&gt_sched.all_m);
	join_all(&gt_sched.ended_m);
	return true;
}
