/* SPDX-License-Identifier: MIT */
/* What the decoder says of single instructions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "probe/decode.h"

#define AT UINT64_C(0x400000)

enum { RAX = 0, RCX, RDX, RBX, RSP, CF = 1, ZF = 64 };

struct row {
	const char *bytes;
	size_t len;
	enum decode_kind kind;
	enum decode_obstacle obstacle;
	uint64_t target;     /* of a branch */
	uint64_t rip_target; /* of an operand */
};

/* clang-format off */
#define B(text) text, sizeof(text) - 1
static const struct row rows[] = {
	{ B("\x90"), DECODE_NOP, 0, 0, 0 },
	{ B("\x0f\x1f\x84\0\0\0\0\0"), DECODE_NOP, 0, 0, 0 },
	{ B("\x66\x2e\x0f\x1f\x84\0\0\0\0\0"), DECODE_NOP, 0, 0, 0 },
	{ B("\xf3\x0f\x1e\xfa"), DECODE_ENDBR64, 0, 0, 0 },
	{ B("\x55"), DECODE_PLAIN, 0, 0, 0 },
	{ B("\xeb\xfe"), DECODE_JMP, 0, AT, 0 },
	{ B("\xe9\0\x10\0\0"), DECODE_JMP, 0, AT + 0x1005, 0 },
	{ B("\xf2\xe9\0\x10\0\0"), DECODE_JMP, 0, AT + 0x1006, 0 },
	{ B("\x74\x10"), DECODE_JCC, 0, AT + 0x12, 0 },
	{ B("\x0f\x8f\xff\xff\xff\xff"), DECODE_JCC, 0, AT + 5, 0 },
	{ B("\xe0\x10"), DECODE_LOOP, 0, AT + 0x12, 0 },
	{ B("\xe2\x10"), DECODE_LOOP, 0, AT + 0x12, 0 },
	{ B("\xe3\x10"), DECODE_LOOP, 0, AT + 0x12, 0 },
	{ B("\x67\xe3\x10"), DECODE_LOOP, 0, AT + 0x13, 0 },
	{ B("\xe8\0\0\0\0"), DECODE_CALL, 0, AT + 5, 0 },
	{ B("\xc7\xf8\x10\0\0\0"), DECODE_XBEGIN, 0, AT + 0x16, 0 },
	{ B("\xff\xe0"), DECODE_JMP_INDIRECT, 0, 0, 0 },
	{ B("\xff\x25\0\1\0\0"), DECODE_JMP_INDIRECT, 0, 0, AT + 0x106 },
	{ B("\xff\xd0"), DECODE_CALL_INDIRECT, 0, 0, 0 },
	{ B("\xff\x15\0\1\0\0"), DECODE_CALL_INDIRECT, 0, 0, AT + 0x106 },
	{ B("\xc3"), DECODE_RET, 0, 0, 0 },
	{ B("\xf3\xc3"), DECODE_RET, 0, 0, 0 },
	{ B("\xc2\x08\0"), DECODE_RET, 0, 0, 0 },
	{ B("\x0f\x0b"), DECODE_STOP, 0, 0, 0 },
	{ B("\xf4"), DECODE_STOP, 0, 0, 0 },
	{ B("\xcc"), DECODE_INT3, DECODE_BREAKPOINT, 0, 0 },
	{ B("\xcb"), DECODE_RET, DECODE_FAR_BRANCH, 0, 0 },
	{ B("\xff\x1f"), DECODE_CALL_INDIRECT, DECODE_FAR_BRANCH, 0, 0 },
	{ B("\x66\xe9\0\0\0\0"), DECODE_JMP, DECODE_SIZED_BRANCH, AT + 6, 0 },
	{ B("\x66\xc3"), DECODE_RET, DECODE_SIZED_BRANCH, 0, 0 },
	{ B("\x8b\x05\0\1\0\0"), DECODE_PLAIN, 0, 0, AT + 0x106 },
	{ B("\xc7\x05\0\1\0\0\1\0\0\0"), DECODE_PLAIN, 0, 0, AT + 0x10a },
	{ B("\x67\x8b\x05\0\1\0\0"), DECODE_PLAIN, 0, 0, AT + 0x107 },
	{ B("\xc5\xfc\x10\x1d\0\1\0\0"), DECODE_PLAIN, 0, 0, AT + 0x108 },
	{ B("\x62\xe1\x6c\x40\x58\x1d\0\1\0\0"), DECODE_PLAIN, 0, 0, AT + 0x10a },
	{ B("\x8b\x04\x25\0\1\0\0"), DECODE_PLAIN, 0, 0, 0 },
};
/* clang-format on */

