/* SPDX-License-Identifier: MIT */
/*
 * The smallest gt program: three tasks send on one channel, the main task
 * receives until it is closed. Try it with GTMAXPROCS=1.
 */
#include <stdio.h>

#include <gt/gt.h>

struct greeter {
	const char *language, *greeting;
	struct gt_chan *out;
};

static struct gt_wg greeters;

static void greet(void *arg)
{
	const struct greeter *greeter = arg;
	char line[64];

	snprintf(line, sizeof(line), "%s (%s)", greeter->greeting, greeter->language);
	gt_chan_send(greeter->out, line);
	gt_wg_done(&greeters);
}

static void close_when_done(void *out)
{
	gt_wg_wait(&greeters);
	gt_chan_close(out);
}

int gt_main(int argc, char **argv)
{
	static const char *const words[][2] = {
		{ "English", "hello" }, { "French", "bonjour" }, { "Swahili", "habari" },
	};
	struct gt_chan *lines = gt_chan_make(64, 0);
	char line[64];

	(void)argc, (void)argv;
	if (!lines)
		return 1;
	for (int i = 0; i < 3; i++) {
		struct greeter greeter = { words[i][0], words[i][1], lines };

		gt_wg_add(&greeters, 1);
		if (gt_go_copy(greet, &greeter, sizeof(greeter))) /* each has its own copy */
			gt_wg_done(&greeters);
	}
	if (gt_go(close_when_done, lines))
		return 1;
	while (gt_chan_recv(lines, line))
		puts(line);
	gt_chan_put(lines);
	return 0;
}
