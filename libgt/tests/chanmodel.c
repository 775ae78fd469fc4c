// SPDX-License-Identifier: GPL-2.0
/*
 * Channels and select against a model of them, with operations drawn at random.
 *
 * Step by step: one processor, so that what a task does until it waits is one step.
 * Workers carry out sends, receives and selects of all forms; the model, sequential
 * and slow, says what may come of each: who goes on, with which value, who waits.
 *
 * All at once: tasks and threads do the same on several processors. Then only what
 * holds of every history is checked: each value is received once, those of one sender
 * on one channel in order, and after the close nothing is left.
 *
 * GT_TEST_SEED repeats a run; it is printed if one fails.
 */
#include "test.h"

static uint64_t seed, state;

static uint32_t draw(uint32_t n)
{
	return test_random(&state) % n;
}

static void start_drawing(void)
{
	const char *text = getenv("GT_TEST_SEED");

	seed = text ? strtoull(text, NULL, 0) : (uint64_t)gt_now();
	state = seed;
}

/* ------------------------------------------------------------ step by step ---- */

enum { WORKERS = 8, CHANS = 4, CASES = 6, WORDS = 5, BUFFER = 5, MAIN = WORKERS };
enum form { WAITS, TRIES, PAST, FUTURE };

/* The real operation. */
struct operation {
	int n;
	struct gt_case cases[CASES];
	int chans[CASES];			/* which, or -1 for NULL */
	long in[CASES][WORDS], out[CASES][WORDS];	/* received; to be sent */
	enum form form;
	bool plain;				/* the call for one channel, not select */
	int result;
	bool done;
};

struct worker {
	struct operation op;
	struct gt_chan *orders;
	bool waits;				/* the model's opinion */
};

/* The model of a channel. */
struct model {
	struct gt_chan *real;
	int capacity, words;
	long buffer[BUFFER];
	int count;
	bool closed;
	int recvq[WORKERS], sendq[WORKERS];	/* workers in order of arrival */
	int receivers, senders;
};

static struct worker workers[WORKERS + 1];	/* the last is the main task */
static struct model models[CHANS];
static long steps, last_value;

#define AGREE(condition) do { \
	if (!(condition)) \
		test_fail(__FILE__, __LINE__, "step %ld of seed %#llx: not true: %s", steps, \
			  (unsigned long long)seed, #condition); \
} while (0)

/* A send or receive by the call for one channel. The result is as a select's. */
static int carry_out_plain(struct operation *op)
{
	struct gt_case *one = op->cases;
	int64_t deadline = op->form == PAST ? gt_now() - 1 : gt_now() + 3600 * GT_SECOND;
	int result;

	if (one->direction == GT_DIRECTION_SEND) {
		one->ok = true;
		if (op->form == TRIES)
			return gt_chan_try_send(one->chan, one->value);
		if (op->form != WAITS)
			return gt_chan_send_until(one->chan, one->value, deadline);
		gt_chan_send(one->chan, one->value);
		return 0;
	}
	result = op->form == TRIES ? gt_chan_try_recv(one->chan, one->value) :
		 op->form == WAITS ? gt_chan_recv(one->chan, one->value) :
				     gt_chan_recv_until(one->chan, one->value, deadline);
	if (result < 0)
		return result;
	one->ok = result;
	return 0;
}

static void carry_out(struct operation *op)
{
	if (op->plain)
		op->result = carry_out_plain(op);
	else if (op->form == WAITS)
		op->result = gt_select(op->cases, op->n, 0);
	else if (op->form == TRIES)
		op->result = gt_select(op->cases, op->n, GT_SELECT_DEFAULT);
	else
		op->result = gt_select_until(op->cases, op->n, op->form == PAST ? 0 :
					     gt_now() + 3600 * GT_SECOND);
	op->done = true;
}

