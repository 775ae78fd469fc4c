/* SPDX-License-Identifier: MIT */
/*
 * Stack overflow, by name.
 *
 * A task that runs off its stack touches the guard below it, and that is SIGSEGV, or
 * SIGBUS by one kind of guard (guard.c). The signal is handled on a stack of the
 * thread's own (the task's is full): if the address is in the guard of the task that
 * runs, the task is named, and SIGSEGV is left to kill the process where it stands,
 * so that a core shows the frames. Any other fault goes to the handler that was there
 * before gt_run().
 *
 * Everything here is async-signal-safe, but for snprintf(), which glibc serves for
 * integers and strings without locks or memory.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/print.h"
#include "sched/sched.h"

#define GT_SIGNAL_STACK ((size_t)64 << 10)

static struct {
	const int signal;
	struct sigaction old;		/* gt_run()'s caller's; constant during a run */
	bool installed;
} faults[] = { { .signal = SIGSEGV }, { .signal = SIGBUS } };

#define GT_FAULTS (sizeof(faults) / sizeof(faults[0]))

static void report(struct gt_g *g)
{
	char task[GT_DESCRIPTION], creator[GT_DESCRIPTION];

	gt_describe(task, sizeof(task), g);
	gt_describe_creator(creator, sizeof(creator), g);
	gt_print("fatal: stack overflow in %s: its %zu KiB are used up (see gt_go_attr), "
		 "created by %s\n", task, (g->stack.size >> 10) + 1, creator);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	struct gt_m *m = gt_m_self();
	struct sigaction *old = &faults[signal != faults[0].signal].old;

	if (m && info->si_code > 0 && gt_stack_guards(m->g, info->si_addr)) {
		report(m->g);
		gt_stack_harden(m->g);
		signal = SIGSEGV;
	} else if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(signal, info, context);
		return;
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(signal);
		return;
	}
	/* Back at the same instruction the signal comes again, and ends the process. */
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (info->si_code <= 0)
		raise(signal);
}

void gt_fault_start(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < GT_FAULTS; i++)
		faults[i].installed = !sigaction(faults[i].signal, &action, &faults[i].old);
}

void gt_fault_stop(void)
{
	struct sigaction now;

	/* A handler that the program has set since stays. */
	for (size_t i = 0; i < GT_FAULTS; i++) {
		if (faults[i].installed && !sigaction(faults[i].signal, NULL, &now) &&
		    now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
			sigaction(faults[i].signal, &faults[i].old, NULL);
		faults[i].installed = false;
	}
}

void gt_fault_thread_start(struct gt_m *m)
{
	stack_t stack = { .ss_size = GT_SIGNAL_STACK };

	stack.ss_sp = mmap(NULL, GT_SIGNAL_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return;		/* an overflow then kills without a word */
	m->signal_stack = stack.ss_sp;
	sigaltstack(&stack, NULL);
}

void gt_fault_thread_stop(struct gt_m *m)
{
	if (!m->signal_stack)
		return;
	sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	munmap(m->signal_stack, GT_SIGNAL_STACK);
}
