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
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hist.h"
#include "reply.h"

#define PATHS_MAX	8
#define CONNS_MAX	10000
#define ERRORS_MAX	100
#define ERRORS_SHOWN	5
#define TICK_MS		100 /* between looks for answers that are overdue */

#define NS_PER_S	1000000000ull

enum kind_id { QUICK, SLOW, KINDS };

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

static struct kind kinds[KINDS] = {
	[QUICK] = { .name = "quick", .conns = 8 },
	[SLOW] = { .name = "slow", .conns = 0 },
};

static struct sockaddr_storage server;
static socklen_t server_len;
static char server_name[80];
static double seconds = 5, warmup = 1, timeout = 10;
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

__attribute__((__format__(__printf__, 1, 2))) static void complain(const char *format, ...)
{
	va_list args;

	fputs("gt-load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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
		complain("%s: %s connection: %s%s%s", server_name, conn->kind->name, what,
			 detail ? ": " : "", detail ? detail : "");
	conn_close(conn);
}

static void conn_open(struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = conn };
	int on = 1;

	conn->connected = false;
	conn->due = 0;
	conn->sent = now();
	conn->fd = socket(server.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0) {
		conn_fail(conn, "socket", strerror(errno));
		return;
	}
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event))
		conn_fail(conn, "epoll_ctl", strerror(errno));
	else if (connect(conn->fd, (struct sockaddr *)&server, server_len) &&
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

		if (conn->fd >= 0 && !conn->due && t - conn->sent > timeout * NS_PER_S)
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

static void report(const char *label, bool text, double measured, long unfinished)
{
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
	struct timeval limit = { .tv_sec = timeout, .tv_usec = 1 };
	static struct reply reply;
	const char *why = NULL;
	char buf[4096];
	int fd, done = 0;
	ssize_t n;

	fd = socket(server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&server, server_len) ||
	    send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		complain("%s: %s", server_name, strerror(errno));
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
		complain("%s: status %d", server_name, reply.status);
		return 1;
	}
	if (done != 1)
		complain("%s: %s", server_name, why);
	return done != 1;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: gt-load --port PORT [OPTION]...\n"
		"       gt-load --port PORT --get PATH\n"
		"Loads an HTTP/1.1 server: each connection sends its next request when it\n"
		"has the answer to the one before, and has paused.\n"
		"  --address ADDRESS  of the server, numeric; 127.0.0.1 by default\n"
		"  --port PORT\n"
		"  --quick N          quick connections, 8 by default\n"
		"  --quick-path PATH  what they ask for; /quick by default\n"
		"  --slow N           slow connections, counted apart; none by default\n"
		"  --slow-path PATH   what they ask for; /slow?ms=30 by default\n"
		"                     both may be repeated: connections take turns\n"
		"  --quick-pause MS, --slow-pause MS\n"
		"                     from an answer to the next request on average, half\n"
		"                     more or less; none by default\n"
		"  --seconds S        how long to measure, 5 by default\n"
		"  --warmup S         how long before that, 1 by default\n"
		"  --timeout S        for one answer, 10 by default\n"
		"  --label NAME       the first word of the result\n"
		"  --text             the result for people; else one line of NAME=VALUE\n"
		"  --get PATH         fetch this once and print it\n"
		"Exit status: 0; 1 if any answer was wrong or missing; 2 for bad usage.\n");
}

/* A number from @min to @max, or the end. */
static double number(const char *option, const char *text, double min, double max)
{
	char *end;
	double n;

	errno = 0;
	n = strtod(text, &end);
	if (errno || end == text || *end || !(n >= min && n <= max)) {
		complain("--%s %s: must be a number from %g to %g", option, text, min, max);
		exit(2);
	}
	return n;
}

static long count(const char *option, const char *text, long min, long max)
{
	double n = number(option, text, min, max);

	if (n != (long)n) {
		complain("--%s %s: must be a whole number", option, text);
		exit(2);
	}
	return n;
}

static void add_path(struct kind *kind, const char *path)
{
	struct path *new = &kind->path[kind->paths];
	int len;

	if (path[0] != '/' || path[strcspn(path, " \t\r\n")]) {
		complain("path %s: must begin with '/' and have no blanks", path);
		exit(2);
	}
	if (kind->paths == PATHS_MAX) {
		complain("more than %d paths of a kind", PATHS_MAX);
		exit(2);
	}
	len = asprintf(&new->request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, server_name);
	if (len < 0) {
		complain("%s", strerror(ENOMEM));
		exit(1);
	}
	new->request_len = len;
	new->body_len = -1;
	kind->paths++;
}