static void works(void *arg)
{
	struct worker *worker = arg;

	while (gt_chan_recv(worker->orders, NULL))
		carry_out(&worker->op);
}

static void fill(long *words, long value)
{
	for (int i = 0; i < WORDS; i++)
		words[i] = value;
}

static void make_chan(struct model *model)
{
	static const int capacities[] = { 0, 0, 1, 2, BUFFER };

	memset(model, 0, sizeof(*model));
	model->capacity = capacities[draw(ARRAY_SIZE(capacities))];
	model->words = draw(2) ? 1 : WORDS;
	CHECK(model->real = gt_chan_make(model->words * sizeof(long), model->capacity));
}

/* No send on a closed channel: that is a panic, which others test. */
static void make_operation(struct operation *op, bool may_wait)
{
	bool nothing = true;

	op->n = draw(3) ? 1 : draw(CASES + 1);
	op->plain = op->n == 1 && draw(2);
	op->done = false;
	for (int i = 0; i < op->n; i++) {
		int which = draw(12) ? (int)draw(CHANS) : -1;
		bool send = draw(2) && !(which >= 0 && models[which].closed);

		op->chans[i] = which;
		fill(op->in[i], -1);
		fill(op->out[i], ++last_value);
		op->cases[i].chan = which < 0 ? NULL : models[which].real;
		op->cases[i].direction = send ? GT_DIRECTION_SEND : GT_DIRECTION_RECV;
		op->cases[i].value = send ? op->out[i] : op->in[i];
		nothing &= which < 0;
	}
	op->form = may_wait && !nothing ? draw(4) : draw(2) ? TRIES : PAST;
}

static bool ready(const struct operation *op, int i)
{
	const struct model *model;

	if (op->chans[i] < 0)
		return false;
	model = &models[op->chans[i]];
	if (op->cases[i].direction == GT_DIRECTION_SEND)
		return model->receivers || model->count < model->capacity;
	return model->senders || model->count || model->closed;
}

static void remove_from(int *queue, int *count, int worker)
{
	int kept = 0;

	for (int i = 0; i < *count; i++)
		if (queue[i] != worker)
			queue[kept++] = queue[i];
	*count = kept;
}

static void stops_waiting(int worker)
{
	for (int i = 0; i < CHANS; i++) {
		remove_from(models[i].recvq, &models[i].receivers, worker);
		remove_from(models[i].sendq, &models[i].senders, worker);
	}
	workers[worker].waits = false;
}

static void starts_waiting(int worker)
{
	struct operation *op = &workers[worker].op;

	stops_waiting(worker);
	workers[worker].waits = true;
	for (int i = 0; i < op->n; i++) {
		struct model *model = op->chans[i] < 0 ? NULL : &models[op->chans[i]];
		bool send = op->cases[i].direction == GT_DIRECTION_SEND;
		int *queue, *count;

		if (!model)
			continue;
		queue = send ? model->sendq : model->recvq;
		count = send ? &model->senders : &model->receivers;
		remove_from(queue, count, worker);	/* once, whatever the duplicates */
		queue[(*count)++] = worker;
	}
}

/* The worker has gone on, by a case with that channel and direction. Returns which. */
static int chosen(int worker, const struct model *model, enum gt_direction direction)
{
	struct operation *op = &workers[worker].op;
	int i = op->result;

	AGREE(op->done);
	AGREE(i >= 0 && i < op->n);
	AGREE(op->chans[i] >= 0 && &models[op->chans[i]] == model);
	AGREE(op->cases[i].direction == direction);
	for (int j = 0; j < op->n; j++)
		for (int k = 0; k < WORDS; k++)
			AGREE(op->in[j][k] == -1 || (j == i && direction == GT_DIRECTION_RECV));
	return i;
}

