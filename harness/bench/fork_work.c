/* SPDX-License-Identifier: MIT */
/*
 * fork_work: the mutatee of `./dev bench fork`. One kind of operation, N times,
 * timed by the program itself, so that what a tracer costs is seen where it is paid.
 *
 *   fork_work fork|vfork|thread|call|mixed|look N [-j JOBS] [-c CPU] [-o FILE]
 *
 * call is one getppid(2), mixed 100 µs of computing and one getppid(2): for tracers that stop
 * at system calls; look also asks for its own CPU affinity and says how often it was not what it had
 * been. Prints "KIND MICROSECONDS" of wall time per operation. -j does N
 * operations in each of JOBS processes at once. -o writes the line to FILE instead of standard
 * output (a debugger's chatter goes there). -c pins the program first.
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
#include <sys/syscall.h>
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

static void one_call(const char *unused)
{
	(void)unused;
	syscall(SYS_getppid);
}

static void one_mixed(const char *unused)
{
	volatile unsigned long sum = 0;
	unsigned long i;

	/* counted, not timed: what is lost to other tasks on the CPU must show */
	for (i = 0; i < 50000; i++)
		sum += i;
	(void)sum;
	one_call(unused);
}

static cpu_set_t own;
static long narrowed;

static void one_look(const char *unused)
{
	cpu_set_t now;

	one_call(unused);
	if (sched_getaffinity(0, sizeof(now), &now) == 0 && !CPU_EQUAL(&now, &own))
		narrowed++;
}

/* clang-format off */
static const struct kind {
	const char *name;
	void (*op)(const char *tiny);
} kinds[] = {
	{ "fork", one_fork }, { "vfork", one_vfork }, { "thread", one_thread },
	{ "call", one_call }, { "mixed", one_mixed }, { "look", one_look },
};
/* clang-format on */

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

static void repeat(const struct kind *kind, const char *tiny, long n)
{
	while (n-- > 0)
		kind->op(tiny);
}

static void run_jobs(const struct kind *kind, const char *tiny, long n, int jobs)
{
	pid_t pids[64];
	int i;

	if (jobs == 1) {
		repeat(kind, tiny, n);
		return;
	}
	for (i = 0; i < jobs; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0) {
			repeat(kind, tiny, n);
			_exit(0);
		}
	}
	for (i = 0; i < jobs; i++)
		reap(pids[i]);
}

static int usage(void)
{
	fprintf(stderr, "usage: fork_work fork|vfork|thread|call|mixed|look N [-j JOBS] [-c CPU] "
			"[-o FILE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct kind *kind = NULL;
	char tiny[64] = "";
	FILE *out = stdout;
	double start;
	int opt, jobs = 1;
	size_t k;
	long n;

	if (argc < 3)
		return usage();
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (strcmp(argv[1], kinds[k].name) == 0)
			kind = &kinds[k];
	n = atol(argv[2]);
	if (kind == NULL || n <= 0)
		return usage();
	optind = 3;
	while ((opt = getopt(argc, argv, "c:j:o:")) != -1) {
		if (opt == 'c')
			pin(atoi(optarg));
		else if (opt == 'j')
			jobs = atoi(optarg);
		else if (opt == 'o')
			out = fopen(optarg, "we");
		else
			return usage();
	}
	if (out == NULL)
		die("fopen");
	if (jobs < 1 || jobs > 64)
		return usage();
	tiny_program(tiny, sizeof(tiny));
	repeat(kind, tiny, n / 10 + 1); /* warm caches, stacks, the tracer's tables */
	sched_getaffinity(0, sizeof(own), &own);
	narrowed = 0;
	start = now_us();
	run_jobs(kind, tiny, n, jobs);
	fprintf(out, "%s %.2f\n", kind->name, (now_us() - start) / (double)n);
	if (narrowed)
		fprintf(stderr, "look: its affinity was not its own %ld times of %ld\n", narrowed,
			n);
	return fclose(out) == 0 ? 0 : 1;
}
