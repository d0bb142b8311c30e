/* SPDX-License-Identifier: MIT */
/*
 * restart.h - calls that end with EINTR where without a tracer they would have gone on. Pure.
 *
 * Most blocking calls are restarted by the kernel when a stop was all that interrupted them. Some
 * are not: they return EINTR "even in the absence of signal handlers" (signal(7), "Interruption of
 * system calls by stop signals"). A stop that only the tracer knows of must not be seen, nor a signal
 * that the program ignores: it stops a tracee, but would not have interrupted the call.
 */
#ifndef SCION_CORE_RESTART_H
#define SCION_CORE_RESTART_H

#include <stdbool.h>

#include "kernel/kernel.h"

/**
 * If the registers, at a stop of the signal kind, are those of such a call, changes rax so that the
 * kernel restarts the call unless a handler is run (ERESTARTNOHAND), and returns true. A timeout
 * that the call had begins anew.
 */
bool restart_unseen(struct kernel_regs *regs);

/** True for the signals that are ignored by default (signal(7)): they stop a tracee all the same. */
bool restart_is_quiet(int sig);

#endif
