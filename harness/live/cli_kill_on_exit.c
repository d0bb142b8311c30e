/* SPDX-License-Identifier: MIT */
/* scion run dies by SIGKILL: the program lives on untraced, or with --kill-on-exit dies too. */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

/* Starts `spin` under scion, which is then killed; a pidfd of the program. */
static int orphan(bool kill_too, pid_t *pid)
{
	const char *with[] = { test_scion(),         "run", "-q", "--kill-on-exit", "--",
			       test_mutatee("spin"), NULL };
	const char *without[] = { test_scion(), "run", "-q", "--", test_mutatee("spin"), NULL };
	struct test_child scion;
	char line[64];
	int fd, status;

	test_spawn(&scion, kill_too ? with : without);
	CHECK_LT(0, test_read_line(scion.out, line, sizeof(line)));
	CHECK_EQ(sscanf(line, "ready %d", pid), 1);
	fd = (int)CHECK_CALL(syscall(SYS_pidfd_open, *pid, 0));
	CHECK_EQ(steps_proc(*pid, "TracerPid"), scion.pid);
	CHECK_CALL(kill(scion.pid, SIGKILL));
	status = steps_end(scion.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(scion.in);
	close(scion.out);
	return fd;
}

static void expect_end(int fd)
{
	struct pollfd end = { fd, POLLIN, 0 };

	while (poll(&end, 1, -1) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(close(fd), 0);
}

static const char *const mutatees[] = { "spin", NULL };

static int run(void)
{
	pid_t pid;
	int fd = orphan(true, &pid);

	expect_end(fd);
	fd = orphan(false, &pid);
	CHECK_EQ(steps_proc(pid, "TracerPid"), 0);
	CHECK(steps_state(pid) == 'R');
	CHECK_CALL(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	expect_end(fd);
	return 0;
}

const struct scion_test scion_test = {
	.name = "cli_kill_on_exit",
	.min_kver = "5.3",
	.needs_mutatees = mutatees,
	.run = run,
};
