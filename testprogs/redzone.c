/* SPDX-License-Identifier: MIT */
/* mutatee: redzone -- the 128 bytes below rsp across fork and clone, with rsp at every alignment
 *	that a program can have
 * variants: pie nopie static static-pie
 * bites: redzone child:redzone
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;

static void one(uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.skew = seed * 8;
	if (seed & 2)
		cpu_args(&check, SYS_clone, CPU_ARG(SIGCHLD), NULL, NULL, NULL, NULL);
	else
		check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

int main(void)
{
	for (uint64_t seed = 0; seed < 16; seed++)
		one(seed);
	return 0;
}
