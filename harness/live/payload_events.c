/* SPDX-License-Identifier: MIT */
/*
 * Payloads at each event: at the right side of a fork or thread creation, with what the call returns
 * there; at exec, exit, attach and at signals, whose handlers then run once each, in order, with their
 * siginfo. The programs check themselves and see nothing of it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/target.h"

/* What the context says: status is fork_ret, then event and side, peer, signo, pid, tid. */
static const char context[] =
	"SCION_PAYLOAD_INFO(0);\n"
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
	"{\n"
	"	ctx->result[0] = (uint64_t)ctx->event << 8 | ctx->side;\n"
	"	ctx->result[1] = (uint64_t)(uint32_t)ctx->peer;\n"
	"	ctx->result[2] = (uint64_t)(uint32_t)ctx->signo;\n"
	"	ctx->result[3] = (uint64_t)(uint32_t)ctx->pid;\n"
	"	ctx->result[4] = (uint64_t)(uint32_t)ctx->tid;\n"
	"	ctx->result[5] = ctx->abi == SCION_PAYLOAD_ABI && ctx->size == sizeof(*ctx);\n"
	"	return ctx->fork_ret;\n"
	"}\n";

static void check_context(const struct target *t, size_t i, enum scion_payload_event at)
{
	const struct scion_event *event = &t->f.events[i].event;

	CHECK_MSG(event->error == SCION_OK, "%d: %s", event->tid, t->f.events[i].text);
	CHECK_EQ(event->at, at);
	CHECK_EQ(event->result[0], (unsigned)event->at << 8 | event->side);
	CHECK_EQ(event->result[3], event->pid);
	CHECK_EQ(event->result[4], event->tid);
	CHECK_EQ(event->result[5], 1);
}

/* The fork of an event. */
static const struct scion_event *fork_of(const struct target *t, uint64_t id)
{
	for (size_t i = 0; i < t->f.count; i++)
		if (t->f.events[i].event.type == SCION_EVENT_FORK &&
		    t->f.events[i].event.fork_id == id)
			return &t->f.events[i].event;
	return NULL;
}

static void check_sides(const struct target *t, enum scion_payload_event at, unsigned sides,
			size_t births)
{
	size_t seen[3] = { 0 };

	for (size_t i = 0; i < t->f.count; i++) {
		const struct scion_event *event = &t->f.events[i].event, *fork;

		if (event->type != SCION_EVENT_PAYLOAD)
			continue;
		check_context(t, i, at);
		seen[event->side]++;
		fork = fork_of(t, event->fork_id);
		CHECK(fork);
		if (event->side == SCION_SIDE_PARENT) {
			CHECK_EQ(event->tid, fork->tid);
			CHECK_EQ(event->payload_status, fork->value);
			CHECK_EQ(event->result[1], fork->peer);
		} else {
			CHECK_EQ(event->tid, fork->peer);
			CHECK_EQ(event->payload_status, 0);
			CHECK_EQ(event->result[1], fork->tid);
		}
	}
	CHECK_LT(0, births);
	CHECK_EQ(seen[SCION_SIDE_PARENT], sides & SCION_PARENT ? births : 0);
	CHECK_EQ(seen[SCION_SIDE_CHILD], sides & SCION_CHILD ? births : 0);
}

static void births(const char *mutatee, const char *argument, enum scion_payload_event at,
		   unsigned sides)
{
	struct target t = { 0 };
	size_t count = 0;

	target_open(&t, NULL);
	target_at(&t, at, sides, context);
	follow_mutatee(&t.f, mutatee, argument);
	follow_check(&t.f, true);
	for (size_t i = 0; i < t.f.count; i++)
		count += t.f.events[i].event.type == SCION_EVENT_FORK &&
			 t.f.events[i].event.thread == (at == SCION_AT_THREAD);
	check_sides(&t, at, sides, count);
	follow_close(&t.f);
}

/* As many payloads as events of a type, each in the task of its event. */
static void plain(const char *mutatee, enum scion_payload_event at, enum scion_event_type type)
{
	struct target t = { 0 };
	size_t payloads = 0;

	target_open(&t, NULL);
	target_at(&t, at, 0, context);
	follow_mutatee(&t.f, mutatee, NULL);
	for (size_t i = 0; i < t.f.count; i++) {
		if (t.f.events[i].event.type != SCION_EVENT_PAYLOAD)
			continue;
		check_context(&t, i, at);
		payloads++;
	}
	CHECK_LT(0, payloads);
	CHECK_EQ(payloads, follow_count(&t.f, type));
	follow_close(&t.f);
}

