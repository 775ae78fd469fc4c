/* SPDX-License-Identifier: MIT */
/*
 * Stacks, printed: a line for each function that has not returned.
 *
 * For a process that dies: nothing here uses the heap or stdio, which may be what is
 * broken. If the stack is, the walk faults: that is caught, said, and ends the walk.
 *
 * Rejected: backtrace_symbols(), which knows exported functions only, and none of a
 * static program; libdw, which would name the lines, but lives on the heap, and would
 * be one more library in each program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/symbol.h"
#include "sched/panic.h"

#define GT_FRAMES_MAX 64

void gt_say(const char *format, ...)
{
	char text[1024];
	va_list args;
	int size, at = 0;
	ssize_t n;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size > (int)sizeof(text) - 1)
		size = sizeof(text) - 1;
	while (at < size) {
		n = write(STDERR_FILENO, text + at, size - at);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			at += n;
	}
}

struct walk {
	unsigned int frames;
	uintptr_t above;	/* frames further in than that are left out */
	uintptr_t sp;		/* of the frame before */
};

static _Unwind_Reason_Code say_frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	uintptr_t sp = _Unwind_GetCFA(context), ip = _Unwind_GetIP(context);
	char text[256];

	/* Each frame is further out than the one before, or the stack is broken. */
	if (!ip || sp <= walk->sp)
		return _URC_END_OF_STACK;
	walk->sp = sp;
	if (sp <= walk->above)
		return _URC_NO_REASON;
	if (walk->frames++ == GT_FRAMES_MAX) {
		gt_say("\t...\n");
		return _URC_END_OF_STACK;
	}
	gt_symbol_print(text, sizeof(text), (void *)ip);
	gt_say("\t%s\n", text);
	return _URC_NO_REASON;
}

/* The process dies, and one thread prints: one of these is enough. */
static sigjmp_buf broken;
static pthread_t walker;

static void on_fault(int signal)
{
	(void)signal;
	while (!pthread_equal(pthread_self(), walker))
		pause();
	siglongjmp(broken, 1);
}

void gt_traceback(const void *above)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };
	struct walk walk = { .above = (uintptr_t)above };

	walker = pthread_self();
	if (sigsetjmp(broken, 1)) {
		gt_say("\t(the stack is broken here)\n");
	} else {
		sigemptyset(&action.sa_mask);
		sigaction(SIGSEGV, &action, NULL);
		sigaction(SIGBUS, &action, NULL);
		_Unwind_Backtrace(say_frame, &walk);
	}
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
}