static void table(void **state)
{
	struct decode_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		const uint8_t *bytes = (const uint8_t *)row->bytes;

		assert_int_equal(decode(bytes, row->len, AT, &insn), row->obstacle);
		if (insn.kind != row->kind || insn.length != row->len ||
		    insn.target != row->target || insn.rip_target != row->rip_target)
			fail_msg("row %zu: kind %d, length %d, targets %#lx %#lx", i, insn.kind,
				 insn.length, insn.target, insn.rip_target);
		assert_int_equal(decode_is_direct(&insn), row->target != 0);
	}
}

/* Cut anywhere, an instruction is no instruction, and nothing behind the cut is read. */
static void cut(void **state)
{
	struct decode_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t len = 0; len < rows[i].len; len++) {
			uint8_t bytes[DECODE_LENGTH_MAX];

			memcpy(bytes, rows[i].bytes, len);
			if (!decode(bytes, len, AT, &insn))
				fail_msg("row %zu is one with %zu bytes, too", i, len);
			assert_int_equal(insn.obstacle, DECODE_CUT);
			assert_int_equal(insn.length, 0);
		}
	}
}

static void no_instruction(void **state)
{
	struct decode_insn insn;

	(void)state;
	assert_int_equal(decode((const uint8_t *)"\x06\0\0\0", 4, AT, &insn), DECODE_INVALID);
	assert_int_equal(decode((const uint8_t *)"\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0"
						 "\xf0\xf0\xf0\x90",
				16, AT, &insn),
			 DECODE_INVALID);
	assert_int_equal(insn.length, 0);
}

struct use {
	const char *bytes;
	size_t len;
	uint64_t reads, writes;
	uint32_t flags_read, flags_written; /* of CF and ZF */
};

/* clang-format off */
static const struct use uses[] = {
	/* mov %rcx, %rax; mov %cl, %al keeps the rest of rax */
	{ B("\x48\x89\xc8"), DECODE_GPR(RCX), DECODE_GPR(RAX), 0, 0 },
	{ B("\x88\xc8"), DECODE_GPR(RCX) | DECODE_GPR(RAX), DECODE_GPR(RAX), 0, 0 },
	/* mov 8(%rcx,%rdx), %eax; push %rbx */
	{ B("\x8b\x44\x11\x08"), DECODE_GPR(RCX) | DECODE_GPR(RDX), DECODE_GPR(RAX), 0, 0 },
	{ B("\x53"), DECODE_GPR(RBX) | DECODE_GPR(RSP), DECODE_GPR(RSP), 0, 0 },
	/* adc %ecx, %eax; inc %eax; je */
	{ B("\x11\xc8"), DECODE_GPR(RCX) | DECODE_GPR(RAX), DECODE_GPR(RAX), CF, CF | ZF },
	{ B("\xff\xc0"), DECODE_GPR(RAX), DECODE_GPR(RAX), 0, ZF },
	{ B("\x74\x00"), 0, 0, ZF, 0 },
	/* movaps %xmm1, %xmm0; vaddps %zmm18, %zmm1, %zmm19{%k2} */
	{ B("\x0f\x28\xc1"), DECODE_VECTOR(1), DECODE_VECTOR(0), 0, 0 },
	{ B("\xd9\xc0"), DECODE_X87, DECODE_X87, 0, 0 },
};
/* clang-format on */

static void registers(void **state)
{
	struct decode_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		const struct use *use = &uses[i];
		uint64_t known = ~(DECODE_OTHER | (use->writes & DECODE_X87 ? 0 : DECODE_X87));

		assert_int_equal(decode_full((const uint8_t *)use->bytes, use->len, AT, &insn), 0);
		if ((insn.reads & known) != use->reads || (insn.writes & known) != use->writes ||
		    (insn.flags_read & (CF | ZF)) != use->flags_read ||
		    (insn.flags_written & (CF | ZF)) != use->flags_written)
			fail_msg("use %zu: reads %#lx, writes %#lx, flags %#x %#x", i, insn.reads,
				 insn.writes, insn.flags_read, insn.flags_written);
	}
}

static void falls_through(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool falls;
	} cases[] = {
		{ B("\xc3"), false },     { B("\xeb\0"), false },      { B("\xff\xe0"), false },
		{ B("\x0f\x0b"), false }, { B("\x74\0"), true },       { B("\xff\xd0"), true },
		{ B("\xe2\0"), true },    { B("\xe8\0\0\0\0"), true }, { B("\x0f\x05"), true },
	};
	struct decode_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		decode((const uint8_t *)cases[i].bytes, cases[i].len, AT, &insn);
		assert_int_equal(decode_falls_through(&insn), cases[i].falls);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),          cmocka_unit_test(cut),
		cmocka_unit_test(no_instruction), cmocka_unit_test(registers),
		cmocka_unit_test(falls_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
