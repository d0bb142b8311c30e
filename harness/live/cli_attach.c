/* SPDX-License-Identifier: MIT */
/* scion attach and scion inject: on a shell that reads commands, and what is left of them. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"

struct shell {
	struct test_child child;
	char pid[16];
};

static void start(struct shell *shell)
{
	test_spawn(&shell->child, (const char *const[]){ "bash", "--norc", NULL });
	snprintf(shell->pid, sizeof(shell->pid), "%d", shell->child.pid);
}

/* Sends a command; its first line of output. */
static void tell(struct shell *shell, const char *command, char *line, size_t size)
{
	size_t length = strlen(command);

	CHECK_EQ(write(shell->child.in, command, length), (ssize_t)length);
	test_read_line(shell->child.out, line, size);
}

/* The target is as it was: nobody traces it, nothing of ours is mapped, it works. */
static void check_clean(struct shell *shell)
{
	char line[64], command[256];

	snprintf(command, sizeof(command), "grep TracerPid /proc/%s/status\n", shell->pid);
	tell(shell, command, line, sizeof(line));
	CHECK_STR(line, "TracerPid:\t0");
	snprintf(command, sizeof(command), "grep -c scion /proc/%s/maps\n", shell->pid);
	tell(shell, command, line, sizeof(line));
	CHECK_STR(line, "0");
}

static void end(struct shell *shell)
{
	CHECK_EQ(write(shell->child.in, "exit 3\n", 7), 7);
	CHECK_EQ(test_exit_code(test_wait(&shell->child)), 3);
}

static void expect(struct shell *shell, int code, const char *out, const char *err,
		   const char *const args[])
{
	const char *argv[16] = { test_scion(), "inject", "-p", shell->pid };
	struct test_output output;
	size_t count = 4;

	while (*args)
		argv[count++] = *args++;
	test_run(&output, argv);
	CHECK_MSG(output.code == code, "%s: exit code %d, not %d: %s", argv[4], output.code, code,
		  output.err);
	CHECK_CONTAINS(output.out, out);
	CHECK_CONTAINS(output.err, err);
	test_output_free(&output);
}

static char process_state(pid_t pid)
{
	char path[40], line[128], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	fclose(file);
	return state;
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void inject(void)
{
	struct shell shell;
	char text[64];

	start(&shell);
	tell(&shell, "echo here\n", text, sizeof(text)); /* all libraries are loaded */
	snprintf(text, sizeof(text), "whoami: pid %s, tid %s, ppid %d\n", shell.pid, shell.pid,
		 getpid());
	expect(&shell, 0, text, "", ARGS("whoami"));
	expect(&shell, 0, text, "", ARGS("--all-threads", "whoami"));
	expect(&shell, 0, text, "", ARGS("--tid", shell.pid, "whoami"));
	snprintf(text, sizeof(text), "call: %s (", shell.pid);
	expect(&shell, 0, text, "", ARGS("call", "getpid"));
	expect(&shell, 0, "call: 11 (0xb)\n", "", ARGS("call", "strlen", "@eleven char"));
	expect(&shell, 0, "call: 42 (0x2a)\n", "", ARGS("call", "abs", "-42"));
	snprintf(text, sizeof(text), "syscall: %d (", getpid());
	expect(&shell, 0, text, "", ARGS("syscall", "getppid"));
	expect(&shell, 0, "-2 (0xfffffffffffffffe) ENOENT\n", "",
	       ARGS("syscall", "access", "@/nonexistent", "0"));
	expect(&shell, 0, "\"ok\":true", "", ARGS("--json", "nop"));
	expect(&shell, 0, "count: 1 (", "", ARGS("count"));
	expect(&shell, 125, "", "cannot open shared object file",
	       ARGS("dlopen", "/nonexistent/lib.so"));
	expect(&shell, 125, "", "no symbol nonesuch", ARGS("call", "nonesuch"));
	expect(&shell, 125, "", "faulted: SIGSEGV", ARGS("call", "strlen", "8"));
	expect(&shell, 125, "", "not a live thread", ARGS("--tid", "1", "nop"));
	expect(&shell, 2, "", "no such call", ARGS("syscall", "nonesuch"));
	expect(&shell, 2, "", "no such payload", ARGS("nonesuch"));
	check_clean(&shell);
	end(&shell);
}

/* A stopped process runs the payload and stays stopped. */
static void inject_stopped(void)
{
	struct shell shell;
	siginfo_t info;
	char line[64];

	start(&shell);
	tell(&shell, "echo here\n", line, sizeof(line)); /* all libraries are loaded */
	CHECK_CALL(kill(shell.child.pid, SIGSTOP));
	CHECK_CALL(waitid(P_PID, (id_t)shell.child.pid, &info, WSTOPPED | WNOWAIT));
	expect(&shell, 0, "call: 42 (0x2a)\n", "", ARGS("call", "abs", "-42"));
	while (process_state(shell.child.pid) != 'T') /* else the time limit says it */
		sched_yield();
	CHECK_CALL(kill(shell.child.pid, SIGCONT));
	check_clean(&shell);
	end(&shell);
}

/* ps shows it before anything is sent: /proc says when the tracer is there. */
static void wait_until_traced(pid_t pid)
{
	char path[40], line[128];
	int tracer = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	while (!tracer) {
		FILE *file = fopen(path, "re");

		CHECK(file != NULL);
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "TracerPid: %d", &tracer) == 1)
				break;
		fclose(file);
		sched_yield();
	}
}

static char *read_file(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");
	size_t length;

	CHECK(file != NULL);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void attach(int sig)
{
	char report[] = "/tmp/scion-attach-XXXXXX", line[64];
	struct test_child scion;
	struct shell shell;

	close((int)CHECK_CALL(mkstemp(report)));
	start(&shell);
	tell(&shell, "echo here\n", line, sizeof(line));
	test_spawn(&scion, (const char *const[]){ test_scion(), "attach", "-p", shell.pid, "-o",
						  report, "--at", "fork=whoami", "--at",
						  "attach=nop", "--tree", NULL });
	wait_until_traced(shell.child.pid);
	tell(&shell, "(exit 7); (exit 8); echo $?\n", line, sizeof(line));
	CHECK_STR(line, "8");
	CHECK_CALL(kill(scion.pid, sig));
	CHECK_EQ(test_exit_code(test_wait(&scion)), 0);
	read_file(report);
	CHECK_CONTAINS(read_file(report), "forks 2, threads 0, execs 0, exits 2; payloads run 5, "
					  "failed 0; values right 2, wrong 0; let go 1\n");
	CHECK_CONTAINS(read_file(report), "exit 7");
	CHECK_CONTAINS(read_file(report), "let go");
	check_clean(&shell);
	end(&shell);
	unlink(report);
}

/* It ends by itself when its target does. */
static void attach_to_the_end(void)
{
	struct test_child scion;
	struct shell shell;

	start(&shell);
	test_spawn(&scion,
		   (const char *const[]){ test_scion(), "attach", "-q", "-p", shell.pid, NULL });
	wait_until_traced(shell.child.pid);
	end(&shell);
	CHECK_EQ(test_exit_code(test_wait(&scion)), 0);
}

static int run(void)
{
	inject();
	inject_stopped();
	attach(SIGINT);
	attach(SIGTERM);
	attach(SIGHUP);
	attach_to_the_end();
	return 0;
}

static const char *const programs[] = { "bash", "grep", NULL };

const struct scion_test scion_test = {
	.name = "cli_attach",
	.timeout_s = 60,
	.needs_programs = programs,
	.run = run,
};
