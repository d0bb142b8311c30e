/* SPDX-License-Identifier: MIT */
/*
 * Signals that arrive while a payload runs: each is delivered once, afterwards, in the kernel's
 * order, with its siginfo, and its handler sees the program: its stack (or the alternate one that it
 * asked for) and its rip. In a program that computes, and in one that is blocked in read.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/target.h"

enum { ROUNDS = 4, SEEN = 32, ON_STACK = 2 /* SIGRTMIN + this has SA_ONSTACK */ };

struct seen {
	int sig, code, value;
	pid_t from;
	bool stack_ok, rip_ok;
};

static struct shared {
	uint32_t payload_in, payload_go; /* set by payload and sender */
	uint32_t round, done;
	uint32_t count;
	struct seen seen[SEEN];
	char *stack;
} * shared;

static char alternate[65536];
static int pipe_fds[2];

/* The program's code: a loop, and a call. */
extern const char code_begin[], code_end[];
static long body(long blocked, int fd, char *byte, const uint32_t *done)
{
	long result = blocked;

	__asm__ volatile(".globl code_begin, code_end\n"
			 "code_begin:\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 2f\n"
			 "1:	cmpl $0, (%[done])\n\t"
			 "je 1b\n\t"
			 "jmp code_end\n"
			 "2:	xor %%eax, %%eax\n\t" /* read */
			 "syscall\n"
			 "code_end:"
			 : "+a"(result)
			 : "D"((long)fd), "S"(byte), "d"(1l), [done] "r"(done)
			 : "rcx", "r11", "memory", "cc");
	return result;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const char *rip = (const char *)uc->uc_mcontext.gregs[REG_RIP];
	const char *here = __builtin_frame_address(0);
	struct seen *seen = &shared->seen[shared->count % SEEN];
	bool on_stack = sig == SIGRTMIN + ON_STACK;

	*seen = (struct seen){ .sig = sig, .code = info->si_code, .from = info->si_pid };
	seen->value = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
	seen->rip_ok = rip >= code_begin && rip <= code_end;
	seen->stack_ok = on_stack ? here > alternate && here < alternate + sizeof(alternate) :
				    labs(here - shared->stack) < 65536;
	__atomic_add_fetch(&shared->count, 1, __ATOMIC_RELEASE);
}

static void install(int sig)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	if (sig == SIGRTMIN + ON_STACK)
		act.sa_flags |= SA_ONSTACK;
	sigfillset(&act.sa_mask); /* one after another, each from the program */
	CHECK_CALL(sigaction(sig, &act, NULL));
}

static int program(void *arg)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	bool blocked = *(bool *)arg;
	char byte = 0;
	long result;

	shared->stack = __builtin_frame_address(0);
	CHECK_CALL(sigaltstack(&stack, NULL));
	install(SIGUSR1);
	install(SIGUSR2);
	install(SIGSEGV);
	install(SIGTRAP);
	for (int i = 0; i < 3; i++)
		install(SIGRTMIN + i);
	__atomic_store_n(&shared->round, 1, __ATOMIC_RELEASE);
	result = body(blocked, pipe_fds[0], &byte, &shared->done);
	return result == (blocked ? 1 : 0) ? 0 : 1;
}

static const struct {
	int sig, value; /* sig < 0: SIGRTMIN - sig - 1 */
} sent[] = {
	{ -3, 30 },     { SIGUSR2, 12 }, { -1, 10 }, { SIGUSR1, 1 }, { -1, 11 },
	{ SIGUSR1, 2 }, /* pending already: dropped, as it would be without a tracer */
	{ SIGSEGV, 3 }, { -3, 31 },      { -2, 20 }, { SIGTRAP, 4 }, { -1, 12 },
};

/* The order of next_signal in kernel/signal.c: those of faults, then by number; equal ones in turn. */
static const struct {
	int sig, value;
} expected[] = {
	{ SIGTRAP, 4 }, { SIGSEGV, 3 }, { SIGUSR1, 1 }, { SIGUSR2, 12 }, { -1, 10 },
	{ -1, 11 },     { -1, 12 },     { -2, 20 },     { -3, 30 },      { -3, 31 },
};

enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };

static int number(int sig)
{
	return sig < 0 ? SIGRTMIN - sig - 1 : sig;
}

/* Waits for each payload to be on its way, sends, and lets it end. */
static int sender(void *arg)
{
	pid_t target = *(pid_t *)arg;

	for (int round = 0; round < ROUNDS; round++) {
		target_await(&shared->payload_in, 0);
		for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
			union sigval value = { .sival_int = sent[i].value };

			CHECK_CALL(sigqueue(target, number(sent[i].sig), value));
		}
		shared->payload_in = 0;
		__atomic_store_n(&shared->payload_go, 1, __ATOMIC_RELEASE);
		target_await(&shared->payload_go, 1);
	}
	return 0;
}

static const char slow[] = "SCION_PAYLOAD_INFO(0);\n"
			   "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
			   "{\n"
			   "	volatile uint32_t *in = (volatile uint32_t *)ctx->args[0];\n"
			   "	volatile uint32_t *go = (volatile uint32_t *)ctx->args[1];\n"
			   "	*in = 1;\n"
			   "	while (!*go)\n"
			   "		;\n"
			   "	*go = 0;\n"
			   "	return ctx->pid;\n"
			   "}\n";

static void check_round(pid_t from)
{
	for (uint32_t i = 0; i < EXPECTED; i++) {
		const struct seen *seen = &shared->seen[i];

		CHECK_EQ(seen->sig, number(expected[i].sig));
		CHECK_EQ(seen->value, expected[i].value);
		CHECK_EQ(seen->code, SI_QUEUE);
		CHECK_EQ(seen->from, from);
		CHECK_MSG(seen->stack_ok, "signal %d on a stack that is not its own", seen->sig);
		CHECK_MSG(seen->rip_ok, "signal %d interrupted something else", seen->sig);
	}
	CHECK_EQ(shared->count, EXPECTED);
	shared->count = 0;
}

static void one(bool blocked)
{
	struct scion_payload *payload;
	struct target t, s;

	memset(shared, 0, sizeof(*shared));
	target_fork(&t, program, &blocked);
	target_await(&shared->round, 0);
	if (blocked)
		target_blocked(t.pid, SYS_read);
	target_fork(&s, sender, &t.pid);
	for (int round = 0; round < ROUNDS; round++) {
		target_attach(&t, NULL);
		payload = target_payload(&t, slow);
		target_args(payload, (uintptr_t)&shared->payload_in,
			    (uintptr_t)&shared->payload_go);
		CHECK_EQ(target_inject(&t, t.pid, payload)->error, SCION_OK);
		target_run_until(&t, SCION_EVENT_SIGNAL,
				 EXPECTED - follow_count(&t.f, SCION_EVENT_SIGNAL));
		target_detach(&t);
		while (__atomic_load_n(&shared->count, __ATOMIC_ACQUIRE) < EXPECTED)
			sched_yield();
		check_round(s.pid);
	}
	shared->done = 1;
	if (blocked)
		CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	CHECK(target_end(&t));
	CHECK(target_end(&s));
}

static int run(void)
{
	shared = target_shared(sizeof(*shared));
	CHECK_CALL(pipe(pipe_fds));
	one(false);
	one(true);
	return 0;
}

static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_24_signals",
	.trap = "24",
	.needs_programs = programs,
	.run = run,
};
