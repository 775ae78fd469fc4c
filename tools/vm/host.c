// SPDX-License-Identifier: MIT
/* The channels to the host: see host.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/io.h>
#include <unistd.h>

#include "host.h"

#define DEBUGCON_ID	0xe9	/* what reading the port of an isa-debugcon gives */

int host_open(void)
{
	if (ioperm(PORT_OUT, PORT_COUNT, 1))
		return -errno;
	return inb(PORT_REPORT) == DEBUGCON_ID ? 0 : -ENODEV;
}

/* Not outsb(): glibc's does not tell the compiler that it reads memory. */
void host_write(unsigned short port, const void *buf, size_t len)
{
	__asm__ volatile("rep outsb" : "+S"(buf), "+c"(len) : "d"(port) : "memory");
}

void host_print(unsigned short port, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	host_write(port, line, n);
}

_Noreturn void host_power_off(void)
{
	outb(0, PORT_EXIT);
	for (;;)
		pause();
}