static void received(int worker, const struct model *model, long value, bool ok)
{
	int i = chosen(worker, model, GT_DIRECTION_RECV);
	struct operation *op = &workers[worker].op;

	AGREE(op->cases[i].ok == ok);
	for (int k = 0; k < WORDS; k++)
		AGREE(op->in[i][k] == (k < model->words ? value : -1));
	stops_waiting(worker);
}

/* Returns the value. */
static long sent(int worker, const struct model *model)
{
	int i = chosen(worker, model, GT_DIRECTION_SEND);

	AGREE(workers[worker].op.cases[i].ok);
	stops_waiting(worker);
	return workers[worker].op.out[i][0];
}

static long take_oldest(struct model *model)
{
	long value = model->buffer[0];

	memmove(model->buffer, model->buffer + 1, --model->count * sizeof(*model->buffer));
	return value;
}

/* The worker has carried out an operation of which one case at least was ready. */
static void follow(int worker)
{
	struct operation *op = &workers[worker].op;
	struct model *model;
	long value;

	AGREE(op->done);
	AGREE(op->result >= 0 && op->result < op->n && ready(op, op->result));
	model = &models[op->chans[op->result]];
	if (op->cases[op->result].direction == GT_DIRECTION_SEND) {
		value = sent(worker, model);
		if (model->receivers)
			received(model->recvq[0], model, value, true);
		else
			model->buffer[model->count++] = value;
		return;
	}
	if (model->senders && !model->capacity) {
		received(worker, model, sent(model->sendq[0], model), true);
	} else if (model->senders || model->count) {
		received(worker, model, take_oldest(model), true);
		if (model->senders)
			model->buffer[model->count++] = sent(model->sendq[0], model);
	} else {
		received(worker, model, 0, false);
	}
}

static void compare(void)
{
	for (int i = 0; i < WORKERS; i++)
		AGREE(workers[i].op.done != workers[i].waits);
	for (int i = 0; i < CHANS; i++)
		AGREE((int)gt_chan_len(models[i].real) == models[i].count);
}

/* Let all come to their next wait. A woken one does not wake others. */
static void settle(void)
{
	for (int i = 0; i < 3; i++)
		gt_yield();
}

static void step_operation(int worker)
{
	struct operation *op = &workers[worker].op;
	bool any = false;

	make_operation(op, worker != MAIN);
	for (int i = 0; i < op->n; i++)
		any |= ready(op, i);
	if (worker == MAIN)
		carry_out(op);
	else
		gt_chan_send(workers[worker].orders, NULL);
	settle();
	if (any)
		follow(worker);
	else if (op->form == TRIES)
		AGREE(op->done && op->result == -EAGAIN);
	else if (op->form == PAST)
		AGREE(op->done && op->result == -ETIMEDOUT);
	else
		starts_waiting(worker);
}

/* Close it, if that is no panic; a closed one is freed and made anew, in time. */
static void step_close(struct model *model)
{
	if (model->senders)
		return;
	if (model->closed) {
		for (int i = 0; i < WORKERS; i++)	/* they wait for others, and know it */
			for (int j = 0; j < workers[i].op.n; j++)
				if (workers[i].waits && workers[i].op.cases[j].chan == model->real)
					return;
		gt_chan_put(model->real);
		make_chan(model);
		return;
	}
	gt_chan_close(model->real);
	model->closed = true;
	settle();
	while (model->receivers)
		received(model->recvq[0], model, 0, false);
}

static void step(void)
{
	int worker = draw(WORKERS);

	if (!draw(60))
		step_close(&models[draw(CHANS)]);
	else
		step_operation(workers[worker].waits ? MAIN : worker);
	compare();
}

