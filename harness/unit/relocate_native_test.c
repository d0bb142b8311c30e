/* SPDX-License-Identifier: MIT */
/*
 * Small functions, really planted: their entries are overwritten with a jump to the relocated copy.
 * They must compute what they computed before, for all arguments. Then the same with copies that
 * are out of reach, called directly.
 *
 * Every function gets (number, number, pointer to twice(), count of at least 1, pointer to a cell
 * that is 5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../golden/relocate_check.h"
#include "probe/plant.h"

typedef long function(long a, long b, void *twice, long count, long *cell);

/* One string for all, as it is one text. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */
#define FUNCTION(name, body) \
	"	.p2align 4\n" UNALIGNED(name, body)
#define UNALIGNED(name, body) \
	"	.pushsection native_table, \"aw\"\n" \
	"	.quad 1f, 2f - 1f\n" \
	"	.popsection\n" \
	"	.type native_" name ", @function\n" \
	"native_" name ":\n1:\n" body "\n2:\n" \
	"	.size native_" name ", . - native_" name "\n"

__asm__(
"	.pushsection native_data, \"aw\"\n"
"	.p2align 4\n"
"number:	.quad 0x123456789abc, 77\n"
"pointer:	.quad twice\n"
"	.popsection\n"
"	.pushsection native_text, \"ax\", @progbits\n"
"	.p2align 12\n"
"native_begin:\n"
"twice:	lea (%rdi,%rdi), %rax\n	ret\n"
FUNCTION("plain", "push %rbp; mov %rsp, %rbp; lea (%rdi,%rsi,2), %rax; pop %rbp; ret")
FUNCTION("endbr", "endbr64; mov %rdi, %rax; imul %rsi, %rax; ret")
FUNCTION("tiny", "xor %eax, %eax; ret")
FUNCTION("move", "mov %edi, %eax; ret")
FUNCTION("rip_load", "mov number(%rip), %rax; add %rdi, %rax; ret")
FUNCTION("rip_load32", "mov number(%rip), %eax; add %edi, %eax; ret")
FUNCTION("rip_r12", "push %r12; mov number(%rip), %r12; lea (%r12,%rdi), %rax; pop %r12; ret")
FUNCTION("rip_store", "movl $0x1234567, number+8(%rip); mov number+8(%rip), %rax; ret")
FUNCTION("rip_compare", "cmpl $5, number(%rip); seta %al; movzbl %al, %eax; ret")
FUNCTION("rip_lea", "lea number(%rip), %rax; ret")
FUNCTION("rip_vector", "movq %rdi, %xmm0; paddq number(%rip), %xmm0; movq %xmm0, %rax; ret")
FUNCTION("red_zone", "mov %rdi, -8(%rsp); mov %rsi, -16(%rsp); mov -8(%rsp), %rax;"
	 "sub -16(%rsp), %rax; ret")
FUNCTION("flags", "cmp %rsi, %rdi; nop; nop; setg %al; movzbl %al, %eax; ret")
FUNCTION("carry", "add %rdi, %rsi; adc $0, %rdi; lea (%rdi,%rsi), %rax; ret")
FUNCTION("jump_short", "jmp 3f; .skip 40, 0x90; 3: lea 3(%rdi), %rax; ret")
FUNCTION("jump_near", "jmp 3f; .skip 400, 0x90; 3: lea 3(%rdi), %rax; ret")
FUNCTION("jump_table", "and $3, %edi; lea 9f(%rip), %rax; movslq (%rax,%rdi,4), %rdx; add %rdx, %rax;"
	 "jmp *%rax; 3: mov $30, %eax; ret; 4: mov $40, %eax; ret; 5: mov $50, %eax; ret;"
	 ".p2align 2; 9: .long 3b - 9b, 4b - 9b, 5b - 9b, 3b - 9b")
FUNCTION("call", "call twice; inc %rax; ret")
FUNCTION("return_address", "call 3f; 3: pop %rax; lea 3b(%rip), %rcx; sub %rcx, %rax; ret")
FUNCTION("call_pointer", "call *pointer(%rip); inc %rax; ret")
FUNCTION("call_register", "add $3, %rdi; call *%rdx; inc %rax; ret")
FUNCTION("call_stack", "nop; push %rdx; call *(%rsp); pop %rdx; ret")
FUNCTION("call_deep", "push %rdx; push %rdi; call *8(%rsp); pop %rdx; pop %rdx; ret")
FUNCTION("tail", "jmp twice")
FUNCTION("tail_pointer", "jmp *pointer(%rip)")
FUNCTION("tail_register", "inc %rdi; jmp *%rdx")
FUNCTION("loop_head", "3: sub $7, %rdi; jg 3b; mov %rdi, %rax; ret")
FUNCTION("loop_inside", "xor %eax, %eax; 3: add %edi, %eax; dec %edi; jg 3b; ret")
FUNCTION("loop_endbr", "endbr64; xor %eax, %eax; 3: add %rsi, %rax; sub $1, %rdi; jg 3b; ret")
FUNCTION("loop_loop", "mov %edi, %eax; 3: inc %eax; loop 3b; ret")
FUNCTION("jrcxz", "dec %ecx; jrcxz 3f; mov %rcx, %rax; ret; 3: mov $9, %eax; ret")
FUNCTION("jecxz", "mov %edi, %ecx; jecxz 3f; mov $1, %eax; ret; 3: mov $2, %eax; ret")
FUNCTION("loopne", "dec %rcx; loopne 3f; mov %rcx, %rax; ret; 3: lea 1000(%rcx), %rax; ret")
FUNCTION("lock", "test %esi, %esi; je 3f; lock; 3: addq %rdi, (%r8); mov (%r8), %rax; ret")
FUNCTION("skip_over", "test %edi, %edi; je 3f; neg %esi; 3: mov %esi, %eax; ret")
FUNCTION("fibonacci", "endbr64; mov %rdi, %rax; cmp $12, %rdi; ja 4f; cmp $2, %rdi; jb 4f; push %rdi;"
	 "dec %rdi; call native_fibonacci; pop %rdi; push %rax; sub $2, %rdi;"
	 "call native_fibonacci; pop %rdi; add %rdi, %rax; 4: ret")
"	.irp cc, o,no,b,ae,e,ne,be,a,s,ns,p,np,l,ge,le,g\n"
FUNCTION("jcc_\\cc", "cmp %rsi, %rdi; j\\cc 3f; mov $1, %eax; ret; 3: mov $2, %eax; ret")
"	.endr\n"
/* No room for a jump, and no padding behind: by short jumps, to what the last one has behind. */
FUNCTION("crowd_1", "mov %edi, %eax; ret")
UNALIGNED("crowd_2", "mov %esi, %eax; ret")
UNALIGNED("crowd_3", "lea 1(%rdi), %rax; ret")
"	.p2align 6, 0xcc\n"
"native_end:\n"
"	.popsection\n");
/* clang-format on */

