/* SPDX-License-Identifier: MIT */
/*
 * placement: which CPU should a tracer be on? The floor's loop with policies to choose from, and
 * a table of what each costs in each situation: the figures of docs/placement.md.
 *
 *   placement [-r REPETITIONS]			the table
 *   placement -p POLICY [-s] CMD [ARG...]	one program under one policy
 *	-s	stop at every system call
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "core/placement.h"
#include "floor.h"

enum policy {
	ALONE,  /* the scheduler's own choice */
	FOLLOW, /* the tracer pins itself to the CPU that the tracee ran on, at each stop */
	IDLE,   /* FOLLOW, and the tracer is SCHED_IDLE */
	NARROW, /* the tracee is allowed the tracer's CPU only while it is resumed, then all again */
	SCION,  /* what scion does: core/placement.c */
	ONECPU, /* everything on one CPU from the start: what could be reached */
	POLICIES,
};
static const char *const policy_name[POLICIES] = { "alone",  "follow", "idle",
						   "narrow", "scion",  "one-cpu" };

static struct {
	struct kernel *kernel;
	struct placement placement;
	cpu_set_t all;
	int home;
	unsigned tasks;
} s;

static void pin(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) < 0 && errno != ESRCH)
		die("sched_setaffinity");
}

static void follow(pid_t pid, int status)
{
	int cpu;

	if (!WIFSTOPPED(status))
		return;
	cpu = kernel_task_cpu(s.kernel, pid);
	if (cpu >= 0 && cpu != s.home) {
		pin(0, cpu);
		s.home = cpu;
	}
}

static void as_scion(pid_t pid, int status)
{
	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		s.tasks++;
	}
	if (WIFSTOPPED(status))
		placement_on_stop(&s.placement, pid, s.tasks, kernel_now(s.kernel));
	else
		s.tasks--;
}

static void narrow(pid_t pid)
{
	pin(pid, sched_getcpu());
}

static void widen(pid_t pid)
{
	if (sched_setaffinity(pid, sizeof(s.all), &s.all) < 0 && errno != ESRCH)
		die("sched_setaffinity");
}

static int run_policy(enum policy policy, bool syscalls, char **argv)
{
	struct floor f = { .options = FLOOR_OPTIONS | PTRACE_O_TRACEEXEC,
			   .request = syscalls ? PTRACE_SYSCALL : PTRACE_CONT };
	struct sched_param param = { .sched_priority = 0 };
	pid_t leader;
	int code;

	s.kernel = kernel_linux_new();
	s.home = -1;
	sched_getaffinity(0, sizeof(s.all), &s.all);
	if (s.kernel == NULL || placement_init(&s.placement, s.kernel, PLACEMENT_AUTO, -1) < 0)
		die("placement");
	if (policy == ONECPU)
		pin(0, 0);
	leader = floor_launch(&f, argv);
	s.tasks = 1;
	if (policy == FOLLOW || policy == IDLE)
		f.on_wait = follow;
	if (policy == SCION)
		f.on_wait = as_scion;
	if (policy == IDLE && sched_setscheduler(0, SCHED_IDLE, &param) < 0)
		die("SCHED_IDLE");
	if (policy == NARROW) {
		pin(0, 0);
		f.before_resume = narrow;
		f.after_resume = widen;
	}
	code = floor_loop(&f, leader);
	placement_release(&s.placement);
	kernel_free(s.kernel);
	return code;
}

static const struct scenario {
	const char *title;
	bool syscalls; /* stop at each */
	int hogs;      /* other tasks of the session that compute all the time, per CPU */
	const char *args[8];
} scenarios[] = {
	{ "one tracee, stops all the time", true, 0, { "call", "3000" } },
	{ "one tracee, 100 µs between stops", true, 0, { "mixed", "1000" } },
	{ "four tracees, 100 µs between stops", true, 0, { "mixed", "400", "-j", "4" } },
	{ "fork+exit+wait", false, 0, { "fork", "500" } },
	{ "four times fork+exit+wait", false, 0, { "fork", "250", "-j", "4" } },
	{ "thread create+join", false, 0, { "thread", "1000" } },
	{ "target pinned, stops all the time", true, 0, { "call", "3000", "-c", "0" } },
	{ "target pinned, fork+exit+wait", false, 0, { "fork", "500", "-c", "0" } },
	{ "one tracee, stops, busy machine", true, 1, { "call", "1000" } },
	{ "fork+exit+wait, busy machine", false, 1, { "fork", "200" } },
};
enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]), MAX_REPS = 31, LIMIT_S = 30 };

