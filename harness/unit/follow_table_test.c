/* SPDX-License-Identifier: MIT */
/* follow's table: every state with every input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/follow.h"

#define GO(STEP) ((STEP).actions & FOLLOW_GO_MASK)

static bool one_bit(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

static bool in_call(enum follow_state state)
{
	return state == FOLLOW_FORKING || state == FOLLOW_VFORKING || state == FOLLOW_EXECING;
}

static bool is_stop(int input)
{
	return input < STOP_KINDS && input != STOP_EXITED && input != STOP_KILLED;
}

#define EACH(STATE, INPUT)                                       \
	for (enum follow_state STATE = 0; STATE < FOLLOW_STATES; \
	     STATE = (enum follow_state)(STATE + 1))             \
		for (int INPUT = 0; INPUT < FOLLOW_INPUTS; INPUT++)

static void each_step_leaves_once(void **state)
{
	(void)state;
	EACH(from, input)
	{
		struct follow_step step = follow_next(from, input);

		assert_true(one_bit(GO(step)));
		assert_true(step.next < FOLLOW_STATES);
		assert_int_equal(!!(step.actions & FOLLOW_DO_ODD), !follow_legal(from, input));
	}
}

/* A tracee that is not held on purpose goes on, whatever surprised us. */
static void no_stop_is_lost(void **state)
{
	(void)state;
	EACH(from, input)
	{
		struct follow_step step = follow_next(from, input);

		if (!is_stop(input) || from == FOLLOW_GONE)
			continue;
		if (GO(step) == FOLLOW_GO_HOLD)
			assert_int_equal(step.next, FOLLOW_EARLY);
		else
			assert_true(GO(step) &
				    (FOLLOW_GO_CONT | FOLLOW_GO_SYSCALL | FOLLOW_GO_LISTEN));
	}
}

static void trap_33_listen_is_for_group_stops(void **state)
{
	(void)state;
	EACH(from, input)
	{
		struct follow_step step = follow_next(from, input);

		if (GO(step) == FOLLOW_GO_LISTEN)
			assert_int_equal(input, STOP_GROUP); /* EIO everywhere else */
		else if (input == STOP_GROUP && from != FOLLOW_GONE)
			fail_msg("a group-stop is left while %s", follow_name(from));
	}
}

static void no_signal_is_swallowed(void **state)
{
	(void)state;
	for (enum follow_state from = 0; from < FOLLOW_GONE; from = (enum follow_state)(from + 1))
		assert_true(follow_next(from, STOP_SIGNAL).actions & FOLLOW_DO_SIGNAL);
}

static void ends_end(void **state)
{
	static const int ends[] = { STOP_EXITED, STOP_KILLED, FOLLOW_VANISH };

	(void)state;
	for (enum follow_state from = 0; from < FOLLOW_GONE; from = (enum follow_state)(from + 1)) {
		for (size_t i = 0; i < 3; i++) {
			struct follow_step step = follow_next(from, ends[i]);

			assert_true(follow_legal(from, ends[i]));
			assert_int_equal(step.next, FOLLOW_GONE);
			assert_int_equal(step.actions, FOLLOW_DO_REAP | FOLLOW_GO_NOT);
		}
	}
	EACH(from, input)
	if (follow_next(from, input).actions & FOLLOW_DO_REAP)
		assert_true(!is_stop(input) && input != FOLLOW_PAIR);
}

static void gone_stays_gone(void **state)
{
	(void)state;
	for (int input = 0; input < FOLLOW_INPUTS; input++) {
		struct follow_step step = follow_next(FOLLOW_GONE, input);

		assert_false(follow_legal(FOLLOW_GONE, input));
		assert_int_equal(step.next, FOLLOW_GONE);
		assert_int_equal(GO(step), FOLLOW_GO_NOT);
	}
}

/* Behind an event stop only SYSCALL reaches the stop at which the PID is there. */
static void trap_01_the_exit_stop_is_never_missed(void **state)
{
	(void)state;
	EACH(from, input)
	{
		struct follow_step step = follow_next(from, input);

		if (!is_stop(input) || input == STOP_GROUP)
			continue;
		if (in_call(step.next))
			assert_int_equal(GO(step), FOLLOW_GO_SYSCALL);
	}
	EACH(from, input)
	if (follow_next(from, input).actions & FOLLOW_DO_FORKED) {
		assert_int_equal(input, STOP_SYSCALL_EXIT);
		assert_true(from == FOLLOW_FORKING || from == FOLLOW_VFORKING);
	}
}

