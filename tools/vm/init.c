// SPDX-License-Identifier: MIT
/*
 * init: process 1 of the test VM. It prepares the guest, loads the module, runs
 * one command, relays what that prints, and tells the host how all of it went.
 *
 * To the host lead four one-way byte channels, each an I/O port of QEMU's
 * isa-debugcon device, and a port that ends QEMU. They need no driver, so any
 * x86 kernel will do; nothing but this program writes to them, so what the
 * command prints arrives as it was written, apart from the kernel's log.
 *
 *	PORT_OUT, PORT_ERR	the command's output, as it comes
 *	PORT_KMSG		the kernel's log, whole, at the end
 *	PORT_REPORT		lines for gt-vm, see below
 *
 * A report is, in this order:
 *
 *	start			the command runs from here on
 *	exit N | signal N	how it ended
 *	error TEXT		the guest is at fault, any number of times
 *	end			nothing is missing; the host believes no report without it
 *
 * The console is not used for any of this: it belongs to the kernel, and tells
 * of the panics after which nothing here runs any more.
 *
 * Rejected: a serial port for the output (the tty layer would have to be kept
 * from changing it, and an interrupt for each 16 bytes makes it slow under
 * emulation); virtio-console (a module on some kernels); the exit status of
 * isa-debug-exit (seven bits).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* gt-vm gives QEMU the same numbers. */
#define PORT_OUT	0x500
#define PORT_ERR	0x501
#define PORT_REPORT	0x502
#define PORT_KMSG	0x503
#define PORT_EXIT	0x504
#define PORT_COUNT	5
#define DEBUGCON_ID	0xe9		/* what reading an isa-debugcon gives */

/* Written by gt-vm into the initramfs. */
#define FILE_ARGV	"/gt-vm/argv"	/* strings, each ended by a zero byte */
#define FILE_ENV	"/gt-vm/env"	/* likewise */
#define FILE_CWD	"/gt-vm/cwd"	/* likewise, one */
#define FILE_UID	"/gt-vm/uid"	/* likewise, one */
#define FILE_MODULE	"/lib/modules/gt.ko"
#define MODULE_NAME	"gt"
#define MODULE_DEVICE	"/dev/gt"

/* How long what should end at once may take on a loaded host. */
#define PATIENCE_MS	20000

/* Not outsb(): glibc's does not tell the compiler that it reads memory. */
static void port_write(unsigned short port, const void *buf, size_t len)
{
	__asm__ volatile("rep outsb" : "+S"(buf), "+c"(len) : "d"(port) : "memory");
}

static void report(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	port_write(PORT_REPORT, line, n);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* Read a whole file and end it with a zero byte; NULL if it cannot be read. */
static char *slurp(const char *path, size_t *len)
{
	size_t size = 4096;
	char *buf = malloc(size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*len = 0;
	if (fd < 0 || !buf)
		return NULL;
	while ((n = read(fd, buf + *len, size - *len - 1)) > 0) {
		*len += n;
		if (size - *len < 2048) {
			size *= 2;
			buf = realloc(buf, size);
			if (!buf)
				return NULL;
		}
	}
	close(fd);
	buf[*len] = '\0';
	return buf;
}

/* A file of zero-ended strings as a vector, with a NULL at its end. */
static char **slurp_strings(const char *path)
{
	size_t len, count = 0, i = 0;
	char *buf = slurp(path, &len), *p;
	char **vec;

	if (!buf)
		return NULL;
	for (p = buf; p < buf + len; p += strlen(p) + 1)
		count++;
	vec = calloc(count + 1, sizeof(*vec));
	for (p = buf; vec && p < buf + len; p += strlen(p) + 1)
		vec[i++] = p;
	return vec;
}

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

static void mount_all(void)
{
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, MS_NOSUID,
			  mounts[i].options) && mounts[i].required)
			report("error cannot mount %s: %s", mounts[i].target, strerror(errno));
	}
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	/* A file that gt-vm put below it has made it a folder like any other. */
	chmod("/tmp", 01777);
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

	setrlimit(RLIMIT_NOFILE, &nofile);
	setrlimit(RLIMIT_CORE, &core);
}

/* False if there is a module and it cannot be used. */
static bool module_load(void)
{
	int fd = open(FILE_MODULE, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return true;
	err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	if (err) {
		report("error cannot load the module: %s%s", strerror(err),
		       err == ENOEXEC ? " (built for another kernel?)" : "");
		return false;
	}
	if (chmod(MODULE_DEVICE, 0666)) {
		report("error the module is loaded, but " MODULE_DEVICE ": %s", strerror(errno));
		return false;
	}
	return true;
}

/* What ends a worker may drop its last reference a little later. */
static void module_unload(void)
{
	long long deadline = now_ms() + PATIENCE_MS;
	size_t len;
	char *refs;

	if (access(FILE_MODULE, F_OK))
		return;
	while (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK)) {
		if (errno == ENOENT)	/* the command has unloaded it */
			return;
		if ((errno != EWOULDBLOCK && errno != EBUSY) || now_ms() > deadline) {
			report("error cannot unload the module: %s", strerror(errno));
			refs = slurp("/sys/module/" MODULE_NAME "/refcnt", &len);
			if (refs && atoi(refs))
				report("error the module is still in use with all processes gone: %d references",
				       atoi(refs));
			return;
		}
		pause_ms(10);
	}
}