static void attached(void)
{
	struct target t;
	size_t tasks, payloads = 0;

	target_start(&t, (const char *const[]){ "many_tasks", "5", "processes", "hold", NULL });
	target_open(&t, NULL);
	target_at(&t, SCION_AT_ATTACH, 0, context);
	CHECK_EQ(scion_attach(t.f.session, t.pid, SCION_ATTACH_TREE), SCION_OK);
	tasks = scion_session_tasks(t.f.session);
	CHECK_LE(6, tasks);
	target_run_until(&t, SCION_EVENT_PAYLOAD, tasks);
	for (size_t i = 0; i < t.f.count; i++)
		if (t.f.events[i].event.type == SCION_EVENT_PAYLOAD) {
			check_context(&t, i, SCION_AT_ATTACH);
			payloads++;
		}
	CHECK_EQ(payloads, tasks);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

/* --- signals --- */

enum { SIGNALS = 20 };

static struct shared {
	uint32_t ready, go;
	volatile uint32_t count;
	int values[SIGNALS + 1];
	volatile uint32_t bad;
} * shared;

static void on_signal(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	if (shared->count < SIGNALS)
		shared->values[shared->count] = info->si_value.sival_int;
	shared->count++;
	shared->bad += info->si_code != SI_QUEUE || info->si_pid != getpid() || sig != SIGRTMIN;
}

/* Sends itself signals one by one, then queued, and ends by one that has no handler. */
static int signalled(void *arg)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_CALL(sigaction(SIGRTMIN, &act, NULL));
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	target_await(&shared->go, 0);
	for (int i = 0; i < SIGNALS; i++) {
		if (i == SIGNALS / 2)
			CHECK_CALL(sigprocmask(SIG_BLOCK, &set, NULL));
		CHECK_CALL(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }));
	}
	CHECK_EQ(shared->count, SIGNALS / 2);
	CHECK_CALL(sigprocmask(SIG_UNBLOCK, &set, NULL));
	CHECK_EQ(shared->count, SIGNALS);
	CHECK_EQ(shared->bad, 0);
	raise(SIGTERM);
	return 1;
}

static void signals(void)
{
	struct target t;
	size_t payloads = 0;

	shared = target_shared(sizeof(*shared));
	target_fork(&t, signalled, NULL);
	target_await(&shared->ready, 0);
	target_open(&t, NULL);
	target_at(&t, SCION_AT_SIGNAL, 0, context);
	target_attach(&t, NULL);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	follow_run(&t.f);
	CHECK_EQ(test_exit_code(t.f.status), 128 + SIGTERM);
	for (size_t i = 0; i < t.f.count; i++) {
		const struct scion_event *event = &t.f.events[i].event;

		if (event->type != SCION_EVENT_PAYLOAD)
			continue;
		check_context(&t, i, SCION_AT_SIGNAL);
		CHECK_EQ(event->result[2], payloads < SIGNALS ? SIGRTMIN : SIGTERM);
		payloads++;
	}
	CHECK_EQ(payloads, SIGNALS + 1);
	/* in order, those too that were in the queue together */
	for (int i = 0; i < SIGNALS; i++)
		CHECK_EQ(shared->values[i], i);
	follow_close(&t.f);
}

/* Handlers in blocked calls: what signal(7) says of each call stays so. */
static void in_calls(void)
{
	struct target t = { 0 };

	target_open(&t, NULL);
	target_at(&t, SCION_AT_SIGNAL, 0, "whoami");
	follow_mutatee(&t.f, "sleep_read", NULL);
	follow_check(&t.f, true);
	CHECK_LE(7, follow_count(&t.f, SCION_EVENT_PAYLOAD));
	follow_close(&t.f);
}

static int run(void)
{
	births("fork", "2", SCION_AT_FORK, SCION_PARENT);
	births("fork", "2", SCION_AT_FORK, SCION_CHILD);
	births("vfork_exit", NULL, SCION_AT_FORK, SCION_BOTH);
	births("fork_threads", "5", SCION_AT_FORK, SCION_BOTH);
	births("fork_threads", "5", SCION_AT_THREAD, SCION_PARENT);
	births("fork_threads", "5", SCION_AT_THREAD, SCION_CHILD);
	births("many_forks", "50", SCION_AT_FORK, SCION_BOTH);
	plain("posix_spawn", SCION_AT_EXEC, SCION_EVENT_EXEC);
	plain("exec_thread", SCION_AT_EXEC, SCION_EVENT_EXEC);
	plain("fork", SCION_AT_EXIT, SCION_EVENT_EXIT);
	plain("fork_threads", SCION_AT_EXIT, SCION_EVENT_EXIT);
	attached();
	signals();
	in_calls();
	return 0;
}

static const char *const mutatees[] = { "fork",       "vfork_exit",  "fork_threads",
					"many_forks", "posix_spawn", "exec_thread",
					"many_tasks", "sleep_read",  NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_events",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
