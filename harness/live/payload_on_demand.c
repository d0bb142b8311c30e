/* SPDX-License-Identifier: MIT */
/*
 * call, dlopen and syscall on demand, in a program that waits in read and in one that computes: each
 * does its work, and the program goes on as if nothing had been there. Each in a session of its own, and one asked for in the
 * callback that tells the end of the one before.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/test.h"
#include "scion/scion.h"

static const char *const payload_names[] = { "syscall", "call", "dlopen", "dlopen" };

enum { STEPS = sizeof(payload_names) / sizeof(*payload_names) };

struct demand {
	unsigned step, end;
	struct scion_payload *payload[STEPS];
};

static uint64_t symbol(struct scion_session *session, pid_t pid, const char *name)
{
	uint64_t address = 0;

	CHECK_MSG(scion_symbol(session, pid, name, &address) == 0, "%s: %s", name,
		  scion_errmsg(session));
	return address;
}

static void set_words(struct scion_session *session, pid_t pid, struct scion_payload *payload,
		      unsigned step)
{
	uint64_t args[SCION_PAYLOAD_ARGS] = { 0 };
	static const char library[] = "libm.so.6", missing[] = "/nonexistent/lib.so";

	args[7] = symbol(session, pid, "__errno_location");
	switch (step) {
	case 0:
		args[0] = 39; /* getpid */
		break;
	case 1:
		args[0] = symbol(session, pid, "strtoul");
		args[3] = 16;
		break;
	default:
		args[0] = symbol(session, pid, "dlopen");
		args[2] = symbol(session, pid, "dlerror");
		break;
	}
	CHECK_EQ(scion_payload_set_args(payload, args, SCION_PAYLOAD_ARGS), 0);
	if (step == 1)
		CHECK_EQ(scion_payload_set_data(payload, 1, "7fff1234abcd", 13), 0);
	if (step == 2)
		CHECK_EQ(scion_payload_set_data(payload, 1, library, sizeof(library)), 0);
	if (step == 3)
		CHECK_EQ(scion_payload_set_data(payload, 1, missing, sizeof(missing)), 0);
}

static void start_step(struct scion_session *session, pid_t pid, struct demand *demand)
{
	struct scion_payload *payload = demand->payload[demand->step];

	set_words(session, pid, payload, demand->step);
	CHECK_EQ(scion_inject(session, pid, payload), 0);
}

static void check_step(struct scion_session *session, const struct scion_event *event,
		       const struct demand *demand)
{
	char why[64];

	CHECK_MSG(event->error == 0, "%s", event->message);
	CHECK_EQ(event->at, SCION_AT_DEMAND);
	switch (demand->step) {
	case 0:
		CHECK_EQ(event->payload_status, event->pid);
		break;
	case 1:
		CHECK_EQ(event->payload_status, 0x7fff1234abcd);
		break;
	case 2:
		CHECK_EQ(event->payload_status, 0);
		CHECK_NE(event->result[0], 0);
		CHECK_EQ(event->result[1], 0);
		break;
	default:
		CHECK_EQ(event->payload_status, -1);
		CHECK_EQ(event->result[0], 0);
		CHECK_EQ(scion_read(session, event->pid, event->result[1], why, sizeof(why)), 0);
		why[sizeof(why) - 1] = '\0';
		CHECK_CONTAINS(why, "/nonexistent/lib.so");
		break;
	}
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct demand *demand = arg;

	if (event->type == SCION_EVENT_ATTACH)
		start_step(session, event->pid, demand);
	if (event->type != SCION_EVENT_PAYLOAD)
		return SCION_CONTINUE;
	check_step(session, event, demand);
	if (++demand->step < demand->end)
		start_step(session, event->pid, demand);
	else
		CHECK_EQ(scion_detach(session), 0);
	return SCION_CONTINUE;
}

static bool has_mapped(pid_t pid, const char *name)
{
	char path[64], line[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		found = found || strstr(line, name);
	fclose(file);
	return found;
}

/* A line there and back: cat is in read again, or on its way to it. */
static void check_alive(const struct test_child *cat, const char *text)
{
	char line[64], back[64];

	snprintf(line, sizeof(line), "%s\n", text);
	CHECK_EQ(write(cat->in, line, strlen(line)), strlen(line));
	CHECK_EQ(test_read_line(cat->out, back, sizeof(back)), strlen(text));
	CHECK_STR(back, text);
}

/* Steps from `step` up to `end`, in one session. */
static void run_steps(pid_t pid, unsigned step, unsigned end)
{
	struct demand demand = { .step = step, .end = end };
	struct scion_options options = {
		.size = sizeof(options), .on_event = on_event, .arg = &demand, .shared_waits = true
	}; /* it is our own child too */
	struct scion_session *session;

	CHECK_EQ(scion_session_new(&options, &session), 0);
	for (unsigned i = step; i < end; i++)
		CHECK_EQ(scion_payload_open(session, payload_names[i], &demand.payload[i]), 0);
	CHECK_MSG(scion_attach(session, pid, 0) == 0, "%s", scion_errmsg(session));
	CHECK_EQ(scion_session_run(session), 0);
	scion_session_free(session);
	for (unsigned i = step; i < end; i++)
		scion_payload_free(demand.payload[i]);
	CHECK_EQ(demand.step, end);
}

static void in_read(void)
{
	struct test_child cat;

	test_spawn(&cat, (const char *const[]){ "cat", NULL });
	check_alive(&cat, "before");
	CHECK(!has_mapped(cat.pid, "/libm.so.6"));
	for (unsigned step = 0; step < STEPS; step++) {
		run_steps(cat.pid, step, step + 1);
		check_alive(&cat, payload_names[step]);
	}
	run_steps(cat.pid, 0, STEPS);
	check_alive(&cat, "in one session");
	CHECK(has_mapped(cat.pid, "/libm.so.6"));
	CHECK_EQ(test_wait(&cat), 0);
}

/* Computing: no call has to be restarted, so that the stub puts the program back by itself. */
static void in_loop(void)
{
	struct test_child sh;
	char line[16];

	test_spawn(&sh, (const char *const[]){
				"sh", "-c",
				"trap 'echo ended; exit 7' TERM; echo begun; while :; do :; done",
				NULL });
	CHECK_EQ(test_read_line(sh.out, line, sizeof(line)), strlen("begun"));
	for (unsigned step = 0; step < STEPS; step++)
		run_steps(sh.pid, step, step + 1);
	run_steps(sh.pid, 0, STEPS);
	CHECK_CALL(kill(sh.pid, SIGTERM));
	CHECK_EQ(test_read_line(sh.out, line, sizeof(line)), strlen("ended"));
	CHECK_EQ(test_exit_code(test_wait(&sh)), 7);
}

static int run(void)
{
	in_read();
	in_loop();
	return 0;
}

static const char *const programs[] = { "cat", "sh", NULL };

const struct scion_test scion_test = {
	.name = "payload_on_demand",
	.timeout_s = 30,
	.needs_programs = programs,
	.run = run,
};
