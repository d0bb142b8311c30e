/* SPDX-License-Identifier: MIT */
/*
 * A blocked epoll_wait ends with EINTR at every ptrace-stop, by the kernel itself (signal(7)). The
 * mutatee must see nothing of an attach, of an ignored SIGCHLD that stops it, and of a detach.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "lib/follow.h"

/* Exits 0 only if epoll_wait comes back once, with the byte. */
static void wait_in_epoll(int ready, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ||
	    write(ready, "r", 1) != 1)
		_exit(2);
	_exit(epoll_wait(epoll, &event, 1, -1) == 1 ? 0 : errno == EINTR ? 3 : 4);
}

static void until_blocked(struct kernel *k, pid_t pid)
{
	struct kernel_proc proc;

	do
		CHECK_EQ(kernel_proc(k, pid, &proc), 0);
	while (proc.state != 'S');
}

static enum scion_verdict detach_after(struct follow *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_ATTACH)
		kill(f->pid, SIGCHLD);
	if (event->type == SCION_EVENT_SIGNAL && event->signo == SIGCHLD)
		scion_detach(f->session);
	return SCION_CONTINUE;
}

static int run(void)
{
	struct kernel *k = kernel_linux_new();
	struct follow f = { .on_event = detach_after };
	int ready[2], data[2], status;
	char byte;

	CHECK_CALL(pipe(ready));
	CHECK_CALL(pipe(data));
	f.pid = (pid_t)CHECK_CALL(fork());
	if (f.pid == 0)
		wait_in_epoll(ready[1], data[0]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	until_blocked(k, f.pid);
	follow_open(&f, NULL);
	CHECK_EQ(scion_attach(f.session, f.pid, 0), SCION_OK);
	follow_run(&f);
	CHECK_EQ(follow_count(&f, SCION_EVENT_ATTACH), 1);
	CHECK_EQ(follow_count(&f, SCION_EVENT_DETACH), 1);
	follow_close(&f);
	CHECK_EQ(write(data[1], "x", 1), 1);
	CHECK_CALL(waitpid(f.pid, &status, 0));
	CHECK_EQ(status, 0);
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = {
	.name = "attach_epoll",
	.trap = "21",
	.timeout_s = 20,
	.run = run,
};
