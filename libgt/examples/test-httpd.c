/* SPDX-License-Identifier: MIT */
/*
 * Tests the example server from outside: test-httpd PATH-OF-HTTPD [TEST]...
 *
 * Each test is a forked child that starts a server of its own on a free loopback
 * port, and ends by seeing that the server still answers and leaves with status 0 on
 * SIGTERM. The output is KTAP. The environment is passed on, so that GTBACKEND and
 * the like choose what is tested.
 *
 *   GT_TEST_SCALE    multiplies counts, default 1
 *   GT_TEST_TIMEOUT  seconds that one test, or one answer, may take, default 60
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test-client.h"

static double scale = 1;

static int scaled(int n)
{
	n *= scale;
	return n > 2 ? n : 2;
}

/* ---------------------------------------------------------------- tests ---- */

static struct client a, b;
static struct answer answer;

static void test_quick(void)
{
	struct server server;
	size_t len;

	start(&server, NULL, NULL);
	dial(&a, &server);
	ask(&a, "/quick");
	get_answer(&a, &answer, true);
	CHECK_EQ(answer.status, 200);
	CHECK(strstr(answer.body, "\nitem 48: "));
	CHECK(!strstr(answer.head, "Connection: close"));
	len = answer.body_len;

	put(&a, "HEAD /quick HTTP/1.1\r\nHost: x\r\n\r\n");
	get_answer(&a, &answer, false);
	CHECK_EQ(answer.status, 200);
	CHECK_EQ(answer.body_len, len);

	put(&a, "GET /quick?unused=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	get_answer(&a, &answer, true);
	CHECK(strstr(answer.head, "Connection: close"));
	expect_close(&a);

	dial(&a, &server);
	put(&a, "GET /quick HTTP/1.0\r\n\r\n");
	expect_status(&a, 200);
	expect_close(&a);
	finish(&server);
}

static void expect_block(const struct server *server, const char *path)
{
	char request[64];
	int64_t begin = now_ms();

	dial(&a, server);
	snprintf(request, sizeof(request), "%s?ms=100", path);
	ask(&a, request);
	get_answer(&a, &answer, true);
	CHECK_EQ(answer.status, 200);
	CHECK(!strcmp(answer.body, "blocked for 100 ms\n"));
	CHECK(now_ms() - begin >= 100);
	close(a.fd);
}

static void test_blocking_handlers(void)
{
	static const char *const bad[] = {
		"/slow?ms=-1", "/slow?ms=", "/slow?ms=1x", "/slow?ms=10001",
		"/slow?ms=99999999999999999999", "/lib?x=1&ms=+5", "/lib?ms=10001&ms=1",
	};
	struct server server;

	start(&server, NULL, NULL);
	expect_block(&server, "/slow");
	expect_block(&server, "/lib");
	dial(&a, &server);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(&a, bad[i]);
		expect_status(&a, 400);
	}
	ask(&a, "/slow?ms=0");
	expect_status(&a, 200);
	ask(&a, "/lib?a=b&ms=1&c");
	expect_status(&a, 200);
	finish(&server);
}

/* While a handler blocks its thread, others are served, on one processor too. */
static void expect_overtaking(const char *path)
{
	struct server server;

	setenv("GTMAXPROCS", "1", 1);
	start(&server, NULL, NULL);
	dial(&a, &server);
	dial(&b, &server);
	ask(&b, "/quick"); /* both are accepted, and their tasks wait for a request */
	expect_status(&b, 200);
	ask(&a, path);
	for (int i = 0; i < 10; i++) {
		ask(&b, "/quick");
		expect_status(&b, 200);
	}
	if (readable(&a, 0))
		FAIL("the quick requests waited for %s", path);
	expect_status(&a, 200);
	finish(&server);
}

static void test_quick_overtakes_slow(void)
{
	expect_overtaking("/slow?ms=3000");
}

static void test_quick_overtakes_lib(void)
{
	expect_overtaking("/lib?ms=3000");
}

