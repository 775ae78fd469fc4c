/* SPDX-License-Identifier: MIT */
/* The scheduler's parts as they see each other. */
#ifndef GT_SCHED_SCHED_H
#define GT_SCHED_SCHED_H

#include <sys/types.h>

#include "backend/backend.h"
#include "sched/types.h"

/* find.c: what an M is to run. */

/* Any task that may run now, for an M with a P; waits for one. NULL: end the M. */
struct gt_g *gt_find(struct gt_m *m);
/* Take work of other Ps to m's. False: there is none. */
bool gt_steal(struct gt_m *m);
/* p, which is nobody's, has no work that is known of: it is idle now. Without a lock. */
void gt_p_idle_give(struct gt_p *p);

/* sched.c: who runs what. */

/* Each so many tasks, a prime, the global queue is looked at first. */
#define GT_QUEUE_TICK 61

/* The length of the global queue has changed. */
void gt_queue_counted_locked(void);
/* Add to the global queue. Empties list. */
void gt_queue_put(struct gt_list *list);
/* Take up to a fair share of it to p's ring, at most max; the first is returned. */
struct gt_g *gt_queue_get_locked(struct gt_p *p, size_t max);
/* There is more to run: if a P is idle and nobody looks for work, somebody must. */
void gt_wake_p(void);
/* Tasks were readied by a thread without a P. Empties list. */
void gt_inject(struct gt_list *list);

/* Is there anything that p could do, if its M let go of it? A snapshot. Signal-safe. */
bool gt_p_has_work(struct gt_p *p, int64_t now);

/* m begins to run something with its P; a backend that ends time slices is to know. */
static inline void gt_begun(struct gt_m *m)
{
	uint64_t tick = gt_load(&m->p->tick) + 1;

	gt_store(&m->p->tick, tick);
	gt_store(m->seq, tick);
}

void gt_p_acquire(struct gt_m *m, struct gt_p *p);
struct gt_p *gt_p_release(struct gt_m *m);
struct gt_p *gt_p_idle_get(void);
struct gt_p *gt_p_idle_get_locked(void);
void gt_p_idle_put_locked(struct gt_p *p);

/* procs.c: how many Ps. */

static inline uint32_t gt_p_index(struct gt_p *p)
{
	return (uint32_t)(p - gt_sched.all_p);
}

/* May the P of this number hold anything? */
static inline bool gt_p_live(uint32_t i)
{
	return atomic_load(&gt_sched.live[i / 64]) >> i % 64 & 1;
}

/* The first P that may hold anything, from a number on; NULL if there is none. */
static inline struct gt_p *gt_p_from(uint32_t i)
{
	for (uint32_t word = i / 64; word < GT_MAXPROCS_MAX / 64; i = ++word * 64) {
		uint64_t bits = atomic_load(&gt_sched.live[word]) >> i % 64;

		if (bits)
			return &gt_sched.all_p[i + __builtin_ctzll(bits)];
	}
	return NULL;
}

/* Every P that may hold a task, a timer or an M. */
#define gt_for_each_p(p) \
	for (struct gt_p *p = gt_p_from(0); p; p = gt_p_from(gt_p_index(p) + 1))

