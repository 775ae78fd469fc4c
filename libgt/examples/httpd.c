/* SPDX-License-Identifier: MIT */
/*
 * A small HTTP server on gt: one task a connection, written as if it blocked. What
 * it answers is in routes.c, how it reads and writes HTTP in http.c.
 *
 * Ending, bounded in time: SIGTERM and SIGINT, which GET /quit raises, end a context. The
 * task that waits for it shuts the listener down, which ends the accept loop of the main
 * task, and the reading side of every connection: idle ones end at once, the others when
 * their request is answered. Those that are not by the end of the grace are cut off.
 *
 * Locking: server.lock protects the list of connections and, for as long as a
 * connection is on it, that its descriptor stays open. It is an ordinary mutex:
 * nobody suspends with it held.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <gt/gt.h>

#include "http.h"
#include "routes.h"

/* A connection, on its task's stack. */
struct client {
	struct http_conn http;
	_Atomic int64_t since;	 /* when it was free for its latest request */
	LIST_ENTRY(client) link; /* server.lock */
};

static struct {
	int listener;
	struct gt_context *stop; /* ends when it is to stop */
	int64_t timeout, grace;
	bool allow_quit;
	atomic_bool stopping;
	struct gt_wg tasks; /* one for each connection */
	pthread_mutex_t lock;
	LIST_HEAD(, client) clients; /* lock */
} server = {
	.timeout = 30 * GT_SECOND,
	.grace = (ROUTES_BLOCK_MAX_MS + 1000) * GT_MILLISECOND,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

/* Serve a connection until one side has had enough. */
static void converse(struct client *client)
{
	struct http_request request;
	struct http_response response;
	bool keep_alive = true;
	int status;

	while (keep_alive && !atomic_load(&server.stopping)) {
		atomic_store(&client->since, gt_now());
		status = http_read(&client->http, &request);
		if (status <= 0)
			return;
		if (status != 200) {
			http_status(&response, status);
			if (!http_write(&client->http, &response, false, false))
				http_linger(&client->http);
			return;
		}
		routes_answer(&request, &response);
		if (server.allow_quit && !strcmp(request.path, "/quit")) {
			http_status(&response, 200);
			kill(getpid(), SIGTERM);
		}
		keep_alive = request.keep_alive && !atomic_load(&server.stopping);
		if (http_write(&client->http, &response, !strcmp(request.method, "HEAD"),
			       keep_alive))
			return;
	}
	http_linger(&client->http);
}

/* Task: a connection; @arg is its descriptor. */
static void serve(void *arg)
{
	struct client client = { .http.fd = *(int *)arg, .since = gt_now() };
	int on = 1;

	setsockopt(client.http.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	pthread_mutex_lock(&server.lock);
	LIST_INSERT_HEAD(&server.clients, &client, link);
	pthread_mutex_unlock(&server.lock);

	converse(&client);

	pthread_mutex_lock(&server.lock);
	LIST_REMOVE(&client, link);
	pthread_mutex_unlock(&server.lock);
	gt_close(client.http.fd);
	gt_wg_done(&server.tasks);
}

/* Shut down, in the direction @how, the connections that have been at their latest
 * request, or waiting for it, since before @time. */
static void shut_clients(int64_t time, int how)
{
	struct client *client;

	pthread_mutex_lock(&server.lock);
	LIST_FOREACH(client, &server.clients, link) {
		if (atomic_load(&client->since) < time)
			shutdown(client->http.fd, how);
	}
	pthread_mutex_unlock(&server.lock);
}

/* Task: ends those whose peer sends a request, or takes its answer, too slowly. */
static void watch_clients(void *arg)
{
	(void)arg;
	for (;;) {
		gt_sleep(server.timeout / 4);
		shut_clients(gt_now() - server.timeout, SHUT_RDWR);
	}
}

/* Task: waits for the order to stop. */
static void watch_stop(void *arg)
{
	(void)arg;
	gt_chan_recv(gt_context_done(server.stop), NULL);
	/* A client that gets onto the list after this has been set sees it. */
	atomic_store(&server.stopping, true);
	shutdown(server.listener, SHUT_RD);
	shut_clients(INT64_MAX, SHUT_RD);
}

/* Accept until the listener is shut down. */
static int accept_loop(void)
{
	for (;;) {
		int fd = gt_accept(server.listener, NULL, NULL);

		if (atomic_load(&server.stopping)) {
			if (fd >= 0)
				gt_close(fd);
			return 0;
		}
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			gt_sleep(10 * GT_MILLISECOND); /* until others have closed */
			continue;
		}
		if (fd == -EBADF || fd == -EINVAL || fd == -ENOTSOCK || fd == -EOPNOTSUPP) {
			fprintf(stderr, "httpd: accept: %s\n", strerror(-fd));
			return 1;
		}
		if (fd < 0)
			continue; /* this connection's error: see accept(2) */
		gt_wg_add(&server.tasks, 1);
		if (gt_go_copy(serve, &fd, sizeof(fd))) {
			gt_wg_done(&server.tasks);
			gt_close(fd);
		}
	}
}

/* Wait until all connections have ended, but not for ever. */
static void drain(void)
{
	if (!gt_wg_wait_until(&server.tasks, gt_now() + server.grace))
		return;
	fprintf(stderr, "httpd: some connections were cut off\n");
	shut_clients(INT64_MAX, SHUT_RDWR);
}

static void usage(FILE *to)
{
	fprintf(to, "usage: httpd [--address ADDRESS] [--port PORT] [--timeout-ms MS]"
		    " [--grace-ms MS] [--allow-quit]\n"
		    "Serves /quick, /slow?ms=N, /lib?ms=N and /stats over HTTP/1.1.\n"
		    "  --address ADDRESS  numeric, 127.0.0.1 by default\n"
		    "  --port PORT        8080 by default; 0 takes a free one\n"
		    "  --timeout-ms MS    for a request in all, the wait for it included;\n"
		    "                     30000 by default\n"
		    "  --grace-ms MS      for requests under way when it is to end; 11000 by\n"
		    "                     default\n"
		    "  --allow-quit       GET /quit ends the server, as SIGTERM does\n");
}

static int number_option(const char *name, const char *text, long min, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max) {
		fprintf(stderr, "httpd: --%s %s: must be a number from %ld to %ld\n",
			name, text, min, max);
		exit(2);
	}
	return n;
}

