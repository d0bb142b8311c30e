/* SPDX-License-Identifier: MIT */
/*
 * Placement changes nothing that the target could see, its children neither, and hands back what
 * it changes of the tracer. With a target that is pinned it must go there; whether it gets behind
 * one that is not depends on privileges and load, so that is only noted.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"
#include "scion/scion.h"

#define SIGNALS 4000

struct seen {
	cpu_set_t before; /* the tracer's */
	int class;
	int moved, behind; /* callbacks that found another affinity, another class */
	int only_cpu;      /* the last single CPU found; -1 */
};

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct seen *seen = arg;
	cpu_set_t now;

	(void)session;
	if (event->type != SCION_EVENT_SIGNAL)
		return SCION_CONTINUE;
	CHECK_CALL(sched_getaffinity(0, sizeof(now), &now));
	if (!CPU_EQUAL(&now, &seen->before)) {
		seen->moved++;
		CHECK_EQ(CPU_COUNT(&now), 1);
		for (seen->only_cpu = 0; !CPU_ISSET((unsigned)seen->only_cpu, &now);)
			seen->only_cpu++;
	}
	seen->behind += sched_getscheduler(0) != seen->class;
	return SCION_CONTINUE;
}

static bool as_before(const cpu_set_t *set, int class)
{
	cpu_set_t now;

	return sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, set) &&
	       sched_getscheduler(0) == class && getpriority(PRIO_PROCESS, 0) == 0;
}

/* The target: every signal is a stop, ignored or not (ptrace(2), "Signal-delivery-stop"). */
static int target(int go, int cpu)
{
	int class = sched_getscheduler(0);
	cpu_set_t set;
	pid_t child;
	int i, status;
	char c;

	if (read(go, &c, 1) != 1)
		return 2;
	signal(SIGUSR1, SIG_IGN);
	sched_getaffinity(0, sizeof(set), &set);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			return 3;
	}
	for (i = 0; i < SIGNALS; i++) {
		raise(SIGUSR1);
		if (!as_before(&set, class))
			return 4;
		if (i % 1000 != 999)
			continue;
		child = fork();
		if (child == 0)
			_exit(as_before(&set, class) ? 0 : 1);
		if (waitpid(child, &status, 0) != child || status != 0)
			return 5;
	}
	return 0;
}

static void one(int cpu)
{
	struct scion_options options = { .size = sizeof(options), .on_event = on_event };
	struct seen seen = { .only_cpu = -1 };
	struct scion_session *session;
	int go[2], status;
	pid_t pid;

	CHECK_CALL(sched_getaffinity(0, sizeof(seen.before), &seen.before));
	seen.class = sched_getscheduler(0);
	options.arg = &seen;
	CHECK_CALL(pipe(go));
	pid = fork();
	CHECK_CALL(pid);
	if (pid == 0)
		_exit(target(go[0], cpu));
	CHECK_EQ(scion_session_new(&options, &session), SCION_OK);
	CHECK_EQ(scion_attach(session, pid, 0), SCION_OK);
	CHECK_EQ(write(go[1], "x", 1), 1);
	status = scion_session_run(session);
	CHECK_MSG(status == SCION_OK, "%s", scion_errmsg(session));
	CHECK(as_before(&seen.before, seen.class));
	scion_session_free(session);
	CHECK(as_before(&seen.before, seen.class));
	close(go[0]);
	close(go[1]);
	test_note("target %s: tracer elsewhere at %d stops, behind at %d",
		  cpu < 0 ? "free" : "pinned", seen.moved, seen.behind);
	if (cpu < 0)
		return;
	CHECK_LT(SIGNALS / 2, seen.moved);
	CHECK_EQ(seen.only_cpu, cpu);
	CHECK_EQ(seen.behind, 0);
}

static int run(void)
{
	cpu_set_t set;
	int cpu, pinned = 0;

	CHECK_CALL(sched_getaffinity(0, sizeof(set), &set));
	if (CPU_COUNT(&set) < 2)
		SKIP("one CPU: there is nowhere to go");
	if (getpriority(PRIO_PROCESS, 0) != 0)
		SKIP("not started with nice 0");
	one(-1);
	for (cpu = 0; cpu < CPU_SETSIZE && pinned < 2; cpu++) {
		if (CPU_ISSET((unsigned)cpu, &set)) {
			one(cpu);
			pinned++;
		}
	}
	return 0;
}

const struct scion_test scion_test = { .name = "placement_handed_back",
				       .timeout_s = 60,
				       .run = run };
