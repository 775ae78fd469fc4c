/* SPDX-License-Identifier: MIT */
/*
 * Tasks: their start and their end.
 *
 * The main task's return ends the run. If it exits instead, the run ends with the
 * last task: then each end adds up what the Ps have counted, deaths before births.
 * A birth is counted before its parent's death, so the sum is never too small, and
 * the last end finds it zero.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "gt/panic.h"
#include "gt/task.h"
#include "sched/bubble.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/task.h"

#define GT_COPY_ALIGN 16
#define GT_ID_BATCH 16
#define GT_YIELDS_ALONE 64

static uint64_t next_id(struct gt_p *p)
{
	if (!p)
		return atomic_fetch_add(&gt_sched.next_id, 1);
	if (p->id_next == p->id_end) {
		p->id_next = atomic_fetch_add(&gt_sched.next_id, GT_ID_BATCH);
		p->id_end = p->id_next + GT_ID_BATCH;
	}
	return p->id_next++;
}

static size_t count(void)
{
	uint64_t died = 0, born = 0;

	gt_for_each_p_made(p)
		died += atomic_load(&p->died);
	gt_for_each_p_made(p)
		born += atomic_load(&p->born);
	return born + atomic_load(&gt_sched.born_outside) - died;
}

size_t gt_task_count(void)
{
	size_t alive;

	if (gt_m_self())
		return count();
	gt_visit();
	alive = atomic_load(&gt_sched.phase) < GT_ON ? 0 : count();
	gt_visit_end();
	return alive;
}

/* From here on no M picks another task; those that run go on to their next park. */
static void end_run(void)
{
	gt_slow_set(GT_SLOW_STOP);
	gt_store_release(&gt_sched.phase, GT_STOPPING);
	gt_store_release(&gt_sched.main_done, 1);
	gt_futex_wake(&gt_sched.main_done, 1);
}

/* The calling task, inside the runtime, will run no more user code. */
static inline __attribute__((__always_inline__)) _Noreturn void finish(bool returned)
{
	struct gt_g *g = gt_g_self(), *next;
	struct gt_bubble *bubble = g->bubble;
	struct gt_p *p;

	if (g->main && returned)
		end_run();
	p = gt_m_self()->p;
	atomic_store_explicit(&p->died, gt_load(&p->died) + 1, memory_order_release);
	if (gt_unlikely(bubble)) {
		g->bubble = NULL;
		gt_bubble_leave(bubble);
	}
	next = gt_end(g);
	gt_fiber_leave(&g->fiber, &next->fiber, 1);
	gt_switch_last(next->sp);
}

/*
 * g, outside the runtime, is about to end, which is as good as letting go of its P: it
 * does not queue for another turn first, in which all that the main task would do is
 * to end the run.
 */
static inline void ends_soon(struct gt_g *g)
{
	gt_store(&g->preempt_off, 1);
	atomic_signal_fence(memory_order_seq_cst);
}

static void task_main(void *arg)
{
	struct gt_g *g = arg;

	gt_fiber_enter(&g->fiber);
	gt_switched();
	gt_leave();
	g->fn(g->arg);
	if (gt_unlikely(g->deferred))
		gt_defer_run_scope(&g->scope);
	/* In the child of a fork() this was the only thread, and is no M. */
	if (gt_unlikely(!gt_m_self()))
		exit(0);
	if (g->done)
		g->done(g->done_arg);
	ends_soon(g);
	gt_enter();
	finish(true);
}

void gt_task_exit(void)
{
	struct gt_g *g = gt_g_self();

	if (g->thread)
		gt_panic("gt_exit() called from a thread that runs no task");
	gt_unwind_exit();
}

void gt_task_finish(bool returned)
{
	struct gt_g *g = gt_g_self();

	if (g->done)
		g->done(g->done_arg);
	gt_eh_clear();
	ends_soon(g);
	gt_enter();
	finish(returned);
}

/* Inside the runtime, or on a plain thread. */
static struct gt_g *make(struct gt_p *p, const struct gt_task_request *request)
{
	struct gt_g *g = gt_stack_get(p, request->stack_size, request->guard_size);
	struct gt_m *m = gt_m_self();
	char *top;

	if (!g)
		return NULL;
	top = g->stack.low + g->stack.size;
	g->arg = request->arg;
	if (request->copy) {
		top -= (request->copy_size + GT_COPY_ALIGN - 1) / GT_COPY_ALIGN * GT_COPY_ALIGN;
		g->arg = memcpy(top, request->copy, request->copy_size);
	}
	g->thread = false;
	g->main = false;
	g->reason = GT_REASON_NONE;
	g->saved_errno = 0;
	g->last_m = NULL;
	g->syscall_depth = 0;
	gt_store(&g->preempt_off, 0);
	gt_store(&g->preempt_missed, false);
	g->lock_depth = 0;
	g->bound = NULL;
	g->deferred = false;
	g->defers = NULL;	/* a longjmp() may have left some */
	g->panics = NULL;
	g->fn = request->fn;
	g->id = next_id(p);
	g->creator = request->fired ? request->creator : m ? m->g->id : 0;
	g->bubble = request->bubble || request->fired || !m ? request->bubble : m->g->bubble;
	g->durable = false;
	g->outside = false;
	g->site = request->site;
	g->name = request->name;
	g->done = request->done;
	g->done_arg = request->done_arg;
	g->sp = gt_frame_make(top, task_main, g);
	return g;
}

int gt_task_start_inside(const struct gt_task_request *request)
{
	struct gt_m *m = gt_m_self();
	struct gt_p *p = m ? m->p : NULL;
	struct gt_g *g;

	if (!m && atomic_load(&gt_sched.phase) != GT_ON)
		return -ESRCH;
	g = make(p, request);
	if (!g)
		return -ENOMEM;
	if (p)
		gt_count(&p->born);
	else
		atomic_fetch_add(&gt_sched.born_outside, 1);
	if (gt_unlikely(g->bubble))
		gt_bubble_join(g->bubble);
	if (request->fired)
		gt_launch_last(g);
	else
		gt_launch(g);
	return 0;
}

int gt_task_start(const struct gt_task_request *request)
{
	int error;

	gt_enter();
	error = gt_task_start_inside(request);
	gt_leave();
	return error;
}

int gt_task_start_main(void (*fn)(void *arg), void *arg)
{
	const struct gt_task_request request = { .fn = fn, .arg = arg, .name = "main" };
	struct gt_p *p = &gt_sched.all_p[0];
	struct gt_g *g = make(p, &request);

	if (!g)
		return -ENOMEM;
	g->main = true;
	gt_count(&p->born);
	gt_store(&g->state, GT_RUNNABLE);
	gt_runq_put_next(p, g);
	return 0;
}

/*
 * Nobody else can run on this P now, so the caller may stay. But a task that only
 * yields keeps an idle P from looking for work; so it looks from time to time.
 */
static bool alone(struct gt_m *m)
{
	struct gt_p *p = m->p;

	if (!gt_runq_empty(p) || gt_load(&gt_sched.queue_count) || gt_load(&gt_sched.slow) ||
	    gt_load(&p->timers->first) != INT64_MAX || gt_load(&gt_sched.poll_waiters)) {
		p->yield_streak = 0;
		return false;
	}
	return ++p->yield_streak % GT_YIELDS_ALONE || !gt_steal(m);
}

void gt_task_yield(void)
{
	struct gt_m *m = gt_enter();

	if (gt_unlikely(!m))
		sched_yield();
	else if (!alone(m))
		gt_requeue();
	gt_leave();
}