/* Let all go on, by the model's leave. */
static void end_steps(void)
{
	for (int i = 0; i < CHANS; i++) {
		while (models[i].senders) {
			struct operation *op = &workers[MAIN].op;

			memset(op, 0, sizeof(*op));
			op->n = 1;
			op->form = TRIES;
			op->chans[0] = i;
			fill(op->in[0], -1);
			op->cases[0] = gt_case_recv(models[i].real, op->in[0]);
			carry_out(op);
			settle();
			follow(MAIN);
		}
		if (!models[i].closed)
			step_close(&models[i]);
		compare();
	}
	for (int i = 0; i < WORKERS; i++) {
		AGREE(!workers[i].waits);
		gt_chan_close(workers[i].orders);
	}
	AWAIT(gt_task_count() == 1);
	for (int i = 0; i < WORKERS; i++)
		gt_chan_put(workers[i].orders);
	for (int i = 0; i < CHANS; i++)
		gt_chan_put(models[i].real);	/* panics if somebody is left in it */
}

GT_TEST_ORDER(step_by_step)
{
	long count = scaled(2000000);

	start_drawing();
	for (int i = 0; i < CHANS; i++)
		make_chan(&models[i]);
	for (int i = 0; i < WORKERS; i++) {
		workers[i].op.done = true;
		CHECK(workers[i].orders = gt_chan_make(0, 0));
		CHECK_EQ(gt_go(works, &workers[i]), 0);
	}
	settle();
	for (steps = 0; steps < count; steps++)
		step();
	end_steps();
}

/* ------------------------------------------------------------- all at once ---- */

/*
 * Each task sends its quota and receives all the while. When it waits for a case to
 * send it also waits for all channels to receive from, so that two that wait can
 * always meet. The last with a quota closes; then all receive until nothing is left.
 */
enum { TASKS = 12, THREADS = 3, LANES = 4 };

struct item {
	uint32_t sender, number;
	uint64_t check;
};

static struct gt_chan *lanes[LANES];
static uint32_t quota;
static atomic_uchar *arrived;		/* [sender][number] */
static atomic_long items_sent, items_received;
static atomic_int still_sending, at_work;

static uint64_t check_of(const struct item *item)
{
	return ~((uint64_t)item->sender << 40 ^ item->number);
}

struct party {
	uint32_t me, next;
	uint64_t random;
	struct item item;			/* the next to be sent */
	struct item got;
	uint32_t last[LANES][TASKS + THREADS];	/* number received on it, from each */
	bool open[LANES];
};

static void took(struct party *party, int lane, bool ok)
{
	struct item *got = &party->got;

	CHECK(party->open[lane]);
	if (!ok) {
		CHECK_EQ(still_sending, 0);
		CHECK(!got->sender && !got->number && !got->check);
		CHECK_EQ(gt_chan_len(lanes[lane]), 0);
		party->open[lane] = false;
		return;
	}
	CHECK(got->sender < TASKS + THREADS && got->number && got->number <= quota);
	CHECK(got->check == check_of(got));
	CHECK(got->number > party->last[lane][got->sender]);
	party->last[lane][got->sender] = got->number;
	CHECK_EQ(atomic_exchange(&arrived[got->sender * (quota + 1) + got->number], 1), 0);
	atomic_fetch_add(&items_received, 1);
}

static void next_item(struct party *party)
{
	if (party->next)
		atomic_fetch_add(&items_sent, 1);
	party->item.sender = party->me;
	party->item.number = ++party->next;
	party->item.check = check_of(&party->item);
}

static uint32_t party_draw(struct party *party, uint32_t n)
{
	return test_random(&party->random) % n;
}

