/* SPDX-License-Identifier: MIT */
/* inject_threads.h - which threads of a process a payload is run in. */
#ifndef SCION_CLI_INJECT_THREADS_H
#define SCION_CLI_INJECT_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * The live threads that are meant: all, or `tid`, or (tid 0) the process's first, which is not its
 * leader if that has ended before the others.
 * @param tids  freed by the caller
 * @return 0, -ESRCH, -ENOMEM
 */
int inject_threads(pid_t pid, pid_t tid, bool all, pid_t **tids, size_t *count);

#endif
