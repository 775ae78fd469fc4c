// SPDX-License-Identifier: MIT
/*
 * Where every thread is: the first thing to know of a program that hangs. A line a
 * thread: its state, the system call that it is in with two arguments and where it
 * called it, and the functions of the kernel that it sleeps in, innermost first.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "host.h"
#include "threads.h"

#define THREADS_MAX	100
#define FRAMES_MAX	8

/* "[<0>] futex_wait_queue+0x66/0xa0\n..." as "futex_wait_queue < ...". */
static void frames_format(char *out, size_t size, char *stack)
{
	char *line, *name, *save;
	size_t len = 0;
	int n = 0;

	out[0] = '\0';
	for (line = strtok_r(stack, "\n", &save); line && n < FRAMES_MAX && len < size;
	     line = strtok_r(NULL, "\n", &save)) {
		name = strchr(line, ' ');
		if (!name)
			continue;
		name[strcspn(name, "+")] = '\0';
		len += snprintf(out + len, size - len, "%s%s", n++ ? " <" : "", name);
	}
}

static void thread_print(int pid, int tid)
{
	char path[64], frames[512], *stat, *state, *call, *stack, *save = NULL;
	const char *nr = "?", *arg0 = "", *arg1 = "", *p, *ip = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	stat = file_text(path);
	state = stat ? strrchr(stat, ')') : NULL;
	if (!state)
		return;		/* it has just ended */
	state[1] = '\0';

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	call = file_text(path);
	p = call ? strtok_r(call, " \n", &save) : NULL;
	if (p) {
		nr = p;
		p = strtok_r(NULL, " \n", &save);
		arg0 = p ? p : "";
		p = strtok_r(NULL, " \n", &save);
		arg1 = p ? p : "";
		while ((p = strtok_r(NULL, " \n", &save)))
			ip = p;
	}

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", pid, tid);
	stack = file_text(path);
	frames_format(frames, sizeof(frames), stack ? stack : (char[]){ "" });
	host_print(PORT_ERR, "  %s state %c, system call %s %s %s, ip %s:%s\n",
		   stat, state[2], nr, arg0, arg1, ip ? ip : "?", frames);
}

static void process_print(int pid, int *count)
{
	char path[64], exe[8];
	struct dirent *entry;
	DIR *tasks;

	/* Threads of the kernel have no program. */
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, exe, sizeof(exe)) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		if (++*count <= THREADS_MAX)
			thread_print(pid, atoi(entry->d_name));
	}
	if (tasks)
		closedir(tasks);
}

void threads_print(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	host_print(PORT_ERR, "gt-vm: time is up; the threads in the guest:\n");
	while (proc && (entry = readdir(proc))) {
		if (atoi(entry->d_name) > 1)
			process_print(atoi(entry->d_name), &count);
	}
	if (count > THREADS_MAX)
		host_print(PORT_ERR, "  and %d more\n", count - THREADS_MAX);
	if (proc)
		closedir(proc);
}