static void set_server(const char *address, long port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&server;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&server;

	if (port < 0) {
		usage(stderr);
		exit(2);
	}
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		server_len = sizeof(*in);
		snprintf(server_name, sizeof(server_name), "%s:%ld", address, port);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		server_len = sizeof(*in6);
		snprintf(server_name, sizeof(server_name), "[%s]:%ld", address, port);
	} else {
		complain("--address %s: must be a numeric IPv4 or IPv6 address", address);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	enum { ADDRESS, PORT, QUICK_N, QUICK_PATH, SLOW_N, SLOW_PATH,
	       QUICK_PAUSE, SLOW_PAUSE, SECONDS, WARMUP,
	       TIMEOUT, LABEL, TEXT, GET, HELP };
	static const struct option options[] = {
		{ "address", 1, NULL, ADDRESS },       { "port", 1, NULL, PORT },
		{ "quick", 1, NULL, QUICK_N },	       { "quick-path", 1, NULL, QUICK_PATH },
		{ "slow", 1, NULL, SLOW_N },	       { "slow-path", 1, NULL, SLOW_PATH },
		{ "quick-pause", 1, NULL, QUICK_PAUSE }, { "slow-pause", 1, NULL, SLOW_PAUSE },
		{ "seconds", 1, NULL, SECONDS },       { "warmup", 1, NULL, WARMUP },
		{ "timeout", 1, NULL, TIMEOUT },       { "label", 1, NULL, LABEL },
		{ "text", 0, NULL, TEXT },	       { "get", 1, NULL, GET },
		{ "help", 0, NULL, HELP },	       { 0 },
	};
	const char *paths[KINDS][PATHS_MAX + 1] = { 0 };
	const char *address = "127.0.0.1", *label = "load", *get_path = NULL;
	int n_paths[KINDS] = { 0 };
	long port = -1, n, unfinished = 0;
	struct rlimit files;
	struct conn *conns;
	bool text = false;
	uint64_t start;
	int opt, kind;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case ADDRESS:
			address = optarg;
			break;
		case PORT:
			port = count("port", optarg, 1, 65535);
			break;
		case QUICK_N:
			kinds[QUICK].conns = count("quick", optarg, 0, CONNS_MAX);
			break;
		case SLOW_N:
			kinds[SLOW].conns = count("slow", optarg, 0, CONNS_MAX);
			break;
		case QUICK_PATH:
		case SLOW_PATH:
			kind = opt == QUICK_PATH ? QUICK : SLOW;
			if (n_paths[kind] < PATHS_MAX + 1)
				paths[kind][n_paths[kind]++] = optarg;
			break;
		case QUICK_PAUSE:
			kinds[QUICK].pause = number("quick-pause", optarg, 0, 1e6) / 1000;
			break;
		case SLOW_PAUSE:
			kinds[SLOW].pause = number("slow-pause", optarg, 0, 1e6) / 1000;
			break;
		case SECONDS:
			seconds = number("seconds", optarg, 0.1, 3600);
			break;
		case WARMUP:
			warmup = number("warmup", optarg, 0, 3600);
			break;
		case TIMEOUT:
			timeout = number("timeout", optarg, 0.1, 3600);
			break;
		case LABEL:
			label = optarg;
			break;
		case TEXT:
			text = true;
			break;
		case GET:
			get_path = optarg;
			break;
		case HELP:
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	set_server(address, port);
	if (get_path) {
		add_path(&kinds[QUICK], get_path);
		return get(kinds[QUICK].path[0].request, kinds[QUICK].path[0].request_len);
	}
	if (!n_paths[QUICK])
		paths[QUICK][n_paths[QUICK]++] = "/quick";
	if (!n_paths[SLOW])
		paths[SLOW][n_paths[SLOW]++] = "/slow?ms=30";
	for (kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < n_paths[kind]; i++)
			add_path(&kinds[kind], paths[kind][i]);
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
	record_from = start + warmup * NS_PER_S;
	end_at = record_from + seconds * NS_PER_S;
	run(conns, n);
	if (errors >= ERRORS_MAX)
		complain("%s: gave up after %d errors", server_name, ERRORS_MAX);
	else if (server_gone)
		complain("%s: no server there (any more)", server_name);

	for (long i = 0; i < n; i++) {
		unfinished += conns[i].fd >= 0 && conns[i].connected && !conns[i].due;
		conn_close(&conns[i]);
	}
	free(conns);
	end_at = now() < end_at ? now() : end_at;
	report(label, text, end_at > record_from ? (end_at - record_from) / 1e9 : 0,
	       unfinished);
	for (kind = 0; kind < KINDS; kind++) {
		if (kinds[kind].conns && !kinds[kind].latency.count) {
			complain("%s: no %s request was answered", server_name,
				 kinds[kind].name);
			errors++;
		}
	}
	return errors ? 1 : 0;
}
