/* SPDX-License-Identifier: MIT */
/*
 * The netpoller: descriptors by number, one epoll instance, edge-triggered.
 *
 * A call tries the system call first, and comes here only when that would block.
 * The descriptor is then registered, once, for both directions; epoll reports the
 * state it is in at that moment, so nothing is missed between try and register.
 *
 * Each side has a word: NULL, GT_READY (an edge came that nobody has used), or the
 * task that waits; the turn in fdlock.h admits one.
 *
 *	waiter				poller
 *	the call would block		the descriptor becomes ready
 *	(A) NULL -> itself, by CAS	(B) exchange with GT_READY
 *	    if READY: try again		    a task was there: ready it
 *	woken: word = NULL, try again
 *
 * An edge between the try and (A) leaves READY, and (A) fails: so it is not lost.
 * A READY that is left over costs one more try. (A) is made by park's commit, when
 * the waiter's context is saved.
 *
 * Entries stand in a table of two levels for ever, so a stale event finds its entry
 * alive, and the number of its use tells that it is stale.
 *
 * A plain thread waits the same way while the runtime runs; else in poll(). It has entered
 * when it looks which, and the end of the run waits for who has: so it sees the end, or the
 * end finds it waiting. Then it is woken, and goes on in poll(), with the turn that it has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/window.h"
#include "prim/netpoll.h"
#include "sched/park.h"

#define GT_LEAF 4096
#define GT_EVENTS 128
#define GT_KICK UINT64_MAX
#define GT_READY ((struct gt_g *)1)

static _Atomic(struct gt_pollfd *) table[GT_LEAF];

static struct {
	int epoll, kick_fd;
	_Atomic bool kicked;		/* kick_fd has been written, and not yet read */
} poller = { .epoll = -1, .kick_fd = -1 };

static struct gt_pollfd *entry(int fd)
{
	struct gt_pollfd *leaf;

	if (fd < 0 || fd >= GT_LEAF * GT_LEAF)
		return NULL;
	leaf = gt_load_acquire(&table[fd / GT_LEAF]);
	return leaf ? &leaf[fd % GT_LEAF] : NULL;
}

static int entry_make(int fd, struct gt_pollfd **out)
{
	struct gt_pollfd *leaf, *none = NULL;

	*out = entry(fd);
	if (*out)
		return 0;
	if (fd < 0 || fd >= GT_LEAF * GT_LEAF || fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	leaf = calloc(GT_LEAF, sizeof(*leaf));
	if (!leaf)
		return -ENOMEM;
	for (int i = 0; i < GT_LEAF; i++)
		leaf[i].fd = fd / GT_LEAF * GT_LEAF + i;
	if (!atomic_compare_exchange_strong(&table[fd / GT_LEAF], &none, leaf))
		free(leaf);
	*out = entry(fd);
	return 0;
}

static int prepare(struct gt_pollfd *pfd)
{
	struct stat st;
	int flags = fcntl(pfd->fd, F_GETFL);

	if (flags < 0 || fstat(pfd->fd, &st))
		return -gt_errno_get();
	if (!(flags & O_NONBLOCK) && fcntl(pfd->fd, F_SETFL, flags | O_NONBLOCK))
		return -gt_errno_get();
	gt_store(&pfd->socket, S_ISSOCK(st.st_mode));
	gt_store_release(&pfd->prepared, true);
	return 0;
}

void gt_pollfd_fresh(int fd, bool socket)
{
	struct gt_pollfd *pfd;

	if (entry_make(fd, &pfd))
		return;		/* the first call tries again */
	gt_store(&pfd->registered, false);
	gt_store(&pfd->socket, socket);
	gt_store_release(&pfd->prepared, true);
}

/* The poller knows nothing of it. */
static void reset(struct gt_pollfd *pfd)
{
	gt_store(&pfd->registered, false);
	gt_store(&pfd->ready[GT_SIDE_READ], NULL);
	gt_store(&pfd->ready[GT_SIDE_WRITE], NULL);
}

/* The last reference is gone: from the close() on, which comes next, the number is another's. */
static void retire(struct gt_pollfd *pfd)
{
	if (gt_load(&pfd->registered))
		epoll_ctl(poller.epoll, EPOLL_CTL_DEL, pfd->fd, NULL);
	reset(pfd);
	gt_store(&pfd->prepared, false);
	atomic_fetch_add(&pfd->use, 1);
	atomic_store(&pfd->lock.state, 0);
}

/* Leave the runtime; the close(), which may block, comes after that. 0 or -errno. */
static int leave(struct gt_pollfd *pfd, bool last)
{
	if (gt_unlikely(last))
		retire(pfd);
	gt_leave();
	return gt_unlikely(last) && close(pfd->fd) ? -gt_errno_get() : 0;
}

int gt_pollfd_begin(int fd, enum gt_side side, struct gt_pollfd **out)
{
	struct gt_pollfd *pfd;
	int error = entry_make(fd, &pfd);
	bool has_turn, last;

	if (error)
		return error;
	gt_enter();
	has_turn = gt_fdlock_lock(&pfd->lock, side, &last);
	leave(pfd, last);
	if (!has_turn)
		return -ECANCELED;
	*out = pfd;
	if (gt_unlikely(!gt_load_acquire(&pfd->prepared))) {
		error = prepare(pfd);
		if (error)
			gt_pollfd_end(pfd, side);
	}
	return error;
}

void gt_pollfd_end(struct gt_pollfd *pfd, enum gt_side side)
{
	gt_enter();
	leave(pfd, gt_fdlock_unlock(&pfd->lock, side));
}

static bool commit_wait(struct gt_g *g, void *arg)
{
	_Atomic(struct gt_g *) *ready = arg;
	struct gt_g *none = NULL;

	GT_WINDOW("netpoll.park");
	return atomic_compare_exchange_strong(ready, &none, g);		/* (A) */
}

static int wait_in_poll(struct gt_pollfd *pfd, enum gt_side side)
{
	struct pollfd one = {
		.fd = pfd->fd,
		.events = side == GT_SIDE_READ ? POLLIN | POLLRDHUP : POLLOUT,
	};

	return poll(&one, 1, -1) < 0 && gt_errno_get() != EINTR ? -gt_errno_get() : 0;
}

static int make_registered(struct gt_pollfd *pfd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u64 = (uint32_t)pfd->fd | (uint64_t)gt_load(&pfd->use) << 32,
	};

	if (gt_load(&pfd->registered))
		return 0;
	if (epoll_ctl(poller.epoll, EPOLL_CTL_ADD, pfd->fd, &event) && gt_errno_get() != EEXIST)
		return -gt_errno_get();
	gt_store(&pfd->registered, true);
	return 0;
}

