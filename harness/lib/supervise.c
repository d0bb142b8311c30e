/* SPDX-License-Identifier: MIT */
/*
 * The life of a test:
 *
 *	main ── fork ──> body: run() ── fork ──> whatever the test starts
 *	  │                │                            │ orphans come to main,
 *	  │<── exit code ──┘                            │ which is their subreaper
 *	  └── kill own children, reap, until there is none
 *
 * Only own children are ever killed: they stay zombies until we reap them, so their PIDs can't have been
 * reused. Grandchildren become children when their parents die.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/internal.h"

#define DEFAULT_TIMEOUT_S 30
/* A killed process may have to write its pages back or wait for its tracer to die. */
#define CLEAN_TIMEOUT_S 20

enum verdict { RUNNING, ENDED, TIMED_OUT, INTERRUPTED };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t time_limit_ms(const struct scion_test *test)
{
	const char *slow = getenv("SCION_TEST_SLOW");
	long factor = slow ? strtol(slow, NULL, 10) : 1;
	unsigned seconds = test->timeout_s ? test->timeout_s : DEFAULT_TIMEOUT_S;

	return (int64_t)seconds * 1000 * (factor > 0 ? factor : 1);
}

static int body_verdict(const struct scion_test *test, int result)
{
	if (result == TEST_SKIPPED)
		return TEST_SKIPPED;
	if (result != 0) {
		test_note("%s: run() returned %d", test->name, result);
		return EXIT_FAILURE;
	}
	if (checks_passed() == 0) {
		test_note("%s: run() made no check: it can't fail, so it is no test", test->name);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static void body(const struct scion_test *test, pid_t supervisor, const sigset_t *mask)
{
	/* Who kills the supervisor wants the test gone as well. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(EXIT_FAILURE);
	/*
	 * A group of its own, whose parent is in the same session but not in the group: so it is not an
	 * orphaned process group, where SIGTSTP and its kin stop nobody (setpgid(2), POSIX 2.4.3).
	 */
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	exit(body_verdict(test, test->run()));
}

/* Waits for one of our signals until the deadline; returns its number, 0 when time is over. */
static int next_signal(const sigset_t *signals, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct timespec wait = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
		int number;

		if (left <= 0)
			return 0;
		number = sigtimedwait(signals, NULL, &wait);
		if (number > 0)
			return number;
		if (errno == EAGAIN)
			return 0;
	}
}

/* Reaps all that is dead. Returns false when there is no child left. */
static bool reap(pid_t wanted, int *status, bool *found)
{
	int got_status;
	pid_t got;

	while ((got = waitpid(-1, &got_status, WNOHANG | __WALL)) > 0) {
		if (got == wanted) {
			*status = got_status;
			*found = true;
		}
	}
	return got == 0;
}

static enum verdict watch(pid_t pid, const sigset_t *signals, int64_t limit_ms, int *status)
{
	int64_t deadline = now_ms() + limit_ms;
	bool ended = false;
	int number;

	while ((number = next_signal(signals, deadline)) == SIGCHLD) {
		reap(pid, status, &ended);
		if (ended)
			return ENDED;
	}
	return number ? INTERRUPTED : TIMED_OUT;
}

/* Kills and reaps until no child is left. Returns false if something can't be killed. */
static bool clean(const sigset_t *signals, bool say)
{
	int64_t deadline = now_ms() + CLEAN_TIMEOUT_S * 1000;
	bool found;
	int status;

	while (reap(-1, &status, &found)) {
		unsigned alive = children_kill();

		if (say && alive)
			test_note("note: %u processes were left over and killed", alive);
		say = false;
		if (now_ms() > deadline) {
			test_note("these can't be killed:");
			descendants_print();
			return false;
		}
		next_signal(signals, now_ms() + 50);
	}
	return true;
}

static int conclude(const struct scion_test *test, enum verdict verdict, int status)
{
	if (verdict != ENDED)
		return EXIT_FAILURE;
	if (WIFSIGNALED(status)) {
		test_note("%s: killed by SIG%s", test->name, sigabbrev_np(WTERMSIG(status)));
		return EXIT_FAILURE;
	}
	return WEXITSTATUS(status);
}

static void announce(const struct scion_test *test, int code)
{
	const char *word = code == 0 ? "pass" : code == TEST_SKIPPED ? "skip" : "FAIL";

	test_note("%s: %s%s%s", word, test->name, test->trap ? ", trap " : "",
		  test->trap ? test->trap : "");
}

int test_supervise(const struct scion_test *test)
{
	enum verdict verdict;
	sigset_t signals;
	sigset_t before;
	char reason[256];
	int status = 0;
	pid_t self = getpid();
	pid_t pid;
	int code;

	if (needs_missing(test, reason, sizeof(reason))) {
		test_note("skip: %s: %s", test->name, reason);
		return TEST_SKIPPED;
	}
	if (getenv("SCION_TEST_DIRECT"))
		return body_verdict(test, test->run());

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		body(test, self, &before);
	if (pid < 0) {
		test_note("%s: fork: %s", test->name, strerror(errno));
		return EXIT_FAILURE;
	}
	verdict = watch(pid, &signals, time_limit_ms(test), &status);
	if (verdict == TIMED_OUT) {
		test_note("%s: time limit of %lld s is over; running:", test->name,
			  (long long)time_limit_ms(test) / 1000);
		descendants_print();
	}
	code = conclude(test, verdict, status);
	if (!clean(&signals, verdict == ENDED))
		code = EXIT_FAILURE;
	announce(test, code);
	return code;
}
