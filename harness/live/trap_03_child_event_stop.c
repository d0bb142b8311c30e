/* SPDX-License-Identifier: MIT */
/*
 * Trap 3: the first stop of a seized tracee's child is PTRACE_EVENT_STOP with SIGTRAP, not SIGSTOP,
 * and its rax is 0. Seen raw, and by a session's callback; threads and vfork children too.
 */
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

static void *thread_main(void *arg)
{
	return arg;
}

static int workload(void)
{
	pthread_t thread;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		return 1;
	pid = vfork();
	if (pid == 0)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		return 2;
	return pthread_create(&thread, NULL, thread_main, NULL) || pthread_join(thread, NULL);
}

#define BIRTHS 3

static void check_kernel(void)
{
	struct kernel *k = tracee_kernel();
	pid_t seen[BIRTHS + 1] = { 0 };
	struct tracee t;
	size_t children = 0;

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	tracee_cont(&t, 0);
	tracee_go(&t);
	seen[0] = t.pid;
	for (;;) {
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);
		struct kernel_regs regs;
		bool known = false;

		for (size_t i = 0; i <= children; i++)
			known = known || seen[i] == w.tid;
		if (stop_is_end(stop.kind) && w.tid == t.pid)
			break;
		if (!known) {
			CHECK_EQ(w.status, PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f);
			CHECK_EQ(kernel_get_regs(k, w.tid, &regs), 0);
			CHECK_EQ(regs.r.rax, 0);
			CHECK_LT(children, BIRTHS);
			seen[++children] = w.tid;
		}
		kernel_resume(k, w.tid, KERNEL_CONT, stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(children, BIRTHS);
	kernel_free(k);
}

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct user_regs_struct regs;

	if (event->type != SCION_EVENT_CHILD)
		return SCION_CONTINUE;
	CHECK_EQ(scion_task_regs(f->session, event->tid, &regs), SCION_OK);
	CHECK_EQ(regs.rax, 0);
	return SCION_CONTINUE;
}

static int run(void)
{
	struct follow f = { .on_event = on_event };

	check_kernel();
	follow_open(&f, NULL);
	steps_child(&f, workload);
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CHILD), BIRTHS);
	CHECK_EQ(follow_check(&f, true), BIRTHS);
	/* A SIGSTOP would have been one of the program's: none was invented, none lost. */
	for (size_t i = 0; i < follow_count(&f, SCION_EVENT_SIGNAL); i++)
		CHECK_EQ(follow_nth(&f, SCION_EVENT_SIGNAL, i)->signo, SIGCHLD);
	CHECK_EQ(follow_count(&f, SCION_EVENT_STOPPED), 0);
	follow_close(&f);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_03_child_event_stop",
				       .trap = "03",
				       .run = run };
