/* SPDX-License-Identifier: MIT */
/* mutatee: posix_spawn -- posix_spawn of this program again: one child, the right PID, and an
 *	honest error for no file
 * variants: pie nopie static static-pie
 * bites: rax=-38 rax=56
 * time: 20
 */
#include "common/mutatee.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPORT_FD 100

static char *const arguments[] = { (char *)"posix_spawn", (char *)"report", NULL };
static char *const environment[] = { NULL };

static void one(void)
{
	posix_spawn_file_actions_t actions;
	struct birth birth;
	pid_t pid = -1;
	int error;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	birth.code = 9;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, birth.fd[1], REPORT_FD);
	errno = ERRNO_MARK;
	error = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environment);
	expect_eq("posix_spawn", 0, error);
	birth_end(&birth, pid);
	posix_spawn_file_actions_destroy(&actions);
}

static void no_such_file(void)
{
	struct timespec none = { 0 };
	sigset_t set;
	pid_t pid = -5;
	int error = posix_spawn(&pid, "/nonexistent/program", NULL, NULL, arguments, environment);

	expect_eq("posix_spawn of a file that is not there", ENOENT, error);
	expect_no_child(0);
	/* libc has waited for the child that found no file; its SIGCHLD is left over. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	expect_eq("SIGCHLD of the child that found no file", SIGCHLD,
		  sigtimedwait(&set, NULL, &none));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "report")) {
		world_check_after_exec();
		birth_send(REPORT_FD);
		return 9;
	}
	world_arm();
	for (int i = 0; i < 5; i++) {
		one();
		no_such_file();
	}
	return 0;
}
