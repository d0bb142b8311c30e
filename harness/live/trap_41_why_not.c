/* SPDX-License-Identifier: MIT */
/*
 * Trap 41: ptrace says EPERM for many reasons. Each is told in one line that names the cause, and
 * nothing stays attached.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "live/trap_steps.h"

#define NOBODY 65534

/* What scion_attach says of this process; its error in *error. */
static const char *attach(struct scion_session *s, pid_t pid, int *error)
{
	*error = scion_attach(s, pid, 0);
	CHECK_EQ(scion_session_tasks(s), 0);
	CHECK(!strchr(scion_errmsg(s), '\n'));
	return scion_errmsg(s);
}

static void expect(pid_t pid, int wanted, const char *part)
{
	struct scion_session *s;
	const char *message;
	int error;

	CHECK_EQ(scion_session_new(NULL, &s), SCION_OK);
	message = attach(s, pid, &error);
	test_note("%s: %s", scion_error_name(error), message);
	CHECK_EQ(error, wanted);
	CHECK_CONTAINS(message, part);
	scion_session_free(s);
}

/* A child that waits until its parent is gone or has closed the pipe. */
static pid_t idle(int *end)
{
	int pipes[2];
	char byte;
	pid_t pid;

	CHECK_CALL(pipe2(pipes, O_CLOEXEC));
	pid = (pid_t)CHECK_CALL(fork());
	if (pid == 0) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) != 0);
	}
	close(pipes[0]);
	*end = pipes[1];
	return pid;
}

static void end_idle(pid_t pid, int end)
{
	close(end);
	CHECK_EQ(steps_end(pid), 0);
}

/* Somebody else traces it: the message names that process by number and command. */
static void check_traced(void)
{
	int end, ready[2], release[2];
	pid_t pid = idle(&end), tracer;
	char byte, part[64];

	CHECK_CALL(pipe2(ready, O_CLOEXEC));
	CHECK_CALL(pipe2(release, O_CLOEXEC));
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	tracer = (pid_t)CHECK_CALL(fork());
	if (tracer == 0) {
		close(release[1]);
		prctl(PR_SET_NAME, "other_tracer");
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(release[0], &byte, 1) != 0);
	}
	close(ready[1]);
	close(release[0]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	snprintf(part, sizeof(part), "traced by %d (other_tracer)", tracer);
	expect(pid, SCION_ETRACED, part);
	close(release[1]);
	CHECK_EQ(steps_end(tracer), 0);
	close(ready[0]);
	end_idle(pid, end);
}

static void check_zombie(void)
{
	siginfo_t info;
	pid_t pid = (pid_t)CHECK_CALL(fork());

	if (pid == 0)
		_exit(0);
	CHECK_CALL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	expect(pid, SCION_ESRCH, "zombie");
	CHECK_EQ(steps_end(pid), 0);
	expect(pid, SCION_ESRCH, "no such process"); /* now that it is reaped */
}

/* Twice in one session: it is ours already. */
static void check_twice(void)
{
	int end;
	pid_t pid = idle(&end);
	struct follow f = { 0 };

	follow_open(&f, NULL);
	steps_attach(&f, pid, 0);
	do
		CHECK(steps_one(&f));
	while (!follow_count(&f, SCION_EVENT_ATTACH));
	CHECK_EQ(scion_attach(f.session, pid, 0), SCION_EINVAL);
	CHECK_CONTAINS(scion_errmsg(f.session), "attached already");
	close(end);
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	follow_close(&f);
}

/* As nobody, without capabilities, on a process of root's. The code runs in a process of its own. */
static void check_other_user(void)
{
	int end;
	pid_t pid, other;

	if (geteuid() != 0) {
		test_note("not root: another user's process is not shown");
		return;
	}
	pid = idle(&end);
	other = (pid_t)CHECK_CALL(fork());
	if (other == 0) {
		CHECK_CALL(setresgid(NOBODY, NOBODY, NOBODY));
		CHECK_CALL(setresuid(NOBODY, NOBODY, NOBODY));
		expect(pid, SCION_EPERM, "belongs to uid 0 and you are uid 65534");
		/* its own parent, which changed nothing: the same, and it names what is missing */
		expect(getppid(), SCION_EPERM, "CAP_SYS_PTRACE");
		_exit(0);
	}
	CHECK_EQ(steps_end(other), 0);
	end_idle(pid, end);
}

/* One of the own user that is not dumpable, seen without capabilities. */
static void check_not_dumpable(void)
{
	pid_t other;

	if (geteuid() != 0)
		return;
	other = (pid_t)CHECK_CALL(fork());
	if (other == 0) {
		int end;
		pid_t pid;

		CHECK_CALL(setresgid(NOBODY, NOBODY, NOBODY));
		CHECK_CALL(setresuid(NOBODY, NOBODY, NOBODY));
		CHECK_CALL(prctl(PR_SET_DUMPABLE, 0));
		pid = idle(&end); /* inherits it */
		CHECK_CALL(prctl(PR_SET_DUMPABLE, 1));
		/* Yama, where it is there, is named before */
		expect(pid, SCION_EPERM,
		       access("/proc/sys/kernel/yama", F_OK) == 0 ? "" : "dumpable");
		end_idle(pid, end);
		_exit(0);
	}
	CHECK_EQ(steps_end(other), 0);
}

static void check_kernel_thread(void)
{
	char text[64] = "";
	FILE *comm = fopen("/proc/2/comm", "re");

	if (comm && fgets(text, sizeof(text), comm) && strncmp(text, "kthreadd", 8) == 0)
		expect(2, SCION_EPERM, geteuid() == 0 ? "kernel thread" : "");
	else
		test_note("no kernel thread can be seen from here");
	if (comm)
		fclose(comm);
}

static int run(void)
{
	check_traced();
	check_zombie();
	check_twice();
	expect(getpid(), SCION_EINVAL, "trace itself");
	expect(0x3ffffff, SCION_ESRCH, "no such process"); /* above the largest pid_max */
	expect(0, SCION_ESRCH, "no such process");
	expect(-1, SCION_ESRCH, "no such process");
	check_kernel_thread();
	check_other_user();
	check_not_dumpable();
	return 0;
}

const struct scion_test scion_test = { .name = "trap_41_why_not", .trap = "41", .run = run };
