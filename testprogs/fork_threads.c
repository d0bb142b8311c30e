/* SPDX-License-Identifier: MIT */
/* mutatee: fork_threads -- four threads fork at once, by libc and by the bare call
 * arguments: [ROUNDS] (default 12) [hold]
 * needs: threads
 * variants: pie static
 * bites: rax=56 r12 sigmask
 * time: 30
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4

static struct cpu_check checks[THREADS];
static pthread_barrier_t barrier;
static long rounds;

static void by_libc(struct birth *birth)
{
	pid_t pid;

	birth_begin(birth, BIRTH_WORLD);
	birth->wait_options = __WNOTHREAD;
	pid = fork();
	if (pid == 0)
		birth_child(birth);
	birth_end(birth, pid);
}

static void by_syscall(struct birth *birth, struct cpu_check *check, uint64_t seed)
{
	birth_begin(birth, BIRTH_WORLD);
	birth->wait_options = __WNOTHREAD;
	cpu_prepare(check, seed, 0);
	check->want.gpr[CPU_RAX] = SYS_fork;
	birth_end(birth, cpu_birth(check, birth));
}

/* Each thread has a signal mask of its own, so that one cannot be mistaken for another. */
static void *forker(void *arg)
{
	long index = (long)(intptr_t)arg;
	struct birth birth;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + (int)index);
	must("pthread_sigmask", -pthread_sigmask(SIG_BLOCK, &set, NULL));
	for (long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&barrier);
		by_libc(&birth);
		pthread_barrier_wait(&barrier);
		by_syscall(&birth, &checks[index], (uint64_t)(i * THREADS + index));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	rounds = number_arg(argc, argv, 1, 12);
	world_arm();
	hold_if(argc, argv);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		must("pthread_create",
		     -pthread_create(&threads[i], NULL, forker, (void *)(intptr_t)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_no_child(0);
	return 0;
}
