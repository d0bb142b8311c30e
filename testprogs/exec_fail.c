/* SPDX-License-Identifier: MIT */
/* mutatee: exec_fail -- an exec that fails changes nothing: registers, signals, threads,
 *	descriptors
 * needs: threads
 * variants: pie static
 * bites: rbx rdi zmm
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu_check check;
static volatile unsigned long beats;
static volatile int stop;

static void *beat(void *arg)
{
	while (!stop) {
		beats++;
		sched_yield();
	}
	return arg;
}

/* The other thread goes on: its count moves. */
static void expect_beats(void)
{
	unsigned long before = beats;

	while (beats == before)
		sched_yield();
}

static void fails(const char *path, int error, uint64_t seed)
{
	static char *const argv[] = { (char *)"none", NULL };
	static char *const envp[] = { NULL };
	struct world world;
	long value;
	int fd;

	world_save(&world);
	fd = (int)must("open", open("/dev/null", O_RDONLY | O_CLOEXEC));
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_execve, path, argv, envp, NULL, NULL);
	value = cpu_call(&check);
	cpu_verify(&check, "failed exec");
	expect_eq(path, -error, value);
	world_check(&world, "failed exec");
	must("fcntl of a close-on-exec descriptor after a failed exec", fcntl(fd, F_GETFD));
	close(fd);
	expect_beats();
}

/* A file that may be executed and is no program. */
static int garbage(void)
{
	int fd = (int)must("memfd_create", memfd_create("garbage", 0));

	must("write", write(fd, "no program\n", 11));
	must("fchmod", fchmod(fd, 0755));
	return fd;
}

int main(void)
{
	char path[] = "/proc/self/fd/90";
	struct birth birth;
	pthread_t thread;
	pid_t pid;

	must("dup2", dup2(garbage(), 90));
	world_arm();
	must("pthread_create", -pthread_create(&thread, NULL, beat, NULL));
	for (uint64_t seed = 0; seed < 4; seed++) {
		fails("/nonexistent/program", ENOENT, seed);
		fails("/dev/null", EACCES, seed);
		fails("/", EACCES, seed);
		fails(path, ENOEXEC, seed);
		fails(NULL, EFAULT, seed);
		birth_begin(&birth, BIRTH_WORLD);
		pid = fork();
		if (pid == 0)
			birth_child(&birth);
		birth_end(&birth, pid);
	}
	stop = 1;
	pthread_join(thread, NULL);
	return 0;
}
