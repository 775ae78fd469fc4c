/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's objects: G (task), M (thread), P (processor).
 *
 * A P is the right to run user code; GOMAXPROCS of them are in use. An M runs a G
 * while it holds a P. An M without a P is in the scheduler (idle, or polling), or
 * it lost its P in an undeclared blocking call and runs on to its next entry into
 * the runtime.
 *
 * Who owns what: a G's stack belongs to the M that runs it, or, while the G is
 * parked, to whoever may ready it; the state says which. A P's fields marked
 * "owner" belong to the M that holds it, while that M is in the runtime (M.inside
 * is set); while it is outside, also to the one taker that handoff.c lets in.
 *
 * Lock order: a timer -> chan or sema bucket, or pollfd -> timers of a P or a bubble ->
 * sched.lock -> stacks. A bubble's own is taken with none but a park's, which commit has
 * released, and sched.lock may follow it. Two of a kind are locked in the order of their addresses. No lock is held
 * over a park, except that park's commit releases.
 */
#ifndef GT_SCHED_TYPES_H
#define GT_SCHED_TYPES_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "base/lock.h"
#include "base/sanitize.h"
#include "gt/task.h"
#include "sched/guard.h"
#include "sched/panic.h"

#define GT_CACHELINE 64

struct gt_g;
struct gt_slab;
struct gt_bubble;
struct gt_m;
struct gt_p;
struct gt_backend;

/* States of a G, and who owns its stack in each. */
enum gt_state {
	GT_IDLE,	/* never started, or dead: its free list */
	GT_RUNNABLE,	/* the queue it is in, then who takes it from there */
	GT_RUNNING,	/* the M that runs it; without a P while its take is TAKEN */
	GT_IN_SYSCALL,	/* the same; in a declared system call, see syscall.c */
	GT_WAITING,	/* whoever may ready it; left only by gt_ready() */
	GT_PREEMPTED,	/* runnable; its M, which is held in the middle of it */
	GT_DEAD,	/* nobody: between its end and its free list */
};

/* Why a G waits. Shown in dumps. */
enum gt_reason {
	GT_REASON_NONE,
	GT_REASON_CHAN_SEND,
	GT_REASON_CHAN_RECV,
	GT_REASON_CHAN_NIL,
	GT_REASON_SELECT,
	GT_REASON_SEMA,
	GT_REASON_MUTEX,
	GT_REASON_RWMUTEX_READ,
	GT_REASON_RWMUTEX_WRITE,
	GT_REASON_COND,
	GT_REASON_SLEEP,
	GT_REASON_BUBBLE,
	GT_REASON_BUBBLE_WAIT,
	GT_REASON_NET_READ,
	GT_REASON_NET_WRITE,
	GT_REASONS,		/* how many there are. Their names are in dump.c */
};

/* Constant while it is in use. */
struct gt_stack {
	char *low;		/* lowest usable address; the guard is below */
	size_t size;		/* usable bytes, up to the G */
	struct gt_slab *slab;	/* NULL: a thread's own stack */
	bool alone;		/* in its slab, with which it goes */
};

/*
 * Which C++ exceptions are being handled, and how many are on their way: what the
 * Itanium C++ ABI (2.2.2) says that a C++ runtime has for each thread.
 */
struct gt_eh {
	void *caught;
	unsigned int uncaught;
};

/*
 * A task. It stands in the top page of its own stack, so that a parked one costs
 * one page. A plain thread that calls a primitive has one too, see park.c.
 */
struct gt_g {
	/* A task that starts, parks once and ends touches three lines; here is the first. */
	void *sp;		/* its saved stack, unless running. Stack's owner */
	struct gt_g *next;	/* link in the one list it is in. That list's lock */
	_Atomic uint32_t state;	/* enum gt_state. Changed in park.c, and syscall.c */
	uint8_t reason;		/* enum gt_reason, while WAITING. Stack's owner */
	bool thread;		/* a plain thread's. Constant */
	bool main;		/* gt_run()'s. Constant */
	bool durable;		/* WAITING, and counted so in its bubble. Stack's owner */
	bool outside;		/* about to wait on a channel not of its bubble. Its own */
	bool has_eh;		/* saved_eh is to be restored. Stack's owner */
	bool deferred;		/* there may be calls in scope. Its own */
	_Atomic bool preempt_missed;	/* it was to be held. Its own, as is the next */
	_Atomic uint32_t preempt_off;	/* gt_preempt_off()s */
	int saved_errno;	/* while not running. Stack's owner */
	struct gt_m *last_m;	/* where it ran last; for forced migration. Owner */
	uint32_t syscall_depth;	/* declared system calls it is in. Its own */
	uint32_t lock_depth;	/* gt_lock_os_thread()s. Its own */
	struct gt_m *bound;	/* the M that alone can run it, or NULL. See bound.c. Owner */

