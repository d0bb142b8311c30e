/* SPDX-License-Identifier: MIT */
/*
 * The stub, run natively: a payload that clobbers everything must leave no trace.
 *
 * stub_run() jumps into the stub as a tracer's SETREGS would; frame.home leads to stub_resume,
 * which stores every register before it touches one.
 */
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "inject/builtin.h"
#include "inject/frame.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* Reached by the assembly below. */
extern struct scion_payload_regs stub_got HIDDEN;
extern unsigned char *stub_xsave_in HIDDEN;
extern unsigned char *stub_xsave_out HIDDEN;
extern uint64_t stub_saved_rsp HIDDEN;
struct scion_payload_regs stub_got;
unsigned char *stub_xsave_in;
unsigned char *stub_xsave_out;
uint64_t stub_saved_rsp;

void stub_run(const void *stub, void *stack, struct frame *frame) HIDDEN;
void stub_resume(void) HIDDEN;
void stub_resume_second(void) HIDDEN;
int64_t payload_clobber(struct scion_payload_ctx *ctx) HIDDEN;
int64_t payload_clobber_vector(struct scion_payload_ctx *ctx) HIDDEN;

_Static_assert(offsetof(struct scion_payload_regs, rsp) == 152, "assembly below");
_Static_assert(SCION_PAYLOAD_RESULTS == 6, "stub.S copies six");

/* Components of XSAVE that are compared; PKRU and AMX are left alone. */
#define XSAVE_COMPARED "0xe7"

__asm__(".pushsection .text\n"
	"stub_run:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, stub_saved_rsp(%rip)\n"
	"	mov %rdi, %r8\n"
	"	mov %rsi, %r9\n"
	"	mov %rdx, %rdi\n"
	"	mov stub_xsave_in(%rip), %r10\n"
	"	test %r10, %r10\n"
	"	jz 1f\n"
	"	mov $" XSAVE_COMPARED ", %eax\n"
	"	xor %edx, %edx\n"
	"	xrstor64 (%r10)\n"
	"1:	mov %r9, %rsp\n"
	"	jmp *%r8\n"
	"stub_resume:\n"
	"	mov %r15, 0+stub_got(%rip)\n"
	"stub_resume_second:\n"
	"	mov %r14, 8+stub_got(%rip)\n"
	"	mov %r13, 16+stub_got(%rip)\n"
	"	mov %r12, 24+stub_got(%rip)\n"
	"	mov %rbp, 32+stub_got(%rip)\n"
	"	mov %rbx, 40+stub_got(%rip)\n"
	"	mov %r11, 48+stub_got(%rip)\n"
	"	mov %r10, 56+stub_got(%rip)\n"
	"	mov %r9, 64+stub_got(%rip)\n"
	"	mov %r8, 72+stub_got(%rip)\n"
	"	mov %rax, 80+stub_got(%rip)\n"
	"	mov %rcx, 88+stub_got(%rip)\n"
	"	mov %rdx, 96+stub_got(%rip)\n"
	"	mov %rsi, 104+stub_got(%rip)\n"
	"	mov %rdi, 112+stub_got(%rip)\n"
	"	mov %rsp, 152+stub_got(%rip)\n"
	"	mov stub_saved_rsp(%rip), %rsp\n"
	"	pushfq; popq 144+stub_got(%rip)\n"
	"	pushq $2; popfq\n"
	"	mov stub_xsave_out(%rip), %r10\n"
	"	test %r10, %r10\n"
	"	jz 1f\n"
	"	mov $" XSAVE_COMPARED ", %eax\n"
	"	xor %edx, %edx\n"
	"	xsave64 (%r10)\n"
	"	fninit\n"
	"	pushq $0x1f80; ldmxcsr (%rsp); pop %rax\n"
	"1:	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	/* All components to their initial state: what a payload full of vector code does. */
	"payload_clobber_vector:\n"
	"	sub $4096, %rsp\n"
	"	lea 64(%rsp), %rsi\n"
	"	and $-64, %rsi\n"
	"	xor %eax, %eax\n"
	"	mov $1024, %ecx\n"
	"	push %rdi; mov %rsi, %rdi; rep stosb; pop %rdi\n"
	"	movl $0x1f80, 24(%rsi)\n"
	"	mov $" XSAVE_COMPARED ", %eax\n"
	"	xor %edx, %edx\n"
	"	xrstor64 (%rsi)\n"
	"	add $4096, %rsp\n"
	/* Every general register but rsp, and DF, AC, NT, ID and the arithmetic flags. */
	"payload_clobber:\n"
	"	mov %rsp, 128(%rdi)\n"
	"	pushfq; popq 136(%rdi)\n"
	"	movq $33, 144(%rdi)\n"
	"	movq $44, 152(%rdi)\n"
	"	movq $55, 160(%rdi)\n"
	"	movq $66, 168(%rdi)\n"
	"	pushq $0x244cd7; popfq\n"
	"	mov $-1, %rbx; mov %rbx, %rcx; mov %rbx, %rdx; mov %rbx, %rsi; mov %rbx, %rdi\n"
	"	mov %rbx, %rbp; mov %rbx, %r8; mov %rbx, %r9; mov %rbx, %r10; mov %rbx, %r11\n"
	"	mov %rbx, %r12; mov %rbx, %r13; mov %rbx, %r14; mov %rbx, %r15\n"
	"	mov $-77, %rax\n"
	"	ret\n"
	".popsection\n");

