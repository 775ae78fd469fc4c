/* SPDX-License-Identifier: MIT */
/*
 * gt-load: a closed-loop HTTP load generator, single-threaded, on epoll.
 *
 * It keeps two kinds of connections, quick and slow, each of which sends its next
 * request when it has the answer to the one before, and has paused; and records how
 * long answers took, for each kind apart. Requests sent before the warm-up has ended
 * are not recorded, nor those that are unanswered at the end: these are reported as
 * unfinished.
 *
 * Without a pause the server is saturated: times are those of queueing, and a stall
 * shows in few of them, since each connection has at most one request in it and
 * sends a great many outside. With one, the share of requests that meet a stall is
 * that of the time. Pauses vary by half at random, from a fixed seed, so that
 * connections that a stall has brought into step part again.
 *
 * Every answer is checked: status 200, and a body of the same length each time. An
 * error is counted and named, and its connection opened anew. The run is bounded in
 * time, whatever the server does; it ends early if the server is gone, or when there
 * have been ERRORS_MAX errors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hist.h"
#include "options.h"
#include "reply.h"

#define ERRORS_MAX	100
#define ERRORS_SHOWN	5
#define TICK_MS		100 /* between looks for answers that are overdue */

#define NS_PER_S	1000000000ull

/* A path that is requested. */
struct path {
	char *request;
	size_t request_len;
	int64_t body_len; /* of the first answer; -1 before it */
};

/* What the connections of one kind do, and what came of it. */
struct kind {
	const char *name;
	long conns;
	double pause; /* seconds from an answer to the next request, on average */
	int paths;
	struct path path[PATHS_MAX];
	struct hist latency;
};

struct conn {
	int fd; /* -1: closed */
	bool connected;
	struct kind *kind;
	struct path *path;
	uint64_t sent; /* when the request, or the connect, was begun */
	uint64_t due;  /* pausing until then, if not 0 */
	struct reply reply;
};

static struct options options;
static struct kind kinds[KINDS] = {
	[QUICK] = { .name = "quick" },
	[SLOW] = { .name = "slow" },
};
static bool pauses; /* of any kind */
static uint64_t record_from, end_at;
static uint64_t errors;
static bool server_gone;
static int epoll_fd;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void conn_close(struct conn *conn)
{
	if (conn->fd >= 0)
		close(conn->fd);
	conn->fd = -1;
}

/* Count an error of @conn and close it. */
static void conn_fail(struct conn *conn, const char *what, const char *detail)
{
	errors++;
	if (errors <= ERRORS_SHOWN)
		complain("%s: %s connection: %s%s%s", options.server_name,
			 conn->kind->name, what, detail ? ": " : "", detail ? detail : "");
	conn_close(conn);
}

static void conn_open(struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = conn };
	int on = 1;

	conn->connected = false;
	conn->due = 0;
	conn->sent = now();
	conn->fd = socket(options.server.ss_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0) {
		conn_fail(conn, "socket", strerror(errno));
		return;
	}
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event))
		conn_fail(conn, "epoll_ctl", strerror(errno));
	else if (connect(conn->fd, (struct sockaddr *)&options.server, options.server_len) &&
		 errno != EINPROGRESS) {
		server_gone |= errno == ECONNREFUSED;
		conn_fail(conn, "connect", strerror(errno));
	}
}

static void conn_send(struct conn *conn)
{
	ssize_t n;

	memset(&conn->reply, 0, offsetof(struct reply, head));
	conn->sent = now();
	n = send(conn->fd, conn->path->request, conn->path->request_len, MSG_NOSIGNAL);
	if (n < 0)
		conn_fail(conn, "send", strerror(errno));
	else if ((size_t)n < conn->path->request_len) /* so few bytes always fit */
		conn_fail(conn, "send", "the socket took a part of the request");
}

/* Send the next request, now or after a pause. */
static void conn_next(struct conn *conn)
{
	static uint64_t random = 88172645463325252; /* xorshift */

	if (!conn->kind->pause) {
		conn_send(conn);
		return;
	}
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	conn->due = now() + conn->kind->pause * (0.5 + random * 0x1p-64) * NS_PER_S;
	memset(&conn->reply, 0, offsetof(struct reply, head));
}

/* A connect has ended, well or not. */
static void conn_connected(struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		server_gone |= err == ECONNREFUSED;
		conn_fail(conn, "connect", strerror(err));
		return;
	}
	conn->connected = true;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &event))
		conn_fail(conn, "epoll_ctl", strerror(errno));
	else
		conn_next(conn);
}

