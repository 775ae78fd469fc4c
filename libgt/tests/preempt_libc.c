// SPDX-License-Identifier: GPL-2.0
/*
 * Preemption in the middle of libc: more tasks than processors allocate, print, split
 * strings and use thread-local variables, and are preempted every 100 us. What each
 * computes is checked against what it must be.
 *
 * GT_TEST_CPU_SECONDS says how much CPU time each test may use, 0.5 by default; give
 * GT_TEST_TIMEOUT as well for minutes of it.
 */
#include <inttypes.h>
#include <time.h>

#include "test.h"

enum { TASKS = 12, LINE = 128, POINTERS = 16, TLS_WORDS = 64 };

static atomic_long rounds, lines;
static FILE *file;
static int64_t cpu_end;

static int64_t cpu_now(void)
{
	struct timespec ts;

	CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return ts.tv_sec * GT_SECOND + ts.tv_nsec;
}

static double cpu_seconds(void)
{
	const char *text = getenv("GT_TEST_CPU_SECONDS");
	double seconds = text ? atof(text) : 0.5;

	return seconds > 0 ? seconds : 0.5;
}

static uint32_t checksum(const char *text, size_t size)
{
	uint32_t sum = 1;
	size_t i;

	for (i = 0; i < size; i++)
		sum = sum * 31 + (unsigned char)text[i];
	return sum;
}

/* Each task has a byte of its own: a block that two are given shows. */
static void allocates(long me, uint64_t *state)
{
	unsigned char *blocks[POINTERS];
	size_t sizes[POINTERS], j;
	int i;

	for (i = 0; i < POINTERS; i++) {
		sizes[i] = 1 + test_random(state) % 3000;
		CHECK(blocks[i] = malloc(sizes[i]));
		memset(blocks[i], (int)me * POINTERS + i, sizes[i]);
	}
	for (i = 0; i < POINTERS; i++) {
		if (i % 4 == 3) {
			sizes[i] = sizes[i] / 2 + 1;
			CHECK(blocks[i] = realloc(blocks[i], sizes[i]));
		}
		for (j = 0; j < sizes[i]; j++)
			if (blocks[i][j] != (unsigned char)(me * POINTERS + i))
				test_fail(__FILE__, __LINE__, "a block has changed");
		free(blocks[i]);
	}
}

/* A line that says what it must be. */
static void prints(long me, uint64_t *state)
{
	char line[LINE];
	long number = test_random(state);
	int length;

	length = snprintf(line, sizeof(line), "%ld %ld %.6f %s", me, number, number / 3.0,
			  number % 2 ? "odd" : "even");
	CHECK(length > 0 && length < LINE);
	CHECK(fprintf(file, "%s %" PRIu32 "\n", line, checksum(line, length)) > 0);
	atomic_fetch_add(&lines, 1);
}

static void splits(uint64_t *state)
{
	char text[256] = "", *save, *word;
	long sum = 0, expected = 0, number;
	int i, length = 0;

	for (i = 0; i < 20; i++) {
		number = test_random(state) % 10000;
		expected += number;
		length += snprintf(text + length, sizeof(text) - length, "%ld;", number);
	}
	for (word = strtok_r(text, ";", &save); word; word = strtok_r(NULL, ";", &save))
		sum += strtol(word, NULL, 10);
	CHECK_EQ(sum, expected);
}

static __thread long words[TLS_WORDS];

/* No call of the runtime's in between: the thread is the same, and only ours. */
NOINLINE static void uses_thread_locals(long me, uint64_t *state)
{
	long seed = test_random(state), i, round;

	errno = (int)me + 1;
	for (i = 0; i < TLS_WORDS; i++)
		words[i] = seed + i * me;
	for (round = 0; round < 50; round++)
		for (i = 0; i < TLS_WORDS; i++)
			if (words[i]++ != seed + i * me + round)
				test_fail(__FILE__, __LINE__, "a thread-local variable changed");
	CHECK_EQ(errno, me + 1);
}

/* Registers of all kinds come back. */
NOINLINE static void computes(void)
{
	double a = 1, b = 2, c = 3, d = 4, sum = 0;
	unsigned __int128 wide = 1;
	int i;

	for (i = 1; i <= 2000; i++) {
		a += 1;
		b += 2;
		c += 3;
		d += 4;
		sum += i;
		wide = wide * 3 + 1;
	}
	CHECK(a == 2001 && b == 4002 && c == 6003 && d == 8004 && sum == 2001000);
	for (i = 0; i < 2000; i++)
		wide = (wide - 1) * (((unsigned __int128)0xaaaaaaaaaaaaaaaau << 64) |
				     0xaaaaaaaaaaaaaaabu);
	CHECK(wide == 1);
}

