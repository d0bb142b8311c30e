/* SPDX-License-Identifier: MIT */
/* make -j4 with gcc: shells, posix_spawn, vfork, pipes between compiler and assembler. */
#include "live/real/real.h"

static int run(void)
{
	char script[PATH_MAX], makefile[PATH_MAX], tree[PATH_MAX];
	struct real_folder folder;
	struct real_counts counts;

	real_folder_make(&folder);
	real_compare(&folder,
		     (const char *const[]){ "sh", real_source("tree.sh", script),
					    real_source("tree.mk", makefile),
					    real_path(&folder, "tree", tree), NULL },
		     0, &counts);
	/* each of 13 compilations is a shell or none, gcc, cc1 and as */
	CHECK_LT(13 * 3, counts.forks);
	CHECK_LT(13 * 3, counts.execs);
	CHECK_LT(13 * 2, counts.vforks);
	CHECK_EQ(counts.killed, 0);
	real_folder_remove(&folder);
	return 0;
}

static const char *const programs[] = { "make", "gcc", "ar", "ranlib", "cksum", NULL };

const struct scion_test scion_test = {
	.name = "real_make",
	.timeout_s = 120,
	.needs_programs = programs,
	.run = run,
};