static void wait_in_poller(struct gt_pollfd *pfd, enum gt_side side)
{
	/* If nobody waits in the poller, but somebody could: let him. */
	if (!atomic_fetch_add(&gt_sched.poll_waiters, 1) && gt_load(&gt_sched.polled))
		gt_wake_p();
	gt_park(commit_wait, &pfd->ready[side],
		side == GT_SIDE_READ ? GT_REASON_NET_READ : GT_REASON_NET_WRITE);
	if (atomic_fetch_sub(&gt_sched.poll_waiters, 1) == 1 && !gt_m_self())
		gt_deadlock_hint();
	atomic_store(&pfd->ready[side], NULL);
}

int gt_pollfd_wait(struct gt_pollfd *pfd, enum gt_side side)
{
	int error;

	if (gt_load(&pfd->lock.state) & 1)
		return -ECANCELED;
	if (!gt_enter() && gt_load(&gt_sched.phase) != GT_ON) {
		gt_leave();
		return wait_in_poll(pfd, side);
	}
	GT_WINDOW("netpoll.wait");
	error = make_registered(pfd);
	if (!error)
		wait_in_poller(pfd, side);
	gt_leave();
	if (error)
		return error;
	return gt_load(&pfd->lock.state) & 1 ? -ECANCELED : 0;
}

/* There was an edge. Whoever waits goes to list. */
static void wake_side(struct gt_pollfd *pfd, enum gt_side side, struct gt_list *list)
{
	struct gt_g *g;

	GT_WINDOW("netpoll.edge");
	g = atomic_exchange(&pfd->ready[side], GT_READY);	/* (B) */

	if (g && g != GT_READY)
		gt_ready_later(g, list);
}

static void wake_all(struct gt_pollfd *pfd)
{
	struct gt_list list = { 0 };
	struct gt_g *g;

	wake_side(pfd, GT_SIDE_READ, &list);
	wake_side(pfd, GT_SIDE_WRITE, &list);
	while ((g = gt_list_pop(&list)))
		gt_ready(g);
}

