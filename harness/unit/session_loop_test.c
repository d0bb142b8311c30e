/* SPDX-License-Identifier: MIT */
/* The loop around dispatch: running, polling, stopping, ticking; and what a session is made of. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* A stop that is waiting, without the session being told of it. */
static void queue(struct fake *f, pid_t tid, int status)
{
	struct fake_task *task = fake_find(f, tid);

	task->state = FAKE_STOPPED;
	task->status = status;
	f->queue[f->queued++] = (struct kernel_wait){ tid, status };
}

static void the_kernel_is_owned(void **state)
{
	static const size_t sizes[] = { 0, 1, sizeof(size_t) - 1,
					sizeof(struct scion_options) + 1 };
	struct fake *f = *state;
	struct scion_session *s = NULL;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct scion_options options = { .size = sizes[i] };

		assert_int_equal(session_new_on(&f->base, &options, &s), SCION_EINVAL);
		assert_null(s);
		assert_int_equal(f->freed, (int)i + 1); /* also if it fails */
	}
	assert_int_equal(session_new_on(&f->base, NULL, NULL), SCION_EINVAL);
	assert_int_equal(f->freed, 5);
}

/* An older program's options are shorter: what it does not know is zero. */
static void older_options(void **state)
{
	struct fake *f = *state;
	struct scion_options options;
	struct scion_session *s;

	memset(&options, 0xff, sizeof(options));
	options.size = sizeof(size_t);
	assert_int_equal(session_new_on(&f->base, &options, &s), SCION_OK);
	assert_null(s->options.on_event);
	assert_false(s->options.shared_waits);
	assert_int_equal(s->options.payload_limit_ms, 1000);
	assert_string_equal(scion_errmsg(s), "");
	scion_session_free(s);
	scion_session_free(NULL);
}

static void runs_to_the_end(void **state)
{
	struct fake *f = *state;

	assert_int_equal(scion_session_run(f->session), SCION_OK); /* nothing to do */
	fake_start(f, 10);
	queue(f, 10, fake_signal(SIGUSR1));
	f->queue[f->queued++] = (struct kernel_wait){ 10, FAKE_EXITED(4) };
	assert_int_equal(scion_session_run(f->session), SCION_OK);
	fake_expect(f, "signal(10:10) 10:CONT/10 exit(10:0x400)");
	fake_expect_empty(f);
}

static void polls_what_is_there(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	assert_int_equal(scion_session_poll(f->session), 0);
	queue(f, 10, fake_signal(SIGUSR1));
	assert_int_equal(scion_session_poll(f->session), 1);
	assert_int_equal(scion_session_poll(f->session), 0);
	fake_expect(f, "signal(10:10) 10:CONT/10");
}

/* Leave on ECHILD, not when a counter is 0 (trap 37). */
static void trap_37_no_more_children(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	assert_int_equal(scion_session_run(f->session), SCION_OK);
	assert_int_equal(scion_session_tasks(f->session), 1);
}

static void a_wait_that_fails(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	f->wait_error = -EIO;
	assert_int_equal(scion_session_run(f->session), SCION_EIO);
	assert_non_null(strstr(scion_errmsg(f->session), strerror(EIO)));
	f->wait_error = 0;
}

/* The alarm rings until the child was held long enough, and then no more. */
static void ticks_let_early_children_go(void **state)
{
	struct fake *f = *state;
	uint64_t before;

	fake_start(f, 10);
	fake_give(f, 11, FAKE_TRAP);
	before = f->clock;
	f->rings = 1000;
	assert_int_equal(scion_session_run(f->session), SCION_OK);
	fake_expect(f, "child(11<0) 11:CONT release(11)");
	assert_int_equal(f->alarm, 0);
	assert_true(f->clock - before >= 1000000000);
	assert_true(f->clock - before < 1100000000);
}

static enum scion_verdict stop_at_signal(struct fake *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_SIGNAL)
		scion_session_stop(f->session);
	return SCION_CONTINUE;
}

static void stops_soon(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	f->on_event = stop_at_signal;
	queue(f, 10, fake_signal(SIGUSR1));
	f->queue[f->queued++] = (struct kernel_wait){ 10, FAKE_EXITED(0) };
	assert_int_equal(scion_session_run(f->session), SCION_EBUSY);
	fake_expect(f, "signal(10:10) 10:CONT/10");
	assert_int_equal(f->alarm, 0);
	assert_int_equal(scion_session_run(f->session), SCION_OK); /* and goes on where it was */
	fake_expect(f, "exit(10:0)");
}

/* With other children of the thread about, only ours are waited for: each of them, once. */
static void shared_waits_name_all_tasks(void **state)
{
	const struct scion_options options = { .size = sizeof(options), .shared_waits = true };
	struct fake *f = fake_open(&options);
	struct kernel *k = &f->base;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(k->owned_next(k->owns_arg, 0), 0);
	for (pid_t pid = 10; pid < 20; pid++)
		fake_start(f, pid);
	for (pid_t pid = k->owned_next(k->owns_arg, 0); pid; pid = k->owned_next(k->owns_arg, pid))
		seen |= 1u << (pid - 10);
	assert_int_equal(seen, 0x3ff);
	assert_true(k->owns(k->owns_arg, 15));
	assert_false(k->owns(k->owns_arg, 20));
	assert_int_equal(k->owned_next(k->owns_arg, 99), 0); /* gone meanwhile */
	fake_close(f);
}

static void freeing_detaches(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	queue(f, 10, FAKE_TRAP); /* what the interrupt will give */
	scion_session_free(f->session);
	fake_expect(f, "10:INTERRUPT 10:DETACH detach(10)");
	assert_int_equal(session_new_on(&f->base, NULL, &f->session), SCION_OK);
}

static void launch_arguments(void **state)
{
	struct fake *f = *state;
	char *none[] = { NULL };
	struct scion_launch what = { .size = sizeof(what) };
	pid_t pid;

	assert_int_equal(scion_launch(f->session, NULL, &pid), SCION_EINVAL);
	assert_int_equal(scion_launch(f->session, &what, &pid), SCION_EINVAL);
	what.argv = none;
	assert_int_equal(scion_launch(f->session, &what, &pid), SCION_EINVAL);
	what.argv = (char *[]){ (char *)"x", NULL };
	what.size--;
	assert_int_equal(scion_launch(f->session, &what, &pid), SCION_EINVAL);
	assert_int_not_equal(strlen(scion_errmsg(f->session)), 0);
}

static void names(void **state)
{
	char version[32];

	(void)state;
	assert_string_equal(scion_error_name(SCION_OK), "SCION_OK");
	assert_string_equal(scion_error_name(SCION_ETRACED), "SCION_ETRACED");
	assert_string_equal(scion_error_name(SCION_EIO), "SCION_EIO");
	assert_string_equal(scion_error_name(SCION_EIO - 1), "unknown error");
	assert_string_equal(scion_error_name(1), "unknown error");
	snprintf(version, sizeof(version), "%d.%d.%d", SCION_VERSION_MAJOR, SCION_VERSION_MINOR,
		 SCION_VERSION_PATCH);
	assert_string_equal(scion_version(), version);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_kernel_is_owned),
		TEST(older_options),
		TEST(runs_to_the_end),
		TEST(polls_what_is_there),
		TEST(trap_37_no_more_children),
		TEST(a_wait_that_fails),
		TEST(ticks_let_early_children_go),
		TEST(stops_soon),
		cmocka_unit_test(shared_waits_name_all_tasks),
		TEST(freeing_detaches),
		TEST(launch_arguments),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