	/* The second, constant while alive, like those of the third but for two. */
	void (*fn)(void *arg);
	void *arg;
	uint64_t id;
	uint64_t creator;	/* id of the task that started it, or 0 */
	struct gt_stack stack;

	struct gt_bubble *bubble;	/* that it belongs to, or NULL */
	const void *site;	/* where that call returned to; NULL: not known */
	const char *name;	/* or NULL */
	void (*done)(void *done_arg);	/* called at its end, or NULL */
	void *done_arg;

	/* Panics and deferred calls: see panic.h. Its own, like the rest. */
	struct gt_call *defers;		/* innermost first */
	struct gt_panicking *panics;	/* newest first */
	uintptr_t exit_at;	/* how far up its stack gt_exit() has got; or 0 */

	/* What few need. */
	uint64_t ticket;	/* its turn, in sched.bound. sched.lock */
	_Atomic uint32_t wake;	/* thread only: the futex it blocks on */
	bool visiting;		/* thread only: it is in the runtime */
	struct gt_eh saved_eh;	/* while not running, if has_eh. Stack's owner */
	struct gt_call scope;	/* for gt_defer() in no other scope */
	struct gt_fiber fiber;
};

/* A list of Gs through gt_g.next, taken from the head. */
struct gt_list {
	struct gt_g *head, *tail;
	size_t count;
};

/*
 * The state of an M's P as seen by takers; the protocol is in handoff.c. The word
 * has it in its low bits, above them a number that tells one block from the next. It is
 * the word that the module shares, where there is one: the first three are its names.
 */
enum gt_take {
	GT_TAKE_NONE = 1,	/* nobody wants it. The whole word */
	GT_TAKE_BLOCKED,	/* M is blocked, says the kernel, and may lose it */
	GT_TAKE_TAKEN,		/* it is gone; M finds out at its next entry */
	GT_TAKE_WANTED,		/* a taker looks; M or taker decides by compare-and-swap */
	GT_TAKE_SYSCALL,	/* M says that it may be taken: see syscall.c */
};

#define GT_TAKE_STATE(word) ((uint32_t)(word) & 0xf)
#define GT_TAKE_ASKED 0x10	/* beside NONE, BLOCKED: M is to let others have a turn */
#define GT_TAKE_WORD(state, number) ((uint64_t)(state) | (uint64_t)(number) << 8)

/* What an M is told that waits for a P with its task; see bound.c. */
enum gt_grant {
	GT_GRANT_NONE,
	GT_GRANT_GO,	/* next_p is its P */
	GT_GRANT_LOOSE,	/* it goes on without one */
};

/* A thread. Allocated by the starter, freed after the run has ended. */
struct gt_m {
	/* Looked at in each entry into the runtime: one line, the M's own. */
	_Atomic bool inside;	/* in the runtime, not in user code. Written by M */
	_Atomic uint64_t own_take;	/* enum gt_take and a number. See handoff.c */
	_Atomic(_Atomic uint64_t *) take;	/* that, or the module's. Written by M */
	uint32_t syscalls;	/* system calls declared: numbers them. M's */
	uint32_t p_number;	/* index of p + 1, also when it was taken. M's */
	struct gt_p *p;		/* the P it holds, or held when it was taken. M's */
	struct gt_p *pick;	/* p; NULL if m has a task of its own. M's */
	_Atomic(struct gt_p *) held;	/* p, for takers. Written by M */
	struct gt_g *g;		/* what it runs: a task, or &g0. M's */
	int *errno_at;		/* the thread's errno. Constant */
	struct gt_eh *eh_at;	/* the thread's state of C++ exceptions. Constant */

	_Atomic uint64_t *seq;	/* names what it runs, for the module; or own_seq. M's */
	_Atomic uint64_t own_seq;	/* not looked at */

	/* What the stack that was switched from asked to be done. M's. */
	struct gt_g *prev;
	bool (*commit)(struct gt_g *g, void *arg);
	void *commit_arg;

