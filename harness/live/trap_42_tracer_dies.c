/* SPDX-License-Identifier: MIT */
/*
 * Trap 42: if the tracer dies the program lives on, with correct registers, memory and mask, whatever
 * was in flight; or it is killed, if that was asked for. The tracer kills itself by SIGKILL before its
 * first, second, third, … request to the kernel: between any two of them, and so in the midst of
 * loading the region, of entering a payload and of putting things back. The mutatees check themselves.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

#define PATIENCE_MS 20000
#define DEMANDS     15

struct subject {
	const char *mutatee, *argument;
	bool demands;      /* payloads asked for, one after the other, as long as it runs */
	unsigned kills;    /* how many deaths of the tracer, spread over its requests */
	bool kill_on_exit; /* then it must not live on */
};

struct shared {
	volatile unsigned long requests; /* that the tracer has made */
};

struct tracer {
	struct shared *shared;
	unsigned long dies_at; /* 0: never */
	struct scion_payload *payload;
	unsigned demands;
};

static void on_log(enum scion_log_level level, const char *line, void *arg)
{
	struct tracer *t = arg;

	(void)line;
	if (level == SCION_LOG_PTRACE && ++t->shared->requests == t->dies_at)
		kill(getpid(), SIGKILL);
}

static enum scion_verdict on_event(struct scion_session *s, const struct scion_event *event,
				   void *arg)
{
	struct tracer *t = arg;
	bool again = event->type == SCION_EVENT_PAYLOAD && event->at == SCION_AT_DEMAND;

	if (t->demands && (event->type == SCION_EVENT_EXEC || again)) {
		t->demands--;
		scion_inject(s, event->tid, t->payload);
	}
	return SCION_CONTINUE;
}

static bool prepare(struct scion_session *s, struct tracer *t)
{
	if (scion_payload_open(s, "whoami", &t->payload))
		return false;
	return !scion_at(s, SCION_AT_FORK, SCION_BOTH, t->payload) &&
	       !scion_at(s, SCION_AT_THREAD, SCION_BOTH, t->payload) &&
	       !scion_at(s, SCION_AT_EXEC, 0, t->payload) &&
	       !scion_at(s, SCION_AT_ATTACH, 0, t->payload);
}

/* The tracer's process: attaches, lets the program begin, follows it to its end, or to its own. */
static int trace(const struct subject *subject, pid_t pid, int go, struct tracer *t)
{
	struct scion_options options = { .size = sizeof(options),
					 .on_event = on_event,
					 .on_log = on_log,
					 .log_level = SCION_LOG_PTRACE,
					 .arg = t,
					 .kill_on_exit = subject->kill_on_exit };
	struct scion_session *s;

	if (scion_session_new(&options, &s) || !prepare(s, t) || scion_attach(s, pid, 0))
		return 1;
	if (write(go, "\n", 1) != 1 || scion_session_run(s))
		return 2;
	scion_session_free(s);
	scion_payload_free(t->payload);
	return 0;
}

/* Waits at the pipe until somebody writes or all writers are gone, then becomes the mutatee. */
static pid_t start(const struct subject *subject, int go[2])
{
	const char *argv[] = { test_mutatee(subject->mutatee), subject->argument, NULL };
	char byte;
	pid_t pid = (pid_t)CHECK_CALL(fork());

	if (pid)
		return pid;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	close(go[1]);
	if (read(go[0], &byte, 1) >= 0)
		execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(126);
}

