/* SPDX-License-Identifier: MIT */
/*
 * `./dev bench memory`: what scion holds for 1,000 live tracees, and after 100,000 forks.
 *
 *   memory				runs scion over the two roles below, prints a table
 *   memory herd N | forks N		the mutatee: it asks /proc what its tracer holds
 *
 * The mutatee reads the figures itself, of the process that its TracerPid names: at a moment when
 * it knows how many of its kin are alive or were forked, with nobody to synchronise with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A number of /proc/PID/status; -1: no such line. */
static long status_field(const char *pid, const char *field)
{
	char path[64], line[256];
	size_t len = strlen(field);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		die(path);
	while (value < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, field, len) == 0 && line[len] == ':')
			value = atol(line + len + 1);
	fclose(f);
	return value;
}

static void report(const char *when, long count)
{
	char tracer[16];

	snprintf(tracer, sizeof(tracer), "%ld", status_field("self", "TracerPid"));
	if (strcmp(tracer, "0") == 0) {
		fprintf(stderr, "memory: not traced\n");
		exit(1);
	}
	fprintf(stderr, "| %-22s | %7ld | %9.2f | %9.2f |\n", when, count,
		(double)status_field(tracer, "VmRSS") / 1024,
		(double)status_field(tracer, "VmHWM") / 1024);
}

static void forks(long n)
{
	long done;
	pid_t pid;

	report("after N forks", 0);
	for (done = 1; done <= n; done++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			die("waitpid");
		if (done == n / 100 || done == n / 10 || done == n / 2 || done == n)
			report("after N forks", done);
	}
}

static void herd(long n)
{
	int hold[2];
	long i;
	char c;

	if (pipe(hold) < 0)
		die("pipe");
	report("with N live tracees", 1);
	for (i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			close(hold[1]);
			_exit(read(hold[0], &c, 1) == 0 ? 0 : 1); /* until the parent closes */
		}
	}
	report("with N live tracees", n);
	close(hold[1]);
	for (i = 1; i < n; i++)
		if (wait(NULL) < 0)
			die("wait");
	report("with N live tracees", 1);
}

static int run(const char *const *argv)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *)(unsigned long)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	if (status != 0)
		fprintf(stderr, "memory: %s failed, status 0x%x\n", argv[0], (unsigned)status);
	return status != 0;
}

static int drive(const char *self, const char *scion, long live, long total)
{
	char n_live[32], n_total[32];
	const char *const plain[] = { scion, "run",  "-o",   "/dev/null", "--",
				      self,  "herd", n_live, NULL };
	const char *const both[] = { scion, "run", "-o",   "/dev/null", "--at", "fork:both=whoami",
				     "--",  self,  "herd", n_live,      NULL };
	const char *const flat[] = { scion, "run",   "-o",    "/dev/null", "--",
				     self,  "forks", n_total, NULL };
	const char *const flat_both[] = { scion,       "run",  "-o",
					  "/dev/null", "--at", "fork:both=whoami",
					  "--",        self,   "forks",
					  n_total,     NULL };
	static const char head[] = "|                        |       N |  RSS, MiB | peak, MiB |\n"
				   "|------------------------|---------|-----------|-----------|\n";
	int bad = 0;

	snprintf(n_live, sizeof(n_live), "%ld", live);
	snprintf(n_total, sizeof(n_total), "%ld", total);
	fprintf(stderr, "following\n\n%s", head);
	bad |= run(plain);
	bad |= run(flat);
	fprintf(stderr, "\nwhoami in parent and child\n\n%s", head);
	bad |= run(both);
	bad |= run(flat_both);
	return bad;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], dir[PATH_MAX], scion[PATH_MAX + 32];
	ssize_t len;

	if (argc == 3 && strcmp(argv[1], "herd") == 0 && atol(argv[2]) > 0) {
		herd(atol(argv[2]));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "forks") == 0 && atol(argv[2]) > 0) {
		forks(atol(argv[2]));
		return 0;
	}
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		die("readlink");
	self[len] = '\0';
	strcpy(dir, self);
	snprintf(scion, sizeof(scion), "%s/../bin/scion", dirname(dir));
	if (argc != 1 || access(scion, X_OK) < 0) {
		fprintf(stderr, "usage: memory (beside %s)\n", scion);
		return 2;
	}
	return drive(self, scion, 1000, 100000);
}
