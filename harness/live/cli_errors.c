/* SPDX-License-Identifier: MIT */
/*
 * Bad input: one line on stderr that says what, why and what to do; the right exit code; nothing
 * started, nothing attached, nothing written.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"

#define SCION(...) ((const char *const[]){ test_scion(), __VA_ARGS__, NULL })

static void expect_line(int code, const char *part, const char *const argv[])
{
	struct test_output output;
	const char *newline;

	test_run(&output, argv);
	CHECK_MSG(output.code == code, "%s %s %s: exit code %d, not %d: %s", argv[1], argv[2],
		  argv[3] ? argv[3] : "", output.code, code, output.err);
	CHECK_CONTAINS(output.err, part);
	CHECK(strncmp(output.err, "scion: ", 7) == 0);
	newline = strchr(output.err, '\n');
	CHECK(newline != NULL);
	CHECK_STR(newline + 1, "");
	CHECK_STR(output.out, "");
	test_output_free(&output);
}

/* Each would print "started" if the program ran. */
static void usage(void)
{
	expect_line(2, "no verb", SCION(NULL));
	expect_line(2, "frob: no such verb", SCION("frob"));
	expect_line(2, "no program", SCION("run", "-q"));
	expect_line(2, "unknown event \"spoon\"",
		    SCION("run", "--at", "spoon=nop", "--", "echo", "started"));
	expect_line(2, "unknown side \"left\"",
		    SCION("run", "--at", "fork:left=nop", "--", "echo", "started"));
	expect_line(2, "exec has no side",
		    SCION("run", "--at", "exec:child=nop", "--", "echo", "started"));
	expect_line(2, "names no payload", SCION("run", "--at", "fork", "--", "echo", "started"));
	expect_line(2, "nonesuch: no such payload",
		    SCION("run", "--at", "fork=nonesuch", "--", "echo", "started"));
	expect_line(2, "no such call",
		    SCION("run", "--at", "fork=syscall,nonesuch", "--", "echo", "started"));
	expect_line(2, "no process yet",
		    SCION("run", "--at", "fork=call,getpid", "--", "echo", "started"));
	expect_line(2, "--log: unknown value", SCION("run", "--log=foo", "--", "echo", "started"));
	expect_line(2, "--limit", SCION("run", "--limit", "0", "--", "echo", "started"));
	expect_line(2, "no process", SCION("attach", "-q"));
	expect_line(2, "12x: not a process number", SCION("attach", "-p", "12x"));
	expect_line(2, "no process", SCION("inject", "nop"));
	expect_line(2, "no payload", SCION("inject", "-p", "1"));
	expect_line(2, "12x: not a number", SCION("inject", "-p", "1", "nop", "12x"));
}

static void payload_files(void)
{
	expect_line(125, "/nonexistent.o: can't be read",
		    SCION("run", "--at", "fork=/nonexistent.o", "--", "echo", "started"));
	expect_line(125, "/etc/passwd: refused: not an ELF",
		    SCION("run", "--at", "fork=/etc/passwd", "--", "echo", "started"));
	expect_line(125, "refused",
		    SCION("run", "--at", "fork=/bin/true", "--", "echo", "started"));
	expect_line(125, "/nonexistent/out: No such file",
		    SCION("run", "-o", "/nonexistent/out", "--", "echo", "started"));
}

/* A process number that nobody has: of a child that has been reaped just now. */
static void no_such_process(void)
{
	struct test_child child;
	char pid[16];

	test_spawn(&child, (const char *const[]){ "true", NULL });
	snprintf(pid, sizeof(pid), "%d", child.pid);
	test_wait(&child);
	expect_line(125, "no such process", SCION("attach", "-p", pid));
	expect_line(125, "no such process", SCION("inject", "-p", pid, "nop"));
}

static void zombie(void)
{
	siginfo_t info;
	char pid[16];
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	CHECK_CALL(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
	snprintf(pid, sizeof(pid), "%d", child);
	expect_line(125, "has ended already, it is a zombie", SCION("attach", "-p", pid));
	expect_line(125, "has ended already", SCION("inject", "-p", pid, "nop"));
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

static int tracer_of(pid_t pid)
{
	char path[40], line[128];
	int tracer = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	fclose(file);
	return tracer;
}

/* This test is the tracer; scion names it. */
static void traced_already(void)
{
	struct test_child child;
	char pid[16], who[64];

	test_spawn(&child, (const char *const[]){ "cat", NULL });
	CHECK_CALL(ptrace(PTRACE_SEIZE, child.pid, 0, 0));
	snprintf(pid, sizeof(pid), "%d", child.pid);
	snprintf(who, sizeof(who), "is being traced by %d", getpid());
	expect_line(125, who, SCION("attach", "-p", pid));
	expect_line(125, who, SCION("inject", "-p", pid, "nop"));
	CHECK_EQ(tracer_of(child.pid), getpid());
	CHECK_EQ(test_exit_code(test_wait(&child)), 0);
}

/* Killed as soon as scion has seized it, from a process of its own: scion is being waited for. */
static void gone_in_the_middle(void)
{
	struct test_child child;
	char pid[16];
	pid_t killer;

	test_spawn(&child, (const char *const[]){ "cat", NULL });
	snprintf(pid, sizeof(pid), "%d", child.pid);
	killer = (pid_t)CHECK_CALL(fork());
	if (killer == 0) {
		while (!tracer_of(child.pid))
			sched_yield();
		_exit(kill(child.pid, SIGKILL) ? 1 : 0);
	}
	expect_line(125, "ended",
		    SCION("inject", "--limit", "60000", "-p", pid, "syscall", "pause"));
	CHECK_EQ(test_exit_code(test_wait(&child)), 128 + SIGKILL);
	CHECK_EQ(waitpid(killer, NULL, 0), killer);
}

/* It is told by what: here, that it belongs to somebody else. */
static void not_permitted(void)
{
	const char *const as[] = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups" };
	struct test_child child;
	char pid[16];

	if (geteuid() != 0 || !test_have_program("setpriv")) {
		test_note("not permitted: not tried, needs root and setpriv");
		return;
	}
	test_spawn(&child, (const char *const[]){ "cat", NULL });
	snprintf(pid, sizeof(pid), "%d", child.pid);
	if (access(test_scion(), X_OK) == 0) {
		struct test_output output;

		test_run(&output, (const char *const[]){ as[0], as[1], as[2], as[3], test_scion(),
							 "inject", "-p", pid, "nop", NULL });
		CHECK_EQ(output.code, 125);
		CHECK_CONTAINS(output.err, "not permitted: it belongs to uid 0");
		test_output_free(&output);
	}
	CHECK_EQ(test_exit_code(test_wait(&child)), 0);
}

/* Followed all the same; only the payload is refused. */
static void not_64_bit(void)
{
	struct test_output output;

	if (access(test_mutatee("fork32_int80"), X_OK) != 0) {
		test_note("32-bit program: not tried, it was not built");
		return;
	}
	test_run(&output, SCION("run", "--at", "fork=whoami", "--", test_mutatee("fork32_int80")));
	CHECK_EQ(output.code, 0);
	CHECK_CONTAINS(output.err, "it is a 32-bit task");
	CHECK_CONTAINS(output.err, "payloads failed");
	CHECK_CONTAINS(output.err, ", wrong 0");
	test_output_free(&output);
}

static int run(void)
{
	usage();
	payload_files();
	no_such_process();
	zombie();
	traced_already();
	gone_in_the_middle();
	not_permitted();
	not_64_bit();
	return 0;
}

const struct scion_test scion_test = { .name = "cli_errors", .timeout_s = 60, .run = run };
