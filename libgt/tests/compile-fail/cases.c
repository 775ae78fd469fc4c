// SPDX-License-Identifier: GPL-2.0
/* Select with typed channels, and elements of which no channel can be made. */
#include <gt/gt.h>

struct small { char bytes[1 << 16]; };
struct large { char bytes[(1 << 16) + 1]; };

#ifdef __cplusplus
struct deep {
	deep(const deep &from) : text(from.text) {}
	const char *text;
};
#endif

int cases(void);
int cases(void)
{
	GT_CHAN(int) numbers = GT_CHAN_MAKE(int, 1);
	GT_CHAN(struct small) smalls = GT_CHAN_MAKE(struct small, 1);
	int number = 1;
	long wide = 1;
	struct gt_case two[2];

	two[0] = GT_CASE_SEND(numbers, &number);
	two[1] = GT_CASE_RECV(smalls, NULL);
	two[0] = GT_CASE_SEND(numbers, &wide);					// wrong
	two[0] = GT_CASE_SEND(numbers, number);					// wrong
	two[1] = GT_CASE_RECV(numbers, &wide);					// wrong
	two[1] = GT_CASE_RECV(smalls, &number);					// wrong

	GT_SELECT {
	GT_ON(GT_CASE_RECV(numbers, &number))
		number = GT_OK;
	GT_ON(GT_CASE_RECV(numbers, &wide)) {}					// wrong
	GT_ON_DEFAULT
		number = 3;
	}

	GT_CHAN_PUT(GT_CHAN_MAKE(struct large, 1));				// wrong
	GT_CHAN_PUT(GT_CHAN_MAKE(void, 1));					// wrong
	GT_CHAN_PUT(GT_CHAN_MAKE(int (void), 1));				// wrong
#ifdef __cplusplus
	GT_CHAN_PUT(GT_CHAN_MAKE(deep, 1));					// wrong in C++
#endif
	(void)wide;
	return gt_select(two, 2, 0) + number;
}
