/* SPDX-License-Identifier: MIT */
/* mutatee: fork32_int80 -- a 32-bit program: fork by libc; fork, vfork and clone by int $0x80 with
 *	registers checked
 * needs: 32bit
 * variants: pie static
 * bites: rax=2 rbx rdi rflags xmm sigmask
 * time: 20
 */
#include "common/cpu32.h"
#include "common/mutatee.h"

#include <sys/syscall.h>
#include <unistd.h>

static struct cpu32_check check;

static void by_libc(void)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
}

int main(void)
{
	world_arm();
	for (uint32_t seed = 0; seed < 4; seed++) {
		cpu32_birth(&check, cpu32_op_int80, SYS_fork, seed);
		cpu32_birth(&check, cpu32_op_int80, SYS_clone, seed);
		cpu32_birth(&check, cpu32_op_int80, SYS_vfork, seed);
		by_libc();
	}
	return 0;
}
