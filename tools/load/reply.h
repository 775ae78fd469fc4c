/* SPDX-License-Identifier: MIT */
/*
 * Reads HTTP/1.1 responses as they come, and checks them.
 *
 * A response must have a Content-Length. Its body is counted, not kept.
 */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD_MAX 4096

/**
 * struct reply - a response of which some has come; zero bytes are a new one
 * @status:	its status; valid when the head is complete.
 * @body_len:	length of its body; likewise.
 * @body_got:	bytes of the body that have come.
 * @close:	it said that the connection will be closed.
 * @head_done:	the head is complete.
 * @head_len:	bytes in @head.
 * @head:	the head as far as it has come.
 */
struct reply {
	int status;
	uint64_t body_len, body_got;
	bool close, head_done;
	size_t head_len;
	char head[REPLY_HEAD_MAX];
};

/* Take in @len bytes. Returns 1 when the response is complete, 0 if more must come,
 * -1 after an error, which *@why then names. Bytes after its end are an error. */
int reply_feed(struct reply *reply, const char *data, size_t len, const char **why);

#endif /* LOAD_REPLY_H */
