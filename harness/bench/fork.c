/* SPDX-License-Identifier: MIT */
/*
 * `./dev bench fork`: what following forks costs, beside other tracers, in one table.
 *
 * Every variant (native, the floor, scion, strace, gdb) runs the same workload
 * (fork_work.c) in turn, repetition by repetition, so that whatever else the machine
 * does falls on all of them alike. Printed are medians with minimum and maximum,
 * and ratios to the floor and to native: figures of different runs don't compare,
 * ratios within one run do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_REPS    99
#define MAX_ARGS    24
#define RUN_LIMIT_S 120

enum { KINDS = 3 };
static const char *const kind_name[KINDS] = { "fork", "vfork", "thread" };
static const char *const kind_title[KINDS] = { "fork+exit+wait", "vfork+exec+wait",
					       "thread create+join" };

/* "@" in the first place is the directory that our own programs are in, <build>/bench. */
struct variant {
	const char *name;
	const char *prefix[MAX_ARGS];
};

enum { NATIVE, FLOOR };
static const struct variant variants[] = {
	[NATIVE] = { "native", { NULL } },
	/* -x: scion has to stop at exec, so the floor does; at fork and thread it costs nothing */
	[FLOOR] = { "floor", { "@fork_floor", "-x" } },
	{ "floor, EXIT+VFORK_DONE too", { "@fork_floor", "-X" } },
	{ "scion, following", { "@../bin/scion", "run", "-o", "/dev/null", "--" } },
	{ "scion, placement off",
	  { "@../bin/scion", "run", "--placement=off", "-o", "/dev/null", "--" } },
	{ "scion, whoami in both",
	  { "@../bin/scion", "run", "-o", "/dev/null", "--at", "fork:both=whoami", "--at",
	    "thread:both=whoami", "--" } },
	{ "strace -f, execve only",
	  { "strace", "-f", "--seccomp-bpf", "-e", "trace=execve", "-o", "/dev/null" } },
	{ "gdb, detach-on-fork on",
	  { "gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex",
	    "set startup-with-shell off", "-ex", "run", "--args" } },
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

struct series {
	double us[MAX_REPS];
	int n;
};

struct bench {
	char dir[PATH_MAX];
	char result[PATH_MAX];
	char resolved[VARIANTS][2 * PATH_MAX]; /* empty: not installed, left out */
	bool failed[VARIANTS];
	int reps;
	long ops;
	const char *only;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct series *s)
{
	qsort(s->us, (size_t)s->n, sizeof(s->us[0]), by_value);
	return s->n % 2 ? s->us[s->n / 2] : (s->us[s->n / 2 - 1] + s->us[s->n / 2]) / 2;
}

/*
 * With autogroups, nice counts only within a session: a session of our own, raised as far
 * as we may, keeps other work on the machine out of the figures (proc(5), sched(7)).
 */
static void lift(void)
{
	int fd;

	setsid();
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "-15", 3) < 0)
			fprintf(stderr, "bench: autogroup stays as it is: %s\n", strerror(errno));
		close(fd);
	}
	if (setpriority(PRIO_PROCESS, 0, -10) < 0)
		fprintf(stderr, "bench: nice stays as it is: %s\n", strerror(errno));
}

static bool find_program(const char *name, char *out, size_t size)
{
	const char *path = getenv("PATH");
	char *copy, *dir, *state = NULL;
	bool found = false;

	if (name[0] == '/') {
		snprintf(out, size, "%s", name);
		return access(name, X_OK) == 0;
	}
	copy = strdup(path ? path : "/usr/bin:/bin");
	for (dir = strtok_r(copy, ":", &state); dir && !found; dir = strtok_r(NULL, ":", &state)) {
		snprintf(out, size, "%s/%s", dir, name);
		found = access(out, X_OK) == 0;
	}
	free(copy);
	return found;
}

static void resolve(struct bench *b)
{
	char own[PATH_MAX + 64];
	const char *name;
	int v;

	for (v = 0; v < VARIANTS; v++) {
		name = variants[v].prefix[0];
		if (v == NATIVE)
			name = "@fork_work";
		if (name[0] == '@') {
			snprintf(own, sizeof(own), "%s/%s", b->dir, name + 1);
			name = own;
		}
		if (find_program(name, b->resolved[v], sizeof(b->resolved[v])))
			continue;
		printf("left out: %s (%s is not there)\n", variants[v].name, name);
		b->resolved[v][0] = '\0';
	}
}

