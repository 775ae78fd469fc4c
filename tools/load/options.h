/* SPDX-License-Identifier: MIT */
/*
 * What gt-load is asked to do: its command line, checked.
 *
 * Only the command line is known here, nothing of how the load is made.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <sys/socket.h>

#define PATHS_MAX	8
#define CONNS_MAX	10000

enum kind_id { QUICK, SLOW, KINDS };

/**
 * struct options - a checked command line
 * @server:	where to connect.
 * @server_len:	length of that address.
 * @server_name: the same for people, and for the Host header.
 * @seconds:	how long to measure.
 * @warmup:	seconds before that.
 * @timeout:	seconds that one answer may take.
 * @label:	the first word of the result.
 * @text:	the result is for people.
 * @get:	fetch this path once, and do nothing else; or NULL.
 * @kind:	for each kind of connections
 * @kind.conns:	how many there are;
 * @kind.pause:	seconds from an answer to the next request, on average;
 * @kind.paths:	how many paths they ask for, at least one;
 * @kind.path:	these, in turn.
 */
struct options {
	struct sockaddr_storage server;
	socklen_t server_len;
	char server_name[80];
	double seconds, warmup, timeout;
	const char *label;
	bool text;
	const char *get;
	struct {
		long conns;
		double pause;
		int paths;
		const char *path[PATHS_MAX];
	} kind[KINDS];
};

/* Read the command line into @to, whose strings stay those of @argv. Exits after
 * --help, with status 0, and when it is wrong, with status 2. */
void options_parse(struct options *to, int argc, char **argv);

/* Print "gt-load: ", the message, and a newline to the standard error. */
__attribute__((__format__(__printf__, 1, 2))) void complain(const char *format, ...);

#endif /* LOAD_OPTIONS_H */