#define PROGRAM_STACK 65536
#define TOKEN         0xfeedfacecafebeefu

struct region {
	unsigned char *base;
	struct frame *frame;
	struct report *report;
	unsigned char *slot;
	unsigned char *program; /* the program's stack, all of it filled with a pattern */
};

static volatile sig_atomic_t handled;
static volatile uintptr_t handler_stack, trap_ip;
static volatile unsigned long long trap_flags;

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + 13);
}

static void fill_home(struct region *region)
{
	struct scion_payload_regs *home = &region->frame->home;
	uint64_t *word = (uint64_t *)home;
	size_t i;

	for (i = 0; i < sizeof(*home) / sizeof(*word); i++)
		word[i] = 0x1111111111111111u * (i + 1) % 0xfffffffffffffff1u;
	home->rip = (uint64_t)(uintptr_t)stub_resume;
	home->cs = 0x33;
	home->ss = 0x2b;
	/* In the middle, and not aligned: the red zone and everything else must survive. */
	home->rsp = (uint64_t)(uintptr_t)(region->program + PROGRAM_STACK / 2 + 8);
	/* CF PF AF ZF SF DF OF AC ID */
	home->eflags = 0x202 | 0x8d5 | 0x400 | 0x40000 | 0x200000;
}

static void *map(size_t size, int flags)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

static int region_setup(void **state)
{
	struct region *region = calloc(1, sizeof(*region));
	size_t i;

	assert_non_null(region);
	region->base = map(REGION_CODE, MAP_PRIVATE);
	memcpy(region->base, builtin_stub.code, builtin_stub.size);
	assert_int_equal(mprotect(region->base, REGION_CODE, PROT_READ | PROT_EXEC), 0);
	region->slot = map(SLOT_SIZE, MAP_PRIVATE);
	/* Left by an earlier payload: the stub may not count on zeros. */
	memset(region->slot, 0xff, SLOT_SIZE - FRAME_SIZE);
	region->report = map(4096, MAP_SHARED);
	region->program = map(PROGRAM_STACK, MAP_PRIVATE);
	region->frame = (struct frame *)(void *)(region->slot + SLOT_SIZE - FRAME_SIZE);
	for (i = 0; i < PROGRAM_STACK; i++)
		region->program[i] = pattern(i);
	fill_home(region);
	region->frame->report = (uint64_t)(uintptr_t)region->report;
	region->frame->token = TOKEN;
	memset(&stub_got, 0, sizeof(stub_got));
	stub_xsave_in = stub_xsave_out = NULL;
	handled = 0;
	*state = region;
	return 0;
}

