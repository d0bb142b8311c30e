/* SPDX-License-Identifier: MIT */
/* stop_classify over every stop that ptrace(2) names, stop_status back, stop_refine. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/stop.h"
#include "kernel/kernel.h"

#define EVENT_STOP 128 /* PTRACE_EVENT_STOP of Linux's uapi, written out: glibc may lack it */
#define SYSGOOD    0x80
#define STATUS(SIG, EVENT) \
	((int)((unsigned)(EVENT) << 16 | (unsigned)(SIG) << 8 | 0x7fu)) /* WIFSTOPPED */

static void is(int status, struct stop wanted)
{
	struct stop stop = stop_classify(status);

	if (stop.kind != wanted.kind || stop.sig != wanted.sig ||
	    stop.exit_code != wanted.exit_code || stop.core != wanted.core)
		fail_msg("status %#x: kind %d sig %d code %d core %d", (unsigned)status, stop.kind,
			 stop.sig, stop.exit_code, stop.core);
}

static void there_and_back(struct stop stop)
{
	is(stop_status(stop), stop);
}

static void exits(void **state)
{
	(void)state;
	for (int code = 0; code < 256; code++) {
		is(code << 8, (struct stop){ .kind = STOP_EXITED, .exit_code = code });
		there_and_back((struct stop){ .kind = STOP_EXITED, .exit_code = code });
	}
}

static void kills(void **state)
{
	(void)state;
	for (int sig = 1; sig <= 64; sig++) {
		is(sig, (struct stop){ .kind = STOP_KILLED, .sig = sig });
		is(sig | 0x80, (struct stop){ .kind = STOP_KILLED, .sig = sig, .core = true });
		there_and_back((struct stop){ .kind = STOP_KILLED, .sig = sig });
		there_and_back((struct stop){ .kind = STOP_KILLED, .sig = sig, .core = true });
	}
}

/* SIGTRAP without event and without 0x80 is the program's own: int3, raise, kill. */
static void signals(void **state)
{
	(void)state;
	for (int sig = 1; sig <= 64; sig++) {
		is(STATUS(sig, 0), (struct stop){ .kind = STOP_SIGNAL, .sig = sig });
		there_and_back((struct stop){ .kind = STOP_SIGNAL, .sig = sig });
	}
}

static void the_four_faces_of_sigtrap(void **state)
{
	(void)state;
	is(STATUS(SIGTRAP, 0), (struct stop){ .kind = STOP_SIGNAL, .sig = SIGTRAP });
	is(STATUS(SIGTRAP | SYSGOOD, 0), (struct stop){ .kind = STOP_SYSCALL });
	is(STATUS(SIGTRAP, EVENT_STOP), (struct stop){ .kind = STOP_TRAP });
	is(STATUS(SIGTRAP, PTRACE_EVENT_FORK), (struct stop){ .kind = STOP_FORK });
	/* only SIGTRAP has the bit: a stop by signal 0x8b is none that we know of */
	is(STATUS(SIGSEGV | SYSGOOD, 0),
	   (struct stop){ .kind = STOP_SIGNAL, .sig = SIGSEGV | SYSGOOD });
}

static void trap_33_group_stops(void **state)
{
	static const int stopping[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	(void)state;
	for (int sig = 1; sig <= 64; sig++) {
		struct stop wanted = { .kind = STOP_UNKNOWN };

		for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
			if (sig == stopping[i])
				wanted = (struct stop){ .kind = STOP_GROUP, .sig = sig };
		if (sig == SIGTRAP)
			wanted.kind = STOP_TRAP;
		is(STATUS(sig, EVENT_STOP), wanted);
		if (wanted.kind == STOP_GROUP) {
			there_and_back(wanted);
			/* the same signal on its way is not a group-stop */
			is(STATUS(sig, 0), (struct stop){ .kind = STOP_SIGNAL, .sig = sig });
		}
	}
}

static void events(void **state)
{
	static const struct {
		int event;
		enum stop_kind kind;
	} known[] = {
		{ 1, STOP_FORK }, { 2, STOP_VFORK },      { 3, STOP_CLONE },   { 4, STOP_EXEC },
		{ 6, STOP_EXIT }, { 5, STOP_VFORK_DONE }, { 7, STOP_SECCOMP },
	}; /* numbers of the ABI, not of a header */

	(void)state;
	for (int event = 1; event < 256; event++) {
		struct stop wanted = { .kind = event == EVENT_STOP ? STOP_TRAP : STOP_UNKNOWN };

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].event == event)
				wanted.kind = known[i].kind;
		is(STATUS(SIGTRAP, event), wanted);
		if (wanted.kind != STOP_UNKNOWN)
			there_and_back(wanted);
		if (event != EVENT_STOP) /* every event comes with SIGTRAP */
			is(STATUS(SIGSEGV, event), (struct stop){ .kind = STOP_UNKNOWN });
	}
	there_and_back((struct stop){ .kind = STOP_UNKNOWN });
	there_and_back((struct stop){ .kind = STOP_SYSCALL });
}

