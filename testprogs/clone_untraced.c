/* SPDX-License-Identifier: MIT */
/* mutatee: clone_untraced -- CLONE_UNTRACED: a child that no tracer follows is a child like any
 *	other to its parent
 * variants: pie static
 * bites: rax=56 rdi r15
 * time: 20
 *
 * The child also looks at its TracerPid, which must be 0, traced parent or not.
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;

static void expect_no_tracer(void)
{
	char line[128];
	FILE *status = fopen("/proc/self/status", "re");

	if (!status)
		fail("/proc/self/status: expected it to open, saw errno %d", errno);
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, "TracerPid:", 10))
			expect_eq("TracerPid of the untraced child", 0, atoi(line + 10));
	fclose(status);
}

static void one(uint64_t seed)
{
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_clone, CPU_ARG(CLONE_UNTRACED | SIGCHLD), NULL, NULL, NULL, NULL);
	value = cpu_call(&check);
	cpu_verify(&check, value ? "parent" : "child");
	if (!value) {
		expect_no_tracer();
		errno = ERRNO_MARK;
		birth_child(&birth);
	}
	birth_end(&birth, value);
}

int main(void)
{
	world_arm();
	for (uint64_t seed = 0; seed < 4; seed++)
		one(seed);
	return 0;
}
