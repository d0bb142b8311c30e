/* SPDX-License-Identifier: MIT */
/* mutatee: vfork_exec -- vfork by libc and by the bare call; the child executes this program again,
 *	which reports
 * variants: pie nopie static static-pie
 * bites: rax=58 rax=-38 rbp rflags zmm sigmask
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPORT_FD 100

static struct cpu_check check;
static volatile int child_ran;

static _Noreturn void exec_self(struct birth *birth)
{
	static char *const argv[] = { (char *)"vfork_exec", (char *)"report", NULL };
	static char *const envp[] = { NULL };

	world_check(&birth->world, "child of vfork");
	child_ran = 1;
	dup2(birth->fd[1], REPORT_FD);
	execve("/proc/self/exe", argv, envp);
	fail("execve: expected no return, saw errno %d", errno);
}

static void check_and_exec(struct cpu_check *c)
{
	cpu_verify(c, "child");
	exec_self(c->user);
}

/* The parent must not go on before the child has executed. */
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
	birth.code = 9;
	child_ran = 0;
	pid = vfork();
	if (pid == 0)
		exec_self(&birth);
	end(&birth, pid);
}

static void by_syscall(uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	birth.code = 9;
	child_ran = 0;
	cpu_prepare(&check, seed, 0);
	check.want.gpr[CPU_RAX] = SYS_vfork;
	check.child = check_and_exec;
	check.user = &birth;
	check.no_redzone = true;
	end(&birth, cpu_birth(&check, &birth));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "report")) {
		world_check_after_exec();
		birth_send(REPORT_FD);
		return 9;
	}
	world_arm();
	for (uint64_t seed = 0; seed < 4; seed++) {
		by_libc();
		by_syscall(seed);
	}
	return 0;
}
