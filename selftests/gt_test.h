/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/gt share: the commands as functions, a group with its
 * areas, threads that are workers, and waiting for a state to be observed.
 *
 * A command returns 0 (attach: the slot) or a negative errno, and can so be
 * called from any thread; the harness's EXPECT and ASSERT are for the test's own
 * thread. Nothing sleeps to order events: gt_until() polls for what it waits for,
 * and its bound is only there for the failure.
 *
 * GT_TEST_SCALE, 1 by default, multiplies bounds and iteration counts.
 */
#ifndef _GT_TEST_H
#define _GT_TEST_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/gt.h>

#include "kselftest_harness.h"

#define GT_TEST_DEVICE	"/dev/" GT_DEVICE_NAME
#define GT_TEST_MODULE	"/sys/module/gt"
#define MSEC		1000000ULL
#define SEC		1000000000ULL

/* Seconds until the harness gives a test up. */
#define GT_TEST_TIMEOUT	600

#define GT_TEST(fixture, name) TEST_F_TIMEOUT(fixture, name, GT_TEST_TIMEOUT)

static inline unsigned int gt_test_scale(void)
{
	const char *text = getenv("GT_TEST_SCALE");
	int scale = text ? atoi(text) : 1;

	return scale > 0 ? scale : 1;
}

static inline uint64_t gt_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SEC + now.tv_nsec;
}

/* Seconds until what is waited for is taken not to come any more. */
#ifndef GT_TEST_BOUND
#define GT_TEST_BOUND	20
#endif

/* True as soon as the condition is, false if it does not come true. */
#define gt_until(condition) ({						\
	uint64_t _end = gt_now() + GT_TEST_BOUND * SEC * gt_test_scale();	\
	bool _true;							\
									\
	while (!(_true = (condition)) && gt_now() < _end)		\
		usleep(200);						\
	_true;								\
})

/* The commands. */

static inline int gt_ioctl(int fd, unsigned int command, void *arg)
{
	return ioctl(fd, command, arg) < 0 ? -errno : 0;
}

