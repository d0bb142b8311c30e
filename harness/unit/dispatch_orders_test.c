/* SPDX-License-Identifier: MIT */
/*
 * Small programs through session_dispatch in every order of their stops; with a kill at every
 * request, a detach at every moment, and every event held.
 */
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_explore.h"

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
static const struct explore_scenario fork_and_exit = {
	"trap_02_fork", { 0 }, {
		FORKS(10, 11), BORN(11), EXITS(11), RETURNS(10, 11), EXITS(10),
	} };

static const struct explore_scenario fork_with_signals = {
	"trap_13_fork_with_signals", { 0 }, {
		GETS(10, SIGUSR1), FORKS(10, 11), BORN(11), GETS(11, SIGUSR2), EXITS(11),
		RETURNS(10, 11), GETS(10, SIGCHLD), EXITS(10),
	} };

static const struct explore_scenario vfork_and_exec = {
	"trap_04_vfork", { 0 }, {
		VFORKS(10, 11), BORN(11), EXECS(11), EXITS(11),
		{ .tid = 10, .status = SIG(SIGTRAP | 0x80), .rax = 11, .after = 2 }, EXITS(10),
	} };

static const struct explore_scenario vfork_done = {
	"trap_05_vfork_done", { 0 }, {
		VFORKS(10, 11), BORN(11), EXITS(11),
		{ .tid = 10, .status = EVENT(5), .after = 2 }, RETURNS(10, 11), EXITS(10),
	} };

static const struct explore_scenario nested = {
	"nested_forks", { 0 }, {
		FORKS(10, 11), BORN(11), FORKS(11, 12), BORN(12), EXITS(12), RETURNS(11, 12),
		EXITS(11), RETURNS(10, 11), EXITS(10),
	} };

static const struct explore_scenario thread = {
	"thread_and_group_stop", { 0 }, {
		CLONES(10, 11, 10),
		{ .tid = 11, .status = GROUP(SIGSTOP), .tgid = 10 },
		{ .tid = 11, .status = TRAP }, EXITS(11),
		RETURNS(10, 11), { .tid = 10, .status = GROUP(SIGSTOP) },
		{ .tid = 10, .status = TRAP }, { .tid = 10, .status = 0, .after = 4 },
	} };

static const struct explore_scenario two_threads_fork = {
	"trap_18_two_threads_fork", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11),
		FORKS(10, 12), BORN(12), RETURNS(10, 12),
		FORKS(11, 13), BORN(13), RETURNS(11, 13), EXITS(11),
		{ .tid = 10, .status = 0, .after = 10 }, { .tid = 12, .status = 0, .after = 11 },
		{ .tid = 13, .status = 0, .after = 12 },
	} };

static const struct explore_scenario exec_by_thread = {
	"trap_34_exec_by_thread", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11), CLONES(10, 12, 10), BORN(12),
		{ .tid = 11, .status = 0 },
		RETURNS(10, 12), GETS(10, SIGUSR1),
		{ .tid = 10, .status = EVENT(4), .peer = 12, .after = 6 }, EXITS(10),
	} };

static const struct explore_scenario exec_while_leader_forks = {
	"trap_34_exec_while_the_leader_forks", { 0 }, {
		CLONES(10, 11, 10), BORN(11), RETURNS(10, 11), FORKS(10, 12), BORN(12), EXITS(12),
		RETURNS(10, 12),
		{ .tid = 10, .status = EVENT(4), .peer = 11, .after = 3 }, EXITS(10),
	} };

static const struct explore_scenario stillborn = {
	"trap_43_stillborn", { 0 }, {
		FORKS(10, 11), DIES(11), RETURNS(10, 11), EXITS(10),
	} };

static const struct explore_scenario pid_again = {
	"trap_43_pid_used_again", { 0 }, {
		FORKS(10, 11), BORN(11), EXITS(11), RETURNS(10, 11),
		{ .tid = 10, .status = EVENT(1), .peer = 11, .after = 3 }, BORN(11), EXITS(11),
		RETURNS(10, 11), EXITS(10),
	} };

