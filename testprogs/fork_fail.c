/* SPDX-License-Identifier: MIT */
/* mutatee: fork_fail -- no process left under RLIMIT_NPROC: every call says EAGAIN, makes nothing,
 *	and works again later
 * needs: threads
 * variants: pie static
 * bites: rax=56 rbx
 * time: 20
 *
 * Root is not limited, so root becomes somebody else first.
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY_ELSE 64321

static struct cpu_check check;

static void limit(rlim_t n)
{
	struct rlimit nproc;

	must("getrlimit", getrlimit(RLIMIT_NPROC, &nproc));
	nproc.rlim_cur = n < nproc.rlim_max ? n : nproc.rlim_max;
	must("setrlimit", setrlimit(RLIMIT_NPROC, &nproc));
}

static void expect_again(const char *what, long value, int error)
{
	if (value != -1 || error != EAGAIN)
		fail("%s: expected -1 and errno %d, saw %ld and errno %d", what, EAGAIN, value,
		     error);
	expect_no_child(0);
}

static void raw_fails(const char *what, long nr, const void *arg, uint64_t seed)
{
	long value;

	cpu_prepare(&check, seed, 0);
	cpu_args(&check, nr, arg, NULL, NULL, NULL, NULL);
	value = cpu_call(&check);
	cpu_verify(&check, what);
	expect_eq(what, -EAGAIN, value);
	expect_no_child(0);
}

static void *nothing(void *arg)
{
	return arg;
}

static void libc_fails(void)
{
	static char *const argv[] = { (char *)"true", NULL };
	pthread_t thread;
	pid_t pid;

	errno = 0;
	pid = fork();
	expect_again("fork", pid, errno);
	errno = 0;
	expect_eq("posix_spawn", EAGAIN,
		  posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, argv));
	expect_no_child(0);
	expect_eq("pthread_create", EAGAIN, pthread_create(&thread, NULL, nothing, NULL));
}

int main(void)
{
	struct birth birth;
	pid_t pid;

	if (!geteuid()) {
		must("setgid", setgid(NOBODY_ELSE));
		must("setuid", setuid(NOBODY_ELSE));
	}
	world_arm();
	for (uint64_t seed = 0; seed < 3; seed++) {
		limit(0);
		libc_fails();
		raw_fails("raw fork", SYS_fork, NULL, seed);
		raw_fails("raw vfork", SYS_vfork, NULL, seed);
		raw_fails("raw clone", SYS_clone, CPU_ARG(SIGCHLD), seed);
		limit(RLIM_INFINITY);
		birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
		pid = fork();
		if (pid == 0)
			birth_child(&birth);
		birth_end(&birth, pid);
	}
	return 0;
}