extern const uint8_t native_begin[], native_end[];
extern struct extent_function __start_native_table[], __stop_native_table[];
extern long twice(long number);

enum { ROOM = 1 << 16 };

static const long numbers[] = { 0, 1, 2, 3, 5, 7, 8, 11, 30, 100, 997, -1, -2, -100, 0x7fffffff };
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

struct results {
	long value[NUMBERS][NUMBERS];
};

static struct results run(uint64_t addr)
{
	function *call = (function *)(uintptr_t)addr;
	struct results results;

	for (size_t a = 0; a < NUMBERS; a++) {
		for (size_t b = 0; b < NUMBERS; b++) {
			long cell = 5, first = numbers[a] & 0xffff;

			/* Loops count down from the first number. */
			if (numbers[a] < 0)
				first = numbers[a];
			results.value[a][b] = call(first, numbers[b], (void *)(uintptr_t)twice,
						   (long)b + 1, &cell);
		}
	}
	return results;
}

static uint8_t *text_at(uint64_t addr)
{
	return (uint8_t *)(uintptr_t)addr;
}

static void overwrite(uint64_t at, const void *bytes, size_t size)
{
	void *begin = (void *)(uintptr_t)native_begin;
	size_t len = (size_t)(native_end - native_begin);

	assert_int_equal(mprotect(begin, len, PROT_READ | PROT_WRITE), 0);
	memcpy(text_at(at), bytes, size);
	assert_int_equal(mprotect(begin, len, PROT_READ | PROT_EXEC), 0);
}

static void write_jump(uint64_t at, uint64_t to)
{
	uint8_t jump[PLANT_JUMP] = { 0xe9 };
	int32_t distance = (int32_t)(to - (at + sizeof(jump)));

	memcpy(jump + 1, &distance, sizeof(distance));
	overwrite(at, jump, sizeof(jump));
}

static void write_patch(const struct plant_plan *plan, uint64_t to)
{
	uint8_t jump[PLANT_SHORT] = { 0xeb };

	if (plan->way == PLANT_BY_JUMP) {
		write_jump(plan->at, to);
		return;
	}
	write_jump(plan->hop, to);
	jump[1] = (uint8_t)(plan->hop - (plan->at + sizeof(jump)));
	overwrite(plan->at, jump, sizeof(jump));
}

struct world {
	struct extent_text text;
	struct plant *plant;
	size_t count;
	uint8_t *near, *far, *original;
};

