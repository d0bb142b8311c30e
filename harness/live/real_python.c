/* SPDX-License-Identifier: MIT */
/* python3: subprocess by fork, vfork and posix_spawn, multiprocessing, threads that fork. */
#include <unistd.h>

#include "live/real/real.h"

/* Not one that a version manager puts before it in PATH: that is a shell script. */
#define PYTHON "/usr/bin/python3"

static int run(void)
{
	char script[PATH_MAX];
	const char *const argv[] = { PYTHON, real_source("processes.py", script), NULL };
	struct real_folder folder;
	struct real_counts counts;

	if (access(PYTHON, X_OK) < 0)
		SKIP("needs the program " PYTHON);
	real_folder_make(&folder);
	real_compare(&folder, argv, 17, &counts);
	/* of 60 by os.fork, 16 by subprocess in threads, 18 workers; threads for these and queues */
	CHECK_LT(90, counts.forks);
	CHECK_LT(20, counts.vforks);
	CHECK_LT(20, counts.threads);
	CHECK_EQ(counts.killed, 0);
	real_folder_remove(&folder);
	return 0;
}

const struct scion_test scion_test = { .name = "real_python", .timeout_s = 120, .run = run };
