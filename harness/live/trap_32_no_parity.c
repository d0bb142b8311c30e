/* SPDX-License-Identifier: MIT */
/*
 * Trap 32: syscall-stops are not counted. PTRACE_GET_SYSCALL_INFO says what a stop is; where it is
 * missing (before Linux 5.3) it is known from the stops before. Here the second way is forced, and
 * compared with the kernel's own word at every stop of a program that forks, vforks, executes, makes
 * threads, is interrupted in its calls and is resumed by SYSCALL and CONT in turn.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "live/kernel_tracee.h"

#define ROUNDS 20

static void on_alarm(int sig)
{
	(void)sig;
}

static void *thread_main(void *arg)
{
	sched_yield();
	return arg;
}

static pid_t vfork_and_exec(void)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/nonexistent", argv);
		execvp("true", argv);
		_exit(1);
	}
	return pid;
}

/* Everything that puts a stop into the middle of a call. */
static int workload(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct timespec ms = { 0, 1000000 };

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t thread;
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		kill(getpid(), SIGALRM);
		if (waitpid(pid, NULL, 0) != pid)
			return 1;
		pid = vfork_and_exec();
		ualarm(500, 0);
		nanosleep(&ms, NULL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (pthread_create(&thread, NULL, thread_main, NULL))
			return 2;
		pthread_join(thread, NULL);
	}
	return 0;
}

struct counts {
	unsigned compared, entries, exits, swallowed;
	bool thread_seen;
};

/* What the kernel says, past the implementation. */
static int true_op(pid_t tid)
{
	unsigned char info[88] = { 0 };

	if (linux_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), info) < 0)
		return -1;
	return info[0];
}

static void compare(struct kernel *k, const struct kernel_wait *w, struct counts *counts)
{
	struct kernel_syscall_info info;
	int err = kernel_syscall_info(k, w->tid, &info), op = true_op(w->tid);

	if (err == -ESRCH || op < 0)
		return; /* killed meanwhile, as threads are by exec */
	CHECK_EQ(err, 0);
	CHECK_MSG(op == (int)info.op, "task %d, status %#x: %d, but the kernel says %d", w->tid,
		  (unsigned)w->status, (int)info.op, op);
	counts->compared++;
	counts->entries += op == KERNEL_OP_ENTRY;
	counts->exits += op == KERNEL_OP_EXIT;
}

/* By SYSCALL, and now and then by CONT, by a fixed sequence: entries whose exit is never seen. */
static enum kernel_resume how_next(unsigned *seed, struct stop stop, struct counts *counts)
{
	*seed = *seed * 1103515245 + 12345;
	if (stop.kind == STOP_GROUP)
		return KERNEL_LISTEN;
	if (*seed >> 16 & 3)
		return KERNEL_SYSCALL;
	counts->swallowed += stop.kind == STOP_SYSCALL;
	return KERNEL_CONT;
}

static void follow(struct kernel *k, const struct tracee *t, struct counts *counts)
{
	unsigned seed = 1;

	for (;;) {
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		if (stop_is_end(stop.kind)) {
			if (w.tid != t->pid)
				continue;
			CHECK_EQ(stop.kind, STOP_EXITED);
			CHECK_EQ(stop.exit_code, 0);
			return;
		}
		compare(k, &w, counts);
		kernel_resume(k, w.tid, how_next(&seed, stop, counts),
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
}

static int run(void)
{
	struct kernel *k = tracee_kernel();
	struct counts counts = { 0 };
	struct tracee t;

	linux_of(k)->refuse = LINUX_REFUSE_SYSCALL_INFO;
	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	CHECK_EQ(kernel_resume(k, t.pid, KERNEL_SYSCALL, 0), 0);
	tracee_go(&t);
	follow(k, &t, &counts);
	CHECK_EQ(linux_of(k)->syscall_info, LINUX_LACKS);
	test_note("%u stops compared, %u entries, %u exits, %u not awaited", counts.compared,
		  counts.entries, counts.exits, counts.swallowed);
	CHECK_LT(ROUNDS * 10, counts.compared);
	CHECK_LT(ROUNDS, counts.entries);
	CHECK_LT(ROUNDS, counts.exits);
	CHECK_LT(ROUNDS, counts.swallowed);
	/* Nothing is kept of tasks that are gone. */
	CHECK(!linux_of(k)->parity);
	kernel_free(k);
	return 0;
}

static const char *const programs[] = { "true", NULL };

const struct scion_test scion_test = { .name = "trap_32_no_parity",
				       .trap = "32",
				       .min_kver = "5.3", /* has the word to compare with */
				       .needs_programs = programs,
				       .timeout_s = 60,
				       .run = run };