static void trap_03_a_first_stop_is_an_event_stop(void **state)
{
	(void)state;
	for (int input = 0; input < FOLLOW_INPUTS; input++) {
		bool born = follow_next(FOLLOW_UNBORN, input).actions & FOLLOW_DO_BORN;

		assert_int_equal(born, input == STOP_TRAP || input == STOP_GROUP);
	}
	assert_int_equal(follow_next(FOLLOW_UNBORN, STOP_GROUP).next, FOLLOW_LISTENING);
}

static void trap_04_vfork(void **state)
{
	struct follow_step step = follow_next(FOLLOW_RUNNING, STOP_VFORK);

	(void)state;
	assert_int_equal(step.next, FOLLOW_VFORKING);
	assert_int_equal(GO(step), FOLLOW_GO_SYSCALL);
	assert_true(step.actions & FOLLOW_DO_BIRTH);
	/* trap 5: not yet at VFORK_DONE */
	step = follow_next(FOLLOW_VFORKING, STOP_VFORK_DONE);
	assert_int_equal(step.next, FOLLOW_FORKING);
	assert_int_equal(step.actions, FOLLOW_GO_SYSCALL);
	step = follow_next(FOLLOW_FORKING, STOP_SYSCALL_EXIT);
	assert_int_equal(step.next, FOLLOW_RUNNING);
	assert_true(step.actions & FOLLOW_DO_FORKED);
	/* ... which is absent where it is not asked for */
	step = follow_next(FOLLOW_VFORKING, STOP_SYSCALL_EXIT);
	assert_int_equal(step.next, FOLLOW_RUNNING);
	assert_true(step.actions & FOLLOW_DO_FORKED);
}

static void only_pairing_frees_an_early_child(void **state)
{
	(void)state;
	for (int input = 0; input < STOP_KINDS; input++) {
		struct follow_step step = follow_next(FOLLOW_EARLY, input);

		if (step.next == FOLLOW_EARLY)
			assert_true(GO(step) & (FOLLOW_GO_HOLD | FOLLOW_GO_LISTEN));
		else
			assert_true(step.next == FOLLOW_EXITING || step.next == FOLLOW_GONE);
		assert_false(step.actions & FOLLOW_DO_BORN);
	}
	assert_true(follow_next(FOLLOW_EARLY, FOLLOW_PAIR).actions & FOLLOW_DO_BORN);
	EACH(from, input)
	if (input == FOLLOW_PAIR && from != FOLLOW_EARLY) {
		assert_int_equal(follow_next(from, input).next, from);
		assert_int_equal(GO(follow_next(from, input)), FOLLOW_GO_NOT);
	}
}

/* Odd stops leave the state as it is: one surprise must not become a second one. */
static void odd_rows_keep_the_state(void **state)
{
	(void)state;
	EACH(from, input)
	if (!follow_legal(from, input))
		assert_int_equal(follow_next(from, input).next, from);
}

