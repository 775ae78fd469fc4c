/* SPDX-License-Identifier: MIT */
/*
 * A server is a child process that dies with the test. The client blocks, and reads
 * all that has come: what is behind an answer stays in its buffer for the next one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test-client.h"

const char *httpd;
const char *test_name;
int timeout_s = 60;

void fail_at(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("# %s: %s:%d: ", test_name, file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* --------------------------------------------------------------- server ---- */

int spawn(struct server *server, char *line, size_t size, const char *option,
	  const char *value)
{
	int fds[2], status;

	CHECK(!pipe2(fds, O_CLOEXEC));
	server->pid = fork();
	CHECK(server->pid >= 0);
	if (!server->pid) {
		const char *argv[] = { httpd, "--port", "0", option, value, NULL };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execv(httpd, (char *const *)argv);
		dprintf(STDERR_FILENO, "%s: %s\n", httpd, strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	server->out = fdopen(fds[0], "r");
	CHECK(server->out);
	line[0] = '\0';
	CHECK(fgets(line, size, server->out));
	if (sscanf(line, "httpd: listening on %*s port %d", &server->port) == 1)
		return -1;
	CHECK(waitpid(server->pid, &status, 0) == server->pid);
	CHECK(WIFEXITED(status));
	fclose(server->out);
	return WEXITSTATUS(status);
}

void start(struct server *server, const char *option, const char *value)
{
	char line[256];
	int status = spawn(server, line, sizeof(line), option, value);

	if (status >= 0)
		FAIL("the server left with status %d and said: %s", status, line);
}

void expect_end(struct server *server)
{
	char said[4096];
	size_t n;
	int status;

	n = fread(said, 1, sizeof(said) - 1, server->out); /* until it has gone */
	said[n] = '\0';
	fclose(server->out);
	CHECK(waitpid(server->pid, &status, 0) == server->pid);
	if (status || n)
		FAIL("the server left with wait status %#x and said: %s", status, said);
}

/* --------------------------------------------------------------- client ---- */

bool try_dial(struct client *client, const struct server *server)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	client->len = 0;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(client->fd >= 0);
	if (!connect(client->fd, (struct sockaddr *)&to, sizeof(to)))
		return true;
	CHECK_EQ(errno, ECONNREFUSED);
	close(client->fd);
	return false;
}

void dial(struct client *client, const struct server *server)
{
	CHECK(try_dial(client, server));
}

void put_bytes(struct client *client, const char *data, size_t len)
{
	CHECK_EQ(send(client->fd, data, len, MSG_NOSIGNAL), len);
}

void put(struct client *client, const char *text)
{
	put_bytes(client, text, strlen(text));
}

bool readable(const struct client *client, int ms)
{
	struct pollfd pfd = { .fd = client->fd, .events = POLLIN };

	return client->len || poll(&pfd, 1, ms) == 1;
}

bool more(struct client *client, bool may_reset)
{
	ssize_t n;

	if (!readable(client, timeout_s * 1000))
		FAIL("nothing came for %d s", timeout_s);
	CHECK(client->len < sizeof(client->buf));
	n = recv(client->fd, client->buf + client->len, sizeof(client->buf) - client->len, 0);
	if (n < 0 && (errno != ECONNRESET || !may_reset))
		FAIL("recv: %s", strerror(errno));
	if (n > 0)
		client->len += n;
	return n > 0;
}

void get_answer(struct client *client, struct answer *answer, bool has_body)
{
	const char *length;
	char *end;
	size_t len;

	while (!(end = memmem(client->buf, client->len, "\r\n\r\n", 4)))
		CHECK(more(client, false));
	len = end + 4 - client->buf;
	CHECK(len < sizeof(answer->head));
	memcpy(answer->head, client->buf, len);
	answer->head[len] = '\0';
	memmove(client->buf, end + 4, client->len -= len);

	CHECK(!strncmp(answer->head, "HTTP/1.1 ", 9));
	answer->status = atoi(answer->head + 9);
	length = strstr(answer->head, "\r\nContent-Length: ");
	CHECK(length);
	answer->body_len = atoi(length + 18);
	CHECK(answer->body_len < sizeof(answer->body));
	if (!has_body)
		return;
	while (client->len < answer->body_len)
		CHECK(more(client, false));
	memcpy(answer->body, client->buf, answer->body_len);
	answer->body[answer->body_len] = '\0';
	memmove(client->buf, client->buf + answer->body_len,
		client->len -= answer->body_len);
}

void expect_status(struct client *client, int status)
{
	struct answer answer;

	get_answer(client, &answer, true);
	if (answer.status != status)
		FAIL("status %d, not %d", answer.status, status);
}

void expect_close(struct client *client)
{
	if (client->len || more(client, false))
		FAIL("bytes after the last answer: %.40s", client->buf);
	close(client->fd);
}

void reset(struct client *client)
{
	struct linger hard = { 1, 0 };

	CHECK(!setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(client->fd);
}

void ask(struct client *client, const char *path)
{
	char request[128];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	put(client, request);
}

void expect_quick(const struct server *server)
{
	static struct client client;

	dial(&client, server);
	ask(&client, "/quick");
	expect_status(&client, 200);
	close(client.fd);
}

void finish(struct server *server)
{
	expect_quick(server);
	CHECK(!kill(server->pid, SIGTERM));
	expect_end(server);
}
