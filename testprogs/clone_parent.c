/* SPDX-License-Identifier: MIT */
/* mutatee: clone_parent -- CLONE_PARENT: the child is the caller's sibling, and the caller's parent
 *	waits for it
 * variants: pie static
 * bites: rax=56 r13
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;

/*
 * Between parent and sibling: makes the sibling, has no child of its own, says the sibling's PID.
 */
static _Noreturn void caller(struct birth *outer, int report, uint64_t seed)
{
	struct birth birth;
	long value;
	pid_t pid;

	birth_begin(&birth, BIRTH_NOWAIT | BIRTH_WORLD);
	birth.parent = getppid();
	birth.code = 5;
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_clone, CPU_ARG(CLONE_PARENT | SIGCHLD), NULL, NULL, NULL, NULL);
	value = cpu_birth(&check, &birth);
	birth_end(&birth, value);
	pid = (pid_t)value;
	write_all(report, &pid, sizeof(pid));
	errno = ERRNO_MARK;
	birth_child(outer);
}

static void one(uint64_t seed)
{
	struct birth birth;
	pid_t pid, sibling;
	int report[2];

	must("pipe", pipe(report));
	birth_begin(&birth, BIRTH_OTHERS);
	pid = fork();
	if (pid == 0)
		caller(&birth, report[1], seed);
	birth_end(&birth, pid);
	expect_eq("size of the caller's report", sizeof(sibling),
		  (long)read_all(report[0], &sibling, sizeof(sibling)));
	wait_for_exit(sibling, 0, 5);
	expect_no_child(0);
	close(report[0]);
	close(report[1]);
}

int main(void)
{
	world_arm();
	for (uint64_t seed = 0; seed < 4; seed++)
		one(seed);
	return 0;
}
