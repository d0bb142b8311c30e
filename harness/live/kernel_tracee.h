/* SPDX-License-Identifier: MIT */
/*
 * kernel_tracee.h - what the live tests of kernel/ share: a child of the test that is seized before
 * it does anything, and is driven by single calls of the kernel interface.
 */
#ifndef SCION_HARNESS_KERNEL_TRACEE_H
#define SCION_HARNESS_KERNEL_TRACEE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/stop.h"
#include "kernel/linux.h"
#include "lib/test.h"

#define TRACEE_FOLLOW                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct tracee {
	struct kernel *k;
	pid_t pid;
	int go; /* writing end: the child waits for a byte */
};

/* Forks and seizes; the child waits for tracee_go, runs `body` and exits with what it returns. */
static inline void tracee_start(struct tracee *t, struct kernel *k, unsigned long options,
				int (*body)(void))
{
	int go[2];
	char byte;

	CHECK_CALL(pipe2(go, O_CLOEXEC));
	t->k = k;
	t->pid = (pid_t)CHECK_CALL(fork());
	if (t->pid == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 1 ? body() : 111);
	}
	close(go[0]);
	t->go = go[1];
	CHECK_EQ(kernel_seize(k, t->pid, options), 0);
}

static inline void tracee_go(struct tracee *t)
{
	CHECK_EQ(write(t->go, "", 1), 1);
	close(t->go);
}

/* A body that only waits for its end. */
static inline int tracee_idle(void)
{
	while (pause() < 0)
		;
	return 0;
}

/* The next status of anybody, and what it is. */
static inline struct stop tracee_wait(struct kernel *k, struct kernel_wait *w)
{
	int got;

	do
		got = kernel_wait(k, KERNEL_WAIT_BLOCK, w);
	while (got == -EINTR);
	CHECK_EQ(got, 1);
	return stop_classify(w->status);
}

/* The tracee's next status, which must be of this kind. */
static inline struct stop tracee_expect(struct tracee *t, enum stop_kind kind)
{
	struct kernel_wait w;
	struct stop stop = tracee_wait(t->k, &w);

	CHECK_EQ(w.tid, t->pid);
	CHECK_MSG(stop.kind == kind, "%s instead of %s", stop_name(stop.kind), stop_name(kind));
	return stop;
}

/* Stops it wherever it is. */
static inline void tracee_stop(struct tracee *t)
{
	CHECK_EQ(kernel_interrupt(t->k, t->pid), 0);
	tracee_expect(t, STOP_TRAP);
}

static inline void tracee_cont(struct tracee *t, int sig)
{
	CHECK_EQ(kernel_resume(t->k, t->pid, KERNEL_CONT, sig), 0);
}

/* Kills it and takes its end. */
static inline void tracee_kill(struct tracee *t)
{
	struct kernel_wait w;

	CHECK_EQ(kernel_signal(t->k, t->pid, 0, SIGKILL), 0);
	do
		tracee_wait(t->k, &w);
	while (w.tid != t->pid || WIFSTOPPED(w.status));
}

/* Lets it run to its end, which must be exit 0. */
static inline void tracee_finish(struct tracee *t)
{
	struct stop stop = tracee_expect(t, STOP_EXITED);

	CHECK_EQ(stop.exit_code, 0);
}

static inline struct kernel *tracee_kernel(void)
{
	struct kernel *k = kernel_linux_new();

	CHECK(k);
	return k;
}

#endif
