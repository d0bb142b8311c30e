/* SPDX-License-Identifier: MIT */
/*
 * A program that embeds scion has children of its own. They are never reaped by our wait, and one that
 * is dead and not yet waited for must not hide our tracees: the kernel always shows it first.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "live/kernel_tracee.h"

#define KNOWN 8

struct session {
	pid_t known[KNOWN];
	int count;
};

static bool owns(void *arg, pid_t tid)
{
	const struct session *s = arg;

	for (int i = 0; i < s->count; i++)
		if (s->known[i] == tid)
			return true;
	return false;
}

static pid_t owned_next(void *arg, pid_t after)
{
	const struct session *s = arg;
	int i = 0;

	while (after && i < s->count && s->known[i++] != after)
		;
	return i < s->count ? s->known[i] : 0;
}

static pid_t foreign_zombie(int code)
{
	pid_t pid = (pid_t)CHECK_CALL(fork());

	if (pid == 0)
		_exit(code);
	CHECK_CALL(waitid(P_PID, (id_t)pid, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOWAIT));
	return pid;
}

static int fork_once(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(7);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 1;
}

/* Follows the tracee and its child to their ends; the child is unknown until its parent's event. */
static unsigned follow(struct kernel *k, struct session *s, struct tracee *t,
		       enum kernel_wait_mode mode)
{
	unsigned ends = 0, unknown_first = 0;

	while (ends < 2) {
		struct kernel_wait w;
		struct stop stop;
		unsigned long child;
		int got = kernel_wait(k, mode, &w);

		if (got == 0 || got == -EINTR)
			continue;
		CHECK_EQ(got, 1);
		stop = stop_classify(w.status);
		unknown_first += !owns(s, w.tid);
		if (stop_is_end(stop.kind)) {
			CHECK_EQ(stop.kind, STOP_EXITED);
			CHECK_EQ(stop.exit_code, w.tid == t->pid ? 0 : 7);
			ends++;
			continue;
		}
		if (stop.kind == STOP_FORK) {
			CHECK_EQ(kernel_event_msg(k, w.tid, &child), 0);
			s->known[s->count++] = (pid_t)child;
		}
		CHECK_EQ(kernel_resume(k, w.tid, KERNEL_CONT,
				       stop.kind == STOP_SIGNAL ? stop.sig : 0),
			 0);
	}
	return unknown_first;
}

static void nothing_is_ours(struct kernel *k, const pid_t *foreign, int count)
{
	struct kernel_wait w;

	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);
	for (int i = 0; i < count; i++) {
		int status;

		/* Still there, with its status. */
		CHECK_EQ(waitpid(foreign[i], &status, WNOHANG), foreign[i]);
		CHECK_EQ(status, (20 + i) << 8);
	}
	/* ECHILD: the loop's end */
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), -ECHILD);
}

static void one_round(enum kernel_wait_mode mode, bool foreign_first, bool fd_mode)
{
	struct session session = { .count = 0 };
	struct kernel *k = tracee_kernel();
	struct tracee t;
	pid_t foreign[2];
	int count = 0;

	k->owns = owns;
	k->owned_next = owned_next;
	k->owns_arg = &session;
	if (foreign_first)
		foreign[count++] = foreign_zombie(20);
	if (fd_mode)
		CHECK_LE(0, kernel_fd(k));
	tracee_start(&t, k, TRACEE_FOLLOW, fork_once);
	session.known[session.count++] = t.pid;
	foreign[count] = foreign_zombie(20 + count);
	count++;
	tracee_go(&t);
	follow(k, &session, &t, mode);
	nothing_is_ours(k, foreign, count);
	kernel_free(k);
}

/* The child of a tracee, auto-attached, whom nobody has told us of: known by TracerPid alone. */
static void unknown_child(void)
{
	struct session session = { .count = 0 };
	struct kernel *k = tracee_kernel();
	struct tracee t;
	struct kernel_wait w;
	struct stop stop;
	pid_t child;
	unsigned long msg;

	k->owns = owns;
	k->owned_next = owned_next;
	k->owns_arg = &session;
	tracee_start(&t, k, TRACEE_FOLLOW, fork_once);
	session.known[session.count++] = t.pid;
	tracee_go(&t);
	tracee_expect(&t, STOP_FORK);
	CHECK_EQ(kernel_event_msg(k, t.pid, &msg), 0);
	session.count = 0; /* forget even the parent: it is ours by TracerPid as well */
	stop = tracee_wait(k, &w);
	child = w.tid;
	CHECK_EQ(child, msg);
	CHECK_EQ(stop.kind, STOP_TRAP);
	CHECK_EQ(kernel_resume(k, child, KERNEL_CONT, 0), 0);
	stop = tracee_wait(k, &w);
	CHECK_EQ(w.tid, child);
	CHECK_EQ(stop.kind, STOP_EXITED);
	CHECK_EQ(stop.exit_code, 7);
	tracee_cont(&t, 0);
	do {
		stop = tracee_wait(k, &w);
		CHECK_EQ(w.tid, t.pid);
		if (stop.kind == STOP_SIGNAL)
			tracee_cont(&t, stop.sig);
	} while (!stop_is_end(stop.kind));
	CHECK_EQ(stop.exit_code, 0);
	kernel_free(k);
}

static long cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int idle(void)
{
	return tracee_idle();
}

/* With a foreign zombie in front a blocking wait sleeps; it does not spin until something comes. */
static void sleeps(void)
{
	struct session session = { .count = 0 };
	struct kernel *k = tracee_kernel();
	struct tracee t;
	struct kernel_wait w;
	pid_t foreign = foreign_zombie(20);
	uint64_t since;
	long before;
	int status;

	k->owns = owns;
	k->owned_next = owned_next;
	k->owns_arg = &session;
	tracee_start(&t, k, PTRACE_O_EXITKILL, idle);
	session.known[session.count++] = t.pid;
	CHECK_EQ(kernel_alarm(k, 300000000), 0);
	since = kernel_now(k);
	before = cpu_ms();
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_BLOCK, &w), -EINTR);
	CHECK_LE(250, (kernel_now(k) - since) / 1000000);
	CHECK_LT(cpu_ms() - before, 150);
	CHECK_EQ(kernel_alarm(k, 0), 0);
	tracee_kill(&t);
	CHECK_EQ(waitpid(foreign, &status, 0), foreign);
	kernel_free(k);
}

static int run(void)
{
	for (int i = 0; i < 8; i++)
		one_round(i & 1 ? KERNEL_WAIT_BLOCK : KERNEL_WAIT_POLL, i & 2, i & 4);
	unknown_child();
	sleeps();
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_wait_foreign", .run = run };