static uint8_t *room_at(uint64_t hint)
{
	void *room = mmap((void *)(uintptr_t)hint, ROOM, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(room != MAP_FAILED);
	return room;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	uint64_t begin = (uint64_t)(uintptr_t)native_begin;

	assert_non_null(world);
	world->text.bytes = native_begin;
	world->text.len = (size_t)(native_end - native_begin);
	world->text.addr = begin;
	world->count = (size_t)(__stop_native_table - __start_native_table);
	world->original = malloc(world->text.len);
	assert_non_null(world->original);
	memcpy(world->original, native_begin, world->text.len);
	world->near = room_at(begin - (UINT64_C(1) << 28));
	world->far = room_at(begin ^ (UINT64_C(1) << 40));
	assert_int_equal(plant_new(&world->text, __start_native_table, world->count, &world->plant),
			 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	plant_free(world->plant);
	free(world->original);
	munmap(world->near, ROOM);
	munmap(world->far, ROOM);
	free(world);
	return 0;
}

static void copy_to(const struct plant_plan *plan, const struct world *world, uint8_t *to,
		    struct relocate *result)
{
	const struct relocate_job job = {
		.bytes = world->original + (plan->at - world->text.addr),
		.len = plan->moved,
		.patch = plan->patch,
		.from = plan->at,
		.to = (uint64_t)(uintptr_t)to,
	};
	const char *wrong;

	if (relocate(&job, result)) {
		assert_int_equal(result->refusal, RELOCATE_OUT_OF_REACH);
		return;
	}
	wrong = relocate_check(&job, result);
	if (wrong)
		fail_msg("%s", wrong);
}

static void same(size_t i, const struct results *before, const struct results *after)
{
	for (size_t a = 0; a < NUMBERS; a++)
		for (size_t b = 0; b < NUMBERS; b++)
			if (before->value[a][b] != after->value[a][b])
				fail_msg("function %zu of (%ld, %ld): %#lx, was %#lx", i,
					 numbers[a], numbers[b], after->value[a][b],
					 before->value[a][b]);
}

/* All planted at once, as they call each other; then every byte is put back. */
static void planted(void **state)
{
	struct world *world = *state;
	struct results *before = calloc(world->count, sizeof(*before)), after;
	size_t used = 0, by_short = 0;

	assert_non_null(before);
	assert_true(world->near < native_begin && native_begin - world->near < INT32_MAX);
	for (size_t i = 0; i < world->count; i++)
		before[i] = run(__start_native_table[i].start);
	for (size_t i = 0; i < world->count; i++) {
		struct relocate result;
		struct plant_plan plan;

		if (plant_plan(world->plant, i, &plan) == PLANT_REFUSED)
			fail_msg("function %zu: %s", i, plant_why(plan.refusal, plan.obstacle));
		plant_take(world->plant, &plan);
		assert_false(plan.counts_rounds);
		by_short += plan.way == PLANT_BY_SHORT;
		copy_to(&plan, world, world->near + used, &result);
		assert_int_equal(result.refusal, RELOCATE_DONE);
		memcpy(world->near + used, result.out, result.size);
		write_patch(&plan, (uint64_t)(uintptr_t)world->near + used);
		used += (result.size + 15) & ~(size_t)15;
		assert_true(used < ROOM - RELOCATE_ROOM);
	}
	assert_int_equal(mprotect(world->near, ROOM, PROT_READ | PROT_EXEC), 0);
	for (size_t i = 0; i < world->count; i++) {
		after = run(__start_native_table[i].start);
		same(i, &before[i], &after);
	}
	overwrite(world->text.addr, world->original, world->text.len);
	assert_true(by_short >= 2);
	print_message("%zu functions, %zu by short jump\n", world->count, by_short);
	free(before);
}

/* Where all is out of reach, what can be moved at all still does the same. */
static void far_copies(void **state)
{
	struct world *world = *state;
	size_t moved = 0;

	for (size_t i = 0; i < world->count; i++) {
		struct results before = run(__start_native_table[i].start), after;
		struct relocate result;
		struct plant_plan plan;

		assert_int_not_equal(plant_plan(world->plant, i, &plan), PLANT_REFUSED);
		copy_to(&plan, world, world->far, &result);
		if (result.refusal)
			continue;
		assert_int_equal(mprotect(world->far, ROOM, PROT_READ | PROT_WRITE), 0);
		memcpy(world->far, result.out, result.size);
		assert_int_equal(mprotect(world->far, ROOM, PROT_READ | PROT_EXEC), 0);
		after = run((uint64_t)(uintptr_t)world->far);
		same(i, &before, &after);
		moved++;
	}
	print_message("%zu of %zu moved out of reach\n", moved, world->count);
	assert_true(moved >= world->count - 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(planted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(far_copies, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
