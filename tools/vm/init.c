// SPDX-License-Identifier: MIT
/*
 * init: process 1 of the test VM. It makes the guest a place to run programs in,
 * loads the module, has the command run, unloads the module, and sends the kernel's
 * log to the host, which judges it. What goes wrong on the way is reported, never
 * passed over: see host.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "host.h"

#define MODULE_FILE	"/lib/modules/gt.ko"
#define MODULE_NAME	"gt"
#define MODULE_DEVICE	"/dev/gt"

static const struct {
	const char *type, *target, *options;
	bool required;
} mounts[] = {
	{ "proc", "/proc", "", true },
	{ "sysfs", "/sys", "", true },
	{ "devtmpfs", "/dev", "mode=0755", true },
	{ "tmpfs", "/dev/shm", "mode=1777", true },
	{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666", false },
	{ "debugfs", "/sys/kernel/debug", "", false },
	{ "tracefs", "/sys/kernel/tracing", "", false },
	{ "cgroup2", "/sys/fs/cgroup", "", false },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void files_prepare(void)
{
	size_t i;

	for (i = 0; i < COUNT(mounts); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, MS_NOSUID,
			  mounts[i].options) && mounts[i].required)
			report("error cannot mount %s: %s", mounts[i].target, strerror(errno));
	}
	for (i = 0; i < COUNT(links); i++) {
		if (symlink(links[i][0], links[i][1]))
			report("error cannot make %s: %s", links[i][1], strerror(errno));
	}
	/* A file that gt-vm put below it has made it a folder like any other. */
	chmod("/tmp", 01777);
}

/* Not every kernel gives process 1 a console to begin with. */
static void stdio_open(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* The kernel itself gives the loopback device its address when it comes up. */
static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		report("error cannot bring up the loopback device: %s", strerror(errno));
	close(fd);
}

static void limits_set(void)
{
	struct rlimit nofile = { 65536, 65536 }, core = { 0, 0 };

	if (setrlimit(RLIMIT_NOFILE, &nofile) || setrlimit(RLIMIT_CORE, &core))
		report("error cannot set limits: %s", strerror(errno));
}

/* False if there is a module and it cannot be used. */
static bool module_load(void)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return true;
	err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	if (err) {
		report("error cannot load the module: %s", strerror(err));
		return false;
	}
	if (chmod(MODULE_DEVICE, 0666)) {
		report("error the module is loaded, but " MODULE_DEVICE ": %s", strerror(errno));
		return false;
	}
	return true;
}

/* What is left of a worker may let go of the module a moment after its process is gone. */
static void module_unload(void)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	char *refs;

	if (access(MODULE_FILE, F_OK))
		return;
	while (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK)) {
		if (errno == ENOENT)	/* the command has unloaded it */
			return;
		if ((errno != EWOULDBLOCK && errno != EBUSY) || now_ms() > deadline) {
			report("error cannot unload the module: %s", strerror(errno));
			refs = file_text("/sys/module/" MODULE_NAME "/refcnt");
			if (refs)
				report("error all processes are gone and the module is in use %d times",
				       atoi(refs));
			return;
		}
		poll(NULL, 0, 10);
	}
}

static const struct {
	int bit;
	const char *what;
} bad_taints[] = {
	{ 4, "a machine check" }, { 5, "a bad page, or an access that KASAN found" },
	{ 7, "an oops or BUG" }, { 9, "a warning" }, { 14, "a soft lockup" },
};

/* A warning leaves a mark that no overflow of the log removes. */
static unsigned long taints_read(void)
{
	char *text = file_text("/proc/sys/kernel/tainted");
	unsigned long all = text ? strtoul(text, NULL, 10) : 0, bad = 0;
	size_t i;

	for (i = 0; i < COUNT(bad_taints); i++)
		bad |= all & (1UL << bad_taints[i].bit);
	return bad;
}

static void taint_check(void)
{
	unsigned long bad = taints_read();
	size_t i;

	for (i = 0; i < COUNT(bad_taints); i++) {
		if (bad & (1UL << bad_taints[i].bit))
			report("error the kernel says that there was %s", bad_taints[i].what);
	}
}

/* The text of each record on a line of its own. */
static void kmsg_dump(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192], *text, *end;
	ssize_t n;

	if (fd < 0) {
		report("error cannot read the kernel's log: %s", strerror(errno));
		return;
	}
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)	/* overwritten before we came */
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		text = strchr(record, ';');
		end = text ? strchr(text, '\n') : NULL;
		if (end)
			host_write(PORT_KMSG, text + 1, end - text);
	}
	close(fd);
}

int main(void)
{
	if (host_open()) {
		fprintf(stderr, "init: no channel to the host: this runs under gt-vm only\n");
		return 1;
	}
	umask(022);
	files_prepare();
	stdio_open();
	/* Nothing of ours has run yet. Without the word "boot" gt-vm starts another machine. */
	if (taints_read())
		host_power_off();
	report("boot");
	loopback_up();
	limits_set();
	sethostname("gt-vm", strlen("gt-vm"));
	if (module_load())
		command_run();
	module_unload();
	taint_check();
	kmsg_dump();
	report("end");
	host_power_off();
}