int gt_pollfd_close(int fd)
{
	struct gt_pollfd *pfd = entry(fd);

	if (!pfd)
		return close(fd) ? -gt_errno_get() : 0;
	gt_enter();
	if (!gt_fdlock_close(&pfd->lock)) {
		gt_leave();
		return -EBADF;
	}
	wake_all(pfd);
	return leave(pfd, gt_fdlock_put(&pfd->lock));
}

static void netpoll_kick(void)
{
	uint64_t one = 1;

	if (!atomic_exchange(&poller.kicked, true))
		while (write(poller.kick_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

static int wait_for_events(struct epoll_event *events, int64_t delay)
{
	static _Atomic bool no_pwait2;
	struct timespec ts = { delay / 1000000000, delay % 1000000000 };
	int64_t ms = delay < 0 ? -1 : (delay + 999999) / 1000000;

	if (delay && !gt_load(&no_pwait2)) {
		int n = epoll_pwait2(poller.epoll, events, GT_EVENTS, delay < 0 ? NULL : &ts,
				     NULL);

		if (n >= 0 || errno != ENOSYS)
			return n;
		gt_store(&no_pwait2, true);
	}
	return epoll_wait(poller.epoll, events, GT_EVENTS, ms < INT32_MAX ? (int)ms : INT32_MAX);
}

static void netpoll_poll(struct gt_list *list, int64_t delay)
{
	struct epoll_event events[GT_EVENTS];
	int n = wait_for_events(events, delay);

	for (int i = 0; i < n; i++) {
		uint32_t what = events[i].events;
		struct gt_pollfd *pfd;
		uint64_t count;

		if (events[i].data.u64 == GT_KICK) {
			/* A poll that does not wait leaves the kick to one that does. */
			if (delay && read(poller.kick_fd, &count, sizeof(count)) > 0)
				atomic_store(&poller.kicked, false);
			continue;
		}
		pfd = entry((int)(uint32_t)events[i].data.u64);
		if (!pfd || gt_load(&pfd->use) != events[i].data.u64 >> 32)
			continue;
		if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			wake_side(pfd, GT_SIDE_READ, list);
		if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			wake_side(pfd, GT_SIDE_WRITE, list);
	}
}

static const struct gt_poller netpoll = { .poll = netpoll_poll, .kick = netpoll_kick };

void gt_netpoll_stop(void)
{
	if (poller.kick_fd >= 0)
		close(poller.kick_fd);
	if (poller.epoll >= 0)
		close(poller.epoll);
	poller.kick_fd = -1;
	poller.epoll = -1;
}

int gt_netpoll_start(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = GT_KICK };
	int error;

	poller.epoll = epoll_create1(EPOLL_CLOEXEC);
	poller.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	gt_store(&poller.kicked, false);
	if (poller.epoll < 0 || poller.kick_fd < 0 ||
	    epoll_ctl(poller.epoll, EPOLL_CTL_ADD, poller.kick_fd, &event)) {
		error = -errno;
		gt_netpoll_stop();
		return error;
	}
	gt_sched.poller = &netpoll;
	return 0;
}

static void for_each_entry(void (*do_it)(struct gt_pollfd *pfd))
{
	for (int i = 0; i < GT_LEAF; i++) {
		struct gt_pollfd *leaf = gt_load_acquire(&table[i]);

		for (int j = 0; leaf && j < GT_LEAF; j++)
			do_it(&leaf[j]);
	}
}

static void wake_threads(struct gt_pollfd *pfd)
{
	for (enum gt_side side = GT_SIDE_READ; side <= GT_SIDE_WRITE; side++) {
		struct gt_g *g = atomic_load(&pfd->ready[side]);

		if (g && g != GT_READY && g->thread &&
		    atomic_compare_exchange_strong(&pfd->ready[side], &g, GT_READY))
			gt_ready(g);
	}
}

void gt_netpoll_wake_threads(void)
{
	for_each_entry(wake_threads);
}

/* What tasks had is gone with them. */
static void end(struct gt_pollfd *pfd)
{
	wake_threads(pfd);
	reset(pfd);
	if (gt_fdlock_end(&pfd->lock)) {
		retire(pfd);
		close(pfd->fd);
	}
}

void gt_netpoll_end(void)
{
	for_each_entry(end);
	gt_netpoll_stop();
}

static void forget(struct gt_pollfd *pfd)
{
	reset(pfd);
	pfd->lock = (struct gt_fdlock){0};
}

void gt_netpoll_forget(void)
{
	for_each_entry(forget);
	gt_netpoll_stop();
}
