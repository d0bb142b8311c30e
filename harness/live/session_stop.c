/* SPDX-License-Identifier: MIT */
/*
 * scion_session_stop in a signal handler, at any instant: in malloc, in a wait, before one. The run
 * returns each time, goes on when called again, and the program sees nothing.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "lib/follow.h"

static struct scion_session *running;

static volatile sig_atomic_t rung;

static void on_alarm(int sig)
{
	(void)sig;
	scion_session_stop(running);
	rung = 1;
}

static void set_timer(long us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	CHECK_CALL(setitimer(ITIMER_REAL, &timer, NULL));
}

static int run_once(void)
{
	const char *argv[] = { test_mutatee("many_forks"), "300", NULL };
	struct follow f = { .skip_signals = true };
	int error, stopped = 0;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	running = f.session;
	set_timer(300);
	follow_launch(&f, argv);
	while ((error = scion_session_run(f.session)) == SCION_EBUSY)
		stopped++;
	set_timer(0);
	CHECK_EQ(error, SCION_OK);
	CHECK_EQ(follow_check(&f, true), 300);
	CHECK_MSG(WIFEXITED(f.status) && !WEXITSTATUS(f.status), "status %#x", (unsigned)f.status);
	follow_close(&f);
	return stopped;
}

/* The program waits for ever: only the handler can end the run, each time. */
static void run_idle(void)
{
	const char *argv[] = { test_mutatee("spin"), NULL };
	struct follow f = { .skip_signals = true };

	follow_open(&f, NULL);
	running = f.session;
	follow_launch(&f, argv);
	set_timer(2000);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(scion_session_run(f.session), SCION_EBUSY);
	set_timer(0);
	CHECK_CALL(kill(f.pid, SIGKILL));
	while (scion_session_run(f.session) == SCION_EBUSY)
		;
	CHECK_EQ(scion_session_tasks(f.session), 0);
	follow_close(&f);
}

/* The first stop of a session of all comes while malloc is at work: it must need none itself. */
static void stop_in_malloc(void)
{
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(scion_session_new(NULL, &running), SCION_OK);
		rung = 0;
		set_timer(200);
		while (!rung) {
			void *volatile block = malloc(100);

			free(block);
		}
		set_timer(0);
		scion_session_free(running);
	}
}

static int run(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int stopped = 0;

	CHECK_CALL(sigaction(SIGALRM, &action, NULL));
	stop_in_malloc();
	for (int i = 0; i < 5; i++)
		stopped += run_once();
	CHECK_LT(10, stopped);
	run_idle();
	return 0;
}

static const char *const mutatees[] = { "many_forks", "spin", NULL };

const struct scion_test scion_test = {
	.name = "session_stop",
	.timeout_s = 60,
	.needs_mutatees = mutatees,
	.run = run,
};
