/* SPDX-License-Identifier: MIT */
/* What core asks of the hooks that inject/ hangs into it: when, about whom, and what it does then. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"

/* What the hooks log and answer; the session's only pointer that they may use is options.arg. */
static char hook_log[1024];
static bool wants_all, takes_points, takes_unload;

static void hook_line(const char *what, pid_t tid)
{
	size_t used = strlen(hook_log);

	snprintf(hook_log + used, sizeof(hook_log) - used, "%s%s(%d)", used ? " " : "", what, tid);
}

static void hooked(const char *text)
{
	assert_string_equal(hook_log, text);
	hook_log[0] = 0;
}

static enum session_hook_result on_stop(struct scion_session *s, struct task *task,
					struct stop *stop)
{
	(void)s;
	(void)stop;
	hook_line("stop", task->tid);
	return HOOK_PASS;
}

static enum session_hook_result on_point(struct scion_session *s, struct task *task,
					 struct session_point *point)
{
	char what[32];

	(void)s;
	snprintf(what, sizeof(what), "point%d%s", point->at,
		 point->side == SCION_SIDE_CHILD  ? "c" :
		 point->side == SCION_SIDE_PARENT ? "p" :
						    "");
	hook_line(what, task->tid);
	return takes_points ? HOOK_TOOK : HOOK_PASS;
}

static bool on_wants(struct scion_session *s, struct task *task, enum scion_payload_event at)
{
	(void)s;
	(void)task;
	(void)at;
	return wants_all;
}

static void on_born(struct scion_session *s, struct task *creator, struct task *child, bool shares)
{
	(void)s;
	hook_line(creator ? shares ? "shared" : "copied" : "adopted", child->tid);
}

static void on_image_gone(struct scion_session *s, struct task *task)
{
	(void)s;
	hook_line("gone", task->tid);
}

static enum session_hook_result on_unload(struct scion_session *s, struct task *task)
{
	(void)s;
	hook_line("unload", task->tid);
	return takes_unload ? HOOK_TOOK : HOOK_PASS;
}

static void on_tick(struct scion_session *s, uint64_t now)
{
	(void)now;
	hook_line("tick", (pid_t)task_count(&s->tasks));
}

static void on_free(struct scion_session *s)
{
	(void)s;
}

static const struct session_hooks hooks = {
	.stop = on_stop,
	.point = on_point,
	.wants = on_wants,
	.born = on_born,
	.image_gone = on_image_gone,
	.unload = on_unload,
	.tick = on_tick,
	.free = on_free,
};

static int open_fake(void **state)
{
	struct fake *f = fake_open(NULL);

	fake_start(f, 10);
	f->session->hooks = &hooks;
	hook_log[0] = 0;
	wants_all = true;
	takes_points = takes_unload = false;
	*state = f;
	return 0;
}

static int close_fake(void **state)
{
	takes_unload = takes_points = false;
	fake_close(*state);
	return 0;
}

static void fork_points(void **state)
{
	struct fake *f = *state;

	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	hooked("copied(11)"); /* before the child is seen, from a creator that stands still */
	fake_give(f, 11, FAKE_TRAP);
	hooked("point1c(11)");
	fake_return(f, 10, 11);
	hooked("point1p(10)");
	fake_give(f, 11, FAKE_EXITED(0));
	hooked("gone(11)");
	fake_expect(f, "10:SYSCALL child(11<10) 11:CONT release(11) fork(10:11=11) 10:CONT "
		       "release(10) exit(11:0)");
}

/* The child's memory is copied when its creator is known, also if it was there first. */
static void trap_02_child_first(void **state)
{
	struct fake *f = *state;

	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_TRAP);
	hook_log[0] = 0; /* the alarm may tick */
	fake_give_msg(f, 10, FAKE_FORK, 11);
	hooked("copied(11) point1c(11)");
}

/* Trap 7 and 8: who shares memory is asked, the event's kind does not tell. */
static void trap_08_who_shares(void **state)
{
	struct fake *f = *state;

	fake_calls(f, 10, 58);
	fake_task(f, 11, 11)->vm = 10;
	fake_give_msg(f, 10, FAKE_VFORK, 11);
	hooked("shared(11)");
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_task(f, 12, 12)->vm = 10; /* clone(CLONE_VM | SIGCHLD) reports a fork */
	fake_calls(f, 10, 56);
	hook_log[0] = 0;
	fake_give_msg(f, 10, FAKE_FORK, 12);
	hooked("shared(12)");
	fake_give(f, 12, FAKE_TRAP);
	fake_return(f, 10, 12);
	fake_task(f, 13, 10);
	hook_log[0] = 0;
	fake_give_msg(f, 10, FAKE_CLONE, 13);
	hooked("shared(13)");
	fake_give(f, 13, FAKE_TRAP);
	hooked("point4c(13)");
}

/* A payload before the first instruction needs the exit-stop: at the event rax is not final. */
static void exec_with_a_payload(void **state)
{
	struct fake *f = *state;

	fake_give_msg(f, 10, FAKE_EXEC, 10);
	hooked("gone(10)");
	fake_expect(f, "10:SYSCALL");
	fake_return(f, 10, 0);
	hooked("point2(10)");
	fake_expect(f, "exec(10<10) 10:CONT");
	wants_all = false; /* and no stop more than needed without one */
	fake_give_msg(f, 10, FAKE_EXEC, 10);
	hooked("gone(10) point2(10)");
	fake_expect(f, "exec(10<10) 10:CONT");
}

