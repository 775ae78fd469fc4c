/* SPDX-License-Identifier: MIT */
/*
 * The way from the guest to the host: one-way byte channels, each an I/O port of
 * QEMU's isa-debugcon device, and a port that ends QEMU. They need no driver, so
 * any x86 kernel will do, and nobody but process 1 writes to them: what a command
 * prints arrives as it was written, apart from the kernel's log.
 *
 *	PORT_OUT, PORT_ERR	the command's output, as it comes
 *	PORT_KMSG		the kernel's log, whole, at the end
 *	PORT_REPORT		lines for gt-vm:
 *
 *	  boot			process 1 has begun: the kernel is up
 *	  start			the command runs from here on
 *	  exit N | signal N	how it ended, or
 *	  timeout		it did not, and was killed
 *	  error TEXT		the guest is at fault, at any place and number of times
 *	  end			nothing is missing; no report counts without it
 *
 * The console is not used for any of this: it belongs to the kernel, and tells of
 * the panics after which nothing else does.
 *
 * Rejected: a serial port for the output (the tty layer has to be kept from
 * changing it, and an interrupt for each 16 bytes is slow under emulation);
 * virtio-console (a module on some kernels); the exit status of isa-debug-exit
 * (seven bits).
 */
#ifndef GT_VM_HOST_H
#define GT_VM_HOST_H

#include <stddef.h>

/* gt-vm gives QEMU the same numbers. */
#define PORT_OUT	0x500
#define PORT_ERR	0x501
#define PORT_REPORT	0x502
#define PORT_KMSG	0x503
#define PORT_EXIT	0x504
#define PORT_COUNT	5

/* 0, or -errno: the ports cannot be used. */
int host_open(void);

void host_write(unsigned short port, const void *buf, size_t len);
void host_print(unsigned short port, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line of the report. */
#define report(fmt, ...) host_print(PORT_REPORT, fmt "\n", ##__VA_ARGS__)

_Noreturn void host_power_off(void);

#endif /* GT_VM_HOST_H */