/* The log as /dev/kmsg has it, the text of each record on a line of its own. */
static void kmsg_dump(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char rec[8192], *text, *end;
	ssize_t n;

	if (fd < 0) {
		report("error cannot read the kernel's log: %s", strerror(errno));
		return;
	}
	for (;;) {
		n = read(fd, rec, sizeof(rec) - 1);
		if (n < 0 && errno == EPIPE)	/* overwritten before we came */
			continue;
		if (n <= 0)
			break;
		rec[n] = '\0';
		text = strchr(rec, ';');
		end = text ? strchr(text, '\n') : NULL;
		if (end)
			port_write(PORT_KMSG, text + 1, end - text);
	}
	close(fd);
}

/* Warnings leave a mark that no overflow of the log removes. */
static void taint_check(void)
{
	static const struct { int bit; const char *what; } bad[] = {
		{ 4, "machine check" }, { 5, "bad page" }, { 7, "oops or BUG" },
		{ 9, "warning" }, { 14, "soft lockup" },
	};
	size_t len, i;
	char *text = slurp("/proc/sys/kernel/tainted", &len);
	unsigned long taint = text ? strtoul(text, NULL, 10) : 0;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (taint & (1UL << bad[i].bit))
			report("error the kernel is tainted: %s", bad[i].what);
}

static void user_become(unsigned int uid)
{
	if (uid && (setgroups(0, NULL) || setgid(uid) || setuid(uid))) {
		fprintf(stderr, "gt-vm: cannot become user %u: %s\n", uid, strerror(errno));
		_exit(126);
	}
}

static pid_t command_start(int out, int err)
{
	char **argv = slurp_strings(FILE_ARGV), **env = slurp_strings(FILE_ENV);
	char **cwd = slurp_strings(FILE_CWD), **uid = slurp_strings(FILE_UID);
	sigset_t mask;
	pid_t pid;

	if (!argv || !argv[0] || !env || !cwd || !cwd[0] || !uid || !uid[0]) {
		report("error the guest's configuration is incomplete");
		return -1;
	}
	report("start");
	pid = fork();
	if (pid < 0)
		report("error cannot fork: %s", strerror(errno));
	if (pid)
		return pid;

	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	setsid();
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(cwd[0]))
		chdir("/");
	user_become(strtoul(uid[0], NULL, 10));
	environ = env;
	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "gt-vm: cannot run %s in the guest: %s%s\n", argv[0], strerror(err),
		err == ENOENT && !access(argv[0], F_OK) ? " (its interpreter is missing)" : "");
	_exit(err == ENOENT ? 127 : 126);
}

/* What is waited for: the command's output, and the death of a child. */
enum { OUT, ERR, CHILD, NR_FDS };
static struct pollfd fds[NR_FDS];
static const unsigned short fd_port[] = { [OUT] = PORT_OUT, [ERR] = PORT_ERR };

/* Relay what there is, waiting for something at most so long; false if both pipes ended. */
static bool relay(int timeout_ms)
{
	static char buf[65536];
	struct signalfd_siginfo si;
	ssize_t n;
	int i;

	if (poll(fds, NR_FDS, timeout_ms) > 0 && fds[CHILD].revents)
		read(fds[CHILD].fd, &si, sizeof(si));
	for (i = OUT; i <= ERR; i++) {
		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		n = read(fds[i].fd, buf, sizeof(buf));
		if (n > 0) {
			port_write(fd_port[i], buf, n);
		} else if (n == 0 || errno != EINTR) {
			close(fds[i].fd);
			fds[i].fd = -1;		/* which poll() passes over */
		}
	}
	return fds[OUT].fd >= 0 || fds[ERR].fd >= 0;
}

/* Kill what the command left behind: it would hold the module and the pipes. */
static void command_clean(void)
{
	long long deadline = now_ms() + PATIENCE_MS;
	pid_t dead;

	kill(-1, SIGKILL);
	while ((dead = waitpid(-1, NULL, WNOHANG)) >= 0 || errno != ECHILD) {
		if (now_ms() > deadline) {
			report("error a process cannot be killed");
			break;
		}
		if (dead <= 0)
			relay(10);
	}
	while (relay(10) && now_ms() < deadline)
		;
}

static void command_run(void)
{
	int out[2], err[2], status;
	sigset_t mask;
	pid_t pid, dead;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fds[CHILD].fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[CHILD].fd < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		report("error cannot make a pipe: %s", strerror(errno));
		return;
	}
	pid = command_start(out[1], err[1]);
	if (pid < 0)
		return;
	close(out[1]);
	close(err[1]);
	fds[OUT].fd = out[0];
	fds[ERR].fd = err[0];
	fds[OUT].events = fds[ERR].events = fds[CHILD].events = POLLIN;

	do {
		relay(-1);
		while ((dead = waitpid(-1, &status, WNOHANG)) > 0 && dead != pid)
			;
	} while (dead != pid);
	command_clean();
	if (WIFSIGNALED(status))
		report("signal %d", WTERMSIG(status));
	else
		report("exit %d", WEXITSTATUS(status));
}

/* Some of the kernels give process 1 no console to begin with. */
static void stdio_open(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int main(void)
{
	if (ioperm(PORT_OUT, PORT_COUNT, 1) || inb(PORT_REPORT) != DEBUGCON_ID) {
		fprintf(stderr, "init: no channel to the host: this runs under gt-vm only\n");
		return 1;
	}
	umask(022);
	mount_all();
	stdio_open();
	loopback_up();
	limits_set();
	sethostname("gt-vm", 5);
	if (module_load())
		command_run();
	module_unload();
	taint_check();
	kmsg_dump();
	report("end");
	outb(0, PORT_EXIT);
	for (;;)
		pause();
}
