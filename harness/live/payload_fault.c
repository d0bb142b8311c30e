/* SPDX-License-Identifier: MIT */
/*
 * Payloads that fault: the error names payload, task, signal and address; registers, masks and the
 * program's own handlers for these signals are as before, and it goes on where it was. Also in the
 * second of three payloads: the first's result counts, the third is reported as not run.
 *
 * The limit: a signal that the program ignores, or blocks, is set to its default by the kernel when a
 * fault raises it (force_sig_info_to_task in kernel/signal.c). Blocking is undone while a payload
 * runs; that it is ignored can't be. The test states it, so that a kernel that differs is noticed.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "lib/target.h"

#define SOURCE(CODE)                                             \
	"SCION_PAYLOAD_INFO(0);\n"                               \
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n" \
	"{ ctx->result[0] = 1; __asm__ volatile(\"" CODE "\"); return ctx->pid; }\n"

static const struct {
	const char *source, *name;
	int sig;
} faults[] = {
	{ SOURCE("movl $1, 0"), "SIGSEGV", SIGSEGV },
	{ SOURCE("ud2"), "SIGILL", SIGILL },
	{ SOURCE("xor %ecx, %ecx; xor %edx, %edx; mov $1, %eax; div %ecx"), "SIGFPE", SIGFPE },
	{ SOURCE("int3"), "SIGTRAP", SIGTRAP },
	{ SOURCE("xor %eax, %eax; call *%rax"), "SIGSEGV", SIGSEGV },
	{ SOURCE("movabs $0x8000000000000000, %rax; mov (%rax), %rax"), "SIGSEGV", SIGSEGV },
	{ SOURCE("mov $0, %rsp; push %rax"), "SIGSEGV", SIGSEGV },
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static void check_fault(const struct target *t, const struct scion_event *event, size_t i)
{
	CHECK_EQ(event->error, SCION_EFAULT);
	CHECK_EQ(event->signo, faults[i].sig);
	CHECK_EQ(event->tid, t->pid);
	CHECK_STR(scion_payload_name(event->payload), "user.o");
	CHECK_CONTAINS(target_message(t), faults[i].name);
	CHECK_CONTAINS(target_message(t), "at rip 0");
}

/* Every register is compared by the mutatee. */
static void registers(void)
{
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "1", "hold", NULL });
	target_attach(&t, NULL);
	for (size_t i = 0; i < FAULTS; i++)
		check_fault(&t, target_inject(&t, t.pid, target_payload(&t, faults[i].source)), i);
	CHECK_EQ(target_inject(&t, t.pid, target_payload(&t, "whoami"))->error, SCION_OK);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static struct shared {
	uint32_t ready, go, handled;
	uint32_t ignored_is[65]; /* 1: still ignored, 2: default */
} * shared;

static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGTRAP };

static void on_signal(int sig)
{
	(void)sig;
	shared->handled++;
}

/* How the program has disposed of the signals. */
enum disposed { HANDLED, BLOCKED, IGNORED };

static int program(void *arg)
{
	enum disposed disposed = *(enum disposed *)arg;
	struct sigaction act = { .sa_handler = disposed == IGNORED ? SIG_IGN : on_signal };
	sigset_t set, now;

	sigemptyset(&set);
	for (size_t i = 0; i < 4; i++) {
		CHECK_CALL(sigaction(signals[i], &act, NULL));
		sigaddset(&set, signals[i]);
	}
	if (disposed == BLOCKED)
		CHECK_CALL(sigprocmask(SIG_BLOCK, &set, NULL));
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		;
	CHECK_CALL(sigprocmask(SIG_BLOCK, NULL, &now));
	for (size_t i = 0; i < 4; i++) {
		CHECK_CALL(sigaction(signals[i], NULL, &act));
		CHECK_EQ(sigismember(&now, signals[i]), disposed == BLOCKED);
		if (disposed == IGNORED)
			shared->ignored_is[signals[i]] = act.sa_handler == SIG_IGN ? 1 : 2;
		else
			CHECK(act.sa_handler == on_signal);
	}
	CHECK_EQ(shared->handled, 0);
	return 0;
}

static void dispositions(enum disposed disposed)
{
	struct target t;

	memset(shared, 0, sizeof(*shared));
	target_fork(&t, program, &disposed);
	target_await(&shared->ready, 0);
	target_attach(&t, NULL);
	for (size_t i = 0; i < 4; i++)
		check_fault(&t, target_inject(&t, t.pid, target_payload(&t, faults[i].source)), i);
	target_detach(&t);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	for (size_t i = 0; i < 4 && disposed == IGNORED; i++)
		CHECK_EQ(shared->ignored_is[signals[i]], 2); /* the limit */
}

static void second_of_three(void)
{
	struct target t = { 0 };
	size_t forks, seen[3][2] = { 0 };

	target_open(&t, NULL);
	target_at(&t, SCION_AT_FORK, SCION_BOTH, "whoami");
	target_at(&t, SCION_AT_FORK, SCION_BOTH, faults[0].source);
	target_at(&t, SCION_AT_FORK, SCION_BOTH, "count");
	follow_mutatee(&t.f, "fork", "3");
	forks = follow_check(&t.f, false);
	CHECK_LT(0, forks);
	for (size_t i = 0; i < t.f.count; i++) {
		const struct scion_event *event = &t.f.events[i].event;

		if (event->type == SCION_EVENT_PAYLOAD)
			for (size_t k = 0; k < 3; k++)
				if (event->payload == t.f.payloads[k])
					seen[k][event->error != SCION_OK]++;
	}
	CHECK_EQ(seen[0][0], 2 * forks);
	CHECK_EQ(seen[1][1], 2 * forks);
	CHECK_EQ(seen[2][1], 2 * forks);
	CHECK_EQ(scion_block_count(t.f.session), 0);
	follow_close(&t.f);
}

static int run(void)
{
	shared = target_shared(sizeof(*shared));
	registers();
	dispositions(HANDLED);
	dispositions(BLOCKED);
	dispositions(IGNORED);
	second_of_three();
	return 0;
}

static const char *const mutatees[] = { "regs_all", "fork", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_fault",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
