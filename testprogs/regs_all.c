/* SPDX-License-Identifier: MIT */
/* mutatee: regs_all -- stays in user mode with every register filled until it is released, then
 *	checks all of them
 * arguments: [ROUNDS] (default 2) [hold]
 * needs: threads
 * variants: pie nopie static static-pie
 * bites: held:rbx held:rflags held:xmm held:zmm held:x87 held:redzone held:sigmask held:r15
 * time: 20
 *
 * With hold, each round says "ready PID" once it is in the loop, and is released by a line on
 * stdin. A second thread does the talking; the main thread makes no system call meanwhile.
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;
static bool held;

static void *release(void *arg)
{
	while (!cpu_spin_entered())
		sched_yield();
	if (held) {
		announce();
		await_release();
	}
	cpu_spin_release();
	return arg;
}

int main(int argc, char **argv)
{
	long rounds = number_arg(argc, argv, 1, 2);
	struct world world;
	pthread_t thread;

	held = has_word(argc, argv, "hold");
	world_arm();
	for (long i = 0; i < rounds; i++) {
		world_save(&world);
		cpu_prepare(&check, (uint64_t)i, 0);
		cpu_spin_prepare(&check);
		must("pthread_create", -pthread_create(&thread, NULL, release, NULL));
		cpu_call(&check);
		cpu_verify(&check, "loop");
		world_check(&world, "loop");
		pthread_join(thread, NULL);
	}
	return 0;
}