static inline int gt_open(void)
{
	int fd = open(GT_TEST_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int gt_setup(int fd, unsigned int workers, unsigned int grace_ns)
{
	struct gt_group_setup arg = {
		.size = sizeof(arg), .workers = workers, .grace_ns = grace_ns,
	};

	return gt_ioctl(fd, GT_IOC_GROUP_SETUP, &arg);
}

static inline int gt_attach(int fd)
{
	struct gt_worker_attach arg = { .size = sizeof(arg) };
	int err = gt_ioctl(fd, GT_IOC_WORKER_ATTACH, &arg);

	return err ? err : (int)arg.slot;
}

static inline int gt_detach(int fd)
{
	struct gt_worker_detach arg = { .size = sizeof(arg) };

	return gt_ioctl(fd, GT_IOC_WORKER_DETACH, &arg);
}

static inline int gt_sleep_command(int fd, unsigned int command, uint64_t deadline_ns,
				   unsigned int *events)
{
	struct gt_worker_park arg = { .size = sizeof(arg), .deadline_ns = deadline_ns };
	int err = gt_ioctl(fd, command, &arg);

	if (events)
		*events = arg.events;
	return err;
}

static inline int gt_park(int fd, uint64_t deadline_ns, unsigned int *events)
{
	return gt_sleep_command(fd, GT_IOC_WORKER_PARK, deadline_ns, events);
}

static inline int gt_standby(int fd, uint64_t deadline_ns, unsigned int *events)
{
	return gt_sleep_command(fd, GT_IOC_WORKER_STANDBY, deadline_ns, events);
}

static inline int gt_wake_many(int fd, const unsigned int *slots, unsigned int count)
{
	struct gt_worker_wake arg = {
		.size = sizeof(arg), .count = count, .slots = (uintptr_t)slots,
	};

	return gt_ioctl(fd, GT_IOC_WORKER_WAKE, &arg);
}

static inline int gt_wake(int fd, unsigned int slot)
{
	return gt_wake_many(fd, &slot, 1);
}

/* A group, with both areas mapped. */

struct gt_test_group {
	int fd;
	size_t status_size, user_size;
	volatile struct gt_status *status;
	volatile struct gt_worker_status *worker;
	volatile struct gt_worker_user *user;
};

static inline int gt_group_open(struct gt_test_group *group, unsigned int workers,
				unsigned int grace_ns)
{
	struct gt_group_setup arg = {
		.size = sizeof(arg), .workers = workers, .grace_ns = grace_ns,
	};
	void *map;
	int err;

	group->fd = gt_open();
	if (group->fd < 0)
		return group->fd;
	err = gt_ioctl(group->fd, GT_IOC_GROUP_SETUP, &arg);
	if (err)
		return err;
	map = mmap(NULL, arg.status_size, PROT_READ, MAP_SHARED, group->fd, GT_MMAP_STATUS);
	if (map == MAP_FAILED)
		return -errno;
	group->status = map;
	group->status_size = arg.status_size;
	group->worker = (volatile void *)(group->status + 1);
	map = mmap(NULL, arg.user_size, PROT_READ | PROT_WRITE, MAP_SHARED, group->fd,
		   GT_MMAP_USER);
	if (map == MAP_FAILED)
		return -errno;
	group->user = map;
	group->user_size = arg.user_size;
	return 0;
}

/* What is left of the group then is its workers. */
static inline void gt_group_close(struct gt_test_group *group)
{
	munmap((void *)group->status, group->status_size);
	munmap((void *)group->user, group->user_size);
	close(group->fd);
}

static inline unsigned int gt_state(const struct gt_test_group *group, int slot)
{
	return GT_WORD_STATE(group->worker[slot].word);
}

/*
 * Before the harness begins: without a module there is nothing to test. A SKIP in a
 * fixture's setup would not do, as the harness goes on to the test itself.
 */
__attribute__((__constructor__)) static void gt_test_require_device(void)
{
	if (!access(GT_TEST_DEVICE, F_OK))
		return;
	printf("TAP version 13\n1..0 # SKIP no " GT_TEST_DEVICE ": the module is not loaded\n");
	fflush(stdout);
	_exit(KSFT_SKIP);
}

/* In a fixture's setup. */
#define GT_TEST_GROUP_OPEN(group, workers, grace_ns)				\
	ASSERT_EQ(0, gt_group_open(group, workers, grace_ns))

/*
 * A thread that attaches itself and then runs a function. @slot is that of the
 * worker, or negative: -EAGAIN until it is known, then what attach returned.
 * Fields below it are for the function to use; @done is set when it has returned.
 */
struct gt_test_worker {
	struct gt_test_group *group;
	void (*run)(struct gt_test_worker *self);
	pthread_t thread;
	volatile pid_t tid;
	volatile int slot;
	volatile bool done;

	int fd;
	uint64_t deadline_ns;
	volatile int result;
	volatile unsigned int events;
	volatile bool stop;
	volatile unsigned int order;
};

static inline void *gt_worker_main(void *arg)
{
	struct gt_test_worker *self = arg;

	self->tid = syscall(SYS_gettid);
	self->slot = gt_attach(self->group->fd);
	if (self->slot >= 0)
		self->run(self);
	self->done = true;
	return NULL;
}

/* True once the thread is a worker. */
static inline bool gt_worker_start(struct gt_test_worker *worker, struct gt_test_group *group,
				   void (*run)(struct gt_test_worker *self))
{
	worker->group = group;
	worker->run = run;
	worker->slot = -EAGAIN;
	worker->done = false;
	worker->stop = false;
	if (pthread_create(&worker->thread, NULL, gt_worker_main, worker))
		return false;
	return gt_until(worker->slot != -EAGAIN) && worker->slot >= 0;
}

static inline void gt_worker_join(struct gt_test_worker *worker)
{
	pthread_join(worker->thread, NULL);
}

static inline bool gt_worker_wait_state(struct gt_test_worker *worker, unsigned int state)
{
	return gt_until(gt_state(worker->group, worker->slot) == state);
}

/* What workers do, besides what a test has of its own. */

static inline void gt_run_park(struct gt_test_worker *self)
{
	unsigned int events = 0;

	self->result = gt_park(self->group->fd, self->deadline_ns, &events);
	self->events = events;
}

static inline void gt_run_standby(struct gt_test_worker *self)
{
	unsigned int events = 0;

	self->result = gt_standby(self->group->fd, self->deadline_ns, &events);
	self->events = events;
}

/* Block in a read() of one byte from @fd, covered. */
static inline void gt_run_read_covered(struct gt_test_worker *self)
{
	char byte;

	self->group->user[self->slot].cover = 1;
	self->result = read(self->fd, &byte, 1);
	self->group->user[self->slot].cover = 0;
}

/* The same again and again, until the other end is closed. */
static inline void gt_run_read_loop(struct gt_test_worker *self)
{
	char byte;

	self->group->user[self->slot].cover = 1;
	while (read(self->fd, &byte, 1) == 1)
		self->order++;
	self->group->user[self->slot].cover = 0;
}

static inline void gt_run_read(struct gt_test_worker *self)
{
	char byte;

	self->result = read(self->fd, &byte, 1);
}

static inline void gt_run_spin(struct gt_test_worker *self)
{
	while (!self->stop)
		;
}

/* State letter of a thread of this process, 0 if there is none. */
static inline char gt_thread_state(pid_t tid)
{
	char path[64], text[256];
	char *end;
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = 0;
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 0;
}

/* Asleep in GT_IOC_WORKER_PARK, and not on the way there. */
static inline bool gt_sleeps_parked(const struct gt_test_worker *worker)
{
	return gt_state(worker->group, worker->slot) == GT_STATE_PARKED &&
	       gt_thread_state(worker->tid) == 'S';
}

/* Signals that came, of the numbers that are counted. */
static volatile unsigned int gt_signals;

static inline void gt_on_signal(int number)
{
	gt_signals++;
}

static inline int gt_signal_count(int number, int flags)
{
	struct sigaction action = { .sa_handler = gt_on_signal, .sa_flags = flags };

	return sigaction(number, &action, NULL) ? -errno : 0;
}

/* The whole text, at once, as files of the kernel's want it. */
static inline int gt_file_write(const char *path, const char *text)
{
	ssize_t size = strlen(text), written;
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, size);
	if (written != size)
		err = written < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

static inline int gt_file_write_in(const char *folder, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return gt_file_write(path, text);
}

/* The beginning of a text, and a zero; what one read() of the kernel's gives. */
static inline int gt_file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t got;

	text[0] = 0;
	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	if (got > 0)
		text[got] = 0;
	else
		err = got < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

static inline int gt_file_read_in(const char *folder, const char *name, char *text, size_t size)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return gt_file_read(path, text, size);
}

/* A number in a file of the module's in sysfs, or -errno. */
static inline long gt_module_number(const char *name)
{
	char text[32];
	int err = gt_file_read_in(GT_TEST_MODULE, name, text, sizeof(text));

	return err ? err : atol(text);
}

static inline int gt_module_set(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return gt_file_write_in(GT_TEST_MODULE, name, text);
}

/* Not while it is in use: -EAGAIN. */
static inline int gt_module_unload(void)
{
	return syscall(SYS_delete_module, "gt", O_NONBLOCK) ? -errno : 0;
}

static inline const char *gt_module_file(void)
{
	return getenv("GT_TEST_MODULE_FILE") ?: "/lib/modules/gt.ko";
}

/* For SKIP(return, ...), with the name of the file. */
#define GT_TEST_NO_MODULE_FILE	"no %s to load again: GT_TEST_MODULE_FILE may name another"

/* With flags of finit_module(). */
static inline int gt_module_load(int flags)
{
	int fd = open(gt_module_file(), O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", flags) ? -errno : 0;
	close(fd);
	return err;
}

/* As soon as that can be. */
static inline int gt_module_unload_soon(void)
{
	int err = -EAGAIN;

	gt_until((err = gt_module_unload()) != -EAGAIN);
	return err;
}

static inline int gt_module_reload(void)
{
	int err = gt_module_unload_soon();

	if (err)
		return err;
	err = gt_module_load(0);
	if (!err && !gt_until(!access(GT_TEST_DEVICE, R_OK | W_OK)))
		err = -ENOENT;
	return err;
}

#endif /* _GT_TEST_H */
