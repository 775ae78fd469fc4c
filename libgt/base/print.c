/* SPDX-License-Identifier: MIT */
/* See print.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/print.h"

void gt_print(const char *format, ...)
{
	char text[GT_PRINT_MAX], *at = text;
	va_list args;
	ssize_t n;
	int left;

	va_start(args, format);
	left = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (left >= (int)sizeof(text)) {
		left = sizeof(text) - 1;
		text[left - 1] = '\n';
	}
	while (left > 0 && ((n = write(STDERR_FILENO, at, left)) >= 0 || errno == EINTR)) {
		if (n > 0) {
			at += n;
			left -= (int)n;
		}
	}
}

void gt_print_flush(void)
{
	if (ftrylockfile(stdout))
		return;
	fflush(stdout);
	funlockfile(stdout);
}
