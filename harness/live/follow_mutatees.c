/* SPDX-License-Identifier: MIT */
/*
 * Every mutatee that is a plain program, with a payload in parent and child of each fork and thread:
 * it must see nothing of it.
 */
#include <string.h>

#include "lib/follow.h"

static const char *const mutatees[] = { "altstack",
					"clone",
					"clone3",
					"clone_nosignal",
					"clone_parent",
					"clone_untraced",
					"clone_vm",
					"daemon",
					"exec_fail",
					"exec_thread",
					"fork",
					"fork.nopie",
					"fork.static",
					"fork.static-pie",
					"fork_fail",
					"fork_int80",
					"fork_storm",
					"fork_threads",
					"group_stop",
					"nested_forks",
					"pidns",
					"posix_spawn",
					"redzone",
					"rseq",
					"seccomp_filter",
					"sigtrap",
					"sud",
					"system",
					"vector_regs",
					"vfork_exec",
					"vfork_exit",
					"zombie_leader",
					NULL };

static int run(void)
{
	for (size_t i = 0; mutatees[i]; i++) {
		struct follow f = { .skip_signals = true };

		test_note("%s", mutatees[i]);
		follow_open(&f, NULL);
		follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
		follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
		follow_mutatee(&f, mutatees[i], NULL);
		/*
		 * exec_thread: its threads may be killed by execve inside a payload.
		 * CLONE_UNTRACED: no event tells of the child.
		 */
		if (strcmp(mutatees[i], "clone_untraced") == 0)
			CHECK_EQ(follow_check(&f, true), 0);
		else
			CHECK_LT(0, follow_check(&f, strcmp(mutatees[i], "exec_thread") != 0));
		follow_close(&f);
	}
	return 0;
}

const struct scion_test scion_test = {
	.name = "follow_mutatees",
	.needs_root = true, /* seccomp_filter: to suspend a filter needs CAP_SYS_ADMIN */
	.timeout_s = 120,
	.needs_mutatees = mutatees,
	.run = run,
};
