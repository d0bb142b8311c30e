/* SPDX-License-Identifier: MIT */
/* mutatee: fork32_sysenter -- a 32-bit program: fork and clone through the vdso's __kernel_vsyscall
 *	(sysenter or syscall)
 * needs: 32bit
 * variants: pie static
 * bites: rax=2 rbx rsi rflags xmm
 * time: 20
 */
#include "common/cpu32.h"
#include "common/mutatee.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu32_check check;

int main(void)
{
	unsigned long entry = getauxval(AT_SYSINFO);

	if (!entry)
		skip("the kernel maps no 32-bit vdso (no AT_SYSINFO)");
	check.vsyscall = (void (*)(void))entry;
	world_arm();
	for (uint32_t seed = 0; seed < 6; seed++) {
		cpu32_birth(&check, cpu32_op_vsyscall, SYS_fork, seed);
		cpu32_birth(&check, cpu32_op_vsyscall, SYS_clone, seed);
	}
	return 0;
}
