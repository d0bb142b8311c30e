/* SPDX-License-Identifier: MIT */
/*
 * fork_work: the mutatee of `./dev bench fork`. One kind of operation, N times,
 * timed by the program itself, so that what a tracer costs is seen where it is paid.
 *
 *   bench_fork_work fork|vfork|thread N [-c CPU] [-o FILE]
 *
 * Prints "KIND MICROSECONDS" per operation. -o writes it to FILE instead of
 * standard output (a debugger's chatter goes there). -c pins the program first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * The smallest static program there is: exit(0). vfork+exec is about the two calls,
 * not about the dynamic linker, and a file of our own needs no second build target.
 */
/* clang-format off */
static const unsigned char tiny_elf[] = {
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 0x3e, 0, 1, 0, 0, 0,			/* ET_EXEC, x86-64 */
	0x78, 0, 0x40, 0, 0, 0, 0, 0,			/* entry 0x400078 */
	0x40, 0, 0, 0, 0, 0, 0, 0,			/* program headers at 64 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x40, 0, 0x38, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 5, 0, 0, 0,				/* PT_LOAD, R+X */
	0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0x40, 0, 0, 0, 0, 0,
	0, 0, 0x40, 0, 0, 0, 0, 0,
	0x81, 0, 0, 0, 0, 0, 0, 0,
	0x81, 0, 0, 0, 0, 0, 0, 0,
	0, 0x10, 0, 0, 0, 0, 0, 0,
	0x31, 0xff,					/* xor %edi,%edi */
	0xb8, 0xe7, 0, 0, 0,				/* mov $exit_group,%eax */
	0x0f, 0x05,					/* syscall */
};
/* clang-format on */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "fork_work: child %d ended with status 0x%x\n", (int)pid,
			(unsigned)status);
		exit(1);
	}
}

static void one_fork(const char *unused)
{
	pid_t pid = fork();

	(void)unused;
	if (pid < 0)
		die("fork");
	if (pid == 0)
		_exit(0);
	reap(pid);
}

static void one_vfork(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (pid == 0) {
		execv(path, argv);
		_exit(127);
	}
	reap(pid);
}

static void *nothing(void *arg)
{
	return arg;
}

static void one_thread(const char *unused)
{
	pthread_t thread;

	(void)unused;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0)
		die("pthread_create");
	pthread_join(thread, NULL);
}

/*
 * A descriptor that the child inherits, named through /proc so that plain execve is called.
 * It is opened again for reading: a file that is open for writing is ETXTBSY.
 */
static const char *tiny_program(char *path, size_t size)
{
	int fd = memfd_create("tiny", MFD_CLOEXEC);
	int ro;

	if (fd < 0 || write(fd, tiny_elf, sizeof(tiny_elf)) != (ssize_t)sizeof(tiny_elf))
		die("memfd");
	snprintf(path, size, "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		die("open memfd");
	close(fd);
	snprintf(path, size, "/proc/self/fd/%d", ro);
	return path;
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
}

int main(int argc, char **argv)
{
	void (*op)(const char *) = NULL;
	char tiny[64] = "";
	FILE *out = stdout;
	double start;
	long n, i;
	int opt;

	if (argc < 3) {
		fprintf(stderr, "usage: %s fork|vfork|thread N [-c CPU] [-o FILE]\n", argv[0]);
		return 2;
	}
	if (strcmp(argv[1], "fork") == 0)
		op = one_fork;
	else if (strcmp(argv[1], "vfork") == 0)
		op = one_vfork;
	else if (strcmp(argv[1], "thread") == 0)
		op = one_thread;
	n = atol(argv[2]);
	if (op == NULL || n <= 0)
		return 2;
	optind = 3;
	while ((opt = getopt(argc, argv, "c:o:")) != -1) {
		if (opt == 'c')
			pin(atoi(optarg));
		else if (opt == 'o')
			out = fopen(optarg, "we");
		else
			return 2;
	}
	if (out == NULL)
		die("fopen");
	if (op == one_vfork)
		tiny_program(tiny, sizeof(tiny));
	for (i = 0; i < n / 10 + 1; i++) /* warm caches, stacks, the tracer's tables */
		op(tiny);
	start = now_us();
	for (i = 0; i < n; i++)
		op(tiny);
	fprintf(out, "%s %.2f\n", argv[1], (now_us() - start) / (double)n);
	return fclose(out) == 0 ? 0 : 1;
}
