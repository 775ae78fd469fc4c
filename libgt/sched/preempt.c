/* SPDX-License-Identifier: MIT */
/*
 * Preemption: a task that has had its time slice lets go of its P, wherever it is.
 *
 * sysmon sees a P whose tick stands still for a slice (10 ms) while somebody waits for
 * it. It acts in two steps, one look apart:
 *
 * 1. It asks: take becomes ASKED, so that the task's next entry into the runtime goes
 *    through gt_regain(), and there it queues behind all others. That costs no more
 *    than a yield, and entries that do not come cost nothing.
 * 2. It sends SIGURG to the M, or has the module make it call us, which is cheaper and
 *    interrupts no system call. The handler does not switch stacks: it gives M's P to
 *    another M and sleeps where it is, "held", with the task. The task is runnable like
 *    any other (bound.c); when it is chosen the P comes to this M, and the handler
 *    returns.
 *
 * WHERE THE BACKEND ENDS SLICES, sysmon looks for none. The module knows what M runs by
 * gt_worker_user.seq, which is the P's tick, stored a second time at each dispatch; it
 * counts M's time on a CPU, and makes M call gt_preempt_upcall(true) when one thing has had
 * a slice. M itself looks whether anybody waits for its P. If so, and M is outside the
 * runtime, it is held at once: that is exact, and a thread once a slice is no great cost.
 * If it is inside, or must not be held, it is asked, as by sysmon's first step; sysmon
 * sees that in request, and does the second if no entry comes.
 *
 * gt_worker_user.waiting is therefore always set, and who has a CPU for itself pays for an
 * upcall a slice, some us in 10 ms. Rejected: to keep it true. Each wake would have to set
 * it, and each dispatch to clear it and look anew, some six instructions more in every
 * yield; the store of the tick is two. Nor can M clear it when it finds nobody: who comes
 * next sees no more than the queues.
 *
 * A slice counts only if the thread was on a CPU for half of it, or ten of them have
 * passed. A thread that waits for a CPU runs nobody's loop, and to hold it brings in one
 * thread more that wants the same CPU.
 *
 * SAFE AT EVERY INSTRUCTION. Nothing else runs on a held thread, so its thread-local
 * variables, its place in malloc(), in printf() or in a pthread call, its errno and its
 * robust list are what they are of any thread that the kernel has descheduled. Others
 * that want a lock it owns wait for it as they would then. The handler itself calls
 * nothing that takes a lock of libc's, and takes no lock of the runtime's unless M was
 * outside it, when M owns none:
 *
 *	M				handler, on the same thread
 *	inside = true			if (inside) return: take is ASKED, and the
 *	... has locks ...		    next entry sees that
 *	inside = false			inside = true, as in gt_enter(); so takers
 *					    stay off, and take says whose P it is
 *
 * It runs on the M's signal stack (fault.c): a task's own may be at its last page, and
 * a frame with the wide vector registers takes kilobytes. Signals are blocked while M
 * is held, so that those for the process go to a thread that runs.
 *
 * A LATE REQUEST does not hit the next task: it names the P and its tick, both change
 * with the task, and the handler compares. One that comes while the task holds preemption
 * off is made up for when it no longer does. It does not meet an M without a P, since
 * take tells. It does not meet a thread that the M has left, as sysmon sends under
 * sched.lock, which an M takes before it ends. A signal that was sent is not sent again
 * before it has arrived.
 *
 * System calls are not interrupted: a thread that sleeps is not sent a signal, since
 * its P is taken in another way. One that goes to sleep in the microsecond between the
 * look and the signal restarts its call (SA_RESTART), as far as the system restarts
 * that one. In a declared call, none comes.
 *
 * NOBODY WAITS FOR A HELD TASK WITHOUT A P FOR IT. A task may be held with a lock that
 * all others need, malloc()'s say. Tasks that wait for it in user code lose their P as
 * in any block. But the runtime itself may wait for it, inside, where no P is taken. So
 * if tasks are held and no P has made a step for 10 ms (gt_preempt_rescue), sysmon
 * lets the first of them go on without a P, "loose", as after an undeclared block: up to
 * its next entry, or until it is held again a slice later. sysmon and the maker must not
 * depend on such a lock with a P in hand. So as long as one is held, or a signal is on its
 * way, sysmon leaves to others what could allocate memory. If there is none, the module may
 * still make a thread call us at any moment: none is held then until sysmon is through.
 *
 *	M, under sched.lock		sysmon, under sched.lock (gt_preempt_hold_off)
 *	if (hold_off) go on		if (held or returned) leave it to others
 *	held++, or returned++		hold_off = true
 *
 * HELD THREADS ARE BOUNDED, AND NOBODY STARVES AT THE BOUND. A task in the middle of its
 * code needs a thread, so at the bound a further one cannot be held; it goes on for as
 * long as it likes, or those that are held, and all that wait, stand still in its place.
 * So the bound gives way, ever more slowly: who is to be the k-th beyond it must have run
 * for 2^k slices. Loops for ever thus exceed it by the logarithm of the time, a day by 22,
 * and at 24 no more. Tasks that suspend, or that were held before (resumed), have their
 * turns as ever.
 *
 * Rejected there: to exchange the task for one that is held. Those then have all turns
 * among themselves, and who waits in a queue waits for ever.
 *
 * BACK FROM A BLOCK WITHOUT A P. Where the backend can, a thread whose P was taken while
 * it slept calls gt_preempt_returned() before it is back in user code. It takes an idle P,
 * or is held as above, until its task has its turn: so no more tasks compute than there
 * are Ps. Such threads are there anyway, so they do not count towards the bound; but they
 * may own locks as the others do, so sysmon rescues them, too, and while hold_off is set
 * they go on without a P.
 *
 * fork() copies the calling thread alone, and that is not held. A run ends with tasks
 * held by letting them go loose, since one in malloc() must not stay there: each ends at
 * its next entry into the runtime.
 *
 * Rejected: switching stacks in the handler, or in a frame pushed under the interrupted
 * one, which is safe only where the instruction pointer is known not to be in libc; a
 * timer for each thread, which costs signals where nobody waits.
 *
 * Source: Go's runtime, proc.go (retake, preemptone) and signal_unix.go (SIGURG, which
 * programs that do not handle it ignore).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/window.h"
#include "gt/panic.h"
#include "gt/thread.h"
#include "sched/bound.h"
#include "sched/park.h"
#include "sched/preempt.h"

/* Slices after which even a thread that gets no CPU lets go of its P. */
#define GT_LONG_SLICES 10
/* Threads that may be held beyond the bound, in the longest run. */
#define GT_HELD_BEYOND 24

