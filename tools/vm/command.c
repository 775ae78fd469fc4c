// SPDX-License-Identifier: MIT
/*
 * The command: run in a session of its own, with its output relayed to the host,
 * until it ends or its time is up. What it leaves running is killed before its end
 * is reported, so that nobody holds the module any more. Being process 1, we are
 * the parent of all that is orphaned, and kill() spares us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "host.h"
#include "threads.h"

/* What is waited for: the command's output, and the death of a child. */
enum { OUT, ERR, CHILD, NR_FDS };
static struct pollfd fds[NR_FDS];
static const unsigned short fd_port[] = { [OUT] = PORT_OUT, [ERR] = PORT_ERR };

/* Written by gt-vm into the archive: strings, each ended by a zero byte. */
struct config {
	char **argv;
	char **env;
	char **cwd;
	char **uid;
	char **timeout;		/* in seconds since the guest began; 0: for ever */
};

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}

static bool config_read(struct config *config)
{
	config->argv = file_strings("/gt-vm/argv");
	config->env = file_strings("/gt-vm/env");
	config->cwd = file_strings("/gt-vm/cwd");
	config->uid = file_strings("/gt-vm/uid");
	config->timeout = file_strings("/gt-vm/timeout");
	return config->argv && config->argv[0] && config->env && config->cwd &&
	       config->cwd[0] && config->uid && config->uid[0] && config->timeout &&
	       config->timeout[0];
}

static void user_become(unsigned int uid)
{
	if (uid && (setgroups(0, NULL) || setgid(uid) || setuid(uid))) {
		fprintf(stderr, "gt-vm: cannot become user %u: %s\n", uid, strerror(errno));
		_exit(126);
	}
}

static _Noreturn void command_exec(const struct config *config, int out, int err)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	setsid();
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(config->cwd[0])) {
		fprintf(stderr, "gt-vm: cannot enter %s: %s\n", config->cwd[0], strerror(errno));
		_exit(126);
	}
	user_become(strtoul(config->uid[0], NULL, 10));
	environ = config->env;
	execvp(config->argv[0], config->argv);
	err = errno;
	fprintf(stderr, "gt-vm: cannot run %s in the guest: %s%s\n", config->argv[0],
		strerror(err), err == ENOENT && !access(config->argv[0], F_OK) ?
		" (its interpreter is missing)" : "");
	_exit(err == ENOENT ? 127 : 126);
}

/* Relay what there is, waiting for something at most so long; false if both pipes ended. */
static bool relay(int timeout_ms)
{
	static char buf[65536];
	struct signalfd_siginfo si;
	ssize_t n;
	int i;

	if (poll(fds, NR_FDS, timeout_ms) <= 0)
		return fds[OUT].fd >= 0 || fds[ERR].fd >= 0;
	if (fds[CHILD].revents && read(fds[CHILD].fd, &si, sizeof(si)) < 0 && errno != EAGAIN)
		report("error cannot read of the death of a child: %s", strerror(errno));
	for (i = OUT; i <= ERR; i++) {
		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		n = read(fds[i].fd, buf, sizeof(buf));
		if (n > 0) {
			host_write(fd_port[i], buf, n);
		} else {
			close(fds[i].fd);
			fds[i].fd = -1;		/* which poll() passes over */
		}
	}
	return fds[OUT].fd >= 0 || fds[ERR].fd >= 0;
}

static int ms_until(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - now_ms();
	return left < 0 ? 0 : left > 3600000 ? 3600000 : left;
}

/* True with its status if the command ended in time. */
static bool command_wait(pid_t pid, int64_t deadline, int *status)
{
	pid_t dead;

	for (;;) {
		relay(ms_until(deadline));
		while ((dead = waitpid(-1, status, WNOHANG)) > 0) {
			if (dead == pid)
				return true;
		}
		if (deadline >= 0 && now_ms() >= deadline)
			return false;
	}
}

static void processes_kill(void)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	pid_t dead;

	kill(-1, SIGKILL);
	while ((dead = waitpid(-1, NULL, WNOHANG)) >= 0 || errno != ECHILD) {
		if (now_ms() > deadline) {
			report("error a process cannot be killed");
			threads_print();
			break;
		}
		if (dead <= 0)
			relay(10);
	}
	while (relay(10) && now_ms() < deadline)
		;
}

void command_run(void)
{
	struct config config;
	int out[2], err[2], status;
	int64_t deadline;
	sigset_t mask;
	bool ended;
	pid_t pid;

	if (!config_read(&config)) {
		report("error the guest's configuration is incomplete");
		return;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fds[CHILD].fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[CHILD].fd < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		report("error cannot make a pipe: %s", strerror(errno));
		return;
	}
	fds[OUT].fd = out[0];
	fds[ERR].fd = err[0];
	fds[OUT].events = fds[ERR].events = fds[CHILD].events = POLLIN;

	report("start");
	pid = fork();
	if (pid < 0) {
		report("error cannot fork: %s", strerror(errno));
		return;
	}
	if (pid == 0)
		command_exec(&config, out[1], err[1]);
	close(out[1]);
	close(err[1]);

	deadline = strtoll(config.timeout[0], NULL, 10) * 1000;
	ended = command_wait(pid, deadline ? deadline : -1, &status);
	if (!ended)
		threads_print();
	processes_kill();
	if (!ended)
		report("timeout");
	else if (WIFSIGNALED(status))
		report("signal %d", WTERMSIG(status));
	else
		report("exit %d", WEXITSTATUS(status));
}
