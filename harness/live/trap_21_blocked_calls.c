/* SPDX-License-Identifier: MIT */
/*
 * A payload in the middle of a blocked call: the call goes on, its result, its time and its errors
 * are the program's own. With the tracer there; and with a tracer that is killed by the payload
 * itself, so that the stub alone has to bring the call back.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/target.h"

static const struct blocked {
	const char *name;
	long nr;
} calls[] = {
	{ "nanosleep", SYS_nanosleep }, { "clock_nanosleep", SYS_clock_nanosleep },
	{ "read", SYS_read },           { "poll", SYS_poll },
	{ "futex", SYS_futex },         { "epoll", SYS_epoll_wait },
	{ "waitpid", SYS_wait4 },
};

enum { INJECTIONS = 4 };

/*
 * A sleep must be long enough to be met asleep, also on a busy machine, and is over by itself. One
 * that ends before the payload is no failure: the payload ran all the same.
 */
static void start(struct target *t, const struct blocked *call, bool handler)
{
	target_start(t, (const char *const[]){ "sleep_read", call->name, "hold",
					       handler ? "handler" : "300", handler ? "5000" : NULL,
					       NULL });
	target_blocked(t->pid, call->nr);
}

static void with_tracer(const struct blocked *call, bool handler)
{
	struct target t;
	struct scion_payload *payload;

	start(&t, call, handler);
	target_attach(&t, NULL);
	payload = target_payload(&t, "whoami");
	for (int i = 0; i < INJECTIONS; i++) {
		const struct scion_event *event = target_inject(&t, t.pid, payload);

		CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
		CHECK_EQ(event->result[0], t.pid);
	}
	target_detach(&t);
	if (handler) {
		target_blocked(t.pid, call->nr); /* a signal before that would only delay it */
		CHECK_CALL(kill(t.pid, SIGUSR1));
		target_taken(t.pid, SIGUSR1); /* what ends the call must not come before it */
	}
	target_release(&t);
	CHECK_MSG(target_end(&t), "%s%s", call->name, handler ? " with handler" : "");
}

/* The tracer: its payload kills it. Anything but that end is a failure. */
static int tracer(void *arg)
{
	struct target *t = arg;
	struct scion_payload *payload;

	memset(&t->f, 0, sizeof(t->f));
	target_attach(t, NULL);
	payload = target_payload(t, "syscall");
	target_args(payload, SYS_kill, (uint64_t)getpid(), SIGKILL);
	target_inject(t, t->pid, payload);
	return 1;
}

static void tracer_dies(const struct blocked *call)
{
	struct target t, other;

	start(&t, call, false);
	target_fork(&other, tracer, &t);
	CHECK_EQ(test_exit_code(test_wait(&other.child)), 128 + SIGKILL);
	target_release(&t);
	CHECK_MSG(target_end(&t), "%s, tracer killed", call->name);
}

/* --- a handler, with and without SA_RESTART, whose signal comes while the payload runs --- */

static int pipe_fds[2];
static int64_t *shared; /* 0: handled; 1: what read returned */

static void on_signal(int sig)
{
	(void)sig;
	shared[0]++;
}

static int reader(void *arg)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = *(int *)arg };
	char byte = 0;

	CHECK_CALL(sigaction(SIGUSR1, &act, NULL));
	shared[1] = syscall(SYS_read, pipe_fds[0], &byte, 1) < 0 ? -errno : byte;
	return 0;
}

static void signalled(int flags, bool by_payload)
{
	struct scion_payload *payload;
	struct target t;

	memset(shared, 0, 4096);
	target_fork(&t, reader, &flags);
	target_blocked(t.pid, SYS_read);
	target_attach(&t, NULL);
	payload = target_payload(&t, "syscall");
	target_args(payload, by_payload ? SYS_kill : SYS_getpid, (uint64_t)t.pid, SIGUSR1);
	CHECK_EQ(target_inject(&t, t.pid, payload)->error, SCION_OK);
	target_detach(&t);
	if (!by_payload) {
		target_blocked(t.pid, SYS_read);
		CHECK_CALL(kill(t.pid, SIGUSR1));
	}
	while (!__atomic_load_n(&shared[0], __ATOMIC_ACQUIRE))
		sched_yield();
	if (flags & SA_RESTART)
		CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	CHECK(target_end(&t));
	CHECK_EQ(shared[0], 1);
	CHECK_EQ(shared[1], flags & SA_RESTART ? 'x' : -EINTR);
}

static int run(void)
{
	shared = target_shared(4096);
	CHECK_CALL(pipe(pipe_fds));
	for (int i = 0; i < 4; i++)
		signalled(i & 1 ? SA_RESTART : 0, i & 2);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		test_note("%s", calls[i].name);
		with_tracer(&calls[i], false);
		with_tracer(&calls[i], true);
		tracer_dies(&calls[i]);
	}
	return 0;
}

static const char *const mutatees[] = { "sleep_read", NULL };

const struct scion_test scion_test = {
	.name = "trap_21_blocked_calls",
	.trap = "21",
	.needs_mutatees = mutatees,
	.run = run,
};