	struct gt_g g0;		/* the scheduler's, on the thread's own stack */
	bool spinning;		/* looking for work; counted in sched. M's */
	bool partners;		/* it saw no work but partners: see find.c. M's */
	uint32_t doze;		/* for how long it has dozed last, nanoseconds. M's */
	bool alone;		/* no other could be had for its P. sched.lock, then M's */
	uint32_t random;	/* state of a xorshift generator. M's */

	/* Serving one task alone; see bound.c. */
	struct gt_g *locked;	/* the task that has locked this thread, or NULL. M's */
	bool ending;		/* that task has ended, and this M ends with it. M's */
	_Atomic uint32_t grant;	/* enum gt_grant. Who grants, and M */

	/* Preemption; see preempt.c. */
	_Atomic uint64_t request;	/* the task that is to let go. Written by sysmon, or by
					   M if slices are the backend's */
	_Atomic uint64_t resumed;	/* the task that was held, and runs again. Written by M */
	_Atomic bool signalled;	/* a signal is on its way. Set by sysmon, cleared by M */
	_Atomic bool loose;	/* it was held, and goes on without a P. Written by M */
	_Atomic int64_t loose_at;	/* since when. Written by M */
	bool returned;		/* held as it came back from a block. sched.lock */

	/* Sleeping and waking; see thread.c. */
	struct gt_p *next_p;	/* the P to start with. sched.lock, then woken M's */
	struct gt_m *idle_next;	/* sched.lock */
	bool idle;		/* on sched.idle_m. sched.lock */

	/* The backend's. */
	_Atomic uint32_t wake;	/* futex backend: 1 is a wake that has not been used */
	_Atomic int slot;	/* kmod backend: its slot, or -1. Written by M */
	_Atomic bool sliced;	/* kmod backend, once attached: it ends M's slices. Written by M */
	bool degraded;		/* kmod backend, M's: sleeps without its slot */
	_Atomic int tid;	/* 0 until it is attached */
	_Atomic int stat_fd;	/* futex backend: /proc/self/task/TID/stat, or -1 */

	void *signal_stack;	/* M's */
	void *upcall_stack;	/* kmod backend: for preemption, or NULL. M's */
	pthread_t thread;	/* constant after the start */
	struct gt_m *all_next;	/* sched.lock */
	bool joined;		/* there is no thread any more. sched.lock */
	_Atomic bool ended;	/* the thread touches nothing of ours any more */
};

/* Who looks at another M's reads inside first: until M has left, it may change. */
#define gt_take(m) atomic_load_explicit(&(m)->take, memory_order_relaxed)

#define GT_RING 256		/* a power of two */

struct gt_alarm;

/* A heap entry: the key is beside the pointer, so that sifting reads one array. */
struct gt_timer_slot {
	int64_t when;
	struct gt_alarm *alarm;
};

/* The timers of a P: a 4-ary heap. See timer.c. */
struct gt_timers {
	_Alignas(GT_CACHELINE)
	struct gt_lock lock;
	uint32_t run;			/* lock: a number for each run */
	struct gt_timer_slot *heap;	/* lock */
	size_t count, room;		/* lock */
	struct gt_alarm *firing;	/* lock: whose fire() is running */
	bool of_bubble;			/* its time comes by itself. Constant */
	_Atomic int64_t first;		/* when of the first, or INT64_MAX. Written
					   under the lock, read anywhere */
};