/* A select of receives from all channels that are open, with sends among them. */
static void selects(struct party *party, bool send)
{
	struct gt_case cases[2 * LANES + 2];
	int lane[2 * LANES + 2], n = 0, result;
	int sends = send ? 1 + party_draw(party, 2) : 0;

	for (int i = 0; i < LANES; i++) {
		if (!party->open[i])
			continue;
		for (int twice = party_draw(party, 5) ? 1 : 2; twice--;) {
			lane[n] = i;
			cases[n++] = gt_case_recv(lanes[i], &party->got);
		}
	}
	while (sends--) {
		int at = party_draw(party, n + 1);

		cases[n] = cases[at];
		lane[n] = lane[at];
		lane[at] = party_draw(party, LANES);
		cases[at] = gt_case_send(lanes[lane[at]], &party->item);
		n++;
	}
	switch (party_draw(party, 4)) {
	case 0:
		result = gt_select(cases, n, GT_SELECT_DEFAULT);
		break;
	case 1:
		result = gt_select_until(cases, n, gt_now() + party_draw(party, 20000));
		break;
	default:
		result = gt_select(cases, n, 0);
	}
	if (result < 0)
		return;
	if (cases[result].direction == GT_DIRECTION_SEND)
		next_item(party);
	else
		took(party, lane[result], cases[result].ok);
}

static void sends_one(struct party *party)
{
	struct gt_chan *chan = lanes[party_draw(party, LANES)];
	int result = party_draw(party, 2) ?
		     gt_chan_try_send(chan, &party->item) :
		     gt_chan_send_until(chan, &party->item, gt_now() + party_draw(party, 20000));

	if (!result)
		next_item(party);
}

static void receives_one(struct party *party)
{
	int lane = party_draw(party, LANES), result;

	if (!party->open[lane])
		return;
	result = party_draw(party, 2) ?
		 gt_chan_try_recv(lanes[lane], &party->got) :
		 gt_chan_recv_until(lanes[lane], &party->got, gt_now() + party_draw(party, 20000));
	if (result >= 0)
		took(party, lane, result);
}

static void takes_part(void *arg)
{
	struct party party = { .me = (uintptr_t)arg, .random = seed + (uintptr_t)arg };

	for (int i = 0; i < LANES; i++)
		party.open[i] = true;
	next_item(&party);
	while (party.next <= quota) {
		switch (party_draw(&party, 4)) {
		case 0:
			sends_one(&party);
			break;
		case 1:
			receives_one(&party);
			break;
		default:
			selects(&party, true);
		}
	}
	if (atomic_fetch_sub(&still_sending, 1) == 1)
		for (int i = 0; i < LANES; i++)
			gt_chan_close(lanes[i]);
	for (int i = 0; i < LANES; i++)
		while (party.open[i])
			selects(&party, false);
	atomic_fetch_sub(&at_work, 1);
}

static void *thread_takes_part(void *arg)
{
	takes_part(arg);
	return NULL;
}

static void all_at_once(int threads)
{
	static const int capacities[LANES] = { 0, 0, 1, 7 };
	pthread_t ids[THREADS];

	start_drawing();
	fprintf(stderr, "# GT_TEST_SEED=%#llx\n", (unsigned long long)seed);
	quota = scaled(threads ? 2000 : 10000);
	still_sending = at_work = TASKS + threads;
	CHECK(arrived = calloc((TASKS + THREADS) * (quota + 1), 1));
	for (int i = 0; i < LANES; i++)
		CHECK(lanes[i] = gt_chan_make(sizeof(struct item), capacities[i]));
	for (uintptr_t i = 0; i < TASKS; i++)
		CHECK_EQ(gt_go(takes_part, (void *)i), 0);
	for (uintptr_t i = 0; i < (uintptr_t)threads; i++)
		CHECK_EQ(pthread_create(&ids[i], NULL, thread_takes_part, (void *)(TASKS + i)), 0);
	AWAIT(at_work == 0);
	for (int i = 0; i < threads; i++)
		CHECK_EQ(pthread_join(ids[i], NULL), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(items_sent, (long)quota * (TASKS + threads));
	CHECK_EQ(items_received, items_sent);
	for (int i = 0; i < LANES; i++)
		gt_chan_put(lanes[i]);
	free(arrived);
}

GT_TEST_PROCS(all_at_once)
{
	all_at_once(0);
}

GT_TEST_PROCS(all_at_once_with_threads)
{
	all_at_once(THREADS);
}

TEST_MAIN
