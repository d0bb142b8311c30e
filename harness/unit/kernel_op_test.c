/* SPDX-License-Identifier: MIT */
/* Entry or exit without PTRACE_GET_SYSCALL_INFO: each kind of stop in the middle of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/linux.h"

#define STOPPED(sig, event) ((event) << 16 | (sig) << 8 | 0x7f)
#define SYSCALL_STOP        STOPPED(SIGTRAP | 0x80, 0)
#define EVENT(event)        STOPPED(SIGTRAP, event)

#define NONE    KERNEL_OP_NONE
#define ENTRY   KERNEL_OP_ENTRY
#define EXIT    KERNEL_OP_EXIT
#define SECCOMP KERNEL_OP_SECCOMP

struct step {
	int status;
	enum kernel_syscall_op op;
};

static void walk(const struct step *steps, size_t count, bool seccomp_after_entry)
{
	bool inside = false;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(linux_op_step(&inside, steps[i].status, seccomp_after_entry),
				 steps[i].op);
}

#define WALK(steps, after) walk(steps, sizeof(steps) / sizeof((steps)[0]), after)

static void test_calls(void **state)
{
	static const struct step steps[] = {
		{ SYSCALL_STOP, ENTRY }, { SYSCALL_STOP, EXIT },  { SYSCALL_STOP, ENTRY },
		{ SYSCALL_STOP, EXIT },  { SYSCALL_STOP, ENTRY },
	};

	(void)state;
	WALK(steps, true);
}

/* Resumed by CONT before: the event is the first that is seen of the call. */
static void test_births(void **state)
{
	static const int events[] = { PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_CLONE,
				      PTRACE_EVENT_EXEC };

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		const struct step unseen_entry[] = { { EVENT(events[i]), NONE },
						     { SYSCALL_STOP, EXIT },
						     { SYSCALL_STOP, ENTRY } };
		const struct step seen_entry[] = { { SYSCALL_STOP, ENTRY },
						   { EVENT(events[i]), NONE },
						   { SYSCALL_STOP, EXIT },
						   { SYSCALL_STOP, ENTRY } };

		WALK(unseen_entry, true);
		WALK(seen_entry, true);
	}
}

static void test_vfork_done(void **state)
{
	static const struct step steps[] = { { EVENT(PTRACE_EVENT_VFORK), NONE },
					     { EVENT(PTRACE_EVENT_VFORK_DONE), NONE },
					     { SYSCALL_STOP, EXIT },
					     { SYSCALL_STOP, ENTRY } };

	(void)state;
	WALK(steps, true);
}

/* An entry whose exit was swallowed by CONT: counting alone would be wrong for ever. */
static void test_swallowed_exit(void **state)
{
	static const int after[] = { STOPPED(SIGCHLD, 0), STOPPED(SIGTRAP, PTRACE_EVENT_STOP),
				     STOPPED(SIGTSTP, PTRACE_EVENT_STOP), STOPPED(SIGTRAP, 0) };

	(void)state;
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		const struct step steps[] = { { SYSCALL_STOP, ENTRY },
					      { after[i], NONE },
					      { SYSCALL_STOP, ENTRY },
					      { SYSCALL_STOP, EXIT } };

		WALK(steps, true);
	}
}

static void test_seccomp(void **state)
{
	static const struct step today[] = { { SYSCALL_STOP, ENTRY },
					     { EVENT(PTRACE_EVENT_SECCOMP), SECCOMP },
					     { SYSCALL_STOP, EXIT } };
	static const struct step before_4_8[] = { { EVENT(PTRACE_EVENT_SECCOMP), SECCOMP },
						  { SYSCALL_STOP, ENTRY },
						  { SYSCALL_STOP, EXIT } };

	(void)state;
	WALK(today, true);
	WALK(before_4_8, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),      cmocka_unit_test(test_births),
		cmocka_unit_test(test_vfork_done), cmocka_unit_test(test_swallowed_exit),
		cmocka_unit_test(test_seccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