/* A processor. */
struct gt_p {
	_Alignas(GT_CACHELINE)
	_Atomic uint32_t head;		/* ring: advanced by any taker, by CAS */
	_Alignas(GT_CACHELINE)
	_Atomic uint32_t tail;		/* ring: owner */
	_Atomic(struct gt_g *) next;	/* runs before the ring; any, by exchange */
	_Atomic uint32_t next_streak;	/* times that next was used. Owner; sysmon hurries it */
	uint32_t yield_streak;		/* yields in a row that found it empty. Owner */
	_Atomic uint64_t tick;		/* Gs it has begun to run. Written by owner */
	struct gt_g *dead;		/* free Gs with their stacks, by next. Owner */
	uint32_t dead_count;		/* Owner */
	uint64_t id_next, id_end;	/* ids set aside for new Gs. Owner */
	_Atomic uint64_t born, died;	/* Gs started and ended here. Written by owner */
	_Atomic(struct gt_m *) m;	/* who holds it. That M, or a taker */
	struct gt_p *idle_next;		/* sched.lock: link in idle_p, retired_p or starting */
	bool start_spinning;		/* sched.lock: so will the M that it waits for */
	bool start_failed;		/* sched.lock: no M could be made for it */
	_Atomic bool retired;		/* not in use. Written under sched.lock; see procs.c */
	uint64_t seen_tick;		/* tick at sysmon's last look. sysmon's */
	uint64_t seen_take;		/* its M's take word then. sysmon's */
	int64_t seen_at;		/* when it first saw these. sysmon's */
	uint64_t due_tick;		/* the same while a timer is due. sysmon's */
	int64_t due_at;			/* sysmon's */
	uint32_t seen_head;		/* head at sysmon's last look. sysmon's */
	int64_t head_at;		/* when it first saw that. sysmon's */
	int64_t signal_at;		/* when to send a signal to M. sysmon's */
	uint64_t metered;		/* the task that cpu_at is of. sysmon's */
	int64_t cpu_at;			/* CPU time of M when sysmon first met that. sysmon's */
	struct gt_timers *timers;	/* constant */
	_Alignas(GT_CACHELINE)
	_Atomic(struct gt_g *) ring[GT_RING];
};

/* How the scheduler looks for ready tasks outside: set by netpoll.c at the start. */
struct gt_poller {
	/*
	 * Append tasks that have become ready to list. delay: nanoseconds to wait
	 * for the first; 0 does not wait, negative waits for ever. Returns early
	 * after a kick.
	 */
	void (*poll)(struct gt_list *list, int64_t delay);
	void (*kick)(void);
};

/* What the environment asks for; see config.c. Constant during a run. */
struct gt_config {
	int maxprocs;
	bool maxprocs_fixed;	/* the user chose it: no refresh */
	enum { GT_WANT_AUTO, GT_WANT_KMOD, GT_WANT_FUTEX } backend;
	const char *device;
	bool handoff;		/* take Ps from blocked threads */
	bool migrate;		/* change threads at each suspension */
	bool verbose;		/* GTDEBUG=1 */
	bool preempt;		/* take Ps from tasks that have had their slice */
	int64_t slice;		/* ns */
	uint32_t held_max;	/* threads that may be held at once */
	enum gt_guard_kind guard;
};

/* Why no task is switched to straight from another. */
enum gt_slow {
	GT_SLOW_STOP = 1,	/* the run ends */
	GT_SLOW_MIGRATE = 2,	/* tasks are moved all the time */
	GT_SLOW_SHED = 4,	/* more Ps are in use than wanted */
};

enum gt_phase {
	GT_OFF,
	GT_FORKED,	/* the child of a process in which it ran: off, with leftovers */
	GT_ENDING,	/* the last of a run is freed */
	GT_STARTING,
	GT_ON,
	GT_STOPPING,
};

/* The scheduler. One a process. */
struct gt_sched {
	_Atomic uint32_t phase;		/* enum gt_phase */
	_Atomic uint32_t main_done;	/* futex: 1 when the main task has returned */
	struct gt_config config;
	const struct gt_backend *backend;	/* constant during a run */
	int device_error;	/* why auto did not choose the device, or 0. Constant */
	const struct gt_poller *poller;		/* constant during a run */
	struct gt_p *all_p;		/* constant during a run: GT_MAXPROCS_MAX */
	/* A set of enum gt_slow: why every pick goes through the scheduler's stack. */
	_Atomic uint32_t slow;

	struct gt_lock lock;
	struct gt_list queue;		/* lock: runnable Gs of no P */
	uint64_t queue_popped;		/* lock: Gs that have left it */
	struct gt_list bound;		/* lock: runnable Gs of an M; see bound.c */
	_Atomic size_t queue_count;	/* how many in both. Written under the lock */
	struct gt_m *idle_m;		/* lock: a stack */
	_Atomic uint32_t idle_m_count;	/* written under the lock */
	uint32_t bound_idle;		/* lock: Ms whose own task waits */
	_Atomic uint32_t held;		/* Ms that preemption holds. Written under the lock */
	_Atomic uint32_t held_peak;	/* the most at once. Written under the lock */
	_Atomic uint32_t returned;	/* Ms held as they came back from a block. The same */
	_Atomic uint32_t loose;		/* Ms that were held and go on without a P */
	_Atomic uint32_t preempts_pending;	/* signals on their way */
	bool hold_off;			/* lock: sysmon may wait for a lock of libc's */
	uint64_t quiet_seen;		/* lock: of the backend's, when none was found */
	struct gt_p *idle_p;		/* lock: a stack. None while procs > procs_wanted */
	_Atomic uint32_t idle_p_count;	/* written under the lock */

