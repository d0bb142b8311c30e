/* SPDX-License-Identifier: MIT */
/*
 * A payload that never ends: the error names payload, task and address, and the program goes on from
 * exactly where it was. Also if its group is stopped meanwhile (the stop holds, and the limit waits),
 * and if the session detaches meanwhile.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/target.h"

enum { LIMIT_MS = 60 };

/* args[0]: a word that says that it runs, or 0. The vector registers are filled as well. */
static const char endless[] =
	"SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
	"{\n"
	"	if (ctx->args[0])\n"
	"		*(volatile uint32_t *)ctx->args[0] = 1;\n"
	"	for (;;)\n"
	"		__asm__ volatile(\"pcmpeqd %xmm0, %xmm0; pcmpeqd %xmm9, %xmm9; fninit\");\n"
	"}\n";

static const struct scion_options options = { .size = sizeof(options),
					      .payload_limit_ms = LIMIT_MS };

static void check_event(const struct target *t, const struct scion_event *event)
{
	CHECK_EQ(event->error, SCION_ETIME);
	CHECK_EQ(event->tid, t->pid);
	CHECK_STR(scion_payload_name(event->payload), "user.o");
	CHECK_NE(event->address, 0);
	CHECK_CONTAINS(target_message(t), "time limit of 60 ms at rip 0x");
}

static void computing(void)
{
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "1", "hold", NULL });
	target_attach(&t, &options);
	for (int i = 0; i < 2; i++)
		check_event(&t, target_inject(&t, t.pid, target_payload(&t, endless)));
	CHECK_EQ(target_inject(&t, t.pid, target_payload(&t, "whoami"))->error, SCION_OK);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static void in_calls(const char *call, long nr)
{
	struct target t;

	target_start(&t, (const char *const[]){ "sleep_read", call, "hold", "300", NULL });
	target_blocked(t.pid, nr);
	target_attach(&t, &options);
	check_event(&t, target_inject(&t, t.pid, target_payload(&t, endless)));
	target_detach(&t);
	target_release(&t);
	CHECK_MSG(target_end(&t), "%s", call);
}

static void at_forks(void)
{
	struct target t = { 0 };

	target_open(&t, &options);
	target_at(&t, SCION_AT_FORK, SCION_BOTH, endless);
	follow_mutatee(&t.f, "fork", "1");
	CHECK_LT(0, follow_check(&t.f, false));
	for (size_t i = 0; i < t.f.count; i++)
		if (t.f.events[i].event.type == SCION_EVENT_PAYLOAD)
			CHECK_EQ(t.f.events[i].event.error, SCION_ETIME);
	follow_close(&t.f);
}

/* --- meanwhile --- */

static uint32_t *shared; /* 0: the payload runs; 1: the target may end; 2: the target is there */
static struct scion_session *session;

static int loop(void *arg)
{
	(void)arg;
	__atomic_store_n(&shared[2], 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE))
		;
	return 0;
}

struct order {
	pid_t pid;
	int sig;
};

/* Once the payload runs. */
static int send(void *arg)
{
	const struct order *order = arg;

	target_await(&shared[0], 0);
	CHECK_CALL(kill(order->pid, order->sig));
	return 0;
}

static void begin(struct target *t)
{
	struct scion_payload *payload;

	memset(shared, 0, 4096);
	target_fork(t, loop, NULL);
	target_await(&shared[2], 0);
	target_attach(t, &options);
	payload = target_payload(t, endless);
	target_args(payload, (uintptr_t)&shared[0]);
	CHECK_EQ(scion_inject(t->f.session, t->pid, payload), SCION_OK);
}

static char state(pid_t pid)
{
	char path[64], text[512], *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	CHECK(file);
	CHECK(fgets(text, sizeof(text), file));
	fclose(file);
	at = strrchr(text, ')');
	CHECK(at);
	return at[2];
}

static void group_stopped(void)
{
	struct order order = { .sig = SIGSTOP };
	struct target t, s;

	begin(&t);
	order.pid = t.pid;
	target_fork(&s, send, &order);
	target_run_until(&t, SCION_EVENT_STOPPED, 1);
	CHECK(target_end(&s));
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_PAYLOAD), 0);
	CHECK_CALL(kill(t.pid, SIGCONT));
	target_run_until(&t, SCION_EVENT_PAYLOAD, 1);
	check_event(&t, follow_nth(&t.f, SCION_EVENT_PAYLOAD, 0));
	CHECK_NE(state(t.pid), 'T');
	target_detach(&t);
	shared[1] = 1;
	CHECK(target_end(&t));
}

static void on_usr1(int sig)
{
	(void)sig;
	scion_session_stop(session);
}

static void detached(void)
{
	struct order order = { .pid = getpid(), .sig = SIGUSR1 };
	const struct scion_event *event;
	struct target t, s;

	begin(&t);
	session = t.f.session;
	CHECK(signal(SIGUSR1, on_usr1) != SIG_ERR);
	target_fork(&s, send, &order);
	CHECK_EQ(scion_session_run(t.f.session), SCION_EBUSY);
	CHECK_EQ(scion_detach(t.f.session), SCION_OK);
	follow_run(&t.f);
	event = follow_nth(&t.f, SCION_EVENT_PAYLOAD, 0);
	CHECK(event);
	check_event(&t, event);
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_DETACH), 1);
	follow_close(&t.f);
	CHECK(target_end(&s));
	shared[1] = 1;
	CHECK(target_end(&t));
}

static int run(void)
{
	shared = target_shared(4096);
	computing();
	in_calls("read", SYS_read);
	in_calls("nanosleep", SYS_nanosleep);
	at_forks();
	group_stopped();
	detached();
	return 0;
}

static const char *const mutatees[] = { "regs_all", "sleep_read", "fork", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_time_limit",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
