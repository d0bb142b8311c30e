/* SPDX-License-Identifier: MIT */
/*
 * Trap 35: an open /proc/PID/mem stays with the memory that the task had when it was opened. After
 * exec, and above all after the exec of a vfork child, it must not be used: the child's old memory is
 * its parent's. A failed exec must keep it.
 */
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "live/kernel_tracee.h"

static volatile uint64_t marker = 0x1111;

static int failed_then_good_exec(void)
{
	char *argv[] = { (char *)"true", NULL };

	execv("/nonexistent", argv);
	kill(getpid(), SIGUSR1); /* a stop after the failure */
	execvp("true", argv);
	return 112;
}

static void by_mem(struct kernel *k, bool on)
{
	linux_of(k)->refuse = on ? LINUX_REFUSE_VM | LINUX_REFUSE_WORDS : 0;
}

/* argc at the top of the new stack: only the new memory has it at the new rsp. */
static void check_new_image(struct kernel *k, pid_t pid)
{
	struct kernel_regs regs;
	uint64_t argc = 0;

	CHECK_EQ(kernel_get_regs(k, pid, &regs), 0);
	by_mem(k, true);
	CHECK_EQ(kernel_read(k, pid, regs.r.rsp, &argc, sizeof(argc)), 0);
	by_mem(k, false);
	CHECK_EQ(argc, 1);
}

static void exec_alone(struct kernel *k)
{
	struct tracee t;
	uint64_t value = 0x2222;

	tracee_start(&t, k, TRACEE_FOLLOW, failed_then_good_exec);
	tracee_stop(&t);
	by_mem(k, true);
	CHECK_EQ(kernel_write_code(k, t.pid, (uintptr_t)&marker, &value, sizeof(value)), 0);
	by_mem(k, false);
	tracee_cont(&t, 0);
	tracee_go(&t);
	CHECK_EQ(tracee_expect(&t, STOP_SIGNAL).sig, SIGUSR1);
	by_mem(k, true);
	value = 0;
	CHECK_EQ(kernel_read(k, t.pid, (uintptr_t)&marker, &value, sizeof(value)), 0);
	by_mem(k, false);
	CHECK_EQ(value, 0x2222);
	tracee_cont(&t, 0);
	tracee_expect(&t, STOP_EXEC);
	check_new_image(k, t.pid);
	tracee_cont(&t, 0);
	tracee_finish(&t);
}

/* In the parent, after its child has executed: the marker is as the parent wrote it. */
static int vfork_and_exec(void)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execvp("true", argv);
		_exit(112);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 113;
	return marker == 0x1111 ? 0 : 114;
}

/*
 * The child's file is opened while it shares the parent's memory. After its exec a write to the
 * marker's address must fail (or hit the child), and never reach the parent.
 */
static void exec_of_vfork_child(struct kernel *k)
{
	struct tracee t;
	struct kernel_wait w;
	pid_t child = 0;
	bool executed = false;
	uint64_t value;

	tracee_start(&t, k, TRACEE_FOLLOW, vfork_and_exec);
	tracee_go(&t);
	for (;;) {
		struct stop stop = tracee_wait(k, &w);

		if (stop_is_end(stop.kind)) {
			if (w.tid != t.pid)
				continue;
			CHECK_EQ(stop.kind, STOP_EXITED);
			CHECK_EQ(stop.exit_code, 0);
			break;
		}
		by_mem(k, true);
		if (w.tid != t.pid && !child) {
			child = w.tid;
			CHECK_EQ(kernel_read(k, child, (uintptr_t)&marker, &value, 8), 0);
			CHECK_EQ(value, 0x1111);
		}
		if (stop.kind == STOP_EXEC) {
			value = 0x3333;
			kernel_write_code(k, child, (uintptr_t)&marker, &value, 8);
			by_mem(k, false);
			check_new_image(k, child);
			executed = true;
		}
		by_mem(k, false);
		CHECK_EQ(kernel_resume(k, w.tid, KERNEL_CONT,
				       stop.kind == STOP_SIGNAL ? stop.sig : 0),
			 0);
	}
	CHECK(executed);
}

/* More tasks than files are kept for: each still reads its own memory. */
static void many(struct kernel *k)
{
	struct tracee t[3 * LINUX_MEM_FDS];
	const size_t count = sizeof(t) / sizeof(t[0]);

	for (size_t i = 0; i < count; i++) {
		tracee_start(&t[i], k, TRACEE_FOLLOW, tracee_idle);
		tracee_stop(&t[i]);
	}
	by_mem(k, true);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < count; i++) {
			uint64_t value = i, got = 0;

			CHECK_EQ(kernel_write_code(k, t[i].pid, (uintptr_t)&marker, &value, 8), 0);
			CHECK_EQ(kernel_read(k, t[i].pid, (uintptr_t)&marker, &got, 8), 0);
			CHECK_EQ(got, i);
		}
	}
	by_mem(k, false);
	for (size_t i = 0; i < count; i++)
		tracee_kill(&t[i]);
	CHECK_EQ(marker, 0x1111);
	/* Nothing is kept of the dead: their numbers will be somebody else's. */
	for (size_t i = 0; i < LINUX_MEM_FDS; i++)
		CHECK_EQ(linux_of(k)->mem[i].fd, -1);
}

static int run(void)
{
	struct kernel *k = tracee_kernel();

	exec_alone(k);
	exec_of_vfork_child(k);
	many(k);
	kernel_free(k);
	return 0;
}

static const char *const programs[] = { "true", NULL };

const struct scion_test scion_test = {
	.name = "trap_35_stale_mem", .trap = "35", .needs_programs = programs, .run = run
};