static struct {
	struct sigaction old;		/* gt_run()'s caller's; constant during a run */
	bool installed;
} preempt;

static void on_signal(int signal, siginfo_t *info, void *context);

static void add(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* What p runs now; never 0. p's owner, or a guess. */
static uint64_t sequence(struct gt_p *p)
{
	return gt_load(&p->tick) * (2 * GT_MAXPROCS_MAX) + gt_p_index(p) + 1;
}

/* ---- on the M ---- */

/* Is it m's present task that was asked to let go? */
static bool is_meant(struct gt_m *m)
{
	if (gt_load(&m->request) != sequence(m->p)) {
		add(&gt_sched.nr_preempts_late);
		return false;
	}
	if (gt_likely(!gt_load(&m->g->preempt_off)))
		return true;
	gt_store(&m->g->preempt_missed, true);
	return false;
}

/* m's next entry into the runtime finds that it was asked. */
static void mark_asked(struct gt_m *m)
{
	uint64_t none = GT_TAKE_NONE;

	atomic_compare_exchange_strong(gt_take(m), &none, GT_TAKE_NONE | GT_TAKE_ASKED);
}

void gt_preempt_asked(struct gt_m *m)
{
	if (!is_meant(m))
		return;
	add(&gt_sched.nr_preempts);
	gt_requeue_last();
}

/*
 * Who may have p: a task that is bound, in *next, or an M. False: neither. Others that
 * wait must get their turns too, so bound ones do not pass p round among themselves.
 */
static bool choose_locked(struct gt_p *p, struct gt_g **next, struct gt_m **idle)
{
	*next = NULL;
	*idle = NULL;
	if (gt_load(&gt_sched.phase) != GT_ON || gt_sched.hold_off)
		return false;
	*next = gt_bound_get_for_locked(p);
	if (!*next)
		*idle = gt_thread_take_idle_locked(p);
	if (!*next && !*idle)
		gt_maker_ask_spare_locked();
	return *next || *idle;
}

/* Will it find somebody, as things are? */
static bool has_choice_locked(struct gt_p *p)
{
	return gt_sched.idle_m || gt_bound_is_next_locked(p);
}

/* m's task becomes runnable, and m its to go on with. */
static void put_uncounted_locked(struct gt_m *m)
{
	m->g->bound = m;
	gt_store(&m->g->state, GT_PREEMPTED);
	gt_bound_put_locked(m->g);
}

static void put_locked(struct gt_m *m)
{
	put_uncounted_locked(m);
	gt_count(&gt_sched.held);
	if (gt_load(&gt_sched.held) > gt_load(&gt_sched.held_peak))
		gt_store(&gt_sched.held_peak, gt_load(&gt_sched.held));
}

/* Wake other, if any; wait for a P with the task, or for the word to go on without. */
static void wait_held(struct gt_m *m, struct gt_m *other)
{
	sigset_t all, old;
	bool has_p;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	has_p = gt_bound_wait(m, other);
	m->g->bound = m->locked ? m : NULL;
	gt_store(&m->g->state, GT_RUNNING);
	if (has_p) {
		gt_begun(m);
		gt_store(&m->resumed, sequence(m->p));
		gt_store(gt_take(m), GT_TAKE_NONE);
	} else {
		gt_store(m->seq, gt_load(m->seq) + 1);
		gt_store(&m->loose_at, gt_clock());
		gt_store(&m->loose, true);
		atomic_fetch_add(&gt_sched.loose, 1);
		gt_store(gt_take(m), GT_TAKE_TAKEN);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Give m's P away, to *other; then wait_held(). False: nobody takes it. */
static bool hold(struct gt_m *m, struct gt_m **other)
{
	struct gt_p *p = m->p;
	struct gt_g *next;
	bool ok;

	gt_lock(&gt_sched.lock);
	ok = choose_locked(p, &next, other);
	if (ok) {
		put_locked(m);
		gt_p_release(m);
	}
	gt_unlock(&gt_sched.lock);
	if (!ok) {
		add(&gt_sched.nr_preempts_refused);
		return false;
	}
	add(&gt_sched.nr_preempts);
	add(&gt_sched.nr_preempts_held);
	if (next)
		*other = gt_bound_give(next, p);
	atomic_thread_fence(memory_order_seq_cst);		/* (A) of sched.c */
	gt_wake_p();
	return true;
}

/* The same for m that has no P. */
static bool hold_loose(struct gt_m *m)
{
	bool ok;

	gt_lock(&gt_sched.lock);
	ok = gt_load(&gt_sched.phase) == GT_ON && !gt_sched.hold_off;
	if (ok) {
		gt_preempt_found(m);
		m->p = NULL;
		m->pick = NULL;
		gt_store(&m->held, NULL);
		put_locked(m);
	}
	gt_unlock(&gt_sched.lock);
	if (!ok)
		return false;
	atomic_thread_fence(memory_order_seq_cst);		/* (A) of sched.c */
	gt_wake_p();
	return true;
}

void gt_preempt_found(struct gt_m *m)
{
	gt_store(&m->loose, false);
	atomic_fetch_sub(&gt_sched.loose, 1);
}

/* Give m an idle P, or hold it. False: it goes on as it is. */
static bool come_back(struct gt_m *m, bool *held)
{
	struct gt_p *p = NULL;
	bool ok;

	gt_lock(&gt_sched.lock);
	ok = gt_load(&gt_sched.phase) == GT_ON && !gt_sched.hold_off;
	if (ok) {
		gt_handoff_forget(m);
		p = gt_p_idle_get_locked();
	}
	*held = ok && !p;
	if (*held) {
		m->returned = true;
		gt_count(&gt_sched.returned);
		put_uncounted_locked(m);
	}
	gt_unlock(&gt_sched.lock);
	if (p) {
		gt_p_acquire(m, p);
		gt_begun(m);
		gt_store(gt_take(m), GT_TAKE_NONE);
		add(&gt_sched.nr_regains);
	}
	return ok;
}

void gt_preempt_returned(void)
{
	struct gt_m *m = gt_m_self();
	int saved = errno;
	bool held;

	/* What holds preemption off holds this off, too. */
	if (!m || gt_load(&m->inside) || gt_load(&m->g->preempt_off) || m->g->syscall_depth)
		return;
	gt_store(&m->inside, true);
	gt_barrier_light();				/* (A) of handoff.c */
	if (gt_load(gt_take(m)) == GT_TAKE_TAKEN && !gt_load(&m->loose) && come_back(m, &held) &&
	    held) {
		add(&gt_sched.nr_requeues);
		add(&gt_sched.nr_returns_held);
		atomic_thread_fence(memory_order_seq_cst);	/* (A) of sched.c */
		gt_wake_p();
		wait_held(m, NULL);
	}
	gt_store_release(&m->inside, false);
	errno = saved;
}

bool gt_preempt_is_sliced(struct gt_m *m)
{
	return gt_sched.backend->slices && gt_sched.backend->slices(m);
}

/* A handler of the program's in place of ours would not know what to do. */
static bool is_installed(void)
{
	struct sigaction now;

	return preempt.installed && !sigaction(SIGURG, NULL, &now) &&
	       (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal;
}

/* For how long a task has to run before m is held with it. See the head. */
static int64_t patience(struct gt_m *m, uint64_t request)
{
	int64_t slice = gt_sched.config.slice;
	uint32_t held = gt_load(&gt_sched.held), bound = gt_sched.config.held_max;

	if (held < bound || gt_load(&m->resumed) == request)
		return slice;
	return held - bound < GT_HELD_BEYOND ? slice << (held - bound + 1) : INT64_MAX;
}

bool gt_preempt_waiting(struct gt_p *p, int64_t now)
{
	return gt_p_has_work(p, now) || gt_load(&gt_sched.slow) & GT_SLOW_SHED;
}

/*
 * The backend says that m's slice is over: is it a task's that has a P, and for which
 * somebody waits? Then m is asked. What is read here may change before it is used, if m
 * is inside: the request then misses.
 */
static bool is_over(struct gt_m *m)
{
	struct gt_p *p = m->p;

	if (!p || m->g == &m->g0 || !gt_preempt_waiting(p, gt_clock()))
		return false;
	add(&gt_sched.nr_slices_module);
	gt_store(&m->request, sequence(p));
	return true;
}

/* m, which has let all takers go, is to be held if it may be. */
static bool end_slice(struct gt_m *m, struct gt_m **other)
{
	if (!is_over(m) || !is_meant(m))
		return false;
	if (!is_installed())
		gt_sched.backend->slices_end(m);	/* its signals would be the program's */
	else if (gt_sched.config.held_max &&
		 patience(m, gt_load(&m->request)) == gt_sched.config.slice && hold(m, other))
		return true;
	mark_asked(m);
	return false;
}

/*
 * On the M's signal stack, or its stack for upcalls. sent: by send(). slice: the backend
 * has seen the end of one.
 */
static void preempted(struct gt_m *m, bool sent, bool slice)
{
	struct gt_m *other = NULL;
	uint64_t take;
	bool held;

	if (gt_load(&m->inside)) {
		if (slice && is_over(m))
			mark_asked(m);
		if (sent)
			atomic_fetch_sub(&gt_sched.preempts_pending, 1);
		return;
	}
	gt_store(&m->inside, true);
	gt_barrier_light();				/* (A) of handoff.c */
	take = gt_load(gt_take(m));
	while (take != GT_TAKE_NONE && GT_TAKE_STATE(take) != GT_TAKE_SYSCALL &&
	       GT_TAKE_STATE(take) != GT_TAKE_TAKEN)
		if (atomic_compare_exchange_strong(gt_take(m), &take, GT_TAKE_NONE))
			take = GT_TAKE_NONE;
	held = (take == GT_TAKE_NONE && sent && is_meant(m) && hold(m, &other)) ||
	       (take == GT_TAKE_NONE && slice && end_slice(m, &other)) ||
	       (take == GT_TAKE_TAKEN && gt_load(&m->loose) && hold_loose(m));
	if (sent)
		atomic_fetch_sub(&gt_sched.preempts_pending, 1);
	if (held) {
		GT_WINDOW("preempt.held");
		wait_held(m, other);
	}
	gt_store_release(&m->inside, false);
}

/*
 * Of those that the kernel sends, some are the module's in place of an upcall, and some
 * the program's, from a socket. What cannot be told apart counts as both.
 */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	bool kernel = info->si_code == SI_KERNEL, sent = false, slice = false;
	struct gt_m *m = gt_m_self();
	int saved = errno;

	if (m && ((info->si_code == SI_TKILL && info->si_pid == getpid()) || kernel)) {
		sent = atomic_exchange(&m->signalled, false);
		slice = kernel && gt_preempt_is_sliced(m);
	}
	if (!sent && preempt.old.sa_flags & SA_SIGINFO)
		preempt.old.sa_sigaction(signal, info, context);
	else if (!sent && preempt.old.sa_handler != SIG_DFL && preempt.old.sa_handler != SIG_IGN)
		preempt.old.sa_handler(signal);
	if (sent || slice) {
		preempted(m, sent, slice);
		errno = saved;
	}
}

void gt_preempt_upcall(bool slice)
{
	struct gt_m *m = gt_m_self();
	int saved = errno;
	bool sent;

	if (m) {
		sent = atomic_exchange(&m->signalled, false);
		slice = slice && gt_preempt_is_sliced(m);
		if (sent || slice)
			preempted(m, sent, slice);
	}
	errno = saved;
}

/* ---- on sysmon ---- */

/* What was sent to m does not come any more. */
static void forget(struct gt_m *m)
{
	if (atomic_exchange(&m->signalled, false))
		atomic_fetch_sub(&gt_sched.preempts_pending, 1);
}

void gt_preempt_end(struct gt_m *m)
{
	forget(m);
}

/* By sysmon under sched.lock, or by m itself. */
static void send(struct gt_m *m)
{
	atomic_fetch_add(&gt_sched.preempts_pending, 1);
	if (atomic_exchange(&m->signalled, true))
		atomic_fetch_sub(&gt_sched.preempts_pending, 1);
	else if (!gt_sched.backend->preempt || !gt_sched.backend->preempt(m))
		syscall(SYS_tgkill, getpid(), gt_load(&m->tid), SIGURG);
}

/* Could m run, if it were not for its own task? */
static bool is_running(struct gt_m *m)
{
	/* Under a debugger that steps it, say: it shall be asked again. */
	if (gt_load(&m->signalled) && gt_sched.backend->preempt_missed &&
	    gt_sched.backend->preempt_missed(m))
		forget(m);
	return !gt_load(&m->inside) && !gt_load(&m->signalled) && gt_load_acquire(&m->tid) &&
	       !gt_sched.backend->asleep(m);
}

static void ask(struct gt_p *p, struct gt_m *m, uint64_t request, int64_t now)
{
	add(&gt_sched.nr_slices_looked);
	p->signal_at = now + GT_GRACE_NS;
	gt_store(&m->request, request);
	mark_asked(m);
}

/* Returns whether a signal was sent, or what it takes was asked for. */
static bool interrupt(struct gt_p *p, struct gt_m *m, int64_t now)
{
	uint32_t take = GT_TAKE_STATE(gt_load(gt_take(m)));
	bool done = true;

	if (take == GT_TAKE_SYSCALL || take == GT_TAKE_TAKEN || !gt_sched.config.held_max ||
	    !is_running(m) || !is_installed())
		return false;
	gt_lock(&gt_sched.lock);
	if (has_choice_locked(p)) {
		/* If it refuses, holding preemption off perhaps, not at once again. */
		p->signal_at = now + gt_sched.config.slice / 8;
		if (gt_load(&p->m) == m)
			send(m);
	} else {
		done = !gt_sched.reserving;
		gt_maker_ask_spare_locked();
	}
	gt_unlock(&gt_sched.lock);
	return done;
}

/* Has m run on a CPU, rather than waited for one, since p->seen_at? */
static bool has_run(struct gt_p *p, struct gt_m *m, int64_t now)
{
	return now - p->seen_at >= GT_LONG_SLICES * gt_sched.config.slice ||
	       gt_thread_clock(gt_load(&m->tid)) - p->cpu_at >= gt_sched.config.slice / 2;
}

bool gt_preempt_look(struct gt_p *p, struct gt_m *m, int64_t now)
{
	uint64_t request = sequence(p);
	bool asked = gt_load(&m->request) == request;

	if (gt_preempt_is_sliced(m)) {
		if (!asked)
			return false;
	} else {
		if (p->metered != request) {
			p->metered = request;
			p->cpu_at = gt_thread_clock(gt_load(&m->tid));
		}
		if (now - p->seen_at < gt_sched.config.slice || !has_run(p, m, now))
			return false;
	}
	if (asked)
		return now >= p->signal_at && now - p->seen_at >= patience(m, request) &&
		       interrupt(p, m, now);
	ask(p, m, request, now);
	return true;
}

/* In this order: what is sent is counted as held before it is no longer pending. */
static bool is_idle(void)
{
	return !atomic_load(&gt_sched.preempts_pending) && !gt_load(&gt_sched.held) &&
	       !gt_load(&gt_sched.returned);
}

bool gt_preempt_hold_off(void)
{
	bool idle;

	if (!gt_sched.backend->slices)
		return is_idle();
	gt_lock(&gt_sched.lock);
	idle = is_idle();
	gt_sched.hold_off = idle;
	gt_unlock(&gt_sched.lock);
	return idle;
}

void gt_preempt_hold_on(void)
{
	if (!gt_sched.backend->slices)
		return;
	gt_lock(&gt_sched.lock);
	gt_sched.hold_off = false;
	gt_unlock(&gt_sched.lock);
}

void gt_preempt_rescue(void)
{
	struct gt_m *m = NULL;
	struct gt_g *g;

	gt_lock(&gt_sched.lock);
	g = gt_bound_get_preempted_locked();
	if (g)
		m = g->bound;
	gt_unlock(&gt_sched.lock);
	if (!m)
		return;
	add(&gt_sched.nr_rescues);
	gt_bound_loose(m);
}

void gt_preempt_look_loose(int64_t now)
{
	if (!gt_load(&gt_sched.loose) || !is_installed())
		return;
	gt_lock(&gt_sched.lock);
	for (struct gt_m *m = gt_sched.all_m; m; m = m->all_next)
		if (gt_load(&m->loose) && now - gt_load(&m->loose_at) >= gt_sched.config.slice &&
		    !gt_preempt_is_sliced(m) && is_running(m))
			send(m);
	gt_unlock(&gt_sched.lock);
}

/* ---- the run ---- */

void gt_preempt_start(void)
{
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	}, old;

	gt_sched.hold_off = false;
	if (!gt_sched.config.preempt)
		return;
	if (sigaction(SIGURG, NULL, &old))
		return;
	/* In a child of fork() the parent's run may have left it so. */
	if (!(old.sa_flags & SA_SIGINFO) || old.sa_sigaction != on_signal)
		preempt.old = old;
	action.sa_mask = preempt.old.sa_mask;
	preempt.installed = !sigaction(SIGURG, &action, NULL);
}

void gt_preempt_stop(void)
{
	/* A handler that the program has set since stays. */
	if (is_installed())
		sigaction(SIGURG, &preempt.old, NULL);
	preempt.installed = false;
}

/* ---- public ---- */

/*
 * The counter is the task's. A signal between load and store finds it as it was, and a
 * held task goes on on the same thread, so neither need be atomic.
 */
void gt_preempt_off(void)
{
	struct gt_m *m = gt_m_self();

	if (gt_likely(m))
		gt_count(&m->g->preempt_off);
	atomic_signal_fence(memory_order_seq_cst);
}

void gt_preempt_on(void)
{
	struct gt_m *m = gt_m_self();

	atomic_signal_fence(memory_order_seq_cst);
	if (gt_unlikely(!m))
		return;
	if (gt_unlikely(!gt_load(&m->g->preempt_off)))
		gt_panic("gt_preempt_on() without gt_preempt_off()");
	gt_store(&m->g->preempt_off, gt_load(&m->g->preempt_off) - 1);
	/* One that came meanwhile is made up for here, where it is known to be welcome. */
	if (gt_unlikely(gt_load(&m->g->preempt_missed)) && !gt_load(&m->g->preempt_off)) {
		gt_store(&m->g->preempt_missed, false);
		if (is_installed())
			send(m);
	}
}
