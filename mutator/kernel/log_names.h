/* SPDX-License-Identifier: MIT */
/* log_names.h - the names of ptrace(2), signal(7) and wait(2) for what the kernel interface says. */
#ifndef SCION_KERNEL_LOG_NAMES_H
#define SCION_KERNEL_LOG_NAMES_H

#define LOG_NAME_SIZE    24
#define LOG_STATUS_SIZE  64
#define LOG_OPTIONS_SIZE 256

/** 5 → "SIGTRAP", 0 → "SIG_0", 40 → "SIGRTMIN+6". Returns `name`. */
const char *log_signal_name(char name[LOG_NAME_SIZE], int sig);

/** A wait status: "WSTOPSIG=SIGTRAP | PTRACE_EVENT_FORK << 8", "WEXITSTATUS=0". Returns `text`. */
const char *log_status_text(char text[LOG_STATUS_SIZE], int status);

/** "PTRACE_O_TRACEFORK|PTRACE_O_EXITKILL"; unknown bits in hex. Returns `text`. */
const char *log_options_text(char text[LOG_OPTIONS_SIZE], unsigned long options);

#endif
