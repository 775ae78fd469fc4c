// SPDX-License-Identifier: GPL-2.0
/* The netpoller: what each call returns on sockets, pipes and files. */
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test_net.h"

static atomic_long ran;

static int port_of(int fd)
{
	struct sockaddr_in addr;
	socklen_t length = sizeof(addr);

	CHECK_EQ(getsockname(fd, (struct sockaddr *)&addr, &length), 0);
	return ntohs(addr.sin_port);
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

static int connect_to(int port)
{
	struct sockaddr_in addr = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_EQ(gt_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* ------------------------------------------------------------------ listen ---- */

PLAIN_TEST(listen_refuses_bad_input)
{
	CHECK_EQ(gt_listen_tcp("localhost", 0), -EINVAL);
	CHECK_EQ(gt_listen_tcp("", 0), -EINVAL);
	CHECK_EQ(gt_listen_tcp("127.0.0.1.5", 0), -EINVAL);
	CHECK_EQ(gt_listen_tcp("127.0.0.1", -1), -EINVAL);
	CHECK_EQ(gt_listen_tcp("127.0.0.1", 65536), -EINVAL);
	CHECK_EQ(gt_listen_tcp(NULL, INT32_MAX), -EINVAL);
}

PLAIN_TEST(listen_sets_what_it_says)
{
	int fd = gt_listen_tcp("127.0.0.1", 0), on = 0, other;
	socklen_t length = sizeof(on);

	CHECK(fd >= 0);
	CHECK(port_of(fd) > 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &length), 0);
	CHECK(on);
	CHECK_EQ(gt_listen_tcp("127.0.0.1", port_of(fd)), -EADDRINUSE);
	CHECK_EQ(gt_close(fd), 0);
	other = gt_listen_tcp(NULL, 0);
	CHECK(other >= 0);
	CHECK_EQ(gt_close(other), 0);
	CHECK_EQ(gt_listen_tcp("192.0.2.1", 0), -EADDRNOTAVAIL);
}

PLAIN_TEST(listen_on_ipv6)
{
	int fd = gt_listen_tcp("::1", 0);

	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		test_skip("this system has no IPv6 loopback");
	CHECK(fd >= 0);
	CHECK_EQ(gt_close(fd), 0);
}

/* -------------------------------------------------------------------- echo ---- */

static int listener;
static long connections, rounds;

static void echoes(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[512];
	ssize_t n;

	while ((n = gt_read(fd, buf, sizeof(buf))) > 0)
		CHECK_EQ(gt_write(fd, buf, n), n);
	CHECK_EQ(n, 0);
	CHECK_EQ(gt_close(fd), 0);
}

static void accepts(void *arg)
{
	struct sockaddr_in peer;
	socklen_t length;
	long i;
	int fd;

	for (i = 0; i < connections; i++) {
		length = sizeof(peer);
		fd = gt_accept(listener, (struct sockaddr *)&peer, &length);
		CHECK(fd >= 0);
		CHECK_EQ(length, sizeof(peer));
		CHECK_EQ(peer.sin_family, AF_INET);
		CHECK_EQ(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
		CHECK_EQ(gt_go(echoes, (void *)(intptr_t)fd), 0);
	}
	(void)arg;
}

static void talks(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	int fd = connect_to(port_of(listener));
	char out[400], in[400];
	size_t i, n;
	long round;

	for (round = 0; round < rounds; round++) {
		n = 1 + test_random(&state) % sizeof(out);
		for (i = 0; i < n; i++)
			out[i] = test_random(&state);
		CHECK_EQ(gt_write(fd, out, n), n);
		read_all(fd, in, n);
		CHECK(!memcmp(in, out, n));
	}
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(gt_read(fd, in, 1), 0);
	CHECK_EQ(gt_close(fd), 0);
	atomic_fetch_add(&ran, 1);
}

static void echo(long connections_n, long rounds_n)
{
	long i;

	connections = connections_n;
	rounds = rounds_n;
	CHECK((listener = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(gt_go(accepts, NULL), 0);
	for (i = 0; i < connections; i++)
		CHECK_EQ(gt_go(talks, (void *)(i + 1)), 0);
	AWAIT(ran == connections);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_close(listener), 0);
}

GT_TEST_PROCS(echo_over_tcp)
{
	echo(crowd(200), scaled(50));
}

/* The main task waits in a waitgroup, so that only the network wakes anybody. */
GT_TEST_PROCS(echo_in_an_idle_runtime)
{
	static struct gt_wg wg;
	long i;

	connections = crowd(50);
	rounds = scaled(100);
	CHECK((listener = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(gt_wg_go(&wg, accepts, NULL), 0);
	for (i = 0; i < connections; i++)
		CHECK_EQ(gt_wg_go(&wg, talks, (void *)(i + 1)), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(ran, connections);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_close(listener), 0);
}

static atomic_bool stop;

static void yields_until_stop(void *arg)
{
	while (!stop)
		gt_yield();
	(void)arg;
}

/* Tasks that never leave the processor idle must not hide the network. */
GT_TEST_PROCS(network_beside_busy_tasks)
{
	static struct gt_wg wg;
	int i;

	for (i = 0; i < 10; i++)
		CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	connections = 3;
	rounds = scaled(20);
	CHECK((listener = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(gt_wg_go(&wg, accepts, NULL), 0);
	for (i = 0; i < connections; i++)
		CHECK_EQ(gt_wg_go(&wg, talks, (void *)(uintptr_t)(i + 1)), 0);
	gt_wg_wait(&wg);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_close(listener), 0);
}

/* ------------------------------------------------------------------- bytes ---- */

static int pair[2];
static size_t large;

static unsigned char byte_at(size_t i)
{
	return i * 131 ^ i >> 9;
}

static void writes_large(void *arg)
{
	unsigned char *buf = malloc(large);
	size_t i;

	CHECK(buf);
	for (i = 0; i < large; i++)
		buf[i] = byte_at(i);
	CHECK_EQ(gt_write(pair[1], buf, large), large);
	CHECK_EQ(gt_close(pair[1]), 0);
	free(buf);
	(void)arg;
}

static void large_write(void)
{
	unsigned char buf[3000];
	size_t at = 0, i;
	ssize_t n;

	large = scaled(4 << 20);
	CHECK_EQ(gt_go(writes_large, NULL), 0);
	while ((n = gt_read(pair[0], buf, sizeof(buf))) > 0)
		for (i = 0; i < (size_t)n; i++)
			CHECK_EQ(buf[i], byte_at(at++));
	CHECK_EQ(n, 0);
	CHECK_EQ(at, large);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_close(pair[0]), 0);
}

GT_TEST_PROCS(large_write_through_a_pipe)
{
	CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
	fcntl(pair[1], F_SETPIPE_SZ, 4096);
	large_write();
}

GT_TEST_PROCS(large_write_through_a_socket)
{
	int small = 4096;

	stream_pair(pair);
	CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	large_write();
}

GT_TEST(nothing_to_read_or_write)
{
	char byte = 0;

	stream_pair(pair);
	CHECK_EQ(gt_write(pair[1], &byte, 0), 0);
	CHECK_EQ(gt_read(pair[0], &byte, 0), 0);
	close_pair(pair);
}

GT_TEST(descriptor_becomes_non_blocking)
{
	char byte = 7;

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_write(pair[1], &byte, 1), 1);
	CHECK_EQ(gt_read(pair[0], &byte, 1), 1);
	CHECK(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(pair[1], F_GETFL) & O_NONBLOCK);
	close_pair(pair);
}

static void adds_to_event(void *arg)
{
	uint64_t value = 3;

	CHECK_EQ(gt_write((int)(intptr_t)arg, &value, sizeof(value)), sizeof(value));
}

GT_TEST_PROCS(eventfd_counts)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t value;

	CHECK(fd >= 0);
	CHECK_EQ(gt_go(adds_to_event, (void *)(intptr_t)fd), 0);
	CHECK_EQ(gt_read(fd, &value, sizeof(value)), sizeof(value));
	CHECK_EQ(value, 3);
	CHECK_EQ(gt_close(fd), 0);
}

GT_TEST(regular_file)
{
	char path[] = "/tmp/gt-test-XXXXXX", buf[64] = "";
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(gt_write(fd, "some text", 9), 9);
	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	CHECK_EQ(gt_read(fd, buf, sizeof(buf)), 4);
	CHECK(!memcmp(buf, "text", 4));
	CHECK_EQ(gt_read(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(gt_close(fd), 0);
}

GT_TEST(directory)
{
	char byte;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(gt_read(fd, &byte, 1), -EISDIR);
	CHECK_EQ(gt_close(fd), 0);
}

/* ------------------------------------------------------------------ errors ---- */

static void bad_descriptors(void)
{
	struct sockaddr_in addr = loopback(1);
	char byte = 0;

	CHECK_EQ(gt_read(-1, &byte, 1), -EBADF);
	CHECK_EQ(gt_write(-1, &byte, 1), -EBADF);
	CHECK_EQ(gt_accept(-1, NULL, NULL), -EBADF);
	CHECK_EQ(gt_connect(-1, (struct sockaddr *)&addr, sizeof(addr)), -EBADF);
	CHECK_EQ(gt_close(-1), -EBADF);
	CHECK_EQ(gt_read(1 << 30, &byte, 1), -EBADF);
	CHECK_EQ(gt_close(1 << 30), -EBADF);
	CHECK_EQ(gt_read(987, &byte, 1), -EBADF);
	CHECK_EQ(gt_close(987), -EBADF);
	CHECK_EQ(gt_close(INT32_MAX), -EBADF);
	CHECK_EQ(gt_close(INT32_MIN), -EBADF);

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_read(pair[1], &byte, 1), -EBADF);
	CHECK_EQ(gt_write(pair[0], &byte, 1), -EBADF);
	CHECK_EQ(gt_accept(pair[0], NULL, NULL), -ENOTSOCK);
	CHECK_EQ(gt_connect(pair[0], (struct sockaddr *)&addr, sizeof(addr)), -ENOTSOCK);
	close_pair(pair);
	CHECK_EQ(gt_read(pair[0], &byte, 1), -EBADF);
	CHECK_EQ(gt_close(pair[0]), -EBADF);
}

GT_TEST(bad_descriptors_in_a_task)
{
	bad_descriptors();
}

PLAIN_TEST(bad_descriptors_on_a_thread)
{
	bad_descriptors();
}

GT_TEST(bad_memory)
{
	stream_pair(pair);
	CHECK_EQ(gt_write(pair[1], (void *)8, 10), -EFAULT);
	CHECK_EQ(gt_write(pair[1], "x", 1), 1);
	CHECK_EQ(gt_read(pair[0], (void *)8, 10), -EFAULT);
	close_pair(pair);
}

GT_TEST_PROCS(connect_refused)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t length = sizeof(addr);
	int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	/* a port that nobody else can listen on meanwhile */
	CHECK_EQ(bind(bound, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(getsockname(bound, (struct sockaddr *)&addr, &length), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(gt_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), -ECONNREFUSED);
	CHECK_EQ(gt_close(fd), 0);
	CHECK_EQ(gt_close(bound), 0);
}

GT_TEST(connect_to_a_missing_unix_socket)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(gt_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), -ENOENT);
	CHECK_EQ(gt_close(fd), 0);
}

/* No SIGPIPE on a socket; after some bytes, their count comes before the error. */
static void reads_some_and_closes(void *arg)
{
	char buf[1000];

	read_all(pair[0], buf, sizeof(buf));
	CHECK_EQ(gt_close(pair[0]), 0);
	(void)arg;
}

GT_TEST_PROCS(peer_closes)
{
	static char buf[1 << 20];
	ssize_t n;

	stream_pair(pair);
	CHECK_EQ(gt_go(reads_some_and_closes, NULL), 0);
	n = gt_write(pair[1], buf, sizeof(buf));
	CHECK(n > 0 && n < (ssize_t)sizeof(buf));
	CHECK_EQ(gt_write(pair[1], buf, 1), -EPIPE);
	CHECK_EQ(gt_close(pair[1]), 0);
}

/* ----------------------------------------------------------- plain threads ---- */

static void *thread_talks(void *arg)
{
	talks(arg);
	return NULL;
}

static void *thread_accepts_and_echoes(void *arg)
{
	int fd = gt_accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	echoes((void *)(intptr_t)fd);
	return arg;
}

GT_TEST_PROCS(threads_talk_to_tasks)
{
	pthread_t thread[3];
	long i;

	connections = 3;
	rounds = scaled(50);
	CHECK((listener = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(gt_go(accepts, NULL), 0);
	for (i = 0; i < connections; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, thread_talks, (void *)(i + 1)), 0);
	AWAIT(ran == connections);
	for (i = 0; i < connections; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(gt_close(listener), 0);
}

PLAIN_TEST(threads_alone)
{
	pthread_t thread[2];

	rounds = scaled(200);
	CHECK((listener = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(pthread_create(&thread[0], NULL, thread_accepts_and_echoes, NULL), 0);
	CHECK_EQ(pthread_create(&thread[1], NULL, thread_talks, (void *)1), 0);
	CHECK_EQ(pthread_join(thread[0], NULL), 0);
	CHECK_EQ(pthread_join(thread[1], NULL), 0);
	CHECK_EQ(gt_close(listener), 0);
}

TEST_MAIN
