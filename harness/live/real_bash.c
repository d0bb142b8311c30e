/* SPDX-License-Identifier: MIT */
/* bash: pipes, subshells, command substitution, traps, background jobs, job control, a coprocess. */
#include "live/real/real.h"

static int run(void)
{
	char script[PATH_MAX];
	struct real_folder folder;
	const char *const argv[] = {
		"bash",
		real_source("shell.sh", script),
		folder.path,
		NULL,
	};
	struct real_counts counts;

	real_folder_make(&folder);
	real_compare(&folder, argv, 21, &counts);
	CHECK_LT(150, counts.forks);
	CHECK_LT(30, counts.execs);
	real_folder_remove(&folder);
	return 0;
}

static const char *const programs[] = { "bash", "xargs", "setsid", NULL };

const struct scion_test scion_test = {
	.name = "real_bash",
	.timeout_s = 60,
	.needs_programs = programs,
	.run = run,
};