/* An answer is complete: check and record it. */
static void conn_answered(struct conn *conn)
{
	uint64_t t = now();
	char detail[64];

	if (conn->reply.status != 200) {
		snprintf(detail, sizeof(detail), "%d", conn->reply.status);
		conn_fail(conn, "status", detail);
		return;
	}
	if (conn->path->body_len < 0)
		conn->path->body_len = conn->reply.body_len;
	if ((uint64_t)conn->path->body_len != conn->reply.body_len) {
		snprintf(detail, sizeof(detail), "%" PRIu64 ", before it was %" PRId64,
			 conn->reply.body_len, conn->path->body_len);
		conn_fail(conn, "length of the body", detail);
		return;
	}
	if (conn->sent >= record_from && t <= end_at)
		hist_add(&conn->kind->latency, t - conn->sent);
	if (conn->reply.close)
		conn_fail(conn, "the server ends the connection", NULL);
	else
		conn_next(conn);
}

static void conn_readable(struct conn *conn)
{
	static char buf[65536];
	const char *why;
	ssize_t n = recv(conn->fd, buf, sizeof(buf), 0);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_fail(conn, "recv", strerror(errno));
	} else if (n == 0) {
		conn_fail(conn, "closed by the server", NULL);
	} else {
		switch (reply_feed(&conn->reply, buf, n, &why)) {
		case 1:
			conn_answered(conn);
			break;
		case -1:
			conn_fail(conn, "bad answer", why);
			break;
		}
	}
}

/* Fail what is overdue, and open again what has failed. */
static void tick(struct conn *conns, long n)
{
	uint64_t t = now();

	for (long i = 0; i < n; i++) {
		struct conn *conn = &conns[i];

		if (conn->fd >= 0 && !conn->due && t - conn->sent > options.timeout * NS_PER_S)
			conn_fail(conn, conn->connected ? "no answer in time" :
							  "no connection in time", NULL);
		if (conn->fd < 0 && errors < ERRORS_MAX && !server_gone)
			conn_open(conn);
	}
}

/* Send what is due after a pause. Returns when the next will be, or @until. A look at
 * each connection is cheap beside the system calls for those that are due. */
static uint64_t send_due(struct conn *conns, long n, uint64_t until)
{
	uint64_t t = now();

	for (long i = 0; i < n; i++) {
		if (!conns[i].due || conns[i].fd < 0)
			continue;
		if (conns[i].due <= t) {
			conns[i].due = 0;
			conn_send(&conns[i]);
		} else if (conns[i].due < until) {
			until = conns[i].due;
		}
	}
	return until;
}

static int wait_for_events(struct epoll_event *events, int max, uint64_t until)
{
	uint64_t t = now(), delay = until > t ? until - t : 0;
	struct timespec ts = { delay / NS_PER_S, delay % NS_PER_S };

	return epoll_pwait2(epoll_fd, events, max, &ts, NULL);
}

/* Open the connections and keep them busy until the end. */
static void run(struct conn *conns, long n)
{
	struct epoll_event events[256];
	uint64_t t, until, next_tick = 0;

	while ((t = now()) < end_at && errors < ERRORS_MAX && !server_gone) {
		int ready;

		if (t >= next_tick) {
			tick(conns, n);
			next_tick = t + TICK_MS * 1000000ull;
		}
		until = next_tick < end_at ? next_tick : end_at;
		if (pauses)
			until = send_due(conns, n, until);
		ready = wait_for_events(events, 256, until);
		for (int i = 0; i < ready; i++) {
			struct conn *conn = events[i].data.ptr;

			if (!conn->connected)
				conn_connected(conn);
			else
				conn_readable(conn);
		}
	}
}

static double us(uint64_t ns)
{
	return ns / 1e3;
}

static void report(double measured, long unfinished)
{
	const char *label = options.label;
	bool text = options.text;

	if (!text)
		printf("label=%s seconds=%.3f errors=%" PRIu64 " unfinished=%ld", label,
		       measured, errors, unfinished);
	else
		printf("%s: %.1f s, %" PRIu64 " errors, %ld unfinished\n", label, measured,
		       errors, unfinished);
	for (int i = 0; i < KINDS; i++) {
		const struct hist *h = &kinds[i].latency;
		double rps = measured > 0 ? h->count / measured : 0;

		printf(text ? "  %-5s %8" PRIu64 " answers %9.1f /s   p50 %9.1f us   "
			      "p99 %9.1f us   p99.9 %9.1f us   max %9.1f us\n"
			    : " %1$s_requests=%2$" PRIu64 " %1$s_rps=%3$.1f %1$s_p50_us=%4$.1f"
			      " %1$s_p99_us=%5$.1f %1$s_p999_us=%6$.1f %1$s_max_us=%7$.1f",
		       kinds[i].name, h->count, rps, us(hist_quantile(h, 0.5)),
		       us(hist_quantile(h, 0.99)), us(hist_quantile(h, 0.999)), us(h->max));
	}
	if (!text)
		putchar('\n');
}

