/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blocks that wake nobody, as something is to spare: kmod/block.c, libgt/sched/handoff.c.
 *
 * Two workers block for longer than the grace. The kernel says so, counts it, looks at
 * spare, and raises the event for that worker or does not. User space takes the last idle P
 * and puts one back, some times; as it takes the last it looks at the workers. Steps are
 * sequentially consistent here: that is what the full barriers on both sides are for.
 *
 * At no time is there a worker that was kept quiet with its P, and no P idle.
 *
 * The kernel looks before it says that the worker is uncovered, or before it counts
 * weaken: reported[_pid] = 1; quiet++; LOOK => LOOK reported[_pid] = 1; quiet++;
 * weaken: reported[_pid] = 1; quiet++; LOOK => reported[_pid] = 1; LOOK quiet++;
 * The kernel counts before it says so
 * weaken: reported[_pid] = 1; quiet++; LOOK => quiet++; LOOK reported[_pid] = 1;
 * It does not count
 * weaken: reported[_pid] = 1; quiet++; => reported[_pid] = 1;
 * User space looks before it clears spare, or does not clear it
 * weaken: spare = 0; q = quiet; => q = quiet; spare = 0;
 * weaken: spare = 0; q = quiet; => q = quiet;
 * It does not look
 * weaken: q != seen && idle == 1 => false
 * It takes all for seen when it has found one
 * weaken: idle++; spare = 1 => idle++; seen = q; spare = 1
 */
#define LOOK atomic { kept[_pid] = spare };

byte spare = 1, idle = 1, quiet = 0, seen = 0;
bit reported[2], kept[2], taken[2];

#define LOST(w) (kept[w] && !taken[w])

active [2] proctype kernel()
{
	reported[_pid] = 1; quiet++; LOOK
}

active proctype user()
{
	byte q, round;

	for (round : 1 .. 5) {
		if
		:: idle == 1 ->
			spare = 0; q = quiet;
			do
			:: q != seen && idle == 1 ->
				if
				:: reported[0] && !taken[0] ->
					taken[0] = 1; idle++; spare = 1
				:: reported[1] && !taken[1] ->
					taken[1] = 1; idle++; spare = 1
				:: else -> seen = q
				fi
			:: else -> break
			od;
			idle--
		:: idle == 0 ->
			idle = 1; spare = 1
		fi
	}
}

/* Whenever it comes to look. */
active proctype monitor()
{
	assert(idle > 0 || (!LOST(0) && !LOST(1)))
}
