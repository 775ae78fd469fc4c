/* SPDX-License-Identifier: MIT */
/*
 * The HTTP/1.1 of the example server: requests in, responses out.
 *
 * It takes what a small server needs and refuses the rest with a status: methods
 * without a body of use, targets that begin with '/', bodies with a length. All
 * sizes are bounded, and a connection never reads past what it can hold, so
 * pipelined requests wait in the socket until it is their turn.
 */
#ifndef EXAMPLE_HTTP_H
#define EXAMPLE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX	 8192	/* request line and headers */
#define HTTP_HEADERS_MAX 64	/* header lines */
#define HTTP_BODY_MAX	 65536	/* of a request; it is read and dropped */
#define HTTP_ANSWER_MAX	 4096	/* body of a response */

/**
 * struct http_conn - the reading side of a connection; set @fd, zero the sizes
 * @fd:		the socket, owned by the caller.
 * @start:	first byte of @buf that no request has used.
 * @end:	end of the bytes in @buf.
 * @body_left:	bytes of the latest request's body that are still to be dropped.
 */
struct http_conn {
	int fd;
	size_t start, end, body_left;
	char buf[HTTP_HEAD_MAX];
};

/**
 * struct http_request - a request; the strings lie in the connection's buffer
 * @method:	as sent.
 * @path:	the target up to the first '?'.
 * @query:	what follows it; may be empty.
 * @keep_alive:	the connection may be used again.
 */
struct http_request {
	const char *method, *path, *query;
	bool keep_alive;
};

struct http_response {
	int status;
	const char *type;
	size_t length;
	char body[HTTP_ANSWER_MAX];
};

/* Read the next request, whose strings live until the next call. Returns 200; 0 if
 * the peer has closed; the status that refuses the request, after which the
 * connection can only be closed; or the negative error of the socket. */
int http_read(struct http_conn *conn, struct http_request *request);

/* Look up a number in the query. Returns 0; -EINVAL unless it is 0 to @max. Leaves
 * *@value as it is if the query does not have the name. */
int http_query_number(const struct http_request *request, const char *name,
		      unsigned int max, unsigned int *value);

/* Make @response that of a status alone. */
void http_status(struct http_response *response, int status);

/* Send a response; without its body if it answers a HEAD. Returns 0 or -errno. */
int http_write(struct http_conn *conn, const struct http_response *response,
	       bool head_only, bool keep_alive);

/* Say that no more will be sent, then drop what the peer is still sending, as far as
 * that is bounded: a close with unread bytes would reset the connection, and could
 * destroy the response on its way. */
void http_linger(struct http_conn *conn);

#endif /* EXAMPLE_HTTP_H */
