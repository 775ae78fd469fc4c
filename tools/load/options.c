/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

void complain(const char *format, ...)
{
	va_list args;

	fputs("gt-load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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

static void check_path(const char *path)
{
	if (path[0] != '/' || path[strcspn(path, " \t\r\n")]) {
		complain("path %s: must begin with '/' and have no blanks", path);
		exit(2);
	}
}

static void add_path(struct options *to, enum kind_id kind, const char *path)
{
	check_path(path);
	if (to->kind[kind].paths == PATHS_MAX) {
		complain("more than %d paths of a kind", PATHS_MAX);
		exit(2);
	}
	to->kind[kind].path[to->kind[kind].paths++] = path;
}

static void set_server(struct options *to, const char *address, long port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&to->server;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to->server;

	if (port < 0) {
		usage(stderr);
		exit(2);
	}
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		to->server_len = sizeof(*in);
		snprintf(to->server_name, sizeof(to->server_name), "%s:%ld", address, port);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		to->server_len = sizeof(*in6);
		snprintf(to->server_name, sizeof(to->server_name), "[%s]:%ld", address, port);
	} else {
		complain("--address %s: must be a numeric IPv4 or IPv6 address", address);
		exit(2);
	}
}

void options_parse(struct options *to, int argc, char **argv)
{
	enum { ADDRESS, PORT, QUICK_N, QUICK_PATH, SLOW_N, SLOW_PATH,
	       QUICK_PAUSE, SLOW_PAUSE, SECONDS, WARMUP,
	       TIMEOUT, LABEL, TEXT, GET, HELP };
	static const struct option known[] = {
		{ "address", 1, NULL, ADDRESS },       { "port", 1, NULL, PORT },
		{ "quick", 1, NULL, QUICK_N },	       { "quick-path", 1, NULL, QUICK_PATH },
		{ "slow", 1, NULL, SLOW_N },	       { "slow-path", 1, NULL, SLOW_PATH },
		{ "quick-pause", 1, NULL, QUICK_PAUSE }, { "slow-pause", 1, NULL, SLOW_PAUSE },
		{ "seconds", 1, NULL, SECONDS },       { "warmup", 1, NULL, WARMUP },
		{ "timeout", 1, NULL, TIMEOUT },       { "label", 1, NULL, LABEL },
		{ "text", 0, NULL, TEXT },	       { "get", 1, NULL, GET },
		{ "help", 0, NULL, HELP },	       { 0 },
	};
	const char *address = "127.0.0.1";
	long port = -1;
	int opt;

	*to = (struct options){
		.seconds = 5, .warmup = 1, .timeout = 10, .label = "load",
		.kind = { [QUICK] = { .conns = 8 } },
	};
	while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (opt) {
		case ADDRESS:
			address = optarg;
			break;
		case PORT:
			port = count("port", optarg, 1, 65535);
			break;
		case QUICK_N:
			to->kind[QUICK].conns = count("quick", optarg, 0, CONNS_MAX);
			break;
		case SLOW_N:
			to->kind[SLOW].conns = count("slow", optarg, 0, CONNS_MAX);
			break;
		case QUICK_PATH:
		case SLOW_PATH:
			add_path(to, opt == QUICK_PATH ? QUICK : SLOW, optarg);
			break;
		case QUICK_PAUSE:
			to->kind[QUICK].pause = number("quick-pause", optarg, 0, 1e6) / 1000;
			break;
		case SLOW_PAUSE:
			to->kind[SLOW].pause = number("slow-pause", optarg, 0, 1e6) / 1000;
			break;
		case SECONDS:
			to->seconds = number("seconds", optarg, 0.1, 3600);
			break;
		case WARMUP:
			to->warmup = number("warmup", optarg, 0, 3600);
			break;
		case TIMEOUT:
			to->timeout = number("timeout", optarg, 0.1, 3600);
			break;
		case LABEL:
			to->label = optarg;
			break;
		case TEXT:
			to->text = true;
			break;
		case GET:
			to->get = optarg;
			break;
		case HELP:
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(2);
	}
	set_server(to, address, port);
	if (to->get)
		check_path(to->get);
	if (!to->kind[QUICK].paths)
		add_path(to, QUICK, "/quick");
	if (!to->kind[SLOW].paths)
		add_path(to, SLOW, "/slow?ms=30");
}