int gt_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "address", 1, NULL, 'a' }, { "port", 1, NULL, 'p' },
		{ "timeout-ms", 1, NULL, 't' }, { "grace-ms", 1, NULL, 'g' },
		{ "allow-quit", 0, NULL, 'q' },
		{ "help", 0, NULL, 'h' }, { 0 },
	};
	static const int stop_signals[] = { SIGTERM, SIGINT };
	struct sockaddr_storage address;
	socklen_t address_len = sizeof(address);
	const char *host = "127.0.0.1";
	int port = 8080, opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'a':
			host = optarg;
			break;
		case 'p':
			port = number_option("port", optarg, 0, 65535);
			break;
		case 't':
			server.timeout = number_option("timeout-ms", optarg, 1, 3600000) *
					 GT_MILLISECOND;
			break;
		case 'g':
			server.grace = number_option("grace-ms", optarg, 0, 3600000) *
				       GT_MILLISECOND;
			break;
		case 'q':
			server.allow_quit = true;
			break;
		case 'h':
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

	server.listener = gt_listen_tcp(host, port);
	if (server.listener < 0) {
		fprintf(stderr, "httpd: cannot listen on %s port %d: %s\n", host, port,
			strerror(-server.listener));
		return 1;
	}
	if (gt_signal_context(gt_context_background(), stop_signals, 2, &server.stop) ||
	    !gt_context_done(server.stop) ||
	    getsockname(server.listener, (struct sockaddr *)&address, &address_len) ||
	    gt_go(watch_stop, NULL) || gt_go(watch_clients, NULL)) {
		fprintf(stderr, "httpd: cannot start: out of memory or descriptors\n");
		return 1;
	}
	/* The port is at the same place in both families' addresses. */
	printf("httpd: listening on %s port %d\n", host,
	       ntohs(((struct sockaddr_in *)&address)->sin_port));
	fflush(stdout);

	if (accept_loop())
		return 1;
	drain();
	return 0;
}
