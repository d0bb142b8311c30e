/* SPDX-License-Identifier: MIT */
/* mutatee: sleep_read -- blocked calls that must come back as if nothing had happened
 * arguments: [CALL|all] [handler] [hold] [MS]
 *	CALL: nanosleep clock_nanosleep read poll futex epoll waitpid; all (the default) is one
 *		after another
 *	handler: SIGUSR1 has a handler with SA_RESTART, and one is sent
 *	hold: "ready PID" on stdout before each call, released by a line on stdin; SIGUSR1 is left
 *		to the driver
 *	MS: what the two sleeps last (default 60)
 * variants: pie static
 * time: 30
 *
 * A second process waits until this one is blocked (state S), sends the signal if it should, and
 * ends the call: by a byte, by a wake-up, by its own exit. What must come: with no handler run, the
 * plain result; after a handler, what signal(7) says: read, waitpid and futex without time limit
 * are restarted, the others return EINTR.
 */
#include "common/mutatee.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S 100 /* of poll, futex, epoll_wait: far beyond any test */

struct shared {
	volatile int handled;
	volatile int done; /* the call is over */
	int futex;         /* stays 0 */
};

static struct shared *shared;
static long duration_ms = 60;
static bool with_handler, held;

static void on_signal(int sig)
{
	(void)sig;
	shared->handled++;
}

/* After a handler EINTR, else WANT; what read and its like return in both cases is RESTARTED. */
static void expect_result(const char *call, bool restarted, long want, long got)
{
	if (shared->handled && !restarted)
		want = -EINTR;
	expect_eq(call, want, got);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void expect_time(long long start)
{
	long long spent = now_ns() - start;

	if (!shared->handled && spent < duration_ms * 1000000LL)
		fail("sleep: expected at least %ld ms, saw %lld ns", duration_ms, spent);
}

static void call_nanosleep(int fd)
{
	struct timespec t = { duration_ms / 1000, duration_ms % 1000 * 1000000 }, left;
	long long start = now_ns();

	(void)fd;
	expect_result("nanosleep", false, 0, raw2(SYS_nanosleep, &t, &left));
	/*
	 * What is in LEFT says nothing: the kernel writes it also where it restarts the call by
	 * itself.
	 */
	expect_time(start);
}

static void call_clock_nanosleep(int fd)
{
	struct timespec t;
	long long start = now_ns(), end = start + duration_ms * 1000000LL;

	(void)fd;
	t.tv_sec = end / 1000000000;
	t.tv_nsec = end % 1000000000;
	expect_result("clock_nanosleep", false, 0,
		      raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	expect_time(start);
}

static void call_read(int fd)
{
	char c = 0;

	expect_result("read", true, 1, raw3(SYS_read, fd, &c, 1));
	expect_eq("the byte read", 'x', c);
}

static void call_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	expect_result("poll", false, 1, raw3(SYS_poll, &p, 1, LIMIT_S * 1000));
	if (!shared->handled)
		expect_eq("revents of poll", POLLIN, p.revents);
}

static void call_futex(int fd)
{
	struct timespec limit = { LIMIT_S, 0 };
	/* With a time limit the call is not restarted after a handler, without one it is. */
	const struct timespec *t = with_handler ? NULL : &limit;

	(void)fd;
	expect_result("futex", true, 0, raw4(SYS_futex, &shared->futex, FUTEX_WAIT, 0, t));
}

static void call_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 1234 }, got = { 0 };
	int epoll = (int)must("epoll_create1", epoll_create1(EPOLL_CLOEXEC));

	must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	expect_result("epoll_wait", false, 1, raw4(SYS_epoll_wait, epoll, &got, 1, LIMIT_S * 1000));
	if (!shared->handled)
		expect_eq("data of epoll_wait", 1234, got.data.u32);
	close(epoll);
}

static const struct call {
	const char *name;
	void (*call)(int fd); /* NULL: waitpid */
} calls[] = {
	{ "nanosleep", call_nanosleep },
	{ "clock_nanosleep", call_clock_nanosleep },
	{ "read", call_read },
	{ "poll", call_poll },
	{ "futex", call_futex },
	{ "epoll", call_epoll },
	{ "waitpid", NULL },
};

/* The second process: see above. It leaves with 5. */
static _Noreturn void release(const struct call *call, int fd, pid_t target)
{
	if (held) {
		await_release();
	} else {
		await_state(target, target, "S");
		if (with_handler)
			must("kill", kill(target, SIGUSR1));
		while (with_handler && !shared->handled)
			sched_yield();
	}
	/* The target may be on its way into the call, so one wake-up may be too early. */
	while (call->call == call_futex && !shared->done) {
		raw3(SYS_futex, &shared->futex, FUTEX_WAKE, 1);
		sched_yield();
	}
	write_all(fd, "x", 1);
	_exit(5);
}

static void one(const struct call *call)
{
	int fd[2];
	pid_t self = getpid(), pid;

	must("pipe2", pipe2(fd, O_CLOEXEC));
	memset(shared, 0, sizeof(*shared));
	pid = (pid_t)must("fork", fork());
	if (!pid)
		release(call, fd[1], self);
	if (held)
		announce();
	if (call->call)
		call->call(fd[0]);
	else
		wait_for_exit(pid, 0, 5);
	shared->done = 1;
	if (call->call)
		wait_for_exit(pid, 0, 5);
	if (with_handler && !held)
		expect_eq("SIGUSR1 handled", 1, shared->handled);
	expect_no_child(0);
	close(fd[0]);
	close(fd[1]);
}

static void parse(int argc, char **argv, const char **only)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "handler"))
			with_handler = true;
		else if (!strcmp(argv[i], "hold"))
			held = true;
		else if (argv[i][0] >= '0' && argv[i][0] <= '9')
			duration_ms = number_arg(argc, argv, i, duration_ms);
		else if (strcmp(argv[i], "all"))
			*only = argv[i];
	}
}

static void all(const char *only)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	bool found = false;

	if (with_handler)
		must("sigaction", sigaction(SIGUSR1, &act, NULL));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (only && strcmp(only, calls[i].name))
			continue;
		found = true;
		one(&calls[i]);
	}
	if (!found)
		fail("argument: expected the name of a call, saw %s", only);
}

int main(int argc, char **argv)
{
	const char *only = NULL;

	shared = shared_memory(sizeof(*shared));
	parse(argc, argv, &only);
	all(only);
	if (argc == 1) {
		with_handler = true;
		all(only);
	}
	return 0;
}