static int region_teardown(void **state)
{
	struct region *region = *state;

	munmap(region->base, REGION_CODE);
	munmap(region->slot, SLOT_SIZE);
	munmap(region->report, 4096);
	munmap(region->program, PROGRAM_STACK);
	free(region);
	free(stub_xsave_in);
	free(stub_xsave_out);
	return 0;
}

/* Blocks everything, as the engine does, and lets the stub set `want`; returns what it set. */
static uint64_t run(struct region *region, uint64_t want)
{
	uint64_t all = ~0ull, before = 0, after = 0;

	region->frame->mask = want;
	assert_int_equal(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8), 0);
	stub_run(region->base, region->frame, region->frame);
	assert_int_equal(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, &after, 8), 0);
	return after;
}

static void check_state(const struct region *region)
{
	const struct scion_payload_regs *home = &region->frame->home;
	struct scion_payload_regs want = *home;
	size_t i;

	/* Not stored by stub_resume: they are what brought us there. */
	want.orig_rax = want.rip = want.cs = want.ss = 0;
	assert_memory_equal(&stub_got, &want, sizeof(want));
	for (i = 0; i < PROGRAM_STACK; i++)
		assert_int_equal(region->program[i], pattern(i));
}

static void all_registers_come_back(void **state)
{
	struct region *region = *state;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	run(region, 0);
	check_state(region);
}

static void notify_changes_nothing(void **state)
{
	struct region *region = *state;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	region->frame->flags = FRAME_NOTIFY;
	run(region, 0);
	check_state(region);
}

static void report_is_filled(void **state)
{
	struct region *region = *state;
	const struct report *report = region->report;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	run(region, 0);
	assert_int_equal(report->status, -77);
	assert_int_equal(report->result[2], 33);
	assert_int_equal(report->result[3], 44);
	assert_int_equal(report->result[4], 55);
	assert_int_equal(report->result[5], 66);
	assert_true(report->done == TOKEN);
}

static void no_report_is_no_fault(void **state)
{
	struct region *region = *state;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	region->frame->report = 0;
	run(region, 0);
	check_state(region);
	assert_int_equal(region->report->done, 0);
}

/* Trap 25 and 26, seen from the payload. */
static void payload_gets_clean_flags_and_aligned_stack(void **state)
{
	struct region *region = *state;
	uint64_t rsp, flags;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	run(region, 0);
	rsp = region->report->result[0];
	flags = region->report->result[1];
	assert_int_equal((rsp + 8) % 16, 0);
	assert_true(rsp > (uintptr_t)region->slot && rsp < (uintptr_t)region->frame);
	assert_int_equal(flags & (0x100 | 0x400 | 0x4000 | 0x40000), 0);
}

static void mask_is_set(void **state)
{
	struct region *region = *state;
	uint64_t usr2 = 1ull << (SIGUSR2 - 1), rt = 1ull << 62;

	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	assert_true(run(region, usr2 | rt) == (usr2 | rt));
}

static void on_usr1(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	handler_stack = (uintptr_t)__builtin_frame_address(0);
	handled++;
}

/* Trap 24: what came in meanwhile is delivered once, and spoils neither registers nor stack. */
static void pending_signal_is_delivered_after(void **state)
{
	struct region *region = *state;
	struct sigaction action = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO }, old;
	uint64_t usr1 = 1ull << (SIGUSR1 - 1);

	assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
	assert_int_equal(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(handled, 0);
	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	run(region, 0);
	assert_int_equal(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, NULL, 8), 0);
	assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
	assert_int_equal(handled, 1);
	assert_in_range(handler_stack, (uintptr_t)region->slot, (uintptr_t)region->frame);
	check_state(region);
}