static void test_stats(void)
{
	static const char *const keys[] = {
		"backend", "maxprocs", "tasks", "blocking", "tasks_started", "threads_started",
		"threads", "steals", "handoffs", "handoffs_refused", "regains", "requeues",
		"gap_ns", "kernel_blocks", "kernel_uncovered",
	};
	struct server server;

	start(&server, NULL, NULL);
	dial(&a, &server);
	ask(&a, "/stats");
	get_answer(&a, &answer, true);
	CHECK_EQ(answer.status, 200);
	CHECK(answer.body[0] == '{' && !strcmp(answer.body + answer.body_len - 3, "\n}\n"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char key[64];

		snprintf(key, sizeof(key), "\n\"%s\": ", keys[i]);
		if (!strstr(answer.body, key))
			FAIL("no \"%s\" in %s", keys[i], answer.body);
	}
	/* Four tasks: the main one, its two watchers, and this connection's. */
	CHECK(strstr(answer.body, "\n\"tasks\": 4,\n"));
	finish(&server);
}

static void test_refused(void)
{
	static const struct {
		const char *request;
		int status;
	} kept[] = {
		{ "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /quick/ HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /quit HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405 },
		{ "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "\r\n\r\nGET /quick HTTP/1.1\r\nhOST:x\r\n\r\n", 200 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nA:\r\nB: \t \r\n\r\n", 200 },
	}, closed[] = {
		{ "nonsense\r\n\r\n", 400 },
		{ "\n", 400 },
		{ "GET /quick HTTP/1.1\nHost: x\n\n", 400 },
		{ "GET /quick\r\n\r\n", 400 },
		{ "GET  /quick HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET quick HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /qu\tick HTTP/1.1 \r\nHost: x\r\n\r\n", 505 },
		{ "GET /quick HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
		{ "GET /quick FTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "G\x01T /quick HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /quick\r HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost : x\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400 },
		{ "GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		  "Content-Length: 2\r\n\r\n", 400 },
		{ "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413 },
		{ "POST /quick HTTP/1.1\r\nHost: x\r\n"
		  "Content-Length: 18446744073709551617\r\n\r\n", 413 },
		{ "POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "0\r\n\r\n", 501 },
		{ "POST /quick HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		  "Content-Length: 5\r\n\r\n", 417 },
	};
	struct server server;

	start(&server, NULL, NULL);
	dial(&a, &server);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		put(&a, kept[i].request);
		get_answer(&a, &answer, true);
		if (answer.status != kept[i].status)
			FAIL("%d, not %d, to: %s", answer.status, kept[i].status,
			     kept[i].request);
		CHECK((answer.status == 405) == !!strstr(answer.head, "\r\nAllow: GET, HEAD\r\n"));
	}
	close(a.fd);
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		dial(&a, &server);
		put(&a, closed[i].request);
		get_answer(&a, &answer, true);
		if (answer.status != closed[i].status)
			FAIL("%d, not %d, to: %s", answer.status, closed[i].status,
			     closed[i].request);
		CHECK(strstr(answer.head, "\r\nConnection: close\r\n"));
		shutdown(a.fd, SHUT_WR);
		expect_close(&a);
	}
	finish(&server);
}

/* What is too long is refused, and the answer arrives though bytes were unread. */
static void test_oversized(void)
{
	static char big[200000];
	struct server server;
	int n;

	start(&server, NULL, NULL);
	memset(big, 'x', sizeof(big));
	dial(&a, &server);
	memcpy(big, "GET /", 5);
	put_bytes(&a, big, sizeof(big));
	expect_status(&a, 414);
	shutdown(a.fd, SHUT_WR);
	expect_close(&a);

	dial(&a, &server);
	put(&a, "GET /quick HTTP/1.1\r\nHost: x\r\nLong: ");
	put_bytes(&a, big, sizeof(big));
	expect_status(&a, 431);
	shutdown(a.fd, SHUT_WR);
	expect_close(&a);

	dial(&a, &server);
	n = sprintf(big, "GET /quick HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 64; i++)
		n += sprintf(big + n, "H%d: v\r\n", i);
	strcpy(big + n, "\r\n");
	put(&a, big);
	expect_status(&a, 431);
	close(a.fd);

	/* The largest of all that is allowed: a head of 8192 bytes, 64 headers, a body
	 * of 65536, and a request behind it. */
	dial(&a, &server);
	n = sprintf(big, "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n");
	for (int i = 0; i < 61; i++)
		n += sprintf(big + n, "H: v\r\n");
	n += sprintf(big + n, "H: ");
	memset(big + n, 'x', sizeof(big) - n);
	memcpy(big + 8192 - 4, "\r\n\r\n", 4);
	put_bytes(&a, big, 8192 + 65536);
	expect_status(&a, 405);
	ask(&a, "/quick");
	expect_status(&a, 200);
	close(a.fd);
	finish(&server);
}

/* Requests sent at once are answered in order, wherever their bytes are cut. */
static void test_pipelining(void)
{
	static const char group[] =
		"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
		"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\nGET / HTTP/1.1\r\n\r\n\n"
		"GET /slow?ms=1 HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
	static const int statuses[] = { 200, 405, 200, 404 };
	static char all[100 * sizeof(group)];
	int groups = scaled(100), len = 0;
	struct server server;

	start(&server, NULL, NULL);
	for (int i = 0; i < groups; i++)
		len += sprintf(all + len, "%s", group);
	dial(&a, &server);
	put_bytes(&a, all, len);
	for (int i = 0; i < 4 * groups; i++)
		expect_status(&a, statuses[i % 4]);

	for (size_t i = 0; i < sizeof(group) - 1; i++)
		put_bytes(&a, group + i, 1);
	for (int i = 0; i < 4; i++)
		expect_status(&a, statuses[i]);
	finish(&server);
}

static void test_early_close(void)
{
	static const char *const parts[] = {
		"", "GET", "GET /quick HTTP/1.1\r\nHost: x\r\n",
		"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart",
		"GET /slow?ms=20 HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct server server;

	start(&server, NULL, NULL);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		dial(&a, &server);
		put(&a, parts[i]);
		close(a.fd);
		dial(&a, &server);
		put(&a, parts[i]);
		reset(&a);
	}
	/* A half-closed connection gets the answer; a part of a request is a bad one. */
	dial(&a, &server);
	ask(&a, "/quick");
	shutdown(a.fd, SHUT_WR);
	expect_status(&a, 200);
	expect_close(&a);
	dial(&a, &server);
	put(&a, parts[2]);
	shutdown(a.fd, SHUT_WR);
	expect_status(&a, 400);
	expect_close(&a);
	finish(&server);
}

/* Clients that send part of a request, or do not take the answers, hold up nobody
 * and are dropped when their time is up. */
static void test_dawdlers(void)
{
	static struct client slow[100];
	static const char request[] = "GET /stats HTTP/1.1\r\nHost: x\r\n\r\n";
	int n = scaled(100);
	struct server server;
	char line[256];

	n = n < 100 ? n : 100;
	CHECK_EQ(spawn(&server, line, sizeof(line), "--timeout-ms", "1500"), -1);
	for (int i = 0; i < n; i++) {
		dial(&slow[i], &server);
		put(&slow[i], i % 2 ? "GET /quick HTTP/1.1\r\nHo" : "");
	}
	dial(&a, &server);
	while (send(a.fd, request, sizeof(request) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	CHECK(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
	expect_quick(&server);
	for (int i = 0; i < n; i++)
		expect_close(&slow[i]);
	for (a.len = 0; more(&a, true); a.len = 0)
		;
	close(a.fd);
	finish(&server);
}

static void test_many_connections(void)
{
	int n = scaled(500), rounds = 5;
	struct client *many = calloc(n, sizeof(*many));
	struct server server;

	CHECK(many);
	start(&server, NULL, NULL);
	for (int i = 0; i < n; i++)
		dial(&many[i], &server);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < n; i++)
			ask(&many[i], i % 50 == 7 ? "/slow?ms=5" : "/quick");
		for (int i = 0; i < n; i++)
			expect_status(&many[i], 200);
	}
	for (int i = 0; i < n; i++)
		close(many[i].fd);
	finish(&server);
}

/* Short of descriptors the server lets connections wait, and goes on later. */
static void test_out_of_descriptors(void)
{
	static struct client many[60];
	struct rlimit few = { 40, 40 }; /* for 20 clients at least */
	struct server server;

	start(&server, NULL, NULL);
	CHECK(!prlimit(server.pid, RLIMIT_NOFILE, &few, NULL));
	for (int i = 0; i < 60; i++) {
		dial(&many[i], &server);
		ask(&many[i], "/quick");
	}
	expect_status(&many[0], 200);
	for (int i = 0; i < 40; i++)
		close(many[i].fd);
	for (int i = 40; i < 60; i++)
		expect_status(&many[i], 200);
	for (int i = 40; i < 60; i++)
		close(many[i].fd);
	finish(&server);
}

/* SIGTERM: idle connections end, requests under way are answered, no new ones. */
static void test_sigterm(void)
{
	struct server server;
	static struct client c;

	start(&server, NULL, NULL);
	dial(&a, &server);
	ask(&a, "/quick");
	expect_status(&a, 200);
	dial(&b, &server);
	ask(&b, "/slow?ms=3000");
	for (;;) { /* until the slow one is being answered */
		ask(&a, "/stats");
		get_answer(&a, &answer, true);
		if (strstr(answer.body, "\"blocking\": 1,"))
			break;
	}
	CHECK(!kill(server.pid, SIGTERM));
	expect_close(&a);
	if (readable(&b, 0))
		FAIL("the slow request was cut off");
	if (try_dial(&c, &server)) /* into the backlog at most */
		expect_close(&c);
	get_answer(&b, &answer, true);
	CHECK_EQ(answer.status, 200);
	CHECK(strstr(answer.head, "Connection: close"));
	expect_close(&b);
	expect_end(&server);
}

/* The end is bounded: what is not answered by the end of the grace is cut off. */
static void test_grace(void)
{
	struct server server;
	char said[256];
	size_t n;
	int status;

	start(&server, "--grace-ms", "200");
	dial(&a, &server);
	dial(&b, &server);
	ask(&b, "/slow?ms=10000");
	do {
		ask(&a, "/stats");
		get_answer(&a, &answer, true);
	} while (!strstr(answer.body, "\"blocking\": 1,"));
	CHECK(!kill(server.pid, SIGTERM));
	n = fread(said, 1, sizeof(said) - 1, server.out); /* until it has gone */
	said[n] = '\0';
	fclose(server.out);
	CHECK(waitpid(server.pid, &status, 0) == server.pid);
	CHECK_EQ(status, 0);
	CHECK(!strcmp(said, "httpd: some connections were cut off\n"));
	while (more(&b, true))
		;
	CHECK_EQ(b.len, 0); /* no answer */
}

static void test_quit(void)
{
	struct server server;

	start(&server, "--allow-quit", NULL);
	dial(&a, &server);
	ask(&a, "/quit");
	expect_status(&a, 200);
	expect_close(&a);
	expect_end(&server);
}

static void test_options(void)
{
	static const struct {
		const char *option, *value, *says;
		int status;
	} cases[] = {
		{ "--help", NULL, "usage: httpd", 0 },
		{ "--nonsense", NULL, "nonsense", 2 },
		{ "argument", NULL, "usage: httpd", 2 },
		{ "--port", "65536", "--port 65536: must be a number from 0 to 65535", 2 },
		{ "--port", "http", "--port http: must be a number", 2 },
		{ "--timeout-ms", "0", "--timeout-ms 0: must be", 2 },
		{ "--address", "localhost", "cannot listen on localhost", 1 },
	};
	struct server server, second;
	char line[256], port[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = spawn(&server, line, sizeof(line), cases[i].option, cases[i].value);

		if (status != cases[i].status || !strstr(line, cases[i].says))
			FAIL("%s: status %d, and: %s", cases[i].option, status, line);
	}
	start(&server, NULL, NULL);
	snprintf(port, sizeof(port), "%d", server.port);
	CHECK_EQ(spawn(&second, line, sizeof(line), "--port", port), 1);
	CHECK(strstr(line, strerror(EADDRINUSE)));
	finish(&server);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "options", test_options },
	{ "quick", test_quick },
	{ "blocking_handlers", test_blocking_handlers },
	{ "quick_overtakes_slow", test_quick_overtakes_slow },
	{ "quick_overtakes_lib", test_quick_overtakes_lib },
	{ "stats", test_stats },
	{ "refused", test_refused },
	{ "oversized", test_oversized },
	{ "pipelining", test_pipelining },
	{ "early_close", test_early_close },
	{ "dawdlers", test_dawdlers },
	{ "many_connections", test_many_connections },
	{ "out_of_descriptors", test_out_of_descriptors },
	{ "sigterm", test_sigterm },
	{ "grace", test_grace },
	{ "quit", test_quit },
};

#define N_TESTS ((int)(sizeof(tests) / sizeof(tests[0])))

static bool chosen(int argc, char **argv, const char *name)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
	}
	return argc == 2;
}

/* Run a test in a child of its own. Returns its wait status. */
static int run(int test)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		exit(1);
	}
	if (!pid) {
		test_name = tests[test].name;
		alarm(timeout_s);
		tests[test].run();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return status;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0, n = 0, plan = 0;
	const char *text;

	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: test-httpd PATH-OF-HTTPD [TEST]...\n");
		return 2;
	}
	httpd = argv[1];
	text = getenv("GT_TEST_SCALE");
	if (text && atof(text) > 0)
		scale = atof(text) < 1 ? atof(text) : 1;
	text = getenv("GT_TEST_TIMEOUT");
	if (text && atoi(text) > 0)
		timeout_s = atoi(text);

	for (int i = 0; i < N_TESTS; i++)
		plan += chosen(argc, argv, tests[i].name);
	if (!plan) {
		fprintf(stderr, "test-httpd: no test has that name\n");
		return 2;
	}
	printf("TAP version 13\n1..%d\n", plan);
	for (int i = 0; i < N_TESTS; i++) {
		int status;

		if (!chosen(argc, argv, tests[i].name))
			continue;
		n++;
		status = run(i);
		if (!status) {
			passed++;
			printf("ok %d httpd.%s\n", n, tests[i].name);
			continue;
		}
		failed++;
		if (WIFSIGNALED(status))
			printf("# %s: ended by signal %d (%s)\n", tests[i].name,
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
		printf("not ok %d httpd.%s\n", n, tests[i].name);
	}
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