/* The documented rows, one by one: what the header's drawing promises. */
static void the_drawing(void **state)
{
	static const struct {
		enum follow_state from;
		int input;
		enum follow_state to;
		uint32_t actions;
	} rows[] = {
		{ FOLLOW_LAUNCHING, STOP_EXEC, FOLLOW_EXECING,
		  FOLLOW_DO_IMAGE | FOLLOW_GO_SYSCALL },
		{ FOLLOW_LAUNCHING, STOP_TRAP, FOLLOW_LAUNCHING, FOLLOW_GO_CONT },
		{ FOLLOW_ATTACHING, STOP_TRAP, FOLLOW_RUNNING,
		  FOLLOW_DO_ATTACHED | FOLLOW_GO_CONT },
		{ FOLLOW_ATTACHING, STOP_GROUP, FOLLOW_LISTENING,
		  FOLLOW_DO_ATTACHED | FOLLOW_GO_LISTEN },
		{ FOLLOW_ATTACHING, STOP_SIGNAL, FOLLOW_ATTACHING,
		  FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT },
		{ FOLLOW_ATTACHING, STOP_FORK, FOLLOW_FORKING,
		  FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL },
		{ FOLLOW_RUNNING, STOP_FORK, FOLLOW_FORKING, FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL },
		{ FOLLOW_RUNNING, STOP_CLONE, FOLLOW_FORKING, FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL },
		{ FOLLOW_RUNNING, STOP_GROUP, FOLLOW_LISTENING,
		  FOLLOW_DO_GROUP | FOLLOW_GO_LISTEN },
		{ FOLLOW_RUNNING, STOP_TRAP, FOLLOW_RUNNING, FOLLOW_DO_TRAP | FOLLOW_GO_CONT },
		{ FOLLOW_RUNNING, STOP_SIGNAL, FOLLOW_RUNNING, FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT },
		{ FOLLOW_RUNNING, STOP_EXEC, FOLLOW_EXECING, FOLLOW_DO_IMAGE | FOLLOW_GO_SYSCALL },
		{ FOLLOW_RUNNING, STOP_EXIT, FOLLOW_EXITING, FOLLOW_GO_CONT },
		{ FOLLOW_RUNNING, STOP_SYSCALL_ENTRY, FOLLOW_RUNNING,
		  FOLLOW_DO_ENTRY | FOLLOW_GO_CONT },
		{ FOLLOW_RUNNING, STOP_SYSCALL_EXIT, FOLLOW_RUNNING,
		  FOLLOW_DO_LEAVE | FOLLOW_GO_CONT },
		{ FOLLOW_EXECING, STOP_SYSCALL_EXIT, FOLLOW_RUNNING,
		  FOLLOW_DO_EXECED | FOLLOW_GO_CONT },
		{ FOLLOW_LISTENING, STOP_TRAP, FOLLOW_RUNNING, FOLLOW_DO_WOKEN | FOLLOW_GO_CONT },
		{ FOLLOW_LISTENING, STOP_GROUP, FOLLOW_LISTENING, FOLLOW_GO_LISTEN },
		{ FOLLOW_EXITING, STOP_EXEC, FOLLOW_EXECING, FOLLOW_DO_IMAGE | FOLLOW_GO_SYSCALL },
		{ FOLLOW_FORKING, STOP_EXIT, FOLLOW_EXITING, FOLLOW_GO_CONT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct follow_step step = follow_next(rows[i].from, rows[i].input);

		assert_true(follow_legal(rows[i].from, rows[i].input));
		assert_int_equal(step.next, rows[i].to);
		assert_int_equal(step.actions, rows[i].actions);
	}
}

static void strangers(void **state)
{
	(void)state;
	for (int input = 0; input < STOP_KINDS; input++) {
		struct follow_step step = follow_stranger(input);

		assert_true(one_bit(GO(step)));
		if (input == STOP_EXITED || input == STOP_KILLED)
			assert_int_equal(step.next, FOLLOW_GONE);
		else if (input == STOP_EXIT)
			assert_int_equal(GO(step), FOLLOW_GO_CONT); /* never user code again */
		else
			assert_int_equal(GO(step), FOLLOW_GO_HOLD);
	}
}

static void garbage(void **state)
{
	static const int inputs[] = { -1, FOLLOW_INPUTS, FOLLOW_INPUTS + 1, 1 << 30 };

	(void)state;
	for (int from = 0; from < FOLLOW_STATES + 2; from++)
		for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
			assert_false(follow_legal((enum follow_state)from, inputs[i]));
			assert_true(one_bit(GO(follow_next((enum follow_state)from, inputs[i]))));
		}
	assert_string_equal(follow_name(FOLLOW_STATES), "?");
	for (enum follow_state from = 0; from < FOLLOW_STATES; from = (enum follow_state)(from + 1))
		for (enum follow_state other = 0; other < from;
		     other = (enum follow_state)(other + 1))
			assert_string_not_equal(follow_name(from), follow_name(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_leaves_once),
		cmocka_unit_test(no_stop_is_lost),
		cmocka_unit_test(trap_33_listen_is_for_group_stops),
		cmocka_unit_test(no_signal_is_swallowed),
		cmocka_unit_test(ends_end),
		cmocka_unit_test(gone_stays_gone),
		cmocka_unit_test(trap_01_the_exit_stop_is_never_missed),
		cmocka_unit_test(trap_03_a_first_stop_is_an_event_stop),
		cmocka_unit_test(trap_04_vfork),
		cmocka_unit_test(only_pairing_frees_an_early_child),
		cmocka_unit_test(odd_rows_keep_the_state),
		cmocka_unit_test(the_drawing),
		cmocka_unit_test(strangers),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
