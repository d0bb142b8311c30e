/* SPDX-License-Identifier: MIT */
/*
 * Payloads that fill all they can reach: every general register but rsp, also those that the ABI
 * says they must keep, DF and AC; and, where vector state is saved, x87, MXCSR, vectors, masks and
 * protection keys as far as the CPU has them. The mutatees compare everything. The program's own DF,
 * AC and ID flags are among it; its TF is shown by a program that single-steps itself.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/target.h"

#define FILL_GENERAL                                                        \
	"movabs $0xdeadbeefcafef00d, %rax; mov %rax, %rbx; mov %rax, %rcx;" \
	"mov %rax, %rdx; mov %rax, %rsi; mov %rax, %rdi; mov %rax, %rbp;"   \
	"mov %rax, %r8; mov %rax, %r9; mov %rax, %r10; mov %rax, %r11;"     \
	"mov %rax, %r12; mov %rax, %r13; mov %rax, %r14; mov %rax, %r15;"   \
	"pushfq; orq $0x240cd5, (%rsp); popfq;" /* ID, AC, OF, DF, SF, ZF, AF, PF, CF */

#define ENTER(FLAGS, CODE)                                                              \
	"SCION_PAYLOAD_INFO(" FLAGS ");\n"                                              \
	"__attribute__((naked)) int64_t scion_payload(struct scion_payload_ctx *ctx)\n" \
	"{ __asm__ volatile(\"" CODE "\"); }\n"

static const char general[] = ENTER("0", FILL_GENERAL "ret");

/* What differs between CPUs is put in at run time. */
static const char vectors_format[] = ENTER(
	"SCION_PAYLOAD_CALLS",
	"fninit; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi;"
	"movl $0x7f80, -4(%%rsp); ldmxcsr -4(%%rsp); movw $0x0c7f, -4(%%rsp); fldcw -4(%%rsp);"
	"pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm15, %%xmm15;"
	"%s%s%s"
	"movabs $0xdeadbeefcafef00d, %%rax; mov %%rax, %%rbx; mov %%rax, %%rbp; mov %%rax, %%r12;"
	"mov %%rax, %%r13; mov %%rax, %%r14; mov %%rax, %%r15;"
	"pushfq; orq $0x240cd5, (%%rsp); popfq; ret");

static const char *vectors(void)
{
	static char source[4096];
	bool pku = false;
	unsigned a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	pku = c & 1 << 4; /* OSPKE */
	snprintf(
		source, sizeof(source), vectors_format,
		__builtin_cpu_supports("avx2") ?
			"vpcmpeqd %ymm1, %ymm1, %ymm1; vpcmpeqd %ymm9, %ymm9, %ymm9;" :
			"",
		__builtin_cpu_supports("avx512f") ?
			"vpternlogd $255, %zmm3, %zmm3, %zmm3; vpternlogd $255, %zmm31, %zmm31, %zmm31;"
			"kxnorw %k1, %k1, %k1; kxnorw %k7, %k7, %k7;" :
			"",
		pku ? "xor %ecx, %ecx; xor %edx, %edx; mov $0xfffffffc, %eax; wrpkru;" : "");
	return source;
}

static void on_demand(const char *source)
{
	struct scion_payload *payload;
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "4", "hold", NULL });
	for (int round = 0; round < 4; round++) {
		if (round)
			target_ready(&t);
		target_attach(&t, NULL);
		payload = target_payload(&t, source);
		for (int i = 0; i < 10; i++)
			CHECK_EQ(target_inject(&t, t.pid, payload)->error, SCION_OK);
		target_detach(&t);
		target_release(&t);
	}
	CHECK(target_end(&t));
}

static void at_forks(const char *source, const char *mutatee)
{
	struct target t = { 0 };

	target_open(&t, NULL);
	target_at(&t, SCION_AT_FORK, SCION_BOTH, source);
	target_at(&t, SCION_AT_THREAD, SCION_BOTH, source);
	follow_mutatee(&t.f, mutatee, NULL);
	CHECK_LT(0, follow_check(&t.f, true));
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_PAYLOAD), 2 * follow_count(&t.f, SCION_EVENT_FORK));
	follow_close(&t.f);
}

/* --- TF --- */

static struct steps {
	uint32_t ready, go;
	volatile long steps;
} * shared;

static void on_step(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code == TRAP_TRACE)
		shared->steps++;
}

/* popfq sets TF: the instruction behind it is the first that traps, the popfq that clears it the last. */
static void step(void)
{
	__asm__ volatile("pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "mov $50, %%ecx\n"
			 "1:	dec %%ecx\n\t"
			 "jnz 1b\n\t"
			 "pushfq\n\t"
			 "andq $~0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 :
			 :
			 : "rcx", "memory", "cc");
}

enum { STEPS = 1 + 2 * 50 + 3 };

static int stepper(void *arg)
{
	struct sigaction act = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	(void)arg;
	CHECK_CALL(sigaction(SIGTRAP, &act, NULL));
	step();
	CHECK_EQ(shared->steps, STEPS);
	shared->steps = 0;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		;
	step();
	CHECK_EQ(shared->steps, STEPS);
	return 0;
}

static void trap_flag(void)
{
	struct target t;

	shared = target_shared(sizeof(*shared));
	target_fork(&t, stepper, NULL);
	target_await(&shared->ready, 0);
	target_open(&t, NULL);
	target_at(&t, SCION_AT_SIGNAL, 0, general);
	target_attach(&t, NULL);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	target_run_until(&t, SCION_EVENT_SIGNAL, STEPS);
	follow_run(&t.f);
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_PAYLOAD), STEPS);
	follow_check(&t.f, true);
	CHECK(target_end(&t));
	follow_close(&t.f);
}

static int run(void)
{
	on_demand(general);
	on_demand(vectors());
	at_forks(general, "fork");
	at_forks(general, "clone3");
	at_forks(vectors(), "vector_regs");
	trap_flag();
	return 0;
}

static const char *const mutatees[] = { "fork", "clone3", "vector_regs", "regs_all", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_26_registers",
	.trap = "26",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
