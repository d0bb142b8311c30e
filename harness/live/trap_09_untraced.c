/* SPDX-License-Identifier: MIT */
/*
 * Trap 9: CLONE_UNTRACED gives no event, and the child runs untraced. With CLONE_PTRACE too the child
 * is traced, and there is no event of its parent at all: such a child must not be waited for in vain.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

#define ROUNDS 3

/* The child is traced by whoever traces this: its exit code tells. */
static int workload(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int status = -1;
		long pid = syscall(SYS_clone, CLONE_UNTRACED | CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			_exit(steps_proc(getpid(), "TracerPid") > 0 ? 7 : 8);
		if (pid < 0 || waitpid((pid_t)pid, &status, 0) != pid || status != 7 << 8)
			return 1;
	}
	return 0;
}

static void check_both_flags(void)
{
	struct follow f = { 0 };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_count(&f, SCION_EVENT_FORK), 0);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CHILD), ROUNDS);
	for (size_t i = 0; i < ROUNDS; i++) {
		CHECK_EQ(follow_nth(&f, SCION_EVENT_CHILD, i)->kind, SCION_FORK_UNKNOWN);
		CHECK_EQ(follow_nth(&f, SCION_EVENT_CHILD, i)->peer, 0);
	}
	/* They are followed all the same, and their payloads run. */
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), ROUNDS);
	CHECK_EQ(follow_check(&f, true), 0);
	follow_close(&f);
}

static const char *const mutatees[] = { "clone_untraced", NULL };

static int run(void)
{
	check_both_flags();
	CHECK_EQ(steps_mutatee("clone_untraced", NULL, true), 0);
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_09_untraced", .trap = "09", .needs_mutatees = mutatees, .run = run
};
