/* SPDX-License-Identifier: MIT */
/*
 * The life of a run: read the configuration, choose the backend, make the Ps and
 * the first M, wait for the main task, end everything.
 *
 * gt_run()'s caller stays a plain thread, and waits. Each step of the start is
 * undone by the one before it, if the next fails. The end can be incomplete: a
 * thread inside a blocking call cannot be ended. Then its memory stays, phase stays
 * GT_STOPPING, and the next gt_run() tries again to finish before it starts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/futex.h"
#include "gt/stats.h"
#include "gt/task.h"
#include "gt/time.h"
#include "prim/netpoll.h"
#include "prim/sema.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/preempt.h"
#include "sched/task.h"
#include "sched/timer.h"

#define GT_END_GRACE (100 * GT_MILLISECOND)
#define GT_DEFAULT (-1)

/* gt_run() is one at a time; fork() must not copy it half-way. */
static pthread_mutex_t run_lock = PTHREAD_MUTEX_INITIALIZER;
/* gt_gomaxprocs()'s; or 0: nobody said anything; or GT_DEFAULT: not GTMAXPROCS's either. */
static _Atomic int wanted_maxprocs;

/*
 * The child of a fork() has one thread, and none of the runtime's: there it never
 * started. What it inherited of memory is left alone; the descriptors go, since the
 * kernel's objects behind them are the parent's.
 */
static void in_child(void)
{
	struct gt_m *m = gt_m_self();

	pthread_mutex_init(&run_lock, NULL);
	gt_m_set_self(NULL);
	gt_visits_forget();
	gt_sema_forget();
	gt_netpoll_forget();
	if (gt_load(&gt_sched.phase) == GT_ENDING)
		gt_store(&gt_sched.phase, GT_FORKED);
	if (gt_load(&gt_sched.phase) < GT_ON)
		return;
	gt_sched.backend->stop();
	gt_sysmon_forget();
	gt_maker_forget();
	gt_stack_forget(m ? m->g : NULL);
	gt_timers_forget();
	gt_store(&gt_sched.phase, GT_FORKED);
}

static void at_fork(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

static int choose_backend(const struct gt_config *config)
{
	int error = -ENOENT;

	if (config->backend != GT_WANT_FUTEX) {
		error = gt_backend_kmod.start(config);
		if (!error) {
			gt_sched.backend = &gt_backend_kmod;
			goto chosen;
		}
	}
	if (config->backend == GT_WANT_KMOD) {
		fprintf(stderr, "gt: GTBACKEND=kmod, but %s cannot be used: %s; load the module, "
			"or use GTBACKEND=auto\n", config->device, strerror(-error));
		return error == -ENOENT ? -ENODEV : error;
	}
	if (error == -EPROTO)
		fprintf(stderr, "gt: going on with the futex backend\n");
	gt_sched.backend = &gt_backend_futex;
	gt_backend_futex.start(config);
chosen:
	gt_sched.device_error = error;
	return 0;
}

static void say_what_was_chosen(const struct gt_config *config)
{
	fprintf(stderr, "gt: %d processors, guards by %s, backend %s", config->maxprocs,
		gt_stack_guards_name(), gt_sched.backend->name);
	if (config->backend == GT_WANT_AUTO && gt_sched.device_error)
		fprintf(stderr, ": %s: %s (is the module loaded?)", config->device,
			strerror(-gt_sched.device_error));
	fputc('\n', stderr);
}

/* Everything but what outlives a run; the lock is free, and nobody else is there. */
static void reset(void)
{
	memset(&gt_sched, 0, sizeof(gt_sched));
	gt_store(&gt_sched.next_id, 1);
	gt_store(&gt_sched.polled, gt_clock());
}

static int start(void (*fn)(void *arg), void *arg)
{
	struct gt_config *config = &gt_sched.config;
	int error, wanted;

	reset();
	error = gt_config_read(config);
	if (error)
		return error;
	wanted = gt_load(&wanted_maxprocs);
	if (wanted) {
		config->maxprocs = wanted == GT_DEFAULT ? gt_config_maxprocs(0) : wanted;
		config->maxprocs_fixed = wanted != GT_DEFAULT;
	}
	gt_store(&gt_sched.slow, config->migrate ? GT_SLOW_MIGRATE : 0);
	gt_store(&gt_sched.phase, GT_STARTING);

	error = choose_backend(config);
	if (error)
		goto off;
	if (gt_sched.backend->cpu_limit && !config->maxprocs_fixed)
		config->maxprocs = gt_config_maxprocs(0);
	error = gt_procs_start(config->maxprocs, config->maxprocs_fixed);
	if (error)
		goto backend;
	error = gt_netpoll_start();
	if (error)
		goto ps;
	error = gt_task_start_main(fn, arg);
	if (error)
		goto netpoll;
	if (config->verbose)
		say_what_was_chosen(config);
	gt_fault_start();
	gt_preempt_start();
	gt_store_release(&gt_sched.phase, GT_ON);
	error = gt_sysmon_start();
	if (error)
		goto fault;
	error = gt_maker_start();
	if (error)
		goto sysmon;
	error = gt_thread_first(&gt_sched.all_p[0]);
	if (!error)
		return 0;
	gt_maker_stop();
sysmon:
	gt_sysmon_stop();
fault:
	gt_preempt_stop();
	gt_fault_stop();
	gt_stack_end();
netpoll:
	gt_netpoll_stop();
ps:
	gt_procs_end();
backend:
	gt_sched.backend->stop();
off:
	gt_store_release(&gt_sched.phase, GT_OFF);
	return error;
}

/* False: a thread is left. */
static bool end(int64_t deadline)
{
	/* A held task may own a lock that others need to end. */
	gt_bound_end();
	/* Before the Ms: it looks at them without a lock. */
	gt_sysmon_stop();
	gt_maker_stop();
	if (!gt_thread_end_all(deadline)) {
		gt_visits_wait();
		gt_netpoll_wake_threads();
		return false;
	}
	gt_preempt_stop();
	gt_fault_stop();
	atomic_store(&gt_sched.phase, GT_ENDING);
	gt_visits_wait();
	/* What tasks have left behind, which threads may still use. */
	gt_sema_end();
	gt_netpoll_end();
	gt_stack_end();
	gt_procs_end();
	gt_sched.backend->stop();
	gt_store_release(&gt_sched.phase, GT_OFF);
	gt_futex_wake(&gt_sched.phase, INT_MAX);
	return true;
}

int gt_run(void (*fn)(void *arg), void *arg)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int error = 0;

	pthread_once(&once, at_fork);
	if (gt_m_self() || pthread_mutex_trylock(&run_lock))
		return -EBUSY;
	if (gt_load(&gt_sched.phase) == GT_STOPPING && !end(gt_clock()))
		error = -EBUSY;
	if (!error)
		error = start(fn, arg);
	if (!error) {
		while (!gt_load_acquire(&gt_sched.main_done))
			gt_futex_wait(&gt_sched.main_done, 0, GT_FOREVER);
		end(gt_clock() + GT_END_GRACE);
	}
	pthread_mutex_unlock(&run_lock);
	return error;
}

