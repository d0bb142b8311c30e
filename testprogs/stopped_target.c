/* SPDX-License-Identifier: MIT */
/* mutatee: stopped_target -- stops itself by SIGSTOP and stays stopped; SIGCONT ends it, with 0 if
 *	it came just once
 * arguments: [self] (a child stops, and this sends the SIGCONT); without: "ready PID", then the
 *	stop, then "continued"
 * self-test: self
 * variants: pie static
 * time: 20
 */
#include "common/mutatee.h"

#include <sys/wait.h>
#include <unistd.h>

static volatile int continued;

static void on_continue(int sig)
{
	(void)sig;
	continued++;
}

static void stop(void)
{
	struct sigaction act = { .sa_handler = on_continue, .sa_flags = SA_RESTART };

	must("sigaction", sigaction(SIGCONT, &act, NULL));
	raise(SIGSTOP);
	expect_eq("SIGCONT handled", 1, continued);
}

/* The parent of one that stops sees the stop, and wakes it. */
static void self(void)
{
	int status = 0;
	pid_t pid = (pid_t)must("fork", fork());

	if (!pid) {
		stop();
		_exit(0);
	}
	expect_eq("wait for the stop", pid, waitpid(pid, &status, WUNTRACED));
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		fail("wait status: expected stopped by %d, saw %#x", SIGSTOP, status);
	must("kill", kill(pid, SIGCONT));
	wait_for_exit(pid, 0, 0);
}

int main(int argc, char **argv)
{
	if (has_word(argc, argv, "self")) {
		self();
		return 0;
	}
	announce();
	stop();
	write_all(STDOUT_FILENO, "continued\n", 10);
	return 0;
}
