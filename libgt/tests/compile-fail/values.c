// SPDX-License-Identifier: GPL-2.0
/* Typed channels: what is sent and received is a pointer to an element. */
#include <gt/gt.h>

struct job { int number; };
struct other { int number; };

int values(void);
int values(void)
{
	GT_CHAN(int) numbers = GT_CHAN_MAKE(int, 1);
	GT_CHAN(struct job) jobs = GT_CHAN_MAKE(struct job, 1);
	GT_CHAN(const char *) names = GT_CHAN_MAKE(const char *, 1);
	GT_CHAN(int[4]) quads = GT_CHAN_MAKE(int[4], 1);
	int number = 1, quad[4] = { 1, 2, 3, 4 };
	const int fixed = 2;
	unsigned int positive = 3;
	long wide = 4;
	struct job job = { 1 };
	struct other other = { 2 };
	const char *name = "name";
	char *variable = (char *)0;
	void *any = &number;
	int result = 0;

	GT_CHAN_SEND(numbers, &number);
	GT_CHAN_SEND(numbers, &fixed);
	GT_CHAN_SEND(jobs, &job);
	GT_CHAN_SEND(names, &name);
	GT_CHAN_SEND(quads, &quad);
	result += GT_CHAN_RECV(numbers, &number);
	result += GT_CHAN_RECV(numbers, NULL);
	result += GT_CHAN_RECV(names, &name);
	result += GT_CHAN_TRY_RECV(quads, &quad);

	GT_CHAN_SEND(numbers, number);						// wrong
	GT_CHAN_SEND(numbers, 5);						// wrong
	GT_CHAN_SEND(numbers, &wide);						// wrong
	GT_CHAN_SEND(numbers, &positive);					// wrong
	GT_CHAN_SEND(numbers, any);						// wrong
	GT_CHAN_SEND(numbers, &job);						// wrong
	GT_CHAN_SEND(jobs, &other);						// wrong
	GT_CHAN_SEND(jobs, job);						// wrong
	GT_CHAN_SEND(names, name);						// wrong
	GT_CHAN_SEND(names, &variable);						// wrong in C
	GT_CHAN_SEND(quads, &quad[0]);						// wrong
	result += GT_CHAN_TRY_SEND(numbers, &wide);				// wrong
	result += GT_CHAN_SEND_UNTIL(numbers, &wide, 0);			// wrong

	result += GT_CHAN_RECV(numbers, number);				// wrong
	result += GT_CHAN_RECV(numbers, &fixed);				// wrong
	result += GT_CHAN_RECV(numbers, &wide);					// wrong
	result += GT_CHAN_RECV(numbers, &positive);				// wrong
	result += GT_CHAN_RECV(numbers, any);					// wrong
	result += GT_CHAN_RECV(jobs, &other);					// wrong
	result += GT_CHAN_RECV(names, &variable);				// wrong
	result += GT_CHAN_RECV(names, name);					// wrong
	result += GT_CHAN_TRY_RECV(numbers, &wide);				// wrong
	result += GT_CHAN_RECV_UNTIL(numbers, &wide, 0);			// wrong

	(void)wide, (void)positive, (void)other, (void)variable, (void)any;
	return result;
}