static void on_trap(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	(void)info;
	handled++;
	trap_ip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	trap_flags = (unsigned long long)uc->uc_mcontext.gregs[REG_EFL];
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

/* A program that steps itself goes on stepping, from its own next instruction. */
static void trap_flag_comes_back(void **state)
{
	struct region *region = *state;
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, old;

	assert_int_equal(sigaction(SIGTRAP, &action, &old), 0);
	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber;
	region->frame->home.eflags = 0x302;
	/* The handler's frame goes where the program's stack is: give it one that may be written. */
	region->frame->home.rsp = (uint64_t)(uintptr_t)(region->program + PROGRAM_STACK);
	run(region, 0);
	assert_int_equal(sigaction(SIGTRAP, &old, NULL), 0);
	assert_int_equal(handled, 1);
	assert_int_equal(trap_ip, (uintptr_t)stub_resume_second);
	assert_true(trap_flags & 0x100);
}

static unsigned xsave_size(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & bit_OSXSAVE) ||
	    !__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		return 0;
	return b;
}

static uint64_t xsave_enabled(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (uint64_t)high << 32;
}

/* Calls `visit` for the bytes of each compared component beyond x87 and SSE. */
static void xsave_components(void (*visit)(size_t offset, size_t size))
{
	static const unsigned components[] = { 2, 5, 6, 7 };
	uint64_t enabled = xsave_enabled();
	unsigned size = 0, offset = 0, c, d;
	size_t i;

	for (i = 0; i < sizeof(components) / sizeof(*components); i++) {
		if (!(enabled >> components[i] & 1))
			continue;
		assert_true(__get_cpuid_count(0xd, components[i], &size, &offset, &c, &d));
		visit(offset, size);
	}
}

static void component_fill(size_t offset, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		stub_xsave_in[offset + i] = (unsigned char)(offset + i * 3 + 1);
}

static void component_compare(size_t offset, size_t size)
{
	assert_memory_equal(stub_xsave_in + offset, stub_xsave_out + offset, size);
}

static void xsave_prepare(size_t size)
{
	uint16_t control = 0x0f7f; /* x87: round towards zero */
	uint32_t mxcsr = 0x7f80;   /* SSE: the same */
	uint64_t present = xsave_enabled() & 0xe7;
	size_t i;

	stub_xsave_in = aligned_alloc(64, (size + 63) & ~(size_t)63);
	stub_xsave_out = aligned_alloc(64, (size + 63) & ~(size_t)63);
	assert_non_null(stub_xsave_in);
	assert_non_null(stub_xsave_out);
	memset(stub_xsave_in, 0, size);
	memset(stub_xsave_out, 0, size);
	memcpy(stub_xsave_in, &control, sizeof(control));
	stub_xsave_in[4] = 0xff; /* all eight x87 registers in use, as under MMX code */
	memcpy(stub_xsave_in + 24, &mxcsr, sizeof(mxcsr));
	for (i = 0; i < 8; i++)
		memset(stub_xsave_in + 32 + 16 * i, (int)i + 1, 10);
	for (i = 0; i < 256; i++)
		stub_xsave_in[160 + i] = (unsigned char)(i + 3);
	memcpy(stub_xsave_in + 512, &present, sizeof(present));
	xsave_components(component_fill);
}

static void vector_state_comes_back(void **state)
{
	struct region *region = *state;
	unsigned size = xsave_size();
	uint64_t rsp;

	if (!size) {
		print_message("skipped: this CPU or kernel has no XSAVE\n");
		skip();
	}
	xsave_prepare(size);
	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber_vector;
	region->frame->xsave = size;
	run(region, 0);
	check_state(region);
	assert_memory_equal(stub_xsave_in, stub_xsave_out, 6);           /* control, status, tags */
	assert_memory_equal(stub_xsave_in + 24, stub_xsave_out + 24, 4); /* MXCSR */
	assert_memory_equal(stub_xsave_in + 32, stub_xsave_out + 32, 384);
	xsave_components(component_compare);
	rsp = region->report->result[0];
	assert_true(rsp - (uintptr_t)region->slot >= SCION_PAYLOAD_STACK);
	assert_int_equal((rsp + 8) % 16, 0);
}

