/* SPDX-License-Identifier: MIT */
/*
 * What placement asks of the kernel: a task's CPU, the load, and a scheduling class that is entered
 * only where it can be left again.
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "lib/test.h"

static void task_cpu(struct kernel *k)
{
	cpu_set_t all, one;
	int cpu;

	CHECK_CALL(sched_getaffinity(0, sizeof(all), &all));
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((unsigned)cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET((unsigned)cpu, &one);
		CHECK_EQ(kernel_set_affinity(k, 0, &one), 0);
		CHECK_EQ(kernel_current_cpu(k), cpu);
		CHECK_EQ(kernel_task_cpu(k, getpid()), cpu);
	}
	CHECK_EQ(kernel_set_affinity(k, 0, &all), 0);
	CHECK_EQ(kernel_get_affinity(k, 0, &one), 0);
	CHECK(CPU_EQUAL(&one, &all));
}

static void gone(struct kernel *k)
{
	pid_t pid = fork();

	CHECK_CALL(pid);
	if (pid == 0)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(kernel_task_cpu(k, pid), -ESRCH);
}

/* In and out, or refused and nothing changed; which of both is known. */
static void idle_class(struct kernel *k, bool allowed)
{
	int before = sched_getscheduler(0), nice_before = getpriority(PRIO_PROCESS, 0);

	CHECK_EQ(kernel_set_idle(k, true), allowed ? 0 : -EPERM);
	CHECK_EQ(sched_getscheduler(0), allowed ? SCHED_IDLE : before);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), nice_before);
	if (!allowed)
		return;
	CHECK_EQ(kernel_set_idle(k, false), 0);
	CHECK_EQ(sched_getscheduler(0), before);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), nice_before);
}

static void unprivileged(struct kernel *k)
{
	struct rlimit none = { 0, 0 };
	pid_t pid = fork();
	int status;

	CHECK_CALL(pid);
	if (pid == 0) {
		CHECK_CALL(setrlimit(RLIMIT_NICE, &none));
		CHECK_CALL(setresuid(65534, 65534, 65534));
		idle_class(k, false);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static int run(void)
{
	struct sched_param param = { .sched_priority = 0 };
	struct kernel *k = kernel_linux_new();

	CHECK(k != NULL);
	if (sched_getscheduler(0) != SCHED_OTHER)
		SKIP("not started in the normal scheduling class");
	task_cpu(k);
	gone(k);
	CHECK_LE(1, kernel_runnable(k));
	CHECK_EQ(kernel_sched_class(k, getpid()), SCHED_OTHER);
	unprivileged(k);
	if (setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1) == 0) {
		CHECK_CALL(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 1));
		idle_class(k, true);
		CHECK_CALL(sched_setscheduler(0, SCHED_BATCH, &param));
		idle_class(k, true);
		param.sched_priority = 1;
		if (sched_setscheduler(0, SCHED_FIFO, &param) == 0)
			idle_class(k, false); /* somebody chose it on purpose */
	} else {
		test_note("may not lower its nice value: the way in and out was not tried");
	}
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_sched", .needs_root = true, .run = run };
