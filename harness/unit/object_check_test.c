/* SPDX-License-Identifier: MIT */
/* What a user's object is refused for, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inject/object.h"
#include "object_builder.h"

/* mov $7, %eax; ret; then room for an operand that a relocation may name */
static const unsigned char code[] = { 0xb8, 7,    0,    0,    0,    0xc3, 0x90, 0x90,
				      0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
static const unsigned char eight[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static struct build build;

static void start(uint32_t flags)
{
	build_start(&build, code, sizeof(code), flags);
}

static struct object *finish(void)
{
	struct object *object;

	build_finish(&build);
	assert_int_equal(object_open(build.bytes, build.len, &object), 0);
	return object;
}

/* The object is refused, and one of the reasons is this. */
static void assert_refused(struct object *object, const char *reason)
{
	size_t i;

	for (i = 0; i < object_reason_count(object); i++)
		if (!strcmp(object_reason(object, i), reason))
			break;
	if (i == object_reason_count(object)) {
		print_error("wanted: %s\n", reason);
		for (i = 0; i < object_reason_count(object); i++)
			print_error("got: %s\n", object_reason(object, i));
		fail();
	}
	object_close(object);
}

static void assert_accepted(struct object *object)
{
	size_t i;

	for (i = 0; i < object_reason_count(object); i++)
		print_error("refused: %s\n", object_reason(object, i));
	assert_int_equal(object_reason_count(object), 0);
}

static void good_object(void **state)
{
	static const char summary[] = "seven, \033[31mred";
	struct object *object;

	(void)state;
	start(SCION_PAYLOAD_SYSCALLS);
	build_section(&build, ".scion.summary", SHT_PROGBITS, SHF_ALLOC, summary, sizeof(summary));
	object = finish();
	assert_accepted(object);
	assert_int_equal(object_flags(object), SCION_PAYLOAD_SYSCALLS);
	assert_int_equal(object_size(object), sizeof(code));
	assert_int_equal(object_import_count(object), 0);
	assert_null(object_import(object, 0));
	/* What a file says must not steer the terminal. */
	assert_string_equal(object_summary(object), "seven, ?[31mred");
	object_close(object);
}

static void not_an_object(void **state)
{
	static unsigned char large[OBJECT_FILE_MAX + 1];
	struct object *object;

	(void)state;
	assert_int_equal(object_open(NULL, 0, &object), 0);
	assert_refused(object, "not an ELF object: a payload is compiled C; build it by scion "
			       "payload build");
	assert_int_equal(object_open("#include <stdio.h>", 18, &object), 0);
	assert_refused(object, "not an ELF object: a payload is compiled C; build it by scion "
			       "payload build");
	assert_int_equal(object_open(large, sizeof(large), &object), 0);
	assert_refused(object, "a file of 1048577 bytes: a payload's object has at most 1048576");
}

static void wrong_kind_of_elf(void **state)
{
	(void)state;
	start(0);
	build.header.e_type = ET_DYN;
	assert_refused(finish(), "a linked program or library (ELF type 3), not an object: compile "
				 "with -c and don't link");
	start(0);
	build.header.e_machine = EM_AARCH64;
	assert_refused(finish(),
		       "an object for another machine (ELF class 2, machine 183), not for "
		       "x86-64");
}

static void description(void **state)
{
	(void)state;
	start(0);
	build.sections[BUILD_INFO].sh_size = 0;
	assert_refused(finish(), "no .scion.info: put SCION_PAYLOAD_INFO(FLAGS); at file scope");
	start(0);
	build.sections[BUILD_INFO].sh_size = 12;
	assert_refused(finish(), ".scion.info: 12 bytes, not 16: SCION_PAYLOAD_INFO stands once in "
				 "a payload");
	start(0);
	build.info.magic = 1;
	assert_refused(finish(), ".scion.info: magic 0x1, not 0x6e6f6373: not written by "
				 "SCION_PAYLOAD_INFO");
	start(0);
	build.info.abi = 9;
	assert_refused(finish(),
		       ".scion.info: written for payload ABI 9, this scion has 1: compile "
		       "it again");
	start(0x40);
	assert_refused(finish(), ".scion.info: flags 0x40 are not known here");
}

static void entry(void **state)
{
	static const char no_entry[] = "no function scion_payload: int64_t "
				       "scion_payload(struct scion_payload_ctx *ctx) is where a "
				       "payload is entered";

	(void)state;
	start(0);
	build.symbol_count = 1;
	assert_refused(finish(), no_entry);
	start(0);
	build.symbols[1].st_shndx = SHN_UNDEF;
	assert_refused(finish(), no_entry);
	start(0);
	build.symbols[1].st_value = sizeof(code);
	assert_refused(finish(), "scion_payload is not a function");
	start(0);
	build.symbols[1].st_shndx = BUILD_INFO;
	assert_refused(finish(), "scion_payload is not a function");
	start(0);
	build.symbols[1].st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
	assert_refused(finish(), "scion_payload is static: it is entered from outside");
}

static void writable_data(void **state)
{
	unsigned section;

	(void)state;
	start(0);
	section = build_section(&build, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, eight, 8);
	build_symbol(&build, "counter", section, 0, STB_LOCAL, STT_OBJECT);
	assert_refused(finish(), ".data: 8 bytes of data that can be written (counter): a payload "
				 "keeps its data in ctx->block");
	start(0);
	build_section(&build, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 4096);
	assert_refused(finish(),
		       ".bss: 4096 bytes of data that can be written (no name): a payload "
		       "keeps its data in ctx->block");
	start(0);
	build_symbol(&build, "shared", SHN_COMMON, 8, STB_GLOBAL, STT_OBJECT);
	assert_refused(finish(), "shared: a variable that can be written: a payload keeps its data "
				 "in ctx->block");
	start(0);
	build_section(&build, ".tbss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS, NULL, 4);
	assert_refused(finish(), ".tbss: 4 bytes of thread-local data (no name): a payload keeps "
				 "its data in ctx->block");
}

static void other_sections(void **state)
{
	struct object *object;

	(void)state;
	start(0);
	build_section(&build, ".init_array", SHT_INIT_ARRAY, SHF_ALLOC | SHF_WRITE, eight, 8);
	assert_refused(finish(), ".init_array: a constructor or destructor: nobody would call it");
	start(0);
	build_section(&build, ".strange", SHT_HASH, SHF_ALLOC, eight, 8);
	assert_refused(finish(), ".strange: section of type 5: only code and constants can be put "
				 "into a target");
	start(0);
	build_section(&build, ".rodata", SHT_PROGBITS, SHF_ALLOC, eight, 8);
	build.sections[BUILD_OWN].sh_addralign = 4096;
	assert_refused(finish(), ".rodata: wants to be aligned to 4096 bytes, more than 64");
	start(0);
	build.sections[BUILD_INFO].sh_size = 0;
	build_section(&build, ".gnu.lto_main", SHT_PROGBITS, 0, eight, 8);
	assert_refused(finish(), "compiled for link-time optimisation: compile with -fno-lto");

	/* Notes, unwind tables and empty sections are nobody's trouble. */
	start(0);
	build_section(&build, ".note.gnu.property", SHT_NOTE, SHF_ALLOC, eight, 8);
	build_section(&build, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, eight, 8);
	build_section(&build, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, eight, 0);
	object = finish();
	assert_accepted(object);
	assert_int_equal(object_size(object), sizeof(code));
	object_close(object);
}

static void too_large(void **state)
{
	static unsigned char constants[OBJECT_IMAGE_MAX];

	(void)state;
	start(0);
	build_section(&build, ".rodata", SHT_PROGBITS, SHF_ALLOC, constants, sizeof(constants));
	assert_refused(finish(), "larger than 32768 bytes: a payload is a small thing");
}

static void relocations(void **state)
{
	static const struct {
		unsigned type;
		const char *reason;
	} cases[] = {
		{ R_X86_64_32, ".text+0x8: R_X86_64_32 against name: not position independent: "
			       "compile with -fPIC" },
		{ R_X86_64_32S, ".text+0x8: R_X86_64_32S against name: not position independent: "
				"compile with -fPIC" },
		{ R_X86_64_TPOFF32, ".text+0x8: R_X86_64_TPOFF32 against name: thread-local data "
				    "can't be reached from a payload" },
		{ R_X86_64_TLSGD, ".text+0x8: R_X86_64_TLSGD against name: thread-local data can't "
				  "be reached from a payload" },
		{ R_X86_64_GOTPC32, ".text+0x8: R_X86_64_GOTPC32 against name: a relocation that "
				    "scion does not know: compile with -fPIC -mcmodel=small" },
		{ 200, ".text+0x8: unknown against name: a relocation that scion does not know: "
		       "compile with -fPIC -mcmodel=small" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(SCION_PAYLOAD_CALLS);
		build_relocation(&build, 8, build_symbol(&build, "name", 0, 0, STB_GLOBAL, 0),
				 cases[i].type, -4);
		assert_refused(finish(), cases[i].reason);
	}
}

static void broken_relocations(void **state)
{
	(void)state;
	start(0);
	build_relocation(&build, sizeof(code) - 3, 1, R_X86_64_PC32, 0);
	assert_refused(finish(), ".text: relocation 0 lies behind the section's end");
	start(0);
	build_relocation(&build, ~0ull, 1, R_X86_64_64, 0);
	assert_refused(finish(), ".text: relocation 0 lies behind the section's end");
	start(0);
	build_relocation(&build, 8, 77, R_X86_64_64, 0);
	assert_refused(finish(), ".text: relocation 0 names symbol 77, which does not exist");
	start(0);
	build_relocation(&build, 8, build_symbol(&build, "me", BUILD_INFO, 0, STB_LOCAL, 0),
			 R_X86_64_64, 0);
	assert_refused(finish(), ".text+0x8: refers to me, which is not put into the target");
	start(0);
	build_relocation(&build, 8, build_symbol(&build, "far", 999, 0, STB_LOCAL, 0), R_X86_64_64,
			 0);
	assert_refused(finish(), ".text+0x8: refers to far, which is not put into the target");
	start(0);
	build_relocation(&build, 8, build_symbol(&build, "", 0, 0, STB_GLOBAL, 0), R_X86_64_64, 0);
	assert_refused(finish(), ".text+0x8: uses an undefined symbol without a name");
	start(0);
	build_relocation(&build, 8, build_symbol(&build, "errno", 0, 0, STB_GLOBAL, STT_TLS),
			 R_X86_64_GOTPCREL, 0);
	assert_refused(finish(),
		       ".text+0x8: errno is thread-local data, which can't be reached from "
		       "a payload");
	start(0);
	build.sections[BUILD_RELA].sh_type = SHT_REL;
	build_relocation(&build, 8, 1, R_X86_64_64, 0);
	assert_refused(finish(), ".text: relocations that can't be read");
}

static void imports(void **state)
{
	static const unsigned char calling[] = { 0xe8, 0,    0,    0, 0,       /* call puts */
						 0xff, 0x15, 0,    0, 0, 0,    /* call *exit@GOT */
						 0x48, 0x8b, 0x05, 0, 0, 0, 0, /* mov total@GOT */
						 0xc3 };
	struct object *object;
	int marked;

	(void)state;
	for (marked = 0; marked < 2; marked++) {
		build_start(&build, calling, sizeof(calling), marked ? SCION_PAYLOAD_CALLS : 0);
		build_symbol(&build, "unused", 0, 0, STB_GLOBAL, 0);
		build_relocation(&build, 1, build_symbol(&build, "puts", 0, 0, STB_GLOBAL, 0),
				 R_X86_64_PLT32, -4);
		build_relocation(&build, 7, build_symbol(&build, "exit", 0, 0, STB_WEAK, 0),
				 R_X86_64_GOTPCRELX, -4);
		build_relocation(&build, 14, build_symbol(&build, "total", 0, 0, STB_GLOBAL, 0),
				 R_X86_64_REX_GOTPCRELX, -4);
		object = finish();
		assert_int_equal(object_import_count(object), 3);
		assert_string_equal(object_import(object, 0)->name, "puts");
		assert_true(object_import(object, 0)->function);
		assert_false(object_import(object, 0)->weak);
		assert_string_equal(object_import(object, 1)->name, "exit");
		assert_true(object_import(object, 1)->function);
		assert_true(object_import(object, 1)->weak);
		assert_string_equal(object_import(object, 2)->name, "total");
		assert_false(object_import(object, 2)->function);
		if (marked) {
			assert_accepted(object);
			object_close(object);
			continue;
		}
		assert_int_equal(object_reason_count(object), 2);
		assert_refused(object, ".text+0x1: calls puts of the target: mark the payload "
				       "SCION_PAYLOAD_CALLS, or don't call");
	}
}

static void code_refused(const unsigned char *bytes, size_t size, uint32_t allowing,
			 const char *reason)
{
	struct object *object;

	build_start(&build, bytes, size, 0);
	assert_refused(finish(), reason);
	if (!allowing)
		return;
	build_start(&build, bytes, size, allowing);
	object = finish();
	assert_accepted(object);
	object_close(object);
}

#define CODE(...) (const unsigned char[]){ __VA_ARGS__ }, sizeof((unsigned char[]){ __VA_ARGS__ })

static void undeclared_code(void **state)
{
	(void)state;
	code_refused(CODE(0x90, 0x66, 0x0f, 0xef, 0xc0, 0xc3), SCION_PAYLOAD_CALLS,
		     ".text+0x1: uses a register that nobody saves (pxor xmm0, xmm0): compile with "
		     "-mgeneral-regs-only, or mark the payload SCION_PAYLOAD_CALLS");
	code_refused(CODE(0xd9, 0xe8, 0xc3), SCION_PAYLOAD_CALLS,
		     ".text+0x0: uses a register that nobody saves (fld1): compile with "
		     "-mgeneral-regs-only, or mark the payload SCION_PAYLOAD_CALLS");
	code_refused(CODE(0xc5, 0xf8, 0x77, 0xc3), SCION_PAYLOAD_CALLS,
		     ".text+0x0: uses a register that nobody saves (vzeroupper): compile with "
		     "-mgeneral-regs-only, or mark the payload SCION_PAYLOAD_CALLS");
	code_refused(CODE(0xc5, 0xf8, 0x92, 0xc8, 0xc3), SCION_PAYLOAD_CALLS,
		     ".text+0x0: uses a register that nobody saves (kmovw k1, eax): compile with "
		     "-mgeneral-regs-only, or mark the payload SCION_PAYLOAD_CALLS");
	code_refused(CODE(0x0f, 0xae, 0x10, 0xc3), SCION_PAYLOAD_CALLS,
		     ".text+0x0: uses a register that nobody saves (ldmxcsr [rax]): "
		     "compile with -mgeneral-regs-only, or mark the payload SCION_PAYLOAD_CALLS");
	code_refused(CODE(0x31, 0xc0, 0x0f, 0x05, 0xc3), SCION_PAYLOAD_SYSCALLS,
		     ".text+0x2: makes a system call (syscall): mark the payload "
		     "SCION_PAYLOAD_SYSCALLS");
	code_refused(CODE(0xcd, 0x80, 0xc3), SCION_PAYLOAD_SYSCALLS,
		     ".text+0x0: makes a system call (int 0x80): mark the payload "
		     "SCION_PAYLOAD_SYSCALLS");
	code_refused(CODE(0xc3, 0x06), 0, ".text+0x1: not an instruction: data among the code");
}

/* endbr64, long nops, prefetch, pause, rdtsc, lock xadd, rep movs, adcx: all general. */
static void general_code(void **state)
{
	static const unsigned char bytes[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x66, 0x0f, 0x1f, 0x44, 0x00,
					       0x00, 0x0f, 0x18, 0x08, 0xf3, 0x90, 0x0f, 0x31, 0xf0,
					       0x48, 0x0f, 0xc1, 0x07, 0xf3, 0x48, 0xa5, 0x66, 0x0f,
					       0x38, 0xf6, 0xc1, 0x0f, 0xa2, 0xc3 };
	struct object *object;

	(void)state;
	build_start(&build, bytes, sizeof(bytes), 0);
	object = finish();
	assert_accepted(object);
	object_close(object);
}

/* A thousand faults are as bad as 32; a name may be anything. */
static void reasons_are_bounded_and_printable(void **state)
{
	char name[300];
	struct object *object;
	unsigned symbol, i;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "a\033]0;title\a\n", 12);
	name[sizeof(name) - 1] = '\0';
	start(0);
	symbol = build_symbol(&build, name, 0, 0, STB_GLOBAL, 0);
	for (i = 0; i < BUILD_RELOCATIONS; i++)
		build_relocation(&build, 8, symbol, R_X86_64_32, 0);
	object = finish();
	assert_int_equal(object_reason_count(object), 32);
	for (i = 0; i < 32; i++) {
		const char *c = object_reason(object, i);

		assert_true(strlen(c) < 400);
		for (; *c; c++)
			assert_in_range(*c, ' ', '~');
	}
	assert_non_null(strstr(object_reason(object, 0), "a?]0;title??xxx"));
	object_close(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_object),
		cmocka_unit_test(not_an_object),
		cmocka_unit_test(wrong_kind_of_elf),
		cmocka_unit_test(description),
		cmocka_unit_test(entry),
		cmocka_unit_test(writable_data),
		cmocka_unit_test(other_sections),
		cmocka_unit_test(too_large),
		cmocka_unit_test(relocations),
		cmocka_unit_test(broken_relocations),
		cmocka_unit_test(imports),
		cmocka_unit_test(undeclared_code),
		cmocka_unit_test(general_code),
		cmocka_unit_test(reasons_are_bounded_and_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