static int compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sorts(uint64_t *state)
{
	int numbers[300], i;
	long sum = 0;

	for (i = 0; i < 300; i++)
		sum += numbers[i] = test_random(state) % 100000;
	qsort(numbers, 300, sizeof(*numbers), compare);
	for (i = 0; i < 300; i++) {
		CHECK(!i || numbers[i] >= numbers[i - 1]);
		sum -= numbers[i];
	}
	CHECK_EQ(sum, 0);
}

static void works(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	long i, me = (long)arg;

	for (i = 0; cpu_now() < cpu_end; i++) {
		allocates(me, &state);
		splits(&state);
		uses_thread_locals(me, &state);
		computes();
		sorts(&state);
		if (i % 4 == 0)
			prints(me, &state);
		if (i % 8 == 7)
			gt_yield();
		atomic_fetch_add(&rounds, 1);
	}
}

static void check_lines(void)
{
	char line[2 * LINE];
	uint32_t sum;
	long seen = 0;
	char *end;

	rewind(file);
	for (; fgets(line, sizeof(line), file); seen++) {
		CHECK(end = strrchr(line, ' '));
		sum = strtoul(end + 1, NULL, 10);
		CHECK_EQ(sum, checksum(line, end - line));
	}
	CHECK_EQ(seen, lines);
	fclose(file);
}

static void libc_survives(void)
{
	struct gt_stats stats;
	long i;

	CHECK(file = tmpfile());
	cpu_end = cpu_now() + (int64_t)(cpu_seconds() * GT_SECOND);
	for (i = 1; i <= TASKS; i++)
		CHECK_EQ(gt_go(works, (void *)i), 0);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	check_lines();
	CHECK(rounds > 0);
	/* With several it is luck whether a slice ends while somebody waits. */
	if (!TEST_TSAN && test_procs == 1)
		CHECK(stats.preemptions_held > 0);
	printf("# %d processors: %ld rounds, %ld lines, preempted %llu, held %llu, late %llu, "
	       "refused %llu, at most %llu held, let go %llu, handed off %llu\n", test_procs,
	       rounds, lines, (unsigned long long)stats.preemptions,
	       (unsigned long long)stats.preemptions_held,
	       (unsigned long long)stats.preemptions_late,
	       (unsigned long long)stats.preemptions_refused,
	       (unsigned long long)stats.held_max, (unsigned long long)stats.held_let_go,
	       (unsigned long long)stats.handoffs);
	fflush(stdout);
}

#define LIBC_TEST(name, procs, arenas) \
	PLAIN_TEST(name) \
	{ \
		test_debug("slice=100"); \
		mallopt(M_ARENA_MAX, arenas); \
		test_run(procs, libc_survives); \
	}

LIBC_TEST(libc_survives_on_one_processor, 1, 1)
LIBC_TEST(libc_survives_on_two, 2, 1)
LIBC_TEST(libc_survives_on_eight, 8, 8)

/* strtok() has one state for all: its users must hold off each other. */
static atomic_long overlaps;

static void splits_alone(void *arg)
{
	char text[] = "1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16", *word;
	static atomic_int inside;
	long sum = 0;

	while (cpu_now() < cpu_end) {
		gt_preempt_off();
		if (atomic_fetch_add(&inside, 1))
			atomic_fetch_add(&overlaps, 1);
		memcpy(text, "1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16", sizeof(text));
		for (sum = 0, word = strtok(text, ";"); word; word = strtok(NULL, ";"))
			sum += strtol(word, NULL, 10);
		atomic_fetch_sub(&inside, 1);
		gt_preempt_on();
		CHECK(sum == 136 || overlaps);
		atomic_fetch_add(&rounds, 1);
	}
	(void)arg;
}

static void strtok_survives(void)
{
	struct gt_stats stats;
	long i;

	cpu_end = cpu_now() + (int64_t)(cpu_seconds() * GT_SECOND / 4);
	for (i = 0; i < TASKS; i++)
		CHECK_EQ(gt_go(splits_alone, NULL), 0);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(rounds > 0);
	CHECK(!overlaps || stats.held_let_go);
}

PLAIN_TEST(strtok_with_preemption_held_off)
{
	setenv("GTHANDOFF", "off", 1);
	test_debug("slice=100");
	test_run(1, strtok_survives);
}

TEST_MAIN