static void a_point_that_takes_the_task(void **state)
{
	struct fake *f = *state;

	takes_points = true;
	fake_give(f, 10, fake_signal(SIGUSR1));
	hooked("point6(10)");
	fake_expect(f, "signal(10:10)"); /* the hook resumes it */
	session_leave(f->session, task_find(&f->session->tasks, 10),
		      (struct task_go){ FOLLOW_GO_CONT, SIGUSR1 });
	fake_expect(f, "10:CONT/10");
}

/* A caught signal's payload runs where a step into its handler stops; that stop is no signal. */
static void trap_24_into_the_handler(void **state)
{
	struct fake *f = *state;
	struct task *task = task_find(&f->session->tasks, 10);

	task->handler_of = SIGUSR1;
	fake_find(f, 10)->state = FAKE_STOPPED;
	session_leave(f->session, task, (struct task_go){ FOLLOW_GO_CONT, 0 });
	fake_expect(f, "10:STEP");
	fake_give(f, 10, fake_signal(SIGTRAP));
	hooked("point6(10)");
	fake_expect(f, "10:CONT");
	fake_give(f, 10, fake_signal(SIGTRAP)); /* the next one is the program's */
	hooked("point6(10)");
	fake_expect(f, "signal(10:5) 10:CONT/5");
	task->handler_of = SIGUSR1; /* another stop came before the handler */
	fake_give(f, 10, fake_signal(SIGUSR2));
	hooked("point6(10)");
	fake_expect(f, "signal(10:12) 10:CONT/12");
	assert_int_equal(task->handler_of, 0);
}

/* exit and exit_group have their payload at the entry, once; other calls none. */
static void trap_32_exit_points(void **state)
{
	struct fake *f = *state;
	struct fake_task *task = fake_find(f, 10);

	f->session->trace_calls = true;
	task->op = KERNEL_OP_ENTRY;
	fake_calls(f, 10, 39);
	fake_give(f, 10, FAKE_SYSCALL);
	hooked("");
	fake_calls(f, 10, 231);
	task->op = KERNEL_OP_EXIT;
	fake_give(f, 10, FAKE_SYSCALL);
	hooked("");
	task->op = KERNEL_OP_ENTRY;
	fake_give(f, 10, FAKE_SYSCALL);
	hooked("point3(10)");
	fake_give(f, 10, FAKE_SYSCALL); /* made anew, behind the payload */
	hooked("");
	fake_expect(f, "10:SYSCALL 10:SYSCALL 10:SYSCALL 10:SYSCALL");
}

/* 1 is exit and 252 exit_group in the 32-bit table, where 60 and 231 are umask and fgetxattr. */
static void trap_39_exit_numbers_are_the_table_s(void **state)
{
	struct fake *f = *state;
	struct fake_task *task = fake_find(f, 10);

	f->session->trace_calls = true;
	task->op = KERNEL_OP_ENTRY;
	task->regs.is32 = true;
	fake_calls(f, 10, 60);
	fake_give(f, 10, FAKE_SYSCALL);
	hooked("");
	fake_expect(f, "10:SYSCALL");
}

/* scion_inject: at the stop that the interrupt gives, whichever of its two kinds it is. */
static void on_demand(void **state)
{
	struct fake *f = *state;
	struct task *task = task_find(&f->session->tasks, 10);

	task->wanted = (const void *)f; /* only compared */
	fake_give(f, 10, FAKE_TRAP);
	hooked("point7(10)");
	task->wanted = NULL;
	fake_give(f, 10, FAKE_TRAP);
	hooked("");
	fake_give(f, 10, fake_group(SIGSTOP));
	hooked(""); /* not while it is stopped: it would have to run */
	task->wanted = (const void *)f;
	fake_give(f, 10, FAKE_TRAP);
	hooked("point7(10)");
	task->wanted = NULL;
	/* interrupted again as long as the hook, which is a dummy here, has not taken it */
	fake_expect(f, "10:CONT 10:INTERRUPT 10:CONT stopped(10:19) 10:LISTEN continued(10) "
		       "10:CONT 10:INTERRUPT");
}

/* Nobody is let go before what was put into the targets is taken out. */
static void detach_unloads_first(void **state)
{
	struct fake *f = *state;

	takes_unload = true;
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	hooked("unload(10)");
	fake_expect(f, "10:INTERRUPT");
	takes_unload = false;
	detach_advance(f->session);
	hooked("unload(10) gone(10)");
	fake_expect(f, "10:DETACH detach(10)");
	fake_expect_empty(f);
}

static void trap_09_adopted(void **state)
{
	struct fake *f = *state;

	fake_give(f, 11, FAKE_TRAP);
	hook_log[0] = 0;
	fake_tick(f, 2000000000);
	hooked("adopted(11) point1c(11) tick(2)");
	fake_expect(f, "child(11<0) 11:CONT release(11)");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fork_points),
		TEST(trap_02_child_first),
		TEST(trap_08_who_shares),
		TEST(exec_with_a_payload),
		TEST(a_point_that_takes_the_task),
		TEST(trap_24_into_the_handler),
		TEST(trap_32_exit_points),
		TEST(trap_39_exit_numbers_are_the_table_s),
		TEST(on_demand),
		TEST(detach_unloads_first),
		TEST(trap_09_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
