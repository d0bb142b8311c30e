/* SPDX-License-Identifier: MIT */
#include "fake_programs.h"

#include <linux/sched.h>
#include <signal.h>

#define BORN(TID)                            \
	{                                    \
		.tid = (TID), .status = TRAP \
	}
#define EVENT(N)   ((N) << 16 | SIGTRAP << 8 | 0x7f)
#define TRAP       EVENT(128)
#define GROUP(SIG) (128 << 16 | (SIG) << 8 | 0x7f)
#define SIG(N)     ((N) << 8 | 0x7f)
#define RETURNS(T, P)                                                 \
	{                                                             \
		.tid = (T), .status = SIG(SIGTRAP | 0x80), .rax = (P) \
	}
#define FORKS(T, P)                                         \
	{                                                   \
		.tid = (T), .status = EVENT(1), .peer = (P) \
	}
#define VFORKS(T, P)                                        \
	{                                                   \
		.tid = (T), .status = EVENT(2), .peer = (P) \
	}
#define CLONES(T, P, G)                                                  \
	{                                                                \
		.tid = (T), .status = EVENT(3), .peer = (P), .tgid = (G) \
	}
#define EXECS(T)                               \
	{                                      \
		.tid = (T), .status = EVENT(4) \
	}
#define EXITS(T)                        \
	{                               \
		.tid = (T), .status = 0 \
	}
#define DIES(T)                               \
	{                                     \
		.tid = (T), .status = SIGKILL \
	}
#define GETS(T, N)                           \
	{                                    \
		.tid = (T), .status = SIG(N) \
	}

/* clang-format off */
const struct program programs[] = {
	{ PROGRAM_SMALL, {
	"trap_02_fork", { 0 }, {
		FORKS(10, 11), BORN(11), EXITS(11), RETURNS(10, 11), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"trap_13_fork_with_signals", { 0 }, {
		GETS(10, SIGUSR1), FORKS(10, 11), BORN(11), GETS(11, SIGUSR2), EXITS(11),
		RETURNS(10, 11), GETS(10, SIGCHLD), EXITS(10),
	} } },
	{ PROGRAM_SMALL, {
	"trap_04_vfork", { 0 }, {
		VFORKS(10, 11), BORN(11), EXECS(11), EXITS(11),
		{ .tid = 10, .status = SIG(SIGTRAP | 0x80), .rax = 11, .after = 2 }, EXITS(10),
	} } },
	{ PROGRAM_SMALL, {
	"trap_05_vfork_done", { 0 }, {
		VFORKS(10, 11), BORN(11), EXITS(11),
		{ .tid = 10, .status = EVENT(5), .after = 2 }, RETURNS(10, 11), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"nested_forks", { 0 }, {
		FORKS(10, 11), BORN(11), FORKS(11, 12), BORN(12), EXITS(12), RETURNS(11, 12),
		EXITS(11), RETURNS(10, 11), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"thread_and_group_stop", { 0 }, {
		CLONES(10, 11, 10),
		{ .tid = 11, .status = GROUP(SIGSTOP), .tgid = 10 },
		{ .tid = 11, .status = TRAP }, EXITS(11),
		RETURNS(10, 11), { .tid = 10, .status = GROUP(SIGSTOP) },
		{ .tid = 10, .status = TRAP }, { .tid = 10, .status = 0, .after = 4 },
	} } },
	{ PROGRAM_LARGE, {
	"trap_18_two_threads_fork", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11),
		FORKS(10, 12), BORN(12), RETURNS(10, 12),
		FORKS(11, 13), BORN(13), RETURNS(11, 13), EXITS(11),
		{ .tid = 10, .status = 0, .after = 10 }, { .tid = 12, .status = 0, .after = 11 },
		{ .tid = 13, .status = 0, .after = 12 },
	} } },
	{ PROGRAM_MEDIUM, {
	"trap_34_exec_by_thread", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11), CLONES(10, 12, 10), BORN(12),
		{ .tid = 11, .status = 0 },
		RETURNS(10, 12), GETS(10, SIGUSR1),
		{ .tid = 10, .status = EVENT(4), .peer = 12, .after = 6 }, EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"trap_34_exec_while_the_leader_forks", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11), FORKS(10, 12), BORN(12), EXITS(12),
		RETURNS(10, 12),
		{ .tid = 10, .status = EVENT(4), .peer = 11, .after = 3 }, EXITS(10),
	} } },
	{ PROGRAM_SMALL, {
	"trap_43_stillborn", { 0 }, {
		FORKS(10, 11), DIES(11), RETURNS(10, 11), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"trap_43_pid_used_again", { 0 }, {
		FORKS(10, 11), BORN(11), EXITS(11), RETURNS(10, 11),
		{ .tid = 10, .status = EVENT(1), .peer = 11, .after = 3 }, BORN(11), EXITS(11),
		RETURNS(10, 11), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"trap_09_untraced_but_traced", { 0 }, {
		{ .tid = 11, .status = TRAP, .clone_flags = CLONE_UNTRACED | CLONE_PTRACE },
		EXITS(11), FORKS(10, 12), BORN(12), EXITS(12), RETURNS(10, 12), EXITS(10),
	} } },
	{ PROGRAM_MEDIUM, {
	"attach_to_threads_that_fork", { 10, 11 }, {
		FORKS(10, 12), BORN(12), RETURNS(10, 12), EXITS(11),
		{ .tid = 10, .status = 0, .after = 4 }, { .tid = 12, .status = 0, .after = 5 },
	} } },
	{ PROGRAM_MEDIUM, {
	"attach_to_a_stopped_process", { 10 }, {
		{ .tid = 10, .status = GROUP(SIGSTOP) }, { .tid = 10, .status = TRAP },
		VFORKS(10, 12), BORN(12), EXECS(12), EXITS(12),
		{ .tid = 10, .status = SIG(SIGTRAP | 0x80), .rax = 12, .after = 4 }, EXITS(10),
	} } },
};
/* clang-format on */

const size_t program_count = sizeof(programs) / sizeof(programs[0]);
