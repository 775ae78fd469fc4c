/* SPDX-License-Identifier: MIT */
/*
 * The handlers of the example server:
 *
 *   GET /quick		answers from memory, a table of 48 lines
 *   GET /slow?ms=30	blocks the thread for so long in a plain read()
 *   GET /lib?ms=30	blocks it inside a library, here libc's semaphores
 *   GET /stats		the scheduler's counters, as JSON
 *
 * The two that block tell the runtime nothing. It finds out, and lets the other
 * tasks run meanwhile, even with GTMAXPROCS=1: that is what this server shows.
 */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <gt/gt.h>

#include "routes.h"

#define ITEMS 48

/* What /quick shows: some data that is in memory. */
static struct item {
	unsigned int number, stock, price;
} items[ITEMS];

__attribute__((__constructor__)) static void stock_up(void)
{
	for (unsigned int i = 0; i < ITEMS; i++)
		items[i] = (struct item){ i + 1, i * 7919 % 100, i * 104729 % 10000 };
}

static void get_quick(const struct http_request *request, struct http_response *response)
{
	size_t len = 0;

	(void)request;
	for (const struct item *item = items; item < items + ITEMS; item++)
		len += snprintf(response->body + len, sizeof(response->body) - len,
				"item %2u: %2u in stock, at %2u.%02u\n", item->number,
				item->stock, item->price / 100, item->price % 100);
	response->length = len;
}

/* Block in a read() of a timer's descriptor. Returns 0 or an errno value. */
static int block_in_read(unsigned int ms)
{
	struct itimerspec when = { .it_value = { ms / 1000, ms % 1000 * 1000000 } };
	uint64_t ticks;
	int fd, err = 0;

	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0)
		return errno;
	if (timerfd_settime(fd, 0, &when, NULL) || read(fd, &ticks, sizeof(ticks)) < 0)
		err = errno;
	close(fd);
	return err;
}

/* Block in a library that knows nothing of gt. Returns 0 or an errno value. */
static int block_in_library(unsigned int ms)
{
	struct timespec until;
	sem_t never;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;

	if (sem_init(&never, 0, 0))
		return errno;
	do
		err = sem_timedwait(&never, &until) ? errno : 0;
	while (err == EINTR);
	sem_destroy(&never);
	return err == ETIMEDOUT ? 0 : err;
}

static atomic_int blocking; /* requests in the two handlers that block */

static int counted(unsigned int ms, int (*block)(unsigned int ms))
{
	int err;

	atomic_fetch_add(&blocking, 1);
	err = block(ms);
	atomic_fetch_sub(&blocking, 1);
	return err;
}

static void get_blocking(const struct http_request *request,
			 struct http_response *response, int (*block)(unsigned int ms))
{
	unsigned int ms = 30;

	if (http_query_number(request, "ms", ROUTES_BLOCK_MAX_MS, &ms))
		http_status(response, 400);
	else if (ms && counted(ms, block))
		http_status(response, 500);
	else
		response->length = snprintf(response->body, sizeof(response->body),
					    "blocked for %u ms\n", ms);
}

static void get_slow(const struct http_request *request, struct http_response *response)
{
	get_blocking(request, response, block_in_read);
}

static void get_lib(const struct http_request *request, struct http_response *response)
{
	get_blocking(request, response, block_in_library);
}

static void get_stats(const struct http_request *request, struct http_response *response)
{
	struct gt_stats stats;

	(void)request;
	gt_stats_read(&stats, sizeof(stats));
#define STAT(name) "\"" #name "\": %" PRIu64
	response->type = "application/json";
	response->length = snprintf(
		response->body, sizeof(response->body),
		"{\n\"backend\": \"%s\",\n\"maxprocs\": %d,\n\"tasks\": %zu,\n"
		"\"blocking\": %d,\n"
		STAT(tasks_started) ",\n" STAT(threads_started) ",\n" STAT(threads) ",\n"
		STAT(steals) ",\n" STAT(handoffs) ",\n" STAT(handoffs_refused) ",\n"
		STAT(regains) ",\n" STAT(requeues) ",\n" STAT(gap_ns) ",\n"
		STAT(kernel_blocks) ",\n" STAT(kernel_uncovered) "\n}\n",
		gt_backend_name(), gt_gomaxprocs(0), gt_task_count(),
		atomic_load(&blocking), stats.tasks_started, stats.threads_started, stats.threads, stats.steals, stats.handoffs,
		stats.handoffs_refused, stats.regains, stats.requeues, stats.gap_ns,
		stats.kernel_blocks, stats.kernel_uncovered);
#undef STAT
}

static const struct {
	const char *path;
	void (*get)(const struct http_request *request, struct http_response *response);
} routes[] = {
	{ "/quick", get_quick },
	{ "/slow", get_slow },
	{ "/lib", get_lib },
	{ "/stats", get_stats },
};

void routes_answer(const struct http_request *request, struct http_response *response)
{
	http_status(response, 200);
	if (strcmp(request->method, "GET") && strcmp(request->method, "HEAD")) {
		http_status(response, 405);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!strcmp(request->path, routes[i].path)) {
			routes[i].get(request, response);
			return;
		}
	}
	http_status(response, 404);
}
