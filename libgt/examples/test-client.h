/* SPDX-License-Identifier: MIT */
/*
 * The test's two ends: a server process, and a client that speaks to it.
 *
 * Both are for a forked child that runs one test. Nothing here returns an error: what
 * is not as it must be ends the child, with a line that says where and what.
 */
#ifndef EXAMPLE_TEST_CLIENT_H
#define EXAMPLE_TEST_CLIENT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ------------------------------------------------------------- checking ---- */

extern const char *httpd;     /* path of the program under test */
extern const char *test_name; /* what a failure is reported under */
extern int timeout_s;	      /* that one answer may take */

__attribute__((__noreturn__, __format__(__printf__, 3, 4)))
void fail_at(const char *file, int line, const char *format, ...);

#define FAIL(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition) do { \
	if (!(condition)) \
		FAIL("not true: %s (errno %d)", #condition, errno); \
} while (0)

#define CHECK_EQ(seen, expected) do { \
	long long seen_ = (seen), expected_ = (expected); \
	if (seen_ != expected_) \
		FAIL("%s is %lld, not %lld", #seen, seen_, expected_); \
} while (0)

int64_t now_ms(void);

/* --------------------------------------------------------------- server ---- */

/**
 * struct server - a running server
 * @pid:	its process.
 * @port:	the loopback port on which it listens.
 * @out:	what it prints, but for the first line.
 */
struct server {
	pid_t pid;
	int port;
	FILE *out;
};

/* Start the program with up to two options more. Returns its status, or -1 while it
 * runs, its first line of output being in @line. */
int spawn(struct server *server, char *line, size_t size, const char *option,
	  const char *value);

/* Start the program, which must run. */
void start(struct server *server, const char *option, const char *value);

/* The server must have ended by itself, well and without a word. */
void expect_end(struct server *server);

/* Every test's last step: the server still answers, and leaves well on SIGTERM. */
void finish(struct server *server);

/* --------------------------------------------------------------- client ---- */

/**
 * struct client - a connection
 * @fd:		its socket, which the test closes.
 * @len:	bytes in @buf.
 * @buf:	what has come and is not yet part of an answer.
 */
struct client {
	int fd;
	size_t len;
	char buf[65536];
};

/**
 * struct answer - an HTTP response
 * @status:	its status.
 * @head:	its head, to the empty line, as a string.
 * @body_len:	its Content-Length.
 * @body:	its body, as a string; not set if it has none.
 */
struct answer {
	int status;
	char head[2048];
	size_t body_len;
	char body[4096];
};

/* Connect, or return false if the server does not listen any more. */
bool try_dial(struct client *client, const struct server *server);
void dial(struct client *client, const struct server *server);

void put_bytes(struct client *client, const char *data, size_t len);
void put(struct client *client, const char *text);
void ask(struct client *client, const char *path);

/* Something has come, or the end; waits for it at most @ms. */
bool readable(const struct client *client, int ms);

/* Read more. Returns false at the end, which must not be a reset unless one may be. */
bool more(struct client *client, bool may_reset);

/* The next answer; @has_body unless it is one to HEAD. */
void get_answer(struct client *client, struct answer *answer, bool has_body);
void expect_status(struct client *client, int status);

/* The server closes, properly and without another byte. */
void expect_close(struct client *client);

/* Close at once, by a reset. */
void reset(struct client *client);

/* A connection of its own gets an answer. */
void expect_quick(const struct server *server);

#endif /* EXAMPLE_TEST_CLIENT_H */
