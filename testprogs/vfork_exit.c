/* SPDX-License-Identifier: MIT */
/* mutatee: vfork_exit -- vfork whose child calls _exit; the parent must have waited for it, and
 *	shares its memory
 * variants: pie static
 * bites: rax=58 rax=-38 r14 x87 double
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;
static volatile int child_ran;

static void leave(struct cpu_check *c)
{
	cpu_verify(c, "child");
	child_ran = 1;
	birth_child(c->user);
}

static void end(struct birth *birth, long value)
{
	expect_eq("the child's mark when vfork returned", 1, child_ran);
	birth_end(birth, value);
}

static void by_libc(void)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	birth.code = 7;
	child_ran = 0;
	pid = vfork();
	if (pid == 0) {
		child_ran = 1;
		birth_child(&birth);
	}
	end(&birth, pid);
}

/* Also as clone(CLONE_VM | CLONE_VFORK), which is what old libcs' posix_spawn does. */
static void by_syscall(uint64_t seed, long nr)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	child_ran = 0;
	cpu_prepare(&check, seed, 0);
	if (nr == SYS_clone)
		cpu_args(&check, nr, CPU_ARG(0x4100 | SIGCHLD), NULL, NULL, NULL, NULL);
	else
		check.want.gpr[CPU_RAX] = (uint64_t)nr;
	check.child = leave;
	check.user = &birth;
	check.no_redzone = true;
	end(&birth, cpu_birth(&check, &birth));
}

int main(void)
{
	world_arm();
	for (uint64_t seed = 0; seed < 4; seed++) {
		by_libc();
		by_syscall(seed, SYS_vfork);
		by_syscall(seed, SYS_clone);
	}
	return 0;
}
