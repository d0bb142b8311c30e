/* SPDX-License-Identifier: MIT */
/* mutatee: fork -- fork by libc, and by the bare system call with every register checked
 * arguments: [ROUNDS] (default 4) [hold]
 * variants: pie nopie static static-pie
 * bites: rax=56 rax=-38 rbx rdi r15 rflags xmm redzone sigmask double
 * bites: child:rbx child:rflags child:xmm child:redzone child:sigmask
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;

static void by_libc(void)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	birth.code = 7;
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
}

static void by_syscall(uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

int main(int argc, char **argv)
{
	long rounds = number_arg(argc, argv, 1, 4);

	world_arm();
	hold_if(argc, argv);
	for (long i = 0; i < rounds; i++) {
		by_libc();
		by_syscall((uint64_t)i);
	}
	return 0;
}
