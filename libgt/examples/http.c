/* SPDX-License-Identifier: MIT */
/*
 * Parses requests in place: the head of a request is gathered in the connection's
 * buffer, then its separators are overwritten with NULs. It is strict where
 * leniency has let two programs disagree on where a request ends: a line ends in
 * CRLF, no line is folded, no blank stands before a header's colon, there is one
 * Host and at most one length.
 *
 * See RFC 9112; the section numbers below are its.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <gt/gt.h>

#include "http.h"

#define LINGER_MAX (1 << 20) /* bytes */

static const char *reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 505: return "HTTP Version Not Supported";
	}
	return "Unknown";
}

/* Read more into the buffer, which must have room once its unused front is gone. */
static ssize_t fill(struct http_conn *conn)
{
	ssize_t n;

	memmove(conn->buf, conn->buf + conn->start, conn->end - conn->start);
	conn->end -= conn->start;
	conn->start = 0;
	n = gt_read(conn->fd, conn->buf + conn->end, sizeof(conn->buf) - conn->end);
	if (n > 0)
		conn->end += n;
	return n;
}

/* Drop the rest of the previous request's body. Returns 200, 0 or -errno. */
static int drop_body(struct http_conn *conn)
{
	while (conn->body_left) {
		size_t held = conn->end - conn->start;
		size_t n = held < conn->body_left ? held : conn->body_left;

		conn->start += n;
		conn->body_left -= n;
		if (conn->body_left) {
			ssize_t got = fill(conn);

			if (got <= 0)
				return got;
		}
	}
	return 200;
}

/* Gather a head, up to its empty line, at conn->start. Returns as http_read(). */
static int read_head(struct http_conn *conn, size_t *head_len)
{
	size_t line = 0; /* where the line that is not complete yet begins */
	size_t seen = 0; /* bytes in which there is no further '\n' */

	for (;;) {
		char *head = conn->buf + conn->start;
		size_t held = conn->end - conn->start;
		char *newline = memchr(head + seen, '\n', held - seen);
		size_t next;
		ssize_t n;

		if (newline) {
			next = newline + 1 - head;
			if (next - line < 2 || newline[-1] != '\r')
				return 400;
			if (next - line > 2) {
				line = seen = next;
			} else if (line) {
				*head_len = next;
				return 200;
			} else { /* an empty line before a request is allowed (2.2) */
				conn->start += next;
			}
			continue;
		}
		seen = held;
		if (held == sizeof(conn->buf))
			return line ? 431 : 414;
		n = fill(conn);
		if (n == 0 && held)
			return 400;
		if (n <= 0)
			return n;
	}
}

static bool is_token(const char *s)
{
	static const char set[] = "!#$%&'*+-.^_`|~0123456789"
				  "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *s && !s[strspn(s, set)];
}

/* Cut the line that begins at @line out of the head, NUL for CRLF. Returns the next
 * line, or NULL if a control character is in this one. */
static char *cut_line(char *line)
{
	for (char *p = line;; p++) {
		unsigned char c = *p;

		if (c == '\r' && p[1] == '\n') {
			*p = '\0';
			return p + 2;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return NULL;
	}
}

/* What one request's lines say of its shape. */
struct framing {
	unsigned int minor, hosts, lengths, body;
};

static int parse_request_line(char *line, struct http_request *request,
			      struct framing *framing)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	char *query;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line) || strncmp(version, "HTTP/", 5))
		return 400;
	if (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0"))
		return 505;
	if (target[0] != '/')
		return 400;
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	request->method = line;
	request->path = target;
	request->query = query ? query : "";
	framing->minor = version[7] - '0';
	request->keep_alive = framing->minor == 1; /* in 1.0 it was never well defined */
	return 200;
}

/* Is @word in the comma-separated list @list? */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t item;

		list += strspn(list, ", \t");
		item = strcspn(list, ", \t");
		if (item == len && !strncasecmp(list, word, len))
			return true;
		list += item;
	}
	return false;
}

/* Digits alone, and no more than @max. */
static int parse_number(const char *s, unsigned int max, unsigned int *value)
{
	unsigned long long n;

	if (!*s || s[strspn(s, "0123456789")])
		return -EINVAL;
	errno = 0;
	n = strtoull(s, NULL, 10);
	if (errno || n > max)
		return -ERANGE;
	*value = n;
	return 0;
}

