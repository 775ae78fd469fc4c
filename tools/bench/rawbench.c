// SPDX-License-Identifier: MIT
/* rawbench: figures of /dev/gt itself. bench.c says what it prints. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "upcall.h"

#define UPCALL_STACK ((size_t)64 << 10)

struct raw raw = { .fd = -1 };

void raw_command(unsigned int command, void *arg)
{
	if (ioctl(raw.fd, command, arg))
		bench_die("command 0x%x of /dev/gt: %s", command, strerror(errno));
}

void raw_setup(unsigned int workers)
{
	struct gt_group_setup setup = { .size = sizeof(setup), .workers = workers };
	char *status;

	if (!raw.kmod)
		return;
	raw.fd = open("/dev/" GT_DEVICE_NAME, O_RDWR | O_CLOEXEC);
	if (raw.fd < 0)
		bench_die("/dev/" GT_DEVICE_NAME ": %s", strerror(errno));
	raw_command(GT_IOC_GROUP_SETUP, &setup);
	status = mmap(NULL, setup.status_size, PROT_READ, MAP_SHARED, raw.fd, GT_MMAP_STATUS);
	raw.user = mmap(NULL, setup.user_size, PROT_READ | PROT_WRITE, MAP_SHARED, raw.fd,
			GT_MMAP_USER);
	if (status == MAP_FAILED || raw.user == MAP_FAILED)
		bench_die("the areas of /dev/" GT_DEVICE_NAME ": %s", strerror(errno));
	raw.status = (struct gt_status *)status;
	raw.worker = (struct gt_worker_status *)(status + sizeof(struct gt_status));
}

uint32_t raw_attach(void)
{
	struct gt_worker_attach arg = { .size = sizeof(arg) };

	if (raw.kmod)
		raw_command(GT_IOC_WORKER_ATTACH, &arg);
	return arg.slot;
}

uint32_t gt_upcall_vector[2];

void raw_take_upcalls(void)
{
	struct gt_worker_upcall arg = {
		.size = sizeof(arg),
		.entry = (uintptr_t)gt_upcall_entry,
		.entry_size = (uintptr_t)(gt_upcall_entry_end - gt_upcall_entry),
		.stack = (uintptr_t)aligned_alloc(4096, UPCALL_STACK),
		.stack_size = UPCALL_STACK,
	};

	if (!raw.kmod)
		return;
	gt_upcall_prepare();
	memset((void *)(uintptr_t)arg.stack, 0, UPCALL_STACK);
	raw_command(GT_IOC_WORKER_UPCALL, &arg);
}

int64_t raw_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void raw_sleep(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&ts, NULL);
}

int raw_cpus(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void raw_pin(int which)
{
	cpu_set_t may, set;

	CPU_ZERO(&set);
	if (sched_getaffinity(getpid(), sizeof(may), &may))
		bench_die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may) && !which--)
			CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("sched_setaffinity: %s", strerror(errno));
}

void raw_start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	int error = pthread_create(thread, NULL, run, arg);

	if (error)
		bench_die("cannot start a thread: %s", strerror(error));
}

void raw_futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void raw_futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool option(const char *name, const char *value)
{
	if (strcmp(name, "--side") || !value)
		return false;
	if (!strcmp(value, "kmod"))
		raw.kmod = true;
	else if (strcmp(value, "futex"))
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static const struct bench *const tables[] = {
		raw_sleeps, raw_blocks, raw_preempts, raw_attached, NULL,
	};
	static const struct bench_program program = {
		.name = "rawbench", .tables = tables, .option = option,
		.options = "  --side SIDE  kmod: with /dev/gt; futex: without it (futex)\n",
		.remark = "",
	};

	bench_choose(&program, argc, argv)->run();
	bench_end();
	return 0;
}