/* The same without the option: shows that the test above sees a difference where there is one. */
static void vector_state_is_lost_without_the_option(void **state)
{
	struct region *region = *state;
	unsigned size = xsave_size();

	if (!size) {
		print_message("skipped: this CPU or kernel has no XSAVE\n");
		skip();
	}
	xsave_prepare(size);
	region->frame->entry = (uint64_t)(uintptr_t)payload_clobber_vector;
	run(region, 0);
	check_state(region);
	assert_memory_not_equal(stub_xsave_in + 160, stub_xsave_out + 160, 256);
	assert_memory_not_equal(stub_xsave_in + 24, stub_xsave_out + 24, 4);
}

static int64_t payload_x87(struct scion_payload_ctx *ctx)
{
	unsigned char env[28];
	uint16_t control;

	__asm__ volatile("fnstenv %0" : "=m"(env));
	memcpy(&control, env, sizeof(control));
	ctx->result[0] = control;
	ctx->result[1] = (uint64_t)env[8] | (uint64_t)env[9] << 8; /* tags: 3 is empty */
	return 0;
}

/* Code of the target may use x87: its stack must be empty, its control word the program's. */
static void called_code_finds_an_empty_x87_stack(void **state)
{
	struct region *region = *state;
	unsigned size = xsave_size();

	if (!size) {
		print_message("skipped: this CPU or kernel has no XSAVE\n");
		skip();
	}
	xsave_prepare(size);
	region->frame->entry = (uint64_t)(uintptr_t)payload_x87;
	region->frame->xsave = size;
	run(region, 0);
	assert_int_equal(region->report->result[1], 0xffff);
	assert_int_equal(region->report->result[0] & 0x0f00, 0x0f00);
	assert_memory_equal(stub_xsave_in + 32, stub_xsave_out + 32, 128);
}

static void labels_are_at_syscalls(void **state)
{
	static const unsigned char insn[] = { 0x0f, 0x05 };

	(void)state;
	assert_true(builtin_stub.notify + 2 < builtin_stub.after);
	assert_true(builtin_stub.after < builtin_stub.size);
	assert_memory_equal(builtin_stub.code + builtin_stub.notify, insn, 2);
	assert_memory_equal(builtin_stub.code + builtin_stub.after - 2, insn, 2);
}

static void table_is_sorted_and_found(void **state)
{
	size_t i;

	(void)state;
	assert_true(builtin_payload_count >= 7);
	for (i = 0; i < builtin_payload_count; i++) {
		const struct builtin_payload *payload = &builtin_payloads[i];

		assert_ptr_equal(builtin_find(payload->name), payload);
		assert_true(payload->size > 0 && payload->entry < payload->size);
		assert_true(payload->summary[0] != '\0');
		if (i)
			assert_true(strcmp(payload[-1].name, payload->name) < 0);
	}
	assert_null(builtin_find("no such payload"));
}

#define STUB_TEST(function) cmocka_unit_test_setup_teardown(function, region_setup, region_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STUB_TEST(all_registers_come_back),
		STUB_TEST(notify_changes_nothing),
		STUB_TEST(report_is_filled),
		STUB_TEST(no_report_is_no_fault),
		STUB_TEST(payload_gets_clean_flags_and_aligned_stack),
		STUB_TEST(mask_is_set),
		STUB_TEST(pending_signal_is_delivered_after),
		STUB_TEST(trap_flag_comes_back),
		STUB_TEST(vector_state_comes_back),
		STUB_TEST(vector_state_is_lost_without_the_option),
		STUB_TEST(called_code_finds_an_empty_x87_stack),
		cmocka_unit_test(labels_are_at_syscalls),
		cmocka_unit_test(table_is_sorted_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