static int end_of(pid_t pid, const struct subject *subject, unsigned long dies_at)
{
	struct pollfd ended = { (int)CHECK_CALL(syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0 };
	int ready;

	do
		ready = poll(&ended, 1, PATIENCE_MS);
	while (ready < 0 && errno == EINTR);
	CHECK_MSG(ready == 1, "%s hangs after its tracer's death before request %lu",
		  subject->mutatee, dies_at);
	close(ended.fd);
	return steps_end(pid);
}

/* One life of a tracer; returns how many requests it has made. */
static unsigned long one(const struct subject *subject, struct shared *shared,
			 unsigned long dies_at)
{
	struct tracer t = { shared, dies_at, NULL, subject->demands ? DEMANDS : 0 };
	int go[2], status;
	pid_t pid, tracer;

	shared->requests = 0;
	CHECK_CALL(pipe2(go, O_CLOEXEC));
	pid = start(subject, go);
	tracer = (pid_t)CHECK_CALL(fork());
	if (tracer == 0)
		_exit(trace(subject, pid, go[1], &t));
	close(go[0]);
	close(go[1]);
	status = steps_end(tracer);
	if (!dies_at || shared->requests < dies_at)
		CHECK_EQ(status, 0);
	else
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (dies_at && !WIFEXITED(status) && subject->kill_on_exit) {
		status = end_of(pid, subject, dies_at);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	} else if (dies_at && !WIFEXITED(status)) {
		status = end_of(pid, subject, dies_at);
		CHECK_MSG(status == 0,
			  "%s: wait status %#x after its tracer's death before request %lu",
			  subject->mutatee, (unsigned)status, dies_at);
	} else {
		CHECK_EQ(end_of(pid, subject, dies_at), 0);
	}
	return shared->requests;
}

/* One that is stopped stays so, whether a payload was running in it or not, until its SIGCONT. */
static void one_stopped(struct shared *shared, unsigned long dies_at)
{
	static const struct subject subject = { .mutatee = "stopped_target" };
	const char *argv[] = { test_mutatee(subject.mutatee), NULL };
	struct tracer t = { .shared = shared, .dies_at = dies_at };
	struct test_child child;
	char line[64];
	pid_t tracer;
	int status;

	shared->requests = 0;
	test_spawn(&child, argv);
	CHECK_LT(0, test_read_line(child.out, line, sizeof(line)));
	CHECK_EQ(waitpid(child.pid, &status, WUNTRACED), child.pid);
	tracer = (pid_t)CHECK_CALL(fork());
	if (tracer == 0)
		_exit(trace(&subject, child.pid, child.in, &t));
	status = steps_end(tracer);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	steps_await_state(child.pid, "T");
	CHECK_CALL(kill(child.pid, SIGCONT));
	status = end_of(child.pid, &subject, dies_at);
	CHECK_MSG(status == 0, "a stopped process: wait status %#x after death before request %lu",
		  (unsigned)status, dies_at);
	CHECK_LT(0, test_read_line(child.out, line, sizeof(line)));
	CHECK_STR(line, "continued");
	CHECK_EQ(close(child.in) + close(child.out), 0);
}

static const struct subject subjects[] = {
	{ .mutatee = "many_forks", .argument = "3", .kills = 30 },
	{ .mutatee = "vfork_exit", .kills = 10 },
	{ .mutatee = "regs_all", .argument = "2", .demands = true, .kills = 15 },
	{ .mutatee = "sleep_read", .argument = "read", .demands = true, .kills = 8 },
	{ .mutatee = "sleep_read", .argument = "nanosleep", .demands = true, .kills = 8 },
	{ .mutatee = "redzone", .demands = true, .kills = 15 },
	{ .mutatee = "fork", .argument = "1", .kills = 20 },
	{ .mutatee = "vfork_exec", .kills = 10 },
	{ .mutatee = "fork_threads", .argument = "2", .kills = 15 },
	{ .mutatee = "exec_thread", .kills = 8 },
	{ .mutatee = "vector_regs", .demands = true, .kills = 8 },
	{ .mutatee = "many_forks", .argument = "3", .kills = 6, .kill_on_exit = true },
};

static const char *const mutatees[] = { "many_forks",     "regs_all",    "redzone",
					"fork",           "vfork_exec",  "fork_threads",
					"vfork_exit",     "exec_thread", "vector_regs",
					"stopped_target", "sleep_read",  NULL };

/* Once it is attached to; kill_on_exit can't act before. */
#define FIRST_REQUESTS 12ul
/* Until the payload in the stopped process is through; behind that nothing more is asked. */
#define STOPPED_REQUESTS 50

static int run(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *every = getenv("SCION_TRAP_42_EVERY"); /* at every request: takes minutes */

	CHECK(shared != MAP_FAILED);
	for (unsigned long n = 1; n <= STOPPED_REQUESTS; n += every ? 1 : 3)
		one_stopped(shared, n);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct subject *subject = &subjects[i];
		unsigned long first = subject->kill_on_exit ? FIRST_REQUESTS : 1;
		unsigned long total = one(subject, shared, 0);
		unsigned long last = subject->kill_on_exit ? total * 3 / 4 : total; /* it lives */
		unsigned long kills = every ? last - first : subject->kills;

		for (unsigned long kill = 0; kill < kills; kill++)
			one(subject, shared, first + (last - first) * kill / kills);
		test_note("%s: %lu requests, the tracer died %lu times", subject->mutatee, total,
			  kills);
	}
	return 0;
}

const struct scion_test scion_test = { .name = "trap_42_tracer_dies",
				       .trap = "42",
				       .timeout_s = 120,
				       .needs_mutatees = mutatees,
				       .run = run };
