/* SPDX-License-Identifier: MIT */
/*
 * The alarm interrupts a blocking wait, makes the descriptor readable, and leaves no trace of itself:
 * handlers, mask and SIGCHLD's disposition are as before once the kernel object is gone.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "live/kernel_tracee.h"

#define MS               1000000ULL
#define SA_RESTORER_FLAG 0x04000000 /* of libc, on every action that was set once */

/* Mask and dispositions of the whole program. */
struct signals {
	sigset_t mask;
	struct sigaction actions[NSIG];
};

static void save(struct signals *s)
{
	memset(s, 0, sizeof(*s));
	sigprocmask(SIG_SETMASK, NULL, &s->mask);
	for (int sig = 1; sig < NSIG; sig++) {
		sigaction(sig, NULL, &s->actions[sig]);
		s->actions[sig].sa_flags &= ~SA_RESTORER_FLAG;
	}
}

static void check_same(const struct signals *before)
{
	struct signals now;

	save(&now);
	for (int sig = 1; sig < NSIG; sig++) {
		CHECK_EQ(sigismember(&now.mask, sig), sigismember(&before->mask, sig));
		CHECK_MSG(now.actions[sig].sa_handler == before->actions[sig].sa_handler &&
				  now.actions[sig].sa_flags == before->actions[sig].sa_flags,
			  "disposition of signal %d", sig);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static void blocking(void)
{
	struct signals before;
	struct kernel *k = tracee_kernel();
	struct kernel_wait w;
	struct tracee t;
	struct sigaction ours = { .sa_handler = on_signal };
	uint64_t since;

	/* One that the program uses itself is left alone. */
	sigaction(SIGRTMAX, &ours, NULL);
	save(&before);
	tracee_start(&t, k, PTRACE_O_EXITKILL, tracee_idle);
	since = kernel_now(k);
	CHECK_EQ(kernel_alarm(k, 30 * MS), 0);
	for (int i = 0; i < 3; i++) /* it repeats */
		CHECK_EQ(kernel_wait(k, KERNEL_WAIT_BLOCK, &w), -EINTR);
	CHECK_LE(85, (kernel_now(k) - since) / MS);
	CHECK_EQ(kernel_alarm(k, 0), 0);
	/* Silent now: the next thing to come is the tracee's stop. */
	CHECK_EQ(kernel_interrupt(k, t.pid), 0);
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_BLOCK, &w), 1);
	CHECK_EQ(w.tid, t.pid);
	CHECK_EQ(kernel_alarm(k, MS), 0); /* still ringing while it is taken down */
	tracee_kill(&t);
	kernel_free(k);
	check_same(&before);
	signal(SIGRTMAX, SIG_DFL);
}

static bool readable(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, timeout);

	CHECK_LE(0, n);
	return n == 1;
}

static void by_fd(void)
{
	struct signals before;
	struct kernel *k = tracee_kernel();
	struct kernel_wait w;
	struct tracee t[3];
	uint64_t since;
	int fd, seen = 0;

	save(&before);
	CHECK_EQ(kernel_alarm(k, 3600000 * MS), 0); /* moved over to the descriptor */
	fd = kernel_fd(k);
	CHECK_LE(0, fd);
	CHECK_EQ(kernel_fd(k), fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	for (int i = 0; i < 3; i++)
		tracee_start(&t[i], k, PTRACE_O_EXITKILL, tracee_idle);
	while (readable(fd, 0))
		CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);
	/* Three stops: readable until all are taken, however many SIGCHLD were made of them. */
	for (int i = 0; i < 3; i++)
		CHECK_EQ(kernel_interrupt(k, t[i].pid), 0);
	while (seen < 3) {
		CHECK(readable(fd, 10000));
		seen += kernel_wait(k, KERNEL_WAIT_POLL, &w);
	}
	while (readable(fd, 0))
		CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);
	since = kernel_now(k);
	CHECK_EQ(kernel_alarm(k, 30 * MS), 0);
	CHECK(readable(fd, 10000));
	CHECK_LE(25, (kernel_now(k) - since) / MS);
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0); /* takes the ringing away */
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_BLOCK, &w), -EINTR);
	CHECK_EQ(kernel_alarm(k, 0), 0);
	for (int i = 0; i < 3; i++)
		tracee_kill(&t[i]);
	kernel_free(k);
	check_same(&before);
}

static void stop_through_fd(struct kernel *k)
{
	struct kernel_wait w;
	struct tracee t;
	int fd = kernel_fd(k);

	CHECK_LE(0, fd);
	tracee_start(&t, k, PTRACE_O_EXITKILL, tracee_idle);
	while (readable(fd, 0))
		CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);
	CHECK_EQ(kernel_interrupt(k, t.pid), 0);
	CHECK(readable(fd, 10000));
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 1);
	tracee_kill(&t);
}

/* Programs that ignore SIGCHLD, or want none for stops: it is made to come, and put back. */
static void silent_sigchld(void)
{
	const struct sigaction actions[] = {
		{ .sa_handler = SIG_IGN },
		{ .sa_handler = on_signal, .sa_flags = SA_NOCLDSTOP | SA_RESTART },
		{ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct signals before;
		struct kernel *k;

		sigaction(SIGCHLD, &actions[i], NULL);
		save(&before);
		k = tracee_kernel();
		stop_through_fd(k);
		kernel_free(k);
		check_same(&before);
	}
	signal(SIGCHLD, SIG_DFL);
}

static int run(void)
{
	blocking();
	by_fd();
	silent_sigchld();
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_alarm", .run = run };