/* Runs one variant once. The workload writes its figure to a file: a tracer may print. */
static void exec_variant(const struct bench *b, int v, int kind, bool pinned)
{
	char work[PATH_MAX + 64], ops[32];
	char *argv[MAX_ARGS + 8];
	int n = 0, i, null;
	cpu_set_t set;

	if (pinned) {
		CPU_ZERO(&set);
		CPU_SET(0, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			_exit(125);
	}
	snprintf(work, sizeof(work), "%s/fork_work", b->dir);
	snprintf(ops, sizeof(ops), "%ld", b->ops);
	for (i = 0; variants[v].prefix[i]; i++)
		argv[n++] = (char *)(uintptr_t)variants[v].prefix[i];
	argv[n++] = work;
	argv[n++] = (char *)(uintptr_t)kind_name[kind];
	argv[n++] = ops;
	argv[n++] = (char *)(uintptr_t) "-o";
	argv[n++] = (char *)(uintptr_t)b->result;
	argv[n] = NULL;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (strcmp(variants[v].name, "gdb, detach-on-fork on") == 0)
		dup2(null, STDERR_FILENO);
	alarm(RUN_LIMIT_S);
	execv(b->resolved[v], argv);
	_exit(127);
}

/* Microseconds per operation, or a negative value where the variant failed. */
static double run(const struct bench *b, int v, int kind, bool pinned)
{
	double us = -1;
	char got[16];
	int status;
	FILE *f;
	pid_t pid;

	unlink(b->result);
	pid = fork();
	if (pid == 0)
		exec_variant(b, v, kind, pinned);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	f = fopen(b->result, "re");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%15s %lf", got, &us) != 2)
		us = -1;
	fclose(f);
	return us;
}

static void print_row(const char *name, struct series *s, double native, double base)
{
	double m = median(s);

	printf("| %-27s | %9.1f | %8.1f .. %-8.1f | %7.2f | %8.2f |\n", name, m, s->us[0],
	       s->us[s->n - 1], m / base, m / native);
}

static void bench_kind(struct bench *b, int kind, bool pinned)
{
	static const char rule[] = "|-----------------------------|-----------|"
				   "----------------------|---------|----------|";
	struct series *s = calloc(VARIANTS, sizeof(*s));
	double us, native, base;
	int rep, v;

	if (s == NULL)
		exit(1);
	for (rep = 0; rep < b->reps; rep++) {
		for (v = 0; v < VARIANTS; v++) {
			if (b->resolved[v][0] == '\0' || b->failed[v])
				continue;
			us = run(b, v, kind, pinned);
			if (us >= 0)
				s[v].us[s[v].n++] = us;
			else
				b->failed[v] = true;
		}
	}
	printf("\n%s, %s: µs per operation\n\n", kind_title[kind],
	       pinned ? "all on CPU 0" : "unpinned");
	printf("| %-27s | %9s | %-20s | %7s | %8s |\n%s\n", "", "median", "min .. max", "/ floor",
	       "/ native", rule);
	native = s[NATIVE].n ? median(&s[NATIVE]) : 0;
	base = s[FLOOR].n ? median(&s[FLOOR]) : 0;
	for (v = 0; v < VARIANTS; v++) {
		if (s[v].n)
			print_row(variants[v].name, &s[v], native, base);
		if (b->failed[v])
			printf("| %-27s | failed |\n", variants[v].name);
		b->failed[v] = false;
	}
	free(s);
	fflush(stdout);
}

static int usage(const char *self)
{
	fprintf(stderr, "usage: %s [-r REPETITIONS] [-n OPERATIONS] [-k fork|vfork|thread]\n",
		self);
	return 2;
}

int main(int argc, char **argv)
{
	struct bench b = { .reps = 5, .ops = 500 };
	char self[PATH_MAX];
	ssize_t len;
	int opt, kind;

	while ((opt = getopt(argc, argv, "r:n:k:")) != -1) {
		if (opt == 'r')
			b.reps = atoi(optarg);
		else if (opt == 'n')
			b.ops = atol(optarg);
		else if (opt == 'k')
			b.only = optarg;
		else
			return usage(argv[0]);
	}
	if (b.reps < 1 || b.reps > MAX_REPS || b.ops < 1 || optind != argc)
		return usage(argv[0]);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		return 1;
	self[len] = '\0';
	snprintf(b.dir, sizeof(b.dir), "%s", dirname(self));
	snprintf(b.result, sizeof(b.result), "/tmp/bench_fork.%d", (int)getpid());
	lift();
	resolve(&b);
	printf("%d interleaved repetitions of %ld operations, %ld CPUs\n", b.reps, b.ops,
	       sysconf(_SC_NPROCESSORS_ONLN));
	for (kind = 0; kind < KINDS; kind++) {
		if (b.only && strcmp(b.only, kind_name[kind]) != 0)
			continue;
		bench_kind(&b, kind, true);
		bench_kind(&b, kind, false);
	}
	unlink(b.result);
	return 0;
}
