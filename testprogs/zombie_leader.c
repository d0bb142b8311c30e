/* SPDX-License-Identifier: MIT */
/* mutatee: zombie_leader -- the leader is gone by pthread_exit, the process lives on in a thread,
 *	which forks
 * arguments: [hold] (once the leader is a zombie)
 * needs: threads
 * variants: pie static
 * bites: rax=56 rbx
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;
static int arg_count;
static char **arg_list;

static void births(uint64_t seed)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

static void *survivor(void *arg)
{
	await_state(getpid(), getpid(), "Z");
	hold_if(arg_count, arg_list);
	for (uint64_t seed = 0; seed < 4; seed++)
		births(seed);
	expect_eq("state of the leader", 'Z', task_state(getpid(), getpid()));
	exit(0);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	arg_count = argc;
	arg_list = argv;
	world_arm();
	must("pthread_create", -pthread_create(&thread, NULL, survivor, NULL));
	pthread_exit(NULL);
}
