// SPDX-License-Identifier: MIT
/*
 * What it is worth to know the CPU quota: how late tasks are that want a moment of the
 * CPU every five milliseconds, beside work without end, in a control group that may use
 * one CPU and a half. As many processors as CPUs use the quota up in the first part of
 * each period, and then nobody runs until the next.
 *
 * The quota is set above what the program can see, as for a container. "off" is told
 * the number of CPUs by GTMAXPROCS; "on" asks the module. Both take turns. An emulated
 * machine needs a quiet host: what others take from it counts as use of the quota. To be
 * run as root, with /dev/gt, on four CPUs:
 *
 *	tools/gt-vm --smp 4 -- build/release/bench/quota
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <gt/gt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP	"/sys/fs/cgroup"
#define OUTER	CGROUP "/gt-bench"
#define INNER	OUTER "/in"
#define WORKERS	8
#define EVERY	(5 * GT_MILLISECOND)
#define SAMPLES	200
#define ROUNDS	3

static int64_t late[SAMPLES];
static _Atomic bool over;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void works(void *arg)
{
	while (!over) {
		int64_t end = gt_now() + GT_MILLISECOND;

		while (gt_now() < end)
			;
		gt_yield();
	}
	(void)arg;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void measures(void *arg)
{
	int64_t due;

	for (int i = 0; i < WORKERS; i++)
		if (gt_go(works, NULL))
			die("gt_go");
	/* The first second is not counted: all begin at once. */
	gt_sleep(GT_SECOND);
	due = gt_now();
	for (int i = 0; i < SAMPLES; i++) {
		due += EVERY;
		gt_sleep(due - gt_now());
		late[i] = gt_now() - due;
		if (late[i] > EVERY)
			due = gt_now();
	}
	over = true;
	qsort(late, SAMPLES, sizeof(late[0]), by_size);
	printf("%-4s %11d %10.1f %10.1f %10.1f\n", (char *)arg, gt_gomaxprocs(0),
	       late[SAMPLES / 2] / 1e6, late[SAMPLES * 99 / 100] / 1e6, late[SAMPLES - 1] / 1e6);
	fflush(stdout);
}

static void run(const char *name, int procs)
{
	char text[16];
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "%d", procs);
		if (procs)
			setenv("GTMAXPROCS", text, 1);
		else
			unsetenv("GTMAXPROCS");
		setenv("GTBACKEND", "kmod", 1);
		_exit(gt_run(measures, (void *)name) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("a run");
}

int main(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	put(CGROUP "/cgroup.subtree_control", "+cpu");
	if (mkdir(OUTER, 0755) || mkdir(INNER, 0755))
		die(OUTER);
	put(OUTER "/cpu.max", "150000 100000");
	put(INNER "/cgroup.procs", "0");
	if (unshare(CLONE_NEWCGROUP | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || umount2(CGROUP, MNT_DETACH))
		die("namespaces");
	printf("1.5 CPUs of quota on %d\n%-4s %11s %10s %10s %10s\n", cpus, "hint", "processors",
	       "p50 ms", "p99 ms", "max ms");
	for (int i = 0; i < ROUNDS; i++) {
		run("off", cpus);
		run("on", 0);
	}
	return 0;
}
