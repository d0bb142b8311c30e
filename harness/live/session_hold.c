/* SPDX-License-Identifier: MIT */
/*
 * A program that embeds a session: tasks held by a callback, their registers and memory, going on,
 * a session in a poll loop beside a child of the program's own, detaching and attaching again.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/follow.h"

static enum scion_verdict hold_child(struct follow *f, const struct scion_event *event)
{
	(void)f;
	return event->type == SCION_EVENT_CHILD || event->type == SCION_EVENT_FORK ? SCION_HOLD :
										     SCION_CONTINUE;
}

/* What a held task shows, and that it is refused what does not fit its state. */
static void look_at(struct follow *f, const struct scion_event *event)
{
	struct user_regs_struct regs, again;
	unsigned char code[2], copy[2];
	uint64_t where;

	CHECK_EQ(scion_task_regs(f->session, event->tid, &regs), SCION_OK);
	CHECK_EQ(regs.rax, event->type == SCION_EVENT_CHILD ? 0 : event->value);
	CHECK_EQ(scion_task_set_regs(f->session, event->tid, &regs), SCION_OK);
	CHECK_EQ(scion_task_regs(f->session, event->tid, &again), SCION_OK);
	CHECK_EQ(memcmp(&regs, &again, sizeof(regs)), 0);
	CHECK_EQ(scion_read(f->session, event->tid, regs.rip - 2, code, sizeof(code)), SCION_OK);
	CHECK_EQ(code[0] << 8 | code[1], 0x0f05);
	CHECK_EQ(scion_write(f->session, event->tid, regs.rip - 2, code, sizeof(code)), SCION_OK);
	CHECK_EQ(scion_read(f->session, event->tid, regs.rip - 2, copy, sizeof(copy)), SCION_OK);
	CHECK_EQ(memcmp(code, copy, sizeof(code)), 0);
	CHECK_EQ(scion_read(f->session, event->tid, 8, code, sizeof(code)), SCION_EFAULT);
	CHECK_EQ(scion_symbol(f->session, event->tid, "getpid", &where), SCION_OK);
	CHECK_EQ(scion_symbol(f->session, event->tid, "no_such_function", &where), SCION_ENOENT);
	CHECK_CONTAINS(scion_errmsg(f->session), "no_such_function");
	CHECK_EQ(scion_task_continue(f->session, event->tid), SCION_OK);
	CHECK_EQ(scion_task_continue(f->session, event->tid), SCION_EINVAL);
	CHECK_EQ(scion_task_regs(f->session, event->tid, &regs), SCION_EINVAL);
}

static pid_t own_child(void)
{
	pid_t pid = (pid_t)CHECK_CALL(fork());

	if (pid == 0)
		_exit(42);
	return pid;
}

static void wait_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	while (poll(&poll_fd, 1, -1) < 0)
		CHECK_EQ(errno, EINTR);
}

static void hold_in_a_poll_loop(void)
{
	struct scion_options options = { .size = sizeof(options), .shared_waits = true };
	struct follow f = { .on_event = hold_child };
	const char *argv[] = { test_mutatee("fork"), NULL };
	size_t seen = 0, held = 0;
	int fd, status;
	pid_t own;

	follow_open(&f, &options);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	fd = scion_session_fd(f.session);
	CHECK_LE(0, fd);
	own = own_child();
	follow_launch(&f, argv);
	while (scion_session_tasks(f.session)) {
		wait_readable(fd);
		CHECK_LE(0, scion_session_poll(f.session));
		for (; seen < f.count; seen++) {
			const struct scion_event event = f.events[seen].event;

			if (event.type != SCION_EVENT_CHILD && event.type != SCION_EVENT_FORK)
				continue;
			look_at(&f, &event);
			held++;
		}
	}
	CHECK_LT(1, held);
	CHECK_EQ(held, 2 * follow_check(&f, true));
	CHECK_EQ(held, follow_count(&f, SCION_EVENT_PAYLOAD)); /* run when let go on */
	CHECK_MSG(WIFEXITED(f.status) && !WEXITSTATUS(f.status), "status %#x", (unsigned)f.status);
	CHECK_EQ(waitpid(own, &status, 0), own); /* not stolen */
	CHECK_EQ(WEXITSTATUS(status), 42);
	follow_close(&f);
}

static enum scion_verdict detach_at_attach(struct follow *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_ATTACH)
		scion_detach(f->session);
	return SCION_CONTINUE;
}

/* One session, the same process: attach and detach ten times, then it must end well. */
static void attach_again(void)
{
	const char *argv[] = { test_mutatee("spin"), NULL };
	struct follow f = { .on_event = detach_at_attach };
	struct test_child child;
	char line[64];

	test_spawn(&child, argv);
	CHECK_LT(0, read(child.out, line, sizeof(line)));
	follow_open(&f, NULL);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(scion_attach(f.session, child.pid, 0), SCION_OK);
		CHECK_EQ(scion_attach(f.session, child.pid, 0), SCION_EINVAL);
		follow_run(&f);
	}
	CHECK_EQ(follow_count(&f, SCION_EVENT_ATTACH), 10);
	CHECK_EQ(follow_count(&f, SCION_EVENT_DETACH), 10);
	follow_close(&f);
	CHECK_CALL(kill(child.pid, SIGTERM));
	CHECK_EQ(test_wait(&child), 0);
}

static int run(void)
{
	hold_in_a_poll_loop();
	attach_again();
	return 0;
}

static const char *const mutatees[] = { "fork", "spin", NULL };

const struct scion_test scion_test = {
	.name = "session_hold",
	.timeout_s = 30,
	.needs_mutatees = mutatees,
	.run = run,
};
