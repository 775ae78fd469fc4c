/* SPDX-License-Identifier: MIT */
/* Stacks, printed without the heap or stdio. */
#define _GNU_SOURCE
#include <errno.h>
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
	uintptr_t sp;
};

static _Unwind_Reason_Code say_frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	uintptr_t sp = _Unwind_GetCFA(context), ip = _Unwind_GetIP(context);
	char text[256];

	if (!ip || sp < walk->sp)
		return _URC_END_OF_STACK;
	walk->sp = sp;
	gt_symbol_print(text, sizeof(text), (void *)ip);
	gt_say("\t%s\n", text);
	return ++walk->frames < GT_FRAMES_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void gt_traceback(void)
{
	struct walk walk = { 0 };

	_Unwind_Backtrace(say_frame, &walk);
}
