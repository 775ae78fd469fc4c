/* SPDX-License-Identifier: MIT */
/* Descriptors that tasks wait for. See netpoll.c. */
#ifndef GT_PRIM_NETPOLL_H
#define GT_PRIM_NETPOLL_H

#include "prim/fdlock.h"
#include "sched/types.h"

struct gt_pollfd {
	struct gt_fdlock lock;
	int fd;				/* constant */
	_Atomic bool prepared;		/* non-blocking, and socket is known */
	_Atomic bool socket;
	_Atomic bool registered;	/* with epoll, once for both sides */
	_Atomic uint32_t use;		/* number of the use of this descriptor number */
	_Atomic(struct gt_g *) ready[2];	/* by side: NULL, GT_READY or who waits */
};

/*
 * Begin a call on fd: take the side's turn. 0; -EBADF; -ECANCELED if it is being
 * closed; -ENOMEM. End it by gt_pollfd_end().
 */
int gt_pollfd_begin(int fd, enum gt_side side, struct gt_pollfd **out);
void gt_pollfd_end(struct gt_pollfd *pfd, enum gt_side side);

/* Within a call that would block: wait until it is worth trying again. 0 or -errno. */
int gt_pollfd_wait(struct gt_pollfd *pfd, enum gt_side side);

/* fd is new and non-blocking: spare the first call the preparation. */
void gt_pollfd_fresh(int fd, bool socket);

/* Close fd, now or when the last call on it has ended. 0 or -errno. */
int gt_pollfd_close(int fd);

/* Once a run: make the epoll instance, and give it to the scheduler; undo it. */
int gt_netpoll_start(void);
void gt_netpoll_stop(void);

/* The run ends, and nobody polls: threads that wait are to look again. */
void gt_netpoll_wake_threads(void);

/* The same, and stop it; tasks are gone, and nobody has entered. */
void gt_netpoll_end(void);

/* Stop it, in the child of a fork(), where nobody waits. */
void gt_netpoll_forget(void);

#endif /* GT_PRIM_NETPOLL_H */
