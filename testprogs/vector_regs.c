/* SPDX-License-Identifier: MIT */
/* mutatee: vector_regs -- x87, MXCSR, xmm, ymm, zmm, mask registers and PKRU across calls, forks,
 *	vforks and threads
 * arguments: [list] (prints which of them this CPU has, and ends)
 * needs: threads
 * variants: pie static
 * bites: xmm ymm zmm opmask x87 mxcsr
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 6

static struct cpu_check check;

static void leave(struct cpu_check *c)
{
	cpu_verify(c, "child");
	birth_child(c->user);
}

static void birth_by(long nr, uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.want.gpr[CPU_RAX] = (uint64_t)nr;
	check.user = &birth;
	if (nr == SYS_vfork) {
		check.child = leave;
		check.no_redzone = true;
	}
	birth_end(&birth, cpu_birth(&check, &birth));
}

static void plain(long nr, uint64_t seed, struct cpu_check *c)
{
	cpu_prepare(c, seed, 0);
	cpu_args(c, nr, NULL, NULL, NULL, NULL, NULL);
	cpu_call(c);
	cpu_verify(c, "caller");
}

static void *in_thread(void *arg)
{
	static struct cpu_check other;

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		plain(SYS_sched_yield, seed + 100, &other);
		plain(SYS_getpid, seed + 200, &other);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (has_word(argc, argv, "list")) {
		printf("%s\n", cpu_components());
		return 0;
	}
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		birth_by(SYS_fork, seed);
		birth_by(SYS_vfork, seed);
		plain(SYS_getpid, seed, &check);
	}
	must("pthread_create", -pthread_create(&thread, NULL, in_thread, NULL));
	for (uint64_t seed = 0; seed < ROUNDS; seed++)
		plain(SYS_sched_yield, seed, &check);
	pthread_join(thread, NULL);
	return 0;
}