struct cell {
	double us[MAX_REPS];
	int n;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct cell *c)
{
	qsort(c->us, (size_t)c->n, sizeof(c->us[0]), by_value);
	return c->us[c->n / 2];
}

static void start_hogs(pid_t *hogs, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		hogs[i] = fork();
		if (hogs[i] < 0)
			die("fork");
		if (hogs[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				;
		}
	}
}

/* One run in a child, whose workload leaves its figure in `result`. */
static double run_once(const struct scenario *sc, enum policy policy, const char *dir)
{
	char work[PATH_MAX + 32], result[64], word[16];
	double us = -1;
	int status, i;
	pid_t pid;
	FILE *f;

	snprintf(work, sizeof(work), "%s/fork_work", dir);
	snprintf(result, sizeof(result), "/tmp/placement.%d", (int)getpid());
	pid = fork();
	if (pid == 0) {
		char *argv[16] = { work };

		for (i = 0; sc->args[i]; i++)
			argv[i + 1] = (char *)(uintptr_t)sc->args[i];
		argv[i + 1] = (char *)(uintptr_t) "-o";
		argv[i + 2] = result;
		alarm(LIMIT_S);
		_exit(run_policy(policy, sc->syscalls, argv));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	f = fopen(result, "re");
	if (f && fscanf(f, "%15s %lf", word, &us) != 2)
		us = -1;
	if (f)
		fclose(f);
	unlink(result);
	return us;
}

static void measure(const struct scenario *sc, const char *dir, int reps)
{
	static struct cell cells[POLICIES];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t hogs[64];
	int nhogs = sc->hogs * (int)(cpus < 64 ? cpus : 64);
	int rep, p;
	double us;

	memset(cells, 0, sizeof(cells));
	start_hogs(hogs, nhogs);
	for (rep = 0; rep < reps; rep++) {
		for (p = 0; p < POLICIES; p++) {
			us = run_once(sc, (enum policy)p, dir);
			if (us >= 0)
				cells[p].us[cells[p].n++] = us;
		}
	}
	for (rep = 0; rep < nhogs; rep++) {
		kill(hogs[rep], SIGKILL);
		waitpid(hogs[rep], NULL, 0);
	}
	printf("| %-35s |", sc->title);
	for (p = 0; p < POLICIES; p++) {
		if (cells[p].n < reps)
			printf(" %7s (%d/%2d) |", "failed", cells[p].n, reps);
		else
			printf(" %7.1f (%4.2f) |", median(&cells[p]),
			       median(&cells[p]) / median(&cells[ALONE]));
	}
	printf("\n");
	fflush(stdout);
}

static int table(int reps)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *dir;
	int i;

	if (len < 0)
		return 1;
	self[len] = '\0';
	dir = dirname(self);
	setsid(); /* an autogroup of its own, for the hogs too */
	printf("µs per operation, medians of %d interleaved repetitions (ratio to alone)\n\n| %-34s |",
	       reps, "");
	for (i = 0; i < POLICIES; i++)
		printf(" %-14s |", policy_name[i]);
	printf("\n|------------------------------------|");
	for (i = 0; i < POLICIES; i++)
		printf("----------------|");
	printf("\n");
	fflush(stdout);
	for (i = 0; i < SCENARIOS; i++)
		measure(&scenarios[i], dir, reps);
	return 0;
}

int main(int argc, char **argv)
{
	const char *policy = NULL;
	bool syscalls = false;
	int opt, i, reps = 5;

	while ((opt = getopt(argc, argv, "+p:r:s")) != -1) {
		if (opt == 'p')
			policy = optarg;
		else if (opt == 'r')
			reps = atoi(optarg);
		else if (opt == 's')
			syscalls = true;
		else
			return 2;
	}
	if (policy == NULL)
		return reps < 1 || reps > MAX_REPS ? 2 : table(reps);
	for (i = 0; i < POLICIES; i++)
		if (strcmp(policy, policy_name[i]) == 0 && optind < argc)
			return run_policy((enum policy)i, syscalls, argv + optind);
	fprintf(stderr, "placement: no such policy, or no command\n");
	return 2;
}