	/* How many Ps; see procs.c. All written under the lock. */
	struct gt_p *retired_p;		/* lock: a stack */
	_Atomic uint32_t procs_wanted;	/* GOMAXPROCS */
	_Atomic uint32_t procs;		/* in use */
	_Atomic uint32_t procs_made;	/* those below it were in use once */
	_Atomic bool procs_fixed;	/* the user chose procs_wanted */
	pid_t procs_thread;		/* lock: whose affinity mask counts */
	int64_t procs_refreshed;	/* sysmon's */
	_Atomic bool procs_untidy;	/* retired ones may have timers. Any thread */
	_Atomic uint64_t live[GT_MAXPROCS_MAX / 64];	/* those that may hold something */

	_Atomic uint32_t spinning;	/* Ms that look for work */
	_Atomic bool dozing;		/* one of them is to look again at every next. That M */
	struct gt_m *all_m;		/* lock */
	struct gt_m *ended_m;		/* lock: those that ended with their task, or failed */
	uint32_t threads;		/* lock: Ms in all_m, and on their way there */
	bool reserving;			/* lock: an M made to stand by is not idle yet */
	bool spare_wanted;		/* lock: it is still to be made */
	struct gt_p *starting;		/* lock: a stack; each waits for an M to be made */
	sigset_t signal_mask;		/* of all Ms. Constant during a run */
	_Atomic uint32_t threads_ended;	/* futex: those of all_m that have ended */

	/* 0 while an M waits in the poller, else when it was last polled. */
	_Atomic int64_t polled;
	_Atomic int64_t poll_until;	/* until when that M waits, or INT64_MAX */
	_Atomic uint32_t poll_waiters;	/* tasks parked on descriptors */

	_Atomic bool suspect;		/* a deadlock, but for plain threads. lock */
	_Atomic uint32_t sysmon_asleep;	/* futex: 1 while all Ps are idle */
	_Atomic bool sysmon_busy;	/* it may hold a task that is in no queue */
	_Atomic uint64_t next_id;
	_Atomic uint64_t born_outside;	/* Gs started by plain threads */

	/* For gt_stats. */
	_Atomic uint64_t nr_wakes, nr_threads, nr_threads_gone, nr_steals, nr_handoffs,
		nr_refused, nr_regains, nr_requeues, nr_syscalls_taken, gap_ns,
		nr_preempts, nr_preempts_held, nr_preempts_late, nr_preempts_refused,
		nr_rescues, nr_returns_held, nr_slices_module, nr_slices_looked,
		nr_quiet_taken;
	_Atomic uint32_t takers;	/* numbers their looks */
};

extern struct gt_sched gt_sched;

#define gt_likely(x) __builtin_expect(!!(x), 1)
#define gt_unlikely(x) __builtin_expect(!!(x), 0)

#define gt_load(p) atomic_load_explicit(p, memory_order_relaxed)
#define gt_store(p, v) atomic_store_explicit(p, v, memory_order_relaxed)
#define gt_load_acquire(p) atomic_load_explicit(p, memory_order_acquire)
#define gt_store_release(p, v) atomic_store_explicit(p, v, memory_order_release)

/* Count in a word that one thread writes at a time. */
#define gt_count(p) gt_store(p, gt_load(p) + 1)

static inline void gt_list_push(struct gt_list *list, struct gt_g *g)
{
	g->next = NULL;
	if (list->tail)
		list->tail->next = g;
	else
		list->head = g;
	list->tail = g;
	list->count++;
}

static inline struct gt_g *gt_list_pop(struct gt_list *list)
{
	struct gt_g *g = list->head;

	if (g) {
		list->head = g->next;
		if (!list->head)
			list->tail = NULL;
		list->count--;
	}
	return g;
}

/* Append all of from to list. */
static inline void gt_list_join(struct gt_list *list, struct gt_list *from)
{
	if (!from->head)
		return;
	if (list->tail)
		list->tail->next = from->head;
	else
		list->head = from->head;
	list->tail = from->tail;
	list->count += from->count;
	*from = (struct gt_list){ 0 };
}

#endif /* GT_SCHED_TYPES_H */
