/* SPDX-License-Identifier: MIT */
/*
 * What the environment asks of a run. A value that cannot be understood is an
 * error, not a default: who sets a variable wants it to count.
 *
 *	GTMAXPROCS=N			processors; else what gt_config_maxprocs() says
 *	GTBACKEND=auto|kmod|futex	auto takes kmod where the device serves
 *	GTHANDOFF=on|off		off leaves blocked threads their processors
 *	GTDEVICE=PATH			in place of /dev/gt
 *	GTDEBUG=1,migrate=1		say what was chosen; move tasks all the time
 *		preempt=off,slice=N,held=N	no preemption; us of a slice; threads held
 *	GTDEBUG=guard=advice|arena|write|protect
 *					how guards are made at best; see guard.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "base/cgroup.h"
#include "gt/task.h"
#include "sched/preempt.h"
#include "sched/sched.h"

static int refuse(const char *name, const char *value, const char *accepted)
{
	fprintf(stderr, "gt: %s=%s is not understood: use %s\n", name, value, accepted);
	return -EINVAL;
}

/* Affinity masks may be larger than cpu_set_t knows: ask with growing ones. */
static int affinity_count(pid_t tid)
{
	for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(cpus);
		size_t size = CPU_ALLOC_SIZE(cpus);
		int count = 0;

		if (!set)
			break;
		if (!sched_getaffinity(tid, size, set))
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (count)
			return count < GT_MAXPROCS_MAX ? count : GT_MAXPROCS_MAX;
		if (errno != EINVAL)
			break;
	}
	return 1;
}

/*
 * As many as CPUs in the mask, or as the quota of the control groups is worth, if that
 * is less; but two at least, so that one long task does not hold up all others: a quota
 * is no bound on what runs at once. The rule is Go's (runtime, cgroup_linux.go). During
 * a run the backend may know of quotas that are hidden from us.
 */
int gt_config_maxprocs(pid_t tid)
{
	static struct gt_lock lock;
	static struct gt_cgroup cgroup;		/* lock */
	int count = affinity_count(tid), quota, hidden = 0;

	gt_lock(&lock);
	quota = gt_cgroup_cpus(&cgroup, "");
	gt_unlock(&lock);
	if (gt_load(&gt_sched.phase) >= GT_STARTING && gt_sched.backend && gt_sched.backend->cpu_limit)
		hidden = gt_sched.backend->cpu_limit();
	if (hidden && (!quota || hidden < quota))
		quota = hidden;
	if (quota == 1)
		quota = 2;
	return quota && quota < count ? quota : count;
}

static int read_maxprocs(struct gt_config *config)
{
	const char *value = getenv("GTMAXPROCS");
	char *end;
	long n;

	if (!value || !*value) {
		config->maxprocs = gt_config_maxprocs(0);
		return 0;
	}
	errno = 0;
	n = strtol(value, &end, 10);
	if (*end || errno || n < 1)
		return refuse("GTMAXPROCS", value, "a number from 1 to 256");
	config->maxprocs_fixed = true;
	config->maxprocs = n < GT_MAXPROCS_MAX ? (int)n : GT_MAXPROCS_MAX;
	return 0;
}

/* The index of the variable's value among words, or the default; -EINVAL. */
static int read_word(const char *name, const char *const *words, int fallback,
		     const char *accepted)
{
	const char *value = getenv(name);

	if (!value || !*value)
		return fallback;
	for (int i = 0; words[i]; i++)
		if (!strcmp(value, words[i]))
			return i;
	return refuse(name, value, accepted);
}

static bool is(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && !strncmp(text, word, length);
}

/* Is it a name and a number within bounds? */
static bool is_number(const char *text, size_t length, const char *name, long least, long most,
		      long *number)
{
	size_t start = strlen(name);
	char *end;

	if (strncmp(text, name, start) || text[start] < '0' || text[start] > '9')
		return false;
	errno = 0;
	*number = strtol(text + start, &end, 10);
	return end == text + length && !errno && *number >= least && *number <= most;
}

static int read_debug(struct gt_config *config)
{
	static const char accepted[] =
		"a comma-separated list of: 1, migrate=1, preempt=off, slice=MICROSECONDS, "
		"held=THREADS, guard=advice, guard=arena, guard=write, guard=protect";
	const char *value = getenv("GTDEBUG"), *word = value;
	long number;

	while (word && *word) {
		size_t length = strcspn(word, ",");

		if (is(word, length, "1"))
			config->verbose = true;
		else if (is(word, length, "migrate=1"))
			config->migrate = true;
		else if (is(word, length, "preempt=off"))
			config->preempt = false;
		else if (is_number(word, length, "slice=", 20, 10000000, &number))
			config->slice = number * 1000;
		else if (is_number(word, length, "held=", 0, 10000, &number))
			config->held_max = number;
		else if (is(word, length, "guard=advice"))
			config->guard = GT_GUARD_ADVICE;
		else if (is(word, length, "guard=arena"))
			config->guard = GT_GUARD_ARENA;
		else if (is(word, length, "guard=write"))
			config->guard = GT_GUARD_WRITE;
		else if (is(word, length, "guard=protect"))
			config->guard = GT_GUARD_PROTECT;
		else if (!is(word, length, "0"))
			return refuse("GTDEBUG", value, accepted);
		word += length + (word[length] == ',');
	}
	return 0;
}

int gt_config_read(struct gt_config *config)
{
	static const char *const backends[] = { "auto", "kmod", "futex", NULL };
	static const char *const switches[] = { "off", "on", NULL };
	int backend, handoff, error;

	memset(config, 0, sizeof(*config));
	config->preempt = true;
	config->slice = GT_SLICE;
	config->held_max = GT_HELD_MAX;
	error = read_maxprocs(config);
	if (error)
		return error;
	backend = read_word("GTBACKEND", backends, GT_WANT_AUTO, "auto, kmod or futex");
	if (backend < 0)
		return backend;
	config->backend = backend;
	handoff = read_word("GTHANDOFF", switches, 1, "on or off");
	if (handoff < 0)
		return handoff;
	config->handoff = handoff;
	config->device = getenv("GTDEVICE");
	if (!config->device || !*config->device)
		config->device = "/dev/gt";
	return read_debug(config);
}
