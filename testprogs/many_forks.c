/* SPDX-License-Identifier: MIT */
/* mutatee: many_forks -- N forks one after another, checked cheaply; says nothing; for time and
 *	leaks
 * arguments: [N] (default 1000) [fork|vfork|thread]
 * needs: threads
 * variants: pie static
 * bites: rax=56
 * time: 60
 */
#include "common/mutatee.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long *born;

static void check_child(pid_t value)
{
	int status = -1;
	pid_t waited;

	if (value < 0)
		fail("fork: expected a PID, saw %d (errno %d)", value, errno);
	waited = waitpid(-1, &status, 0);
	expect_eq("the child's getpid", value, *born);
	expect_eq("wait for any child", value, waited);
	expect_eq("wait status", 0, status);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		*born = getpid();
		_exit(0);
	}
	check_child(pid);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		*born = getpid();
		_exit(0);
	}
	check_child(pid);
}

static void *in_thread(void *arg)
{
	*born = raw0(SYS_gettid);
	return arg;
}

static void by_thread(void)
{
	pthread_t thread;

	*born = 0;
	must("pthread_create", -pthread_create(&thread, NULL, in_thread, NULL));
	pthread_join(thread, NULL);
	if (*born <= 0 || *born == getpid())
		fail("the thread's gettid: expected one of its own, saw %ld", *born);
}

int main(int argc, char **argv)
{
	long n = number_arg(argc, argv, 1, 1000);
	void (*one)(void) = by_fork;

	if (has_word(argc, argv, "vfork"))
		one = by_vfork;
	if (has_word(argc, argv, "thread"))
		one = by_thread;
	born = shared_memory(sizeof(*born));
	for (long i = 0; i < n; i++)
		one();
	expect_no_child(0);
	return 0;
}
