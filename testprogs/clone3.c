/* SPDX-License-Identifier: MIT */
/* mutatee: clone3 -- the bare clone3 call with a pidfd; its arguments in memory must stay as they
 *	were
 * variants: pie static
 * bites: rax=56 rax=-38 rsi ymm
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cpu_check check;
static int parent_tid, child_tid, pidfd;

static void need_clone3(void)
{
	if (raw2(SYS_clone3, NULL, 0) == -ENOSYS)
		skip("the kernel has no clone3");
}

static void compare_args(const struct clone_args *want, const struct clone_args *got)
{
	if (memcmp(want, got, sizeof(*want)))
		fail("struct clone_args after the call: expected flags %#llx and the rest unchanged, saw "
		     "flags %#llx",
		     (unsigned long long)want->flags, (unsigned long long)got->flags);
}

/* The pidfd is a second, independent witness of who was born. */
static void check_pidfd(long value)
{
	siginfo_t info = { 0 };

	must("waitid on the pidfd", waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT));
	expect_eq("waitid's si_pid for the pidfd", value, info.si_pid);
	close(pidfd);
	errno = ERRNO_MARK;
}

static void one(uint64_t seed)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
		.pidfd = (uintptr_t)&pidfd,
		.parent_tid = (uintptr_t)&parent_tid,
		.child_tid = (uintptr_t)&child_tid,
		.exit_signal = SIGCHLD,
	};
	const struct clone_args before = args;
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	parent_tid = child_tid = pidfd = -1;
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_clone3, &args, CPU_ARG(sizeof(args)), NULL, NULL, NULL);
	value = cpu_call(&check);
	cpu_verify(&check, value ? "parent" : "child");
	compare_args(&before, &args);
	if (!value) {
		expect_eq("CLONE_CHILD_SETTID in the child", getpid(), child_tid);
		birth_child(&birth);
	}
	if (value < 0)
		fail("clone3: expected a PID, saw %ld", value);
	expect_eq("CLONE_PARENT_SETTID", value, parent_tid);
	check_pidfd(value);
	birth_end(&birth, value);
}

int main(void)
{
	need_clone3();
	world_arm();
	for (uint64_t seed = 0; seed < 6; seed++)
		one(seed);
	return 0;
}