/* Every P that was ever in use. */
#define gt_for_each_p_made(p) \
	for (struct gt_p *p = gt_sched.all_p, \
	     *p##_end = p + gt_load_acquire(&gt_sched.procs_made); p < p##_end; p++)

static inline void gt_slow_set(enum gt_slow why)
{
	atomic_fetch_or_explicit(&gt_sched.slow, why, memory_order_relaxed);
}

static inline void gt_slow_clear(enum gt_slow why)
{
	atomic_fetch_and_explicit(&gt_sched.slow, ~(uint32_t)why, memory_order_relaxed);
}

/* Make the Ps, n of them in use; the first is the caller's, the others idle. */
int gt_procs_start(int n, bool fixed);
void gt_procs_end(void);
/* n are wanted, says the user. Any thread. Returns how many were before. */
int gt_procs_set(int n);
/* The default number of the calling thread is wanted from now on, and refreshed. */
int gt_procs_set_default(void);
/* Once a second at most: what the default is now. sysmon's. */
void gt_procs_refresh(int64_t now);
/* Under GT_SLOW_SHED: if there are too many, retire m's P. True: it is gone. */
bool gt_procs_shed(struct gt_m *m);
/* The caller's P is about to be idle: if there are too many, it is retired instead. */
bool gt_procs_retire_locked(struct gt_p *p);
/*
 * After Ps have been retired: move their timers. Without a lock, and not from within a
 * timer's fire(). If nobody else does, sysmon will.
 */
void gt_procs_tidy(void);

/* thread.c: Ms. */

/* Let an idle or new M run with p. */
void gt_thread_start(struct gt_p *p, bool spinning);
/* The same, but for the wake: returns whom the backend is to wake, or NULL. */
struct gt_m *gt_thread_give_locked(struct gt_p *p, bool spinning);
/* An idle M, which is to run with p; to be woken by the backend. NULL: there is none. */
struct gt_m *gt_thread_take_idle_locked(struct gt_p *p);
/* Sleep without a P until given one. False: end the M. */
bool gt_thread_stop(struct gt_m *m);
/* Give up the P to another M for good; for forced migration. */
bool gt_thread_swap(struct gt_m *m, struct gt_g *g);
/* Make an M. With p it starts to run, without it starts idle. 0 or -errno. */
int gt_thread_new(struct gt_p *p, bool spinning);
/* An M could not be made. */
void gt_thread_failed(int error);
/* How many Ms there may be; n < 1 only asks. Returns how many before. Any thread. */
int gt_thread_limit(int n);
/* The first M. 0 or -errno. */
int gt_thread_first(struct gt_p *p);
/* Wake everything, wait for the ends until deadline. True: all have ended. */
bool gt_thread_end_all(int64_t deadline);

/* maker.c: the thread that makes threads. */

int gt_maker_start(void);
void gt_maker_stop(void);
/* In the child of a fork(): there is none. */
void gt_maker_forget(void);
/* Make an M for p. */
void gt_maker_ask_locked(struct gt_p *p, bool spinning);
/* Make an M that starts idle, unless one is on its way. */
void gt_maker_ask_spare_locked(void);
/* Does any P wait for an M to be made? */
bool gt_maker_has_work(void);
/* A P that waits for an M to be made, or NULL. */
struct gt_p *gt_maker_take_locked(void);

/* handoff.c: Ps of blocked Ms. */

struct gt_p *gt_handoff_take(struct gt_m *m);
/* The same for a declared system call; word is what its take was seen to be. */
struct gt_p *gt_handoff_take_declared(struct gt_m *m, uint64_t word);
/* A P of an M whose block may have been kept quiet, or NULL. Under sched.lock. */
struct gt_p *gt_handoff_take_quiet(void);
/* Look at all Ms; the first P taken, the others are idle. */
struct gt_p *gt_handoff_scan(void);
/* m, whose P was taken, is without it from here on. */
void gt_handoff_forget(struct gt_m *m);
/* The slow path of gt_enter(). */
void gt_regain(struct gt_m *m);

/* sysmon.c */

int gt_sysmon_start(void);
void gt_sysmon_stop(void);
void gt_sysmon_wake(void);
/* In the child of a fork(): there is none. */
void gt_sysmon_forget(void);

/* timer.c: see timer.h. */

/* gstack.c: stacks with their Gs. */

#define GT_DEAD_MAX 128		/* a P keeps up to this many free stacks, and gives half away */

struct gt_g *gt_stack_get_slow(struct gt_p *p, size_t size, size_t guard);
void gt_stack_put_slow(struct gt_p *p, struct gt_g *g);

static inline void gt_stack_keep(struct gt_p *p, struct gt_g *g)
{
	g->next = p->dead;
	p->dead = g;
	p->dead_count++;
}

/* A G on a stack with a guard, of at least so many bytes; NULL: no memory. p may be NULL. */
static inline struct gt_g *gt_stack_get(struct gt_p *p, size_t size, size_t guard)
{
	struct gt_g *g;

	if (gt_likely(p && p->dead && size <= GT_STACK_SIZE && guard <= GT_GUARD_SIZE)) {
		g = p->dead;
		p->dead = g->next;
		p->dead_count--;
	} else {
		g = gt_stack_get_slow(p, size, guard);
		if (!g)
			return NULL;
	}
	gt_fiber_create(&g->fiber, g->stack.low, g->stack.size);
	return g;
}

/* Its G is dead, and nobody stands on it. */
static inline void gt_stack_put(struct gt_p *p, struct gt_g *g)
{
	gt_fiber_destroy(&g->fiber);
	if (gt_likely(!g->stack.alone)) {
		gt_stack_keep(p, g);
		if (gt_likely(p->dead_count < GT_DEAD_MAX))
			return;
	}
	gt_stack_put_slow(p, g);
}

/* p, which is the caller's, keeps at most so many free stacks; others may have the rest. */
void gt_stack_share(struct gt_p *p, uint32_t most);
/*
 * sysmon's: give memory of free stacks back to the kernel, a little at a time. Returns
 * when to call it again at the earliest, or INT64_MAX if there is nothing to give back.
 */
int64_t gt_stack_trim(int64_t now);
/* Is the address in the guard of g's stack? Signal-safe, as is the next. */
bool gt_stack_guards(struct gt_g *g, const void *address);
/* An access to the guard that raised SIGBUS raises SIGSEGV if it is tried again. */
void gt_stack_harden(struct gt_g *g);
/* Call fn with every G that is or was in use. */
void gt_stack_each(void (*fn)(struct gt_g *g));
/* The kind of guards that stacks of the usual size have, in words. After the first. */
const char *gt_stack_guards_name(void);
/* Everything goes. */
void gt_stack_end(void);
/* In the child of a fork(), which may stand on one of them: leave all alone. */
void gt_stack_forget(struct gt_g *current);

/* describe.c: tasks in words. Signal-safe. */

#define GT_DESCRIPTION 320	/* bytes that are always enough */

/* "task 17 'parse'" */
void gt_describe(char *text, size_t size, const struct gt_g *g);
/* "gt_run()", or "task 3 at start_all+0x1a (prog+0x14f2)" */
void gt_describe_creator(char *text, size_t size, const struct gt_g *g);

/* fault.c: stack overflow, by name. */

void gt_fault_start(void);
void gt_fault_stop(void);
void gt_fault_thread_start(struct gt_m *m);
void gt_fault_thread_stop(struct gt_m *m);

/* deadlock.c */

/* If no task can run any more: say so, dump them, and exit with status 2. */
void gt_deadlock_check_locked(void);
/* Will neither time nor a descriptor bring a task? */
bool gt_nothing_awaited(void);
/* A plain thread has taken away what the poller's M may have waited for. */
void gt_deadlock_hint(void);

/* dump.c */

/* A line on stderr for each task. */
void gt_dump_tasks(void);

/* config.c */

/* How many processors by default, for the affinity mask of a thread; 0: the caller's. */
int gt_config_maxprocs(pid_t tid);
/* Fill in from the environment. 0, or -EINVAL with a line on stderr. */
int gt_config_read(struct gt_config *config);

#endif /* GT_SCHED_SCHED_H */
