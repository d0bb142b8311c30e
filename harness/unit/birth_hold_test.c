/* SPDX-License-Identifier: MIT */
/* What a callback can do at a fork: hold either side, set registers; and the bug of 2013 on purpose. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"

static int open_fake(void **state)
{
	*state = fake_open(NULL);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	return 0;
}

static enum scion_verdict hold(struct fake *f, const struct scion_event *event)
{
	(void)f;
	return event->type == SCION_EVENT_EXIT || event->type == SCION_EVENT_RELEASE ?
		       SCION_CONTINUE :
		       SCION_HOLD;
}

static void both_sides_held(void **state)
{
	struct fake *f = *state;
	struct user_regs_struct regs;

	fake_start(f, 10);
	f->on_event = hold;
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL child(11<10) fork(10:11=11)");
	assert_int_equal(scion_task_regs(f->session, 10, &regs), SCION_OK);
	assert_int_equal(regs.rax, 11);
	regs.rbx = 5;
	assert_int_equal(scion_task_set_regs(f->session, 10, &regs), SCION_OK);
	assert_int_equal(scion_task_continue(f->session, 10), SCION_OK);
	fake_expect(f, "10:CONT release(10)");
	assert_int_equal(fake_find(f, 10)->regs.r.rbx, 5);
	assert_int_equal(fake_find(f, 10)->regs.r.rax, 11);
	assert_int_equal(scion_task_continue(f->session, 10), SCION_EINVAL);
	assert_int_equal(scion_task_regs(f->session, 10, &regs), SCION_EINVAL);
	assert_int_equal(scion_task_continue(f->session, 11), SCION_OK);
	fake_expect(f, "11:CONT release(11)");
	assert_int_equal(scion_task_continue(f->session, 99), SCION_ESRCH);
}

/* A child that is early can't be touched: nobody was told of it. */
static void an_early_child_is_not_held_by_the_user(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_give(f, 11, FAKE_TRAP);
	assert_int_equal(scion_task_continue(f->session, 11), SCION_EINVAL);
	fake_expect(f, "");
	assert_int_equal(f->session->early, 1);
}

static void killed_while_held(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	f->on_event = hold;
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_kill(f, 10);
	fake_reap(f, 10);
	fake_expect(f, "signal(10:10) exit(10:0x9)");
	assert_int_equal(scion_task_continue(f->session, 10), SCION_ESRCH);
	fake_expect_empty(f);
}

/* ... and let go before its end was taken. */
static void trap_37_continued_after_its_death(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	f->on_event = hold;
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_kill(f, 10);
	assert_int_equal(scion_task_continue(f->session, 10), SCION_OK);
	fake_reap(f, 10);
	fake_expect(f, "signal(10:10) exit(10:0x9)");
	fake_expect_empty(f);
}

/* Trap 34: held at its fork, and taken over by another thread's execve: that fork is over. */
static void trap_34_exec_while_held(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_task(f, 11, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	f->on_event = hold;
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 12);
	fake_return(f, 10, 12);
	f->log[0] = 0;
	f->on_event = NULL;
	fake_find(f, 11)->state = FAKE_NONE;
	fake_find(f, 10)->state = FAKE_RUNS;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:CONT");
	assert_int_equal(scion_task_continue(f->session, 10), SCION_EINVAL); /* it runs */
	fake_expect(f, "");
}

static enum scion_verdict note_kind(struct fake *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_CHILD || event->type == SCION_EVENT_FORK)
		((struct scion_event *)f->arg)[event->type == SCION_EVENT_FORK] = *event;
	return SCION_CONTINUE;
}

/* Which call it was is told by its number, in the 64-bit and in the 32-bit table (trap 39). */
static void trap_39_kinds_of_calls(void **state)
{
	static const struct {
		unsigned long long nr;
		enum scion_fork_kind kind;
	} calls[] = {
		{ 57, SCION_FORK_FORK },   { 58, SCION_FORK_VFORK },
		{ 56, SCION_FORK_CLONE },  { 435, SCION_FORK_CLONE3 },
		{ 2, SCION_FORK_FORK },    { 190, SCION_FORK_VFORK },
		{ 120, SCION_FORK_CLONE }, { 57 | 0x40000000, SCION_FORK_FORK }, /* x32 */
		{ 1, SCION_FORK_UNKNOWN },
	};
	struct fake *f = *state;
	static struct scion_event events[2]; /* outlives f->arg */

	fake_start(f, 10);
	f->on_event = note_kind;
	f->arg = events;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t child = (pid_t)(20 + i);

		memset(events, 0, sizeof(events));
		fake_calls(f, 10, calls[i].nr);
		fake_give_msg(f, 10, FAKE_FORK, (unsigned long)child);
		fake_task(f, child, child)->regs.r.orig_rax = calls[i].nr;
		fake_give(f, child, FAKE_TRAP);
		fake_return(f, 10, child);
		assert_int_equal(events[0].kind, calls[i].kind);
		assert_int_equal(events[1].kind, calls[i].kind);
		assert_int_equal(events[0].fork_id, events[1].fork_id);
		assert_int_equal(events[0].fork_id, i + 1);
		assert_int_equal(events[0].pid, child);
		assert_int_equal(events[1].pid, 10);
	}
}

/* How long each side stood still: the creator twice, at its event and at its exit-stop. */
static enum scion_verdict slow(struct fake *f, const struct scion_event *event)
{
	uint64_t *held = f->arg;

	if (event->type == SCION_EVENT_CHILD || event->type == SCION_EVENT_FORK)
		f->clock += 700;
	if (event->type == SCION_EVENT_RELEASE)
		held[event->side == SCION_SIDE_CHILD] = event->held_ns;
	return SCION_CONTINUE;
}

static void held_times(void **state)
{
	struct fake *f = *state;
	uint64_t held[2] = { 0 };

	fake_start(f, 10);
	f->on_event = slow;
	f->arg = held;
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_TRAP);         /* at t */
	fake_give_msg(f, 10, FAKE_FORK, 11); /* at t + 1000; the child's callback takes 700 */
	assert_int_equal(held[1], 1000 + 700);
	fake_return(f, 10, 11);
	assert_int_equal(held[0], 700 + 700);
}

/* --fork-stop=event: what stood in rax at the event stop is what the program gets. */
static void trap_01_the_bug_on_purpose(void **state)
{
	struct scion_options options = { .size = sizeof(options),
					 .fork_stop = SCION_FORK_STOP_EVENT };
	struct fake *f = fake_open(&options);

	(void)state;
	fake_start(f, 10);
	fake_calls(f, 10, 57); /* rax = -ENOSYS */
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL child(11<10) 11:CONT release(11) "
		       "fork(10:11=-38) 10:CONT release(10)");
	assert_int_equal((long long)fake_find(f, 10)->regs.r.rax, -38);
	fake_close(f);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_sides_held),
		TEST(an_early_child_is_not_held_by_the_user),
		TEST(killed_while_held),
		TEST(trap_37_continued_after_its_death),
		TEST(trap_34_exec_while_held),
		TEST(trap_39_kinds_of_calls),
		TEST(held_times),
		cmocka_unit_test(trap_01_the_bug_on_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