/* --get: fetch one path and print its body. */
static int get(const char *request, size_t len)
{
	struct timeval limit = { .tv_sec = options.timeout, .tv_usec = 1 };
	static struct reply reply;
	const char *why = NULL;
	char buf[4096];
	int fd, done = 0;
	ssize_t n;

	fd = socket(options.server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&options.server, options.server_len) ||
	    send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		complain("%s: %s", options.server_name, strerror(errno));
		return 1;
	}
	while (!done) {
		uint64_t before = reply.body_got;

		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0) {
			why = n == 0 ? "closed by the server" :
			      errno == EAGAIN ? "no answer in time" : strerror(errno);
			break;
		}
		done = reply_feed(&reply, buf, n, &why);
		if (done >= 0) /* the body's part ends what was read */
			fwrite(buf + n - (reply.body_got - before), 1,
			       reply.body_got - before, stdout);
	}
	close(fd);
	if (done == 1 && reply.status != 200) {
		complain("%s: status %d", options.server_name, reply.status);
		return 1;
	}
	if (done != 1)
		complain("%s: %s", options.server_name, why);
	return done != 1;
}

/* Make the request for a path. */
static void path_init(struct path *path, const char *name)
{
	int len = asprintf(&path->request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", name,
			   options.server_name);

	if (len < 0) {
		complain("%s", strerror(ENOMEM));
		exit(1);
	}
	path->request_len = len;
	path->body_len = -1;
}

int main(int argc, char **argv)
{
	long n, unfinished = 0;
	struct rlimit files;
	struct conn *conns;
	uint64_t start;

	options_parse(&options, argc, argv);
	if (options.get) {
		static struct path path;

		path_init(&path, options.get);
		return get(path.request, path.request_len);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		kinds[kind].conns = options.kind[kind].conns;
		kinds[kind].pause = options.kind[kind].pause;
		kinds[kind].paths = options.kind[kind].paths;
		for (int i = 0; i < kinds[kind].paths; i++)
			path_init(&kinds[kind].path[i], options.kind[kind].path[i]);
	}

	n = kinds[QUICK].conns + kinds[SLOW].conns;
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < (rlim_t)n + 16) {
		files.rlim_cur = n + 16 < (long)files.rlim_max ? (rlim_t)n + 16 : files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	conns = calloc(n ? n : 1, sizeof(*conns));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!conns || epoll_fd < 0) {
		complain("cannot start: %s", strerror(errno));
		return 1;
	}
	for (long i = 0; i < n; i++) {
		long nth = i < kinds[QUICK].conns ? i : i - kinds[QUICK].conns;

		conns[i].fd = -1;
		conns[i].kind = &kinds[i < kinds[QUICK].conns ? QUICK : SLOW];
		conns[i].path = &conns[i].kind->path[nth % conns[i].kind->paths];
	}

	pauses = kinds[QUICK].pause || kinds[SLOW].pause;
	start = now();
	record_from = start + options.warmup * NS_PER_S;
	end_at = record_from + options.seconds * NS_PER_S;
	run(conns, n);
	if (errors >= ERRORS_MAX)
		complain("%s: gave up after %d errors", options.server_name, ERRORS_MAX);
	else if (server_gone)
		complain("%s: no server there (any more)", options.server_name);

	for (long i = 0; i < n; i++) {
		unfinished += conns[i].fd >= 0 && conns[i].connected && !conns[i].due;
		conn_close(&conns[i]);
	}
	free(conns);
	end_at = now() < end_at ? now() : end_at;
	report(end_at > record_from ? (end_at - record_from) / 1e9 : 0, unfinished);
	for (int kind = 0; kind < KINDS; kind++) {
		if (kinds[kind].conns && !kinds[kind].latency.count) {
			complain("%s: no %s request was answered", options.server_name,
				 kinds[kind].name);
			errors++;
		}
	}
	return errors ? 1 : 0;
}
