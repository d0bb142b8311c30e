/* SPDX-License-Identifier: MIT */
/* mutatee: exec_thread -- a thread that is not the leader executes this program again, three times
 *	over
 * arguments: (its own use: after PID LEFT)
 * needs: threads
 * variants: pie static
 * time: 20
 *
 * Afterwards there is one thread, with the leader's number, and everything but PID, mask and
 * ignored signals is new. The other threads were in a read, in a futex wait and in user mode.
 */
#include "common/mutatee.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES     3
#define CLOSED_FD 90

static sem_t started;
static int silent[2];

static void *in_read(void *arg)
{
	char c;

	sem_post(&started);
	read_all(silent[0], &c, 1);
	return arg;
}

static void *in_futex(void *arg)
{
	static sem_t never;

	sem_init(&never, 0, 0);
	sem_post(&started);
	for (;;)
		sem_wait(&never);
	return arg;
}

static void *in_user_mode(void *arg)
{
	volatile unsigned long n = 0;

	sem_post(&started);
	for (;;)
		n++;
	return arg;
}

static void *in_exec(void *arg)
{
	char pid[16], left[16];
	char *const argv[] = { (char *)"exec_thread", (char *)"after", pid, left, NULL };
	char *const envp[] = { (char *)"MARK=exec_thread", NULL };

	for (int i = 0; i < 3; i++)
		while (sem_wait(&started))
			;
	if (raw0(SYS_gettid) == raw0(SYS_getpid))
		fail("the thread that executes: expected not the leader, saw the leader");
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(left, sizeof(left), "%d", *(int *)arg);
	execve("/proc/self/exe", argv, envp);
	fail("execve: expected no return, saw errno %d", errno);
}

static _Noreturn void exec_from_thread(int left)
{
	static void *(*const routines[])(void *) = { in_read, in_futex, in_user_mode, in_exec };
	pthread_t thread;

	must("pipe2", pipe2(silent, O_CLOEXEC));
	must("dup3", dup3(silent[0], CLOSED_FD, O_CLOEXEC));
	sem_init(&started, 0, 0);
	for (int i = 0; i < 4; i++)
		must("pthread_create", -pthread_create(&thread, NULL, routines[i], &left));
	pthread_join(thread, NULL);
	fail("the leader: expected to be gone by exec, saw it go on");
}

static void expect_one_thread(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	if (!tasks)
		fail("/proc/self/task: expected it to open, saw errno %d", errno);
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			count++;
	closedir(tasks);
	expect_eq("threads after exec", 1, count);
}

static void check_after(char **argv)
{
	struct birth birth;
	const char *mark = getenv("MARK");
	pid_t pid;

	expect_eq("getpid after exec", atoi(argv[2]), getpid());
	expect_eq("gettid after exec", atoi(argv[2]), raw0(SYS_gettid));
	expect_one_thread();
	expect_eq("fcntl of a close-on-exec descriptor", -1, fcntl(CLOSED_FD, F_GETFD));
	if (!mark || strcmp(mark, "exec_thread"))
		fail("MARK in the environment: expected exec_thread, saw %s", mark ? mark : "none");
	world_check_after_exec();
	world_arm();
	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
}

int main(int argc, char **argv)
{
	int left = TIMES;

	if (argc == 4 && !strcmp(argv[1], "after")) {
		check_after(argv);
		left = atoi(argv[3]) - 1;
		if (!left)
			return 0;
	} else {
		world_arm();
	}
	exec_from_thread(left);
}