static const struct explore_scenario untraced = {
	"trap_09_untraced_but_traced", { 0 }, {
		{ .tid = 11, .status = TRAP, .clone_flags = CLONE_UNTRACED | CLONE_PTRACE },
		EXITS(11), FORKS(10, 12), BORN(12), EXITS(12), RETURNS(10, 12), EXITS(10),
	} };

static const struct explore_scenario attach = {
	"attach_to_threads_that_fork", { 10, 11 }, {
		FORKS(10, 12), BORN(12), RETURNS(10, 12), EXITS(11),
		{ .tid = 10, .status = 0, .after = 4 }, { .tid = 12, .status = 0, .after = 5 },
	} };

static const struct explore_scenario attach_to_stopped = {
	"attach_to_a_stopped_process", { 10 }, {
		{ .tid = 10, .status = GROUP(SIGSTOP) }, { .tid = 10, .status = TRAP },
		VFORKS(10, 12), BORN(12), EXECS(12), EXITS(12),
		{ .tid = 10, .status = SIG(SIGTRAP | 0x80), .rax = 12, .after = 4 }, EXITS(10),
	} };
/* clang-format on */

static const struct explore_scenario *const all[] = {
	&fork_and_exit,
	&fork_with_signals,
	&vfork_and_exec,
	&vfork_done,
	&nested,
	&thread,
	&two_threads_fork,
	&exec_by_thread,
	&stillborn,
	&pid_again,
	&untraced,
	&attach,
	&attach_to_stopped,
	&exec_while_leader_forks,
};

/* The products of everything are for those that stay small; the others show the same. */
static bool is_large(const struct explore_scenario *scenario)
{
	return scenario == &two_threads_fork;
}

static bool is_small(const struct explore_scenario *scenario)
{
	return scenario == &fork_and_exit || scenario == &vfork_and_exec ||
	       scenario == &vfork_done || scenario == &stillborn || scenario == &thread;
}

#define EACH(I) for (size_t I = 0; I < sizeof(all) / sizeof(all[0]); I++)

static void every_order(void **state)
{
	const struct explore_options options = { 0 };

	(void)state;
	EACH(i)
	print_message("%s: %u orders\n", all[i]->name, explore(all[i], &options));
}

static unsigned kill_all(const struct explore_scenario *scenario, unsigned detach_at)
{
	static const pid_t victims[] = { 0, 10, 11, 12 };
	size_t count = is_small(scenario) ? 4 : scenario == &nested ? 1 : 2;
	unsigned orders = 0;

	for (size_t i = 0; i < count; i++) {
		struct explore_options options = { .victim = victims[i], .detach_at = detach_at };

		orders += explore_kills(scenario, options);
		options.orphans = true;
		orders += explore_kills(scenario, options);
	}
	return orders;
}

static void trap_37_a_kill_at_every_request(void **state)
{
	(void)state;
	EACH(i)
	if (!is_large(all[i]))
		print_message("%s: %u orders\n", all[i]->name, kill_all(all[i], 0));
}

static void trap_38_a_detach_at_every_moment(void **state)
{
	(void)state;
	EACH(i)
	{
		struct explore_options options = { 0 };
		unsigned orders = 0;

		if (is_large(all[i]))
			continue;
		orders += explore_detach(all[i], options);
		options.hold = true;
		if (is_small(all[i]))
			orders += explore_detach(all[i], options);
		print_message("%s: %u orders\n", all[i]->name, orders);
	}
}

static void a_kill_while_detaching(void **state)
{
	(void)state;
	EACH(i)
	for (unsigned detach_at = 1; detach_at < 8 && is_small(all[i]); detach_at++)
		print_message("%s: %u orders\n", all[i]->name, kill_all(all[i], detach_at));
}

static void each_event_held(void **state)
{
	const struct explore_options options = { .hold = true };

	(void)state;
	EACH(i)
	if (!is_large(all[i]) && all[i] != &nested && all[i] != &exec_by_thread)
		print_message("%s: %u orders\n", all[i]->name, explore(all[i], &options));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order),
		cmocka_unit_test(trap_37_a_kill_at_every_request),
		cmocka_unit_test(trap_38_a_detach_at_every_moment),
		cmocka_unit_test(a_kill_while_detaching),
		cmocka_unit_test(each_event_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
