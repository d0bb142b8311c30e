/* SPDX-License-Identifier: MIT */
/*
 * Trap 8: the event's kind does not say whether a process or a thread was made, nor whether memory is
 * shared: clone without an exit signal is a process and reports EVENT_CLONE, CLONE_VM | SIGCHLD
 * reports EVENT_FORK though the memory is one. A session asks the kernel (tgkill, kcmp).
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

static char stack[1 << 16] __attribute__((aligned(64)));

static int in_shared(void *arg)
{
	(void)arg;
	return 0;
}

static void *thread_main(void *arg)
{
	return arg;
}

static int workload(void)
{
	pthread_t thread;
	long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (waitpid((pid_t)pid, NULL, __WALL) != pid)
		return 1;
	pid = clone(in_shared, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	if (waitpid((pid_t)pid, NULL, __WALL) != pid)
		return 2;
	return pthread_create(&thread, NULL, thread_main, NULL) || pthread_join(thread, NULL);
}

static const struct expected {
	enum stop_kind stop;
	bool thread, shares;
} expected[] = {
	{ STOP_CLONE, false, false },
	{ STOP_FORK, false, true },
	{ STOP_CLONE, true, true },
};

#define BIRTHS (sizeof(expected) / sizeof(expected[0]))

static size_t births;

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	const struct tasks *tasks = &f->session->tasks;
	const struct expected *now;

	if (event->type != SCION_EVENT_CHILD)
		return SCION_CONTINUE;
	CHECK_LT(0, births);
	now = &expected[births - 1];
	CHECK_EQ(event->thread, now->thread);
	CHECK_EQ(event->pid, now->thread ? f->pid : event->tid);
	CHECK_EQ(task_find(tasks, event->tid)->space == task_find(tasks, event->peer)->space,
		 now->shares);
	CHECK_EQ(kernel_same_vm(f->session->kernel, event->tid, event->peer), now->shares);
	return SCION_CONTINUE;
}

static const char *const mutatees[] = { "clone_nosignal", "clone_vm", "clone", NULL };

static int run(void)
{
	struct follow f = { .on_event = on_event };
	struct kernel_wait wait;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		struct stop stop = stop_classify(wait.status);

		if (stop_is_birth(stop.kind)) {
			CHECK_LT(births, BIRTHS);
			CHECK_EQ(stop.kind, expected[births++].stop);
		}
		session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_EQ(births, BIRTHS);
	CHECK_EQ(follow_check(&f, true), BIRTHS);
	follow_close(&f);
	for (size_t i = 0; mutatees[i]; i++)
		CHECK_LT(0, steps_mutatee(mutatees[i], NULL, true));
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_08_clone_kinds", .trap = "08", .needs_mutatees = mutatees, .run = run
};