static bool is_running(void)
{
	return gt_load_acquire(&gt_sched.phase) == GT_ON;
}

/* Of before a run; n = 0: no change. */
static int maxprocs_before(int n)
{
	struct gt_config config;
	int old = gt_load(&wanted_maxprocs);

	if (old == GT_DEFAULT)
		old = gt_config_maxprocs(0);
	else if (!old)
		old = gt_config_read(&config) ? 1 : config.maxprocs;
	if (n)
		gt_store(&wanted_maxprocs, n);
	return old;
}

int gt_gomaxprocs(int n)
{
	int old;

	if (n > GT_MAXPROCS_MAX)
		n = GT_MAXPROCS_MAX;
	if (n < 1)
		n = 0;
	gt_enter();
	if (!gt_m_self() && atomic_load(&gt_sched.phase) != GT_ON) {
		old = maxprocs_before(n);
	} else if (n) {
		old = gt_procs_set(n);
		gt_store(&wanted_maxprocs, n);
	} else {
		old = (int)gt_load(&gt_sched.procs_wanted);
	}
	gt_leave();
	return old;
}

int gt_gomaxprocs_default(void)
{
	int old;

	gt_enter();
	if (!gt_m_self() && atomic_load(&gt_sched.phase) != GT_ON) {
		old = maxprocs_before(GT_DEFAULT);
	} else {
		old = gt_procs_set_default();
		gt_store(&wanted_maxprocs, GT_DEFAULT);
	}
	gt_leave();
	return old;
}

int gt_max_threads(int n)
{
	int old;

	gt_enter();
	old = gt_thread_limit(n);
	gt_leave();
	return old;
}

const char *gt_backend_name(void)
{
	return is_running() ? gt_sched.backend->name : NULL;
}

/* The caller keeps the run from ending. */
static void count_all(struct gt_stats *all)
{
	gt_for_each_p_made(p)
		all->tasks_started += gt_load(&p->born);
	all->tasks_started += gt_load(&gt_sched.born_outside);
	all->threads_started = gt_load(&gt_sched.nr_threads);
	all->threads = all->threads_started - gt_load(&gt_sched.threads_ended) -
		       gt_load(&gt_sched.nr_threads_gone);
	all->steals = gt_load(&gt_sched.nr_steals);
	all->handoffs = gt_load(&gt_sched.nr_handoffs);
	all->handoffs_refused = gt_load(&gt_sched.nr_refused);
	all->regains = gt_load(&gt_sched.nr_regains);
	all->requeues = gt_load(&gt_sched.nr_requeues);
	all->gap_ns = gt_load(&gt_sched.gap_ns);
	all->procs = gt_load(&gt_sched.procs);
	all->wakes = gt_load(&gt_sched.nr_wakes);
	all->returns_held = gt_load(&gt_sched.nr_returns_held);
	all->handoffs_quiet = gt_load(&gt_sched.nr_quiet_taken);
	all->preemptions = gt_load(&gt_sched.nr_preempts);
	all->preemptions_held = gt_load(&gt_sched.nr_preempts_held);
	all->preemptions_late = gt_load(&gt_sched.nr_preempts_late);
	all->preemptions_refused = gt_load(&gt_sched.nr_preempts_refused);
	all->held = gt_load(&gt_sched.held);
	all->held_max = gt_load(&gt_sched.held_peak);
	all->held_let_go = gt_load(&gt_sched.nr_rescues);
	all->syscalls_handed_off = gt_load(&gt_sched.nr_syscalls_taken);
	all->slices_module = gt_load(&gt_sched.nr_slices_module);
	all->slices_looked = gt_load(&gt_sched.nr_slices_looked);
	gt_sched.backend->count(all);
}

int gt_stats_read(struct gt_stats *stats, size_t size)
{
	bool thread = !gt_m_self(), running;
	struct gt_stats all = { 0 };

	if (thread)
		gt_visit();
	running = atomic_load(&gt_sched.phase) == GT_ON;
	if (running)
		count_all(&all);
	if (thread)
		gt_visit_end();
	if (!running)
		return -ESRCH;
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof(all) ? size : sizeof(all));
	return 0;
}
