/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word that kernel and user space share: kmod/word.c, libgt/sched/handoff.c.
 *
 * A worker runs user code and enters the runtime, where it uses its P, and changes it for
 * another if it likes. It blocks between any two of its steps. Takers take its P while it
 * is blocked, use it and let it go; somebody sets a flag now and then. Steps are sequentially
 * consistent here, as compare-and-swaps and what they order are; that the plain ones are
 * ordered is argued where the code is.
 *
 * owner, the ghost, says who has each P. Nobody else may believe to have it, and at the end
 * nobody waits for one that nobody has.
 *
 * The kernel forgets which block it was
 * weaken: HELD, BLOCKED + (blocks << 8) => HELD, BLOCKED
 *   with: BLOCKED + (blocks << 8), HELD => BLOCKED, HELD
 * (A) takes what was taken for held
 * weaken: tries < TRIES && BASE(old) == from -> => tries < TRIES && (BASE(old) == from || from == HELD && STATE(old) == TAKEN) ->
 * (A) does not compare
 * weaken: :: seen == old -> word = to => :: from == HELD || seen == old -> word = to
 * (B) does not compare
 * weaken: :: seen == old -> word = to => :: from != HELD || seen == old -> word = to
 * (B) is left out
 * weaken: change(BLOCKED + (blocks << 8), HELD) => skip
 * One try: a flag that changes meanwhile makes the kernel give up
 * weaken: #define TRIES 4 => #define TRIES 1
 * The taker does not compare
 * weaken: :: word == w -> word = TAKEN; => :: true -> word = TAKEN;
 * The taker reads what the worker holds, or where it is, before the word
 * weaken: w = word; p = held; i = inside; => p = held; w = word; i = inside;
 * weaken: w = word; p = held; i = inside; => i = inside; w = word; p = held;
 * The taker does not ask where the worker is
 * weaken: BLOCKED && !i -> => BLOCKED ->
 * The worker looks before it says that it is inside; it says that it is outside too soon
 * weaken: inside = 1; MAY_BLOCK LOOK; => LOOK; MAY_BLOCK inside = 1;
 * weaken: MAY_BLOCK use(); MAY_BLOCK inside = 0; => MAY_BLOCK inside = 0; MAY_BLOCK use();
 * The worker does not look
 * weaken: :: STATE(w) == TAKEN -> => :: false ->
 */
#define HELD 1
#define BLOCKED 2
#define TAKEN 3
#define FLAG 16
#define STATE(w) ((w) & 15)
#define BASE(w) ((w) - ((w) & FLAG))
#define TRIES 4
#define BLOCKS 2
#define ROUNDS 2

#define NOBODY 0
#define WORKER 1
#define TAKER 2

int word = HELD;
bit inside = 0;
bit held = 0;
byte owner[2] = { WORKER, NOBODY };
bit asked = 0;		/* the flag is set, and nobody has cleared it */

inline change(source, target)
{
	from = source;
	to = target;
	tries = 0;
	old = word;
	do
	:: tries < TRIES && BASE(old) == from ->
		atomic {
			seen = word;
			if
			:: seen == old -> word = to + (old & FLAG)
			:: else
			fi
		}
		if
		:: seen == old -> break
		:: else -> old = seen; tries++
		fi
	:: else -> break
	od;
	skip; d_step { old = 0; seen = 0; tries = 0; from = 0; to = 0 }
}

inline block()
{
	blocks++;
	change(HELD, BLOCKED + (blocks << 8));			/* (A) */
	assert(STATE(word) != HELD);
	change(BLOCKED + (blocks << 8), HELD);			/* (B) */
	assert(STATE(word) != BLOCKED);
}

/* A flag that was set is there, and nobody's else. */
#define LOOK atomic { w = word; assert(STATE(w) != HELD || asked == ((w & FLAG) != 0)) }

#define MAY_BLOCK if :: blocks < BLOCKS -> block() :: true fi;

/* In the runtime: the P is the worker's, which may change it for another. */
inline use()
{
	assert(owner[held] == WORKER);
	if
	:: atomic { owner[1 - held] == NOBODY -> owner[1 - held] = WORKER };
	   q = held;
	   held = 1 - q;
	   MAY_BLOCK
	   owner[q] = NOBODY
	:: true
	fi;
	assert(owner[held] == WORKER)
}

active proctype worker()
{
	int w, old, seen, from, to;
	byte blocks = 0, tries, round;
	bit q;

	for (round : 1 .. ROUNDS) {
		MAY_BLOCK
		inside = 1; MAY_BLOCK LOOK;
		if
		:: w == HELD ->
			assert(owner[held] == WORKER)
		:: w == HELD + FLAG ->
			atomic {
				assert(word == w && asked && owner[held] == WORKER);
				word = HELD;
				asked = 0
			}
		:: STATE(w) == TAKEN ->
			assert(owner[held] != WORKER);
			if
			:: atomic { owner[0] == NOBODY -> owner[0] = WORKER; held = 0 }
			:: atomic { owner[1] == NOBODY -> owner[1] = WORKER; held = 1 }
			fi;
			word = HELD
		:: else ->
			assert(owner[held] == WORKER)
		fi;
		MAY_BLOCK use(); MAY_BLOCK inside = 0;
		MAY_BLOCK
	}
}

active [2] proctype taker()
{
	int w;
	bit p, i, mine;

end:	do
	:: STATE(word) == BLOCKED ->
		w = word; p = held; i = inside;
		mine = 0;
		if
		:: STATE(w) == BLOCKED && !i ->
			atomic {
				if
				:: word == w -> word = TAKEN;
					assert(owner[p] == WORKER && p == held && !inside);
					owner[p] = TAKER;
					asked = 0;
					mine = 1
				:: else
				fi
			}
		:: else
		fi;
		if
		:: mine ->
			assert(owner[p] == TAKER);
			owner[p] = NOBODY
		:: else
		fi;
		skip; d_step { w = 0; p = 0; i = 0; mine = 0 }
	od
}

active proctype asker()
{
end:	atomic { word == HELD -> word = HELD + FLAG; asked = 1 }
}
