/* SPDX-License-Identifier: MIT */
/*
 * The backend that works everywhere. Ms sleep on a futex. Nobody reports a block:
 * sysmon asks for the state of a thread that seems stuck, and /proc answers.
 *
 * A wake that comes before the sleep must not be lost: m->wake is set by the
 * waker and cleared by the sleeper alone, and futex() compares it once more.
 *
 * Rejected: /proc/.../wchan and .../syscall, which need ptrace rights;
 * .../schedstat, which cannot tell asleep from waiting for a CPU.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "base/futex.h"
#include "base/window.h"
#include "sched/types.h"

static int futex_start(const struct gt_config *config)
{
	(void)config;
	return 0;
}

static void futex_stop(void)
{
}

static int open_stat(struct gt_m *m)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", gt_load(&m->tid));
	return open(path, O_RDONLY | O_CLOEXEC);
}

/*
 * Opened early: when descriptors run short, blocked threads are likely the cause. If
 * the M had a thread before, whoever still reads its state must not find another file
 * behind the number: it changes its meaning in one step, and is never closed between.
 */
static void futex_attach(struct gt_m *m)
{
	int fd = open_stat(m), kept = gt_load(&m->stat_fd);

	if (kept >= 0 && fd >= 0) {
		syscall(SYS_dup3, fd, kept, O_CLOEXEC);
		close(fd);
	} else if (kept < 0) {
		gt_store_release(&m->stat_fd, fd);
	}
}

static void futex_detach(struct gt_m *m)
{
	(void)m;
}

static void futex_release(struct gt_m *m)
{
	if (gt_load(&m->stat_fd) >= 0)
		close(gt_load(&m->stat_fd));
}

static void futex_cover(struct gt_m *m, bool has_p)
{
	(void)m, (void)has_p;
}

static bool futex_park(struct gt_m *m, bool standby)
{
	(void)standby;
	while (!atomic_exchange_explicit(&m->wake, 0, memory_order_acquire)) {
		GT_WINDOW("futex.sleep");
		gt_futex_wait(&m->wake, 0, GT_FOREVER);
	}
	return false;
}

static void futex_wake(struct gt_m *m)
{
	if (!atomic_exchange_explicit(&m->wake, 1, memory_order_release))
		gt_futex_wake(&m->wake, 1);
}

static void futex_swap(struct gt_m *m, struct gt_m *other)
{
	futex_wake(other);
	futex_park(m, false);
}

/*
 * The state is the first letter after the command's name, which stands in
 * parentheses and may itself hold any byte: so look for the last ')'.
 */
static uint64_t futex_blocked(struct gt_m *m)
{
	char buf[128], *end;
	int kept = gt_load_acquire(&m->stat_fd);
	int fd = kept >= 0 ? kept : open_stat(m);
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (fd >= 0 && fd != kept)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	end = strrchr(buf, ')');
	return end && end[1] == ' ' && (end[2] == 'S' || end[2] == 'D');
}

static bool futex_reports(struct gt_m *m)
{
	(void)m;
	return false;
}

static bool futex_asleep(struct gt_m *m)
{
	return futex_blocked(m);
}

static int64_t futex_resumed_ago(struct gt_m *m)
{
	(void)m;
	return 0;
}

static void futex_count(struct gt_stats *stats)
{
	(void)stats;
}

const struct gt_backend gt_backend_futex = {
	.name = "futex",
	.standby = false,
	.start = futex_start,
	.stop = futex_stop,
	.attach = futex_attach,
	.detach = futex_detach,
	.release = futex_release,
	.cover = futex_cover,
	.park = futex_park,
	.wake = futex_wake,
	.swap = futex_swap,
	.reports = futex_reports,
	.blocked = futex_blocked,
	.asleep = futex_asleep,
	.resumed_ago = futex_resumed_ago,
	.count = futex_count,
};
