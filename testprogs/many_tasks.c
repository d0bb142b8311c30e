/* SPDX-License-Identifier: MIT */
/* mutatee: many_tasks -- N live processes or threads at once, which wait on a pipe
 * arguments: [N] (default 50) [processes|threads] [hold]
 * needs: threads
 * variants: pie static
 * bites: rax=56
 * time: 60
 *
 * With hold: "ready PID" when all N are there, and released by a line on stdin.
 */
#include "common/mutatee.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int here[2]; /* each task writes its number */
static int end[2];  /* nothing is written: closed when all may go */

static void be_one(void)
{
	int32_t tid = (int32_t)raw0(SYS_gettid);
	char c;

	write_all(here[1], &tid, sizeof(tid));
	expect_eq("bytes in the pipe that ends the tasks", 0, (long)read_all(end[0], &c, 1));
}

static void *in_thread(void *arg)
{
	be_one();
	return arg;
}

static pid_t start_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(end[1]);
		be_one();
		_exit(0);
	}
	if (pid < 0)
		fail("fork: expected a PID, saw errno %d", errno);
	return pid;
}

static pthread_t start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	must("pthread_create", -pthread_create(&thread, &attr, in_thread, NULL));
	return thread;
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void expect_distinct(int *numbers, long n)
{
	qsort(numbers, (size_t)n, sizeof(*numbers), compare);
	for (long i = 1; i < n; i++)
		if (numbers[i] == numbers[i - 1])
			fail("numbers of the tasks: expected each once, saw %d twice", numbers[i]);
}

int main(int argc, char **argv)
{
	long n = number_arg(argc, argv, 1, 50);
	bool by_threads = has_word(argc, argv, "threads");
	int *numbers = calloc((size_t)n + 1, sizeof(*numbers));
	pthread_t *threads = calloc((size_t)n + 1, sizeof(*threads));

	if (!numbers || !threads)
		fail("calloc: expected memory, saw none");
	must("pipe2", pipe2(here, O_CLOEXEC));
	must("pipe2", pipe2(end, O_CLOEXEC));
	for (long i = 0; i < n; i++) {
		pid_t pid = 0;

		if (by_threads)
			threads[i] = start_thread();
		else
			pid = start_process();
		read_all(here[0], &numbers[i], sizeof(numbers[i]));
		if (!by_threads)
			expect_eq("value of fork", numbers[i], pid);
	}
	hold_if(argc, argv);
	close(end[1]);
	for (long i = 0; i < n; i++) {
		if (by_threads)
			pthread_join(threads[i], NULL);
		else
			wait_for_exit(numbers[i], 0, 0);
	}
	expect_no_child(0);
	expect_distinct(numbers, n);
	return 0;
}
