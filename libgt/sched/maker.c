/* SPDX-License-Identifier: MIT */
/*
 * The maker: the thread that makes all Ms but the first.
 *
 * It is made by gt_run()'s caller, runs no task, and blocks all signals, for two
 * reasons.
 *
 * - A new thread inherits from the one that makes it: its mask of signals, CPUs,
 *   namespaces, credentials. A task that has locked its thread may have changed
 *   those for itself alone; an M must not get them because that task started one.
 * - Making a thread takes locks of libc's, malloc()'s among them, and a task whose
 *   thread is held by preemption may own one. The maker has no P, so the task can be
 *   given one meanwhile. For that reason nobody who asks here waits for an answer:
 *   the P for which there is no M yet stands in the list sched.starting, and an M that
 *   goes idle in the meantime takes it from there (gt_thread_stop).
 *
 * sched.starting, and the spare M that is wanted, are under sched.lock; wake is set
 * after that, and cleared before the maker looks, so that no request is missed.
 *
 * Source: Go's runtime, proc.go (templateThread), which it starts with the first locked
 * thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/window.h"
#include "sched/sched.h"

#define GT_RETRY 10000000	/* until another try to make a thread */

static struct {
	pthread_t thread;
	_Atomic uint32_t wake;		/* futex: 1: there may be something to do */
	_Atomic bool stop;
	bool running;			/* gt_run()'s caller's */
} maker;

static void wake(void)
{
	if (!atomic_exchange(&maker.wake, 1))
		gt_futex_wake(&maker.wake, 1);
}

void gt_maker_ask_locked(struct gt_p *p, bool spinning)
{
	p->start_spinning = spinning;
	p->start_failed = false;
	p->idle_next = gt_sched.starting;
	gt_sched.starting = p;
	wake();
}

void gt_maker_ask_spare_locked(void)
{
	if (gt_sched.reserving)
		return;
	gt_sched.reserving = true;
	gt_sched.spare_wanted = true;
	wake();
}

struct gt_p *gt_maker_take_locked(void)
{
	struct gt_p *p = gt_sched.starting;

	if (p)
		gt_sched.starting = p->idle_next;
	return p;
}

bool gt_maker_has_work(void)
{
	bool work;

	gt_lock(&gt_sched.lock);
	work = gt_sched.starting;
	gt_unlock(&gt_sched.lock);
	return work;
}

/* The same, or is there anything else that was asked for? */
static bool is_wanted(void)
{
	bool wanted;

	gt_lock(&gt_sched.lock);
	wanted = gt_sched.starting || gt_sched.spare_wanted;
	gt_unlock(&gt_sched.lock);
	return wanted;
}

/*
 * There is no thread for p. An M that is idle has it, else the first to become so
 * (gt_thread_stop), unless a thread can be made before that.
 */
static void keep_for_another(struct gt_p *p)
{
	struct gt_m *m;

	gt_lock(&gt_sched.lock);
	if (p->start_spinning)
		atomic_fetch_sub(&gt_sched.spinning, 1);
	p->start_spinning = false;
	p->start_failed = true;
	m = gt_thread_take_idle_locked(p);
	if (m) {
		m->alone = true;
	} else {
		p->idle_next = gt_sched.starting;
		gt_sched.starting = p;
	}
	gt_unlock(&gt_sched.lock);
	if (m)
		gt_sched.backend->wake(m);
}

/* Do one thing that was asked for. False: there is none, or it has to wait. */
static bool make(void)
{
	struct gt_p *p;
	bool spare;
	int error;

	gt_lock(&gt_sched.lock);
	p = gt_maker_take_locked();
	spare = !p && gt_sched.spare_wanted;
	if (spare)
		gt_sched.spare_wanted = false;
	gt_unlock(&gt_sched.lock);
	if (!p && !spare)
		return false;

	GT_WINDOW("maker.took");
	error = gt_thread_new(p, p && p->start_spinning);
	if (!error)
		return true;
	gt_thread_failed(error);
	if (p) {
		keep_for_another(p);
		return false;
	}
	gt_lock(&gt_sched.lock);
	gt_sched.reserving = false;
	gt_unlock(&gt_sched.lock);
	return true;
}

static void *maker_main(void *arg)
{
	while (!gt_load_acquire(&maker.stop)) {
		gt_futex_wait(&maker.wake, 0,
			      is_wanted() ? gt_clock() + GT_RETRY : GT_FOREVER);
		atomic_store(&maker.wake, 0);
		while (!gt_load(&maker.stop) && make())
			;
	}
	return arg;
}

int gt_maker_start(void)
{
	sigset_t all, old;
	int error;

	atomic_store(&maker.stop, false);
	atomic_store(&maker.wake, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&maker.thread, NULL, maker_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	gt_sched.signal_mask = old;
	if (gt_sched.config.preempt)
		sigdelset(&gt_sched.signal_mask, SIGURG);
	maker.running = !error;
	return -error;
}

void gt_maker_stop(void)
{
	if (!maker.running)
		return;
	maker.running = false;
	gt_store_release(&maker.stop, true);
	wake();
	pthread_join(maker.thread, NULL);
}

void gt_maker_forget(void)
{
	maker.running = false;
}
