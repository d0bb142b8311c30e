/* SPDX-License-Identifier: MIT */
/* mutatee: clone_vm -- CLONE_VM | SIGCHLD with a stack of its own: another process in the same
 *	memory
 * variants: pie static
 * bites: rax=56 rsi r9 redzone
 * time: 20
 *
 * Parent and child are in one memory at the same time, so the child keeps to raw system calls:
 * errno is shared.
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check, childs;
static unsigned char stack[65536] __attribute__((aligned(64)));
static volatile int mark;

static void in_child(struct cpu_check *c)
{
	struct birth *birth = c->user;
	struct birth_note note = {
		.pid = (int32_t)raw0(SYS_getpid),
		.tid = (int32_t)raw0(SYS_gettid),
		.ppid = (int32_t)raw0(SYS_getppid),
	};

	cpu_verify(c, "child");
	mark = note.pid;
	write_all(birth->fd[1], &note, sizeof(note));
	raw1(SYS_exit_group, birth->code);
}

static void one(uint64_t seed)
{
	struct birth birth;
	long value;
	void *top;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	birth.code = 6;
	mark = 0;
	cpu_prepare(&check, seed, 0);
	check.user = &birth;
	cpu_args(&check, SYS_clone, CPU_ARG(CLONE_VM | SIGCHLD), NULL, NULL, NULL, NULL);
	top = cpu_stack(&childs, &check, stack, sizeof(stack), in_child);
	check.want.gpr[CPU_RSI] = (uintptr_t)top;
	childs.want.gpr[CPU_RSI] = (uintptr_t)top;
	/* fs and gs are taken over as they are at the call. */
	value = cpu_call(&check);
	cpu_verify(&check, "parent");
	birth_end(&birth, value);
	expect_eq("what the child wrote to the shared memory", value, mark);
}

int main(void)
{
	world_arm();
	for (uint64_t seed = 0; seed < 6; seed++)
		one(seed);
	return 0;
}
