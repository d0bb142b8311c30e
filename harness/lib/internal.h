/* SPDX-License-Identifier: MIT */
/* Between the files of the test library. */
#ifndef SCION_HARNESS_INTERNAL_H
#define SCION_HARNESS_INTERNAL_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/test.h"

/* NULL if everything that the test needs is here, else the reason, in reason. */
const char *needs_missing(const struct scion_test *test, char *reason, size_t size);

/* How many checks this process has passed. */
unsigned long checks_passed(void);

/* Prints every task of every descendant of this process: ids, state, tracer, where it waits. */
void descendants_print(void);

/* Sends SIGKILL to this process's own children; returns how many were alive, not zombies. */
unsigned children_kill(void);

#endif
