/* SPDX-License-Identifier: MIT */
/* mutatee: fork_int80 -- fork, vfork and clone by int $0x80 in 64-bit code: the other number space,
 *	all registers kept
 * variants: pie
 * bites: rax=56 r8 r11
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sys/wait.h>
#include <unistd.h>

#define I386_FORK   2
#define I386_GETPID 20
#define I386_CLONE  120
#define I386_VFORK  190

static struct cpu_check check;

/* Without CONFIG_IA32_EMULATION the instruction is a SIGSEGV. */
static void need_int80(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long nr = I386_GETPID;

		__asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
		_exit(nr == getpid() ? 0 : 1);
	}
	must("waitpid", waitpid(pid, &status, 0));
	if (WIFSIGNALED(status))
		skip("int $0x80 ends in signal %d: the kernel has no 32-bit entry",
		     WTERMSIG(status));
	expect_eq("status of the child that tried int $0x80", 0, status);
}

static void vfork_child(struct cpu_check *c)
{
	cpu_verify(c, "child");
	birth_child(c->user);
}

static void one(long nr, uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.op = cpu_op_int80;
	check.want.gpr[CPU_RAX] = (uint64_t)nr;
	check.user = &birth;
	if (nr == I386_VFORK) {
		check.child = vfork_child;
		check.no_redzone = true;
	}
	if (nr == I386_CLONE) {
		check.want.gpr[CPU_RBX] = SIGCHLD;
		check.want.gpr[CPU_RCX] = 0;
	}
	birth_end(&birth, cpu_birth(&check, &birth));
}

int main(void)
{
	need_int80();
	world_arm();
	for (uint64_t seed = 0; seed < 4; seed++) {
		one(I386_FORK, seed);
		one(I386_CLONE, seed);
		one(I386_VFORK, seed);
	}
	return 0;
}
