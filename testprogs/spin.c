/* SPDX-License-Identifier: MIT */
/* mutatee: spin -- stays in user mode, without a system call, until SIGTERM, and exits with 0
 * arguments: [self] (a second process sends the SIGTERM); without: "ready PID" first
 * self-test: self
 * variants: pie nopie static static-pie
 * time: 20
 */
#include "common/mutatee.h"

#include <unistd.h>

static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	(void)sig;
	ended = 1;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_term };
	volatile unsigned long turns = 0;
	pid_t self = getpid(), second = 0;

	must("sigaction", sigaction(SIGTERM, &act, NULL));
	if (has_word(argc, argv, "self")) {
		second = (pid_t)must("fork", fork());
		if (!second)
			_exit(kill(self, SIGTERM) ? 1 : 0);
	} else {
		announce();
	}
	while (!ended)
		turns++;
	if (second)
		wait_for_exit(second, 0, 0);
	return 0;
}