/* A syscall-stop's side is not in the status: both sides make the same one. */
static void sides_share_a_status(void **state)
{
	(void)state;
	is(stop_status((struct stop){ .kind = STOP_SYSCALL_ENTRY }),
	   (struct stop){ .kind = STOP_SYSCALL });
	is(stop_status((struct stop){ .kind = STOP_SYSCALL_EXIT }),
	   (struct stop){ .kind = STOP_SYSCALL });
}

/* Every 16-bit status, and each of them with some events: no crash, and always a known kind. */
static void garbage(void **state)
{
	static const int high[] = { 0, 1, 8, 127, 128, 129, 255, 256, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (int low = 0; low < 0x10000; low++) {
		for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
			int status = (int)((unsigned)high[i] << 16 | (unsigned)low);
			struct stop stop = stop_classify(status);

			assert_true(stop.kind < STOP_KINDS);
			assert_true(stop.sig >= 0 && stop.sig <= 255);
			assert_true(stop.exit_code >= 0 && stop.exit_code <= 255);
			if (stop.kind == STOP_EXITED)
				assert_true(WIFEXITED(status));
			if (stop.kind == STOP_KILLED)
				assert_true(WIFSIGNALED(status));
		}
	}
	is(0xffff, (struct stop){ .kind = STOP_UNKNOWN }); /* WIFCONTINUED: never asked for */
	is(-1, stop_classify(-1));
}

static void refine(void **state)
{
	(void)state;
	for (int kind = 0; kind < STOP_KINDS; kind++) {
		struct stop stop = { .kind = (enum stop_kind)kind, .sig = 5 };

		for (int op = KERNEL_OP_NONE; op <= KERNEL_OP_SECCOMP + 1; op++) {
			struct stop refined = stop_refine(stop, op);
			enum stop_kind wanted = stop.kind;

			if (kind == STOP_SYSCALL && op == KERNEL_OP_ENTRY)
				wanted = STOP_SYSCALL_ENTRY;
			if (kind == STOP_SYSCALL && op == KERNEL_OP_EXIT)
				wanted = STOP_SYSCALL_EXIT;
			assert_int_equal(refined.kind, wanted);
			assert_int_equal(refined.sig, 5);
		}
	}
}

static void names_and_predicates(void **state)
{
	(void)state;
	for (int kind = 0; kind < STOP_KINDS; kind++) {
		assert_non_null(stop_name((enum stop_kind)kind));
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(stop_name((enum stop_kind)kind),
						stop_name((enum stop_kind)other));
		assert_int_equal(stop_is_birth((enum stop_kind)kind),
				 kind == STOP_FORK || kind == STOP_VFORK || kind == STOP_CLONE);
		assert_int_equal(stop_is_end((enum stop_kind)kind),
				 kind == STOP_EXITED || kind == STOP_KILLED);
	}
	assert_string_equal(stop_name(STOP_KINDS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits),
		cmocka_unit_test(kills),
		cmocka_unit_test(signals),
		cmocka_unit_test(the_four_faces_of_sigtrap),
		cmocka_unit_test(trap_33_group_stops),
		cmocka_unit_test(events),
		cmocka_unit_test(sides_share_a_status),
		cmocka_unit_test(garbage),
		cmocka_unit_test(refine),
		cmocka_unit_test(names_and_predicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
