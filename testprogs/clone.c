/* SPDX-License-Identifier: MIT */
/* mutatee: clone -- the bare clone call as libc's fork makes it, with CLONE_PARENT_SETTID and
 *	CLONE_CHILD_SETTID
 * variants: pie static
 * bites: rax=56 rdi r10 mxcsr gs
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;
static int parent_tid, child_tid;

static void one(uint64_t seed)
{
	const long flags = SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID;
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	parent_tid = child_tid = -1;
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_clone, CPU_ARG(flags), NULL, &parent_tid, &child_tid, NULL);
	value = cpu_call(&check);
	cpu_verify(&check, value ? "parent" : "child");
	if (!value) {
		expect_eq("CLONE_CHILD_SETTID in the child", getpid(), child_tid);
		birth_child(&birth);
	}
	expect_eq("CLONE_CHILD_SETTID in the parent", -1, child_tid);
	expect_eq("CLONE_PARENT_SETTID", value, parent_tid);
	birth_end(&birth, value);
}

int main(void)
{
	world_arm();
	for (uint64_t seed = 0; seed < 6; seed++)
		one(seed);
	return 0;
}
