// SPDX-License-Identifier: GPL-2.0
/* Typed channels: a view does what it is for, and is a view of its own type. */
#include <gt/gt.h>

static int sends(GT_SENDER(int) out)
{
	int number = 1;

	GT_CHAN_SEND(out, &number);
	number += GT_CHAN_RECV(out, &number);					// wrong
	number += GT_CHAN_TRY_RECV(out, &number);				// wrong
	number += GT_CHAN_RECV_UNTIL(out, &number, 0);				// wrong
	number += GT_CASE_RECV(out, &number).ok;				// wrong
	(void)GT_RECEIVER_OF(out);						// wrong
	GT_CHAN_CLOSE(out);
	GT_CHAN_PUT(GT_CHAN_GET(GT_SENDER_OF(out)));
	return number + (int)GT_CHAN_LEN(out) + (int)GT_CHAN_CAP(out);
}

static int receives(GT_RECEIVER(int) in)
{
	int number = GT_CHAN_RECV(in, NULL);

	GT_CHAN_SEND(in, &number);						// wrong
	number += GT_CHAN_TRY_SEND(in, &number);				// wrong
	number += GT_CHAN_SEND_UNTIL(in, &number, 0);				// wrong
	number += GT_CASE_SEND(in, &number).ok;					// wrong
	(void)GT_SENDER_OF(in);							// wrong
	GT_CHAN_CLOSE(in);							// wrong
	GT_CHAN_PUT(GT_CHAN_GET(GT_RECEIVER_OF(in)));
	return number + (int)GT_CHAN_LEN(in) + (int)GT_CHAN_CAP(in);
}

int views(struct gt_chan *plain);
int views(struct gt_chan *plain)
{
	GT_CHAN(int) both = GT_CHAN_MAKE(int, 1);
	GT_CHAN(long) wide = GT_CHAN_MAKE(long, 1);
	GT_SENDER(int) out = GT_SENDER_OF(both);
	GT_RECEIVER(int) in = GT_RECEIVER_OF(both);
	char ***no_channel = (char ***)0;
	int number = 0;

	both = wide;						// wrong: -Werror=incompatible-pointer-types
	both = out;						// wrong: -Werror=incompatible-pointer-types
	both = in;						// wrong: -Werror=incompatible-pointer-types
	both = plain;						// wrong: -Werror=incompatible-pointer-types
	plain = both;						// wrong: -Werror=incompatible-pointer-types
	both = GT_CHAN_MAKE(long, 1);				// wrong: -Werror=incompatible-pointer-types
	both = GT_CHAN_GET(wide);				// wrong: -Werror=incompatible-pointer-types
	out = in;						// wrong: -Werror=incompatible-pointer-types
	in = GT_SENDER_OF(both);				// wrong: -Werror=incompatible-pointer-types
	out = GT_SENDER_OF(wide);				// wrong: -Werror=incompatible-pointer-types
	number += sends(in);					// wrong: -Werror=incompatible-pointer-types
	number += receives(GT_RECEIVER_OF(wide));		// wrong: -Werror=incompatible-pointer-types
	gt_chan_send(both, &number);				// wrong: -Werror=incompatible-pointer-types

	GT_CHAN_SEND(plain, &number);						// wrong
	GT_CHAN_CLOSE(plain);							// wrong
	GT_CHAN_PUT(plain);							// wrong
	GT_CHAN_PUT(no_channel);						// wrong
	GT_CHAN_PUT(&number);							// wrong
	GT_CHAN_PUT(number);							// wrong
	number += (int)GT_CHAN_LEN(no_channel);					// wrong

	plain = GT_CHAN_UNTYPED(both);
	(void)no_channel, (void)plain, (void)wide;
	return sends(out) + receives(in) + number;
}
