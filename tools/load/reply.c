/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reply.h"

static bool is_header(const char *line, const char *name, const char **value)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) || line[len] != ':')
		return false;
	*value = line + len + 1 + strspn(line + len + 1, " \t");
	return true;
}

/* Parse the complete head, a string whose lines end in CRLF. */
static const char *parse_head(struct reply *reply)
{
	const char *line = reply->head, *value;
	bool has_length = false;
	char *end;

	if (strncmp(line, "HTTP/1.1 ", 9) || strspn(line + 9, "0123456789") != 3)
		return "not an HTTP/1.1 status line";
	reply->status = atoi(line + 9);
	while ((line = strstr(line, "\r\n")) && line[2]) {
		line += 2;
		if (is_header(line, "Content-Length", &value)) {
			reply->body_len = strtoull(value, &end, 10);
			if (end == value || *end != '\r' || has_length)
				return "bad Content-Length";
			has_length = true;
		} else if (is_header(line, "Connection", &value)) {
			reply->close = !strncasecmp(value, "close", 5);
		}
	}
	return has_length ? NULL : "no Content-Length";
}

int reply_feed(struct reply *reply, const char *data, size_t len, const char **why)
{
	while (len && !reply->head_done) {
		if (reply->head_len == sizeof(reply->head) - 1) {
			*why = "head too long";
			return -1;
		}
		reply->head[reply->head_len++] = *data++;
		len--;
		if (reply->head_len >= 4 &&
		    !memcmp(reply->head + reply->head_len - 4, "\r\n\r\n", 4)) {
			reply->head[reply->head_len] = '\0';
			*why = parse_head(reply);
			if (*why)
				return -1;
			reply->head_done = true;
		}
	}
	reply->body_got += len;
	if (!reply->head_done || reply->body_got < reply->body_len)
		return 0;
	if (reply->body_got > reply->body_len) {
		*why = "bytes after the end of the body";
		return -1;
	}
	return 1;
}