static int parse_header(char *line, struct http_request *request, struct framing *framing)
{
	char *colon = strchr(line, ':');
	char *value, *end;
	int err;

	if (!colon)
		return 400;
	*colon = '\0';
	if (!is_token(line)) /* folded lines and blanks before the colon end here */
		return 400;
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && strchr(" \t", end[-1]); end--)
		;
	*end = '\0';

	if (!strcasecmp(line, "Host")) {
		framing->hosts++;
	} else if (!strcasecmp(line, "Connection")) {
		if (list_has(value, "close"))
			request->keep_alive = false;
	} else if (!strcasecmp(line, "Content-Length")) {
		err = parse_number(value, HTTP_BODY_MAX, &framing->body);
		if (err)
			return err == -ERANGE ? 413 : 400;
		framing->lengths++;
	} else if (!strcasecmp(line, "Transfer-Encoding")) {
		return 501;
	} else if (!strcasecmp(line, "Expect")) {
		return 417;
	}
	return 200;
}

int http_read(struct http_conn *conn, struct http_request *request)
{
	struct framing framing = { 0 };
	unsigned int headers = 0;
	char *line, *next, *end;
	size_t head_len = 0;
	int status;

	status = drop_body(conn);
	if (status == 200)
		status = read_head(conn, &head_len);
	if (status != 200)
		return status;

	line = conn->buf + conn->start;
	end = line + head_len - 2; /* the empty line */
	conn->start += head_len;

	next = cut_line(line);
	if (!next)
		return 400;
	status = parse_request_line(line, request, &framing);
	for (line = next; status == 200 && line < end; line = next) {
		next = cut_line(line);
		if (!next)
			return 400;
		if (++headers > HTTP_HEADERS_MAX)
			return 431;
		status = parse_header(line, request, &framing);
	}
	if (status != 200)
		return status;
	/* HTTP/1.1 must have one host (3.2). */
	if (framing.hosts > 1 || framing.hosts < framing.minor || framing.lengths > 1)
		return 400;
	conn->body_left = framing.body;
	return 200;
}

int http_query_number(const struct http_request *request, const char *name,
		      unsigned int max, unsigned int *value)
{
	const char *p = request->query;
	size_t name_len = strlen(name);
	char digits[16];

	while (*p) {
		size_t len = strcspn(p, "&");

		if (len > name_len && p[name_len] == '=' && !strncmp(p, name, name_len)) {
			len -= name_len + 1;
			if (len >= sizeof(digits))
				return -EINVAL;
			memcpy(digits, p + name_len + 1, len);
			digits[len] = '\0';
			return parse_number(digits, max, value) ? -EINVAL : 0;
		}
		p += len + (p[len] == '&');
	}
	return 0;
}

void http_status(struct http_response *response, int status)
{
	response->status = status;
	response->type = "text/plain";
	response->length = snprintf(response->body, sizeof(response->body), "%d %s\n",
				    status, reason(status));
}

int http_write(struct http_conn *conn, const struct http_response *response,
	       bool head_only, bool keep_alive)
{
	char out[256 + HTTP_ANSWER_MAX];
	ssize_t n;
	int len;

	len = snprintf(out, 256,
		       "HTTP/1.1 %d %s\r\n"
		       "Content-Type: %s\r\n"
		       "Content-Length: %zu\r\n"
		       "%s%s\r\n",
		       response->status, reason(response->status), response->type,
		       response->length, response->status == 405 ? "Allow: GET, HEAD\r\n" : "",
		       keep_alive ? "" : "Connection: close\r\n");
	if (!head_only) {
		memcpy(out + len, response->body, response->length);
		len += response->length;
	}
	n = gt_write(conn->fd, out, len);
	if (n == len)
		return 0;
	return n < 0 ? n : -EPIPE;
}

void http_linger(struct http_conn *conn)
{
	size_t dropped = 0;
	ssize_t n;

	if (shutdown(conn->fd, SHUT_WR))
		return;
	do {
		n = gt_read(conn->fd, conn->buf, sizeof(conn->buf));
		dropped += n > 0 ? n : 0;
	} while (n > 0 && dropped < LINGER_MAX);
}
