/* SPDX-License-Identifier: MIT */
/* Linking an object for an address, and running what comes out, near to and far from its symbols. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "inject/object.h"
#include "object_builder.h"

typedef int64_t payload(struct scion_payload_ctx *ctx);

enum { AREA = 8192 };

static struct build build;
/* Beside this program's own code and data: all in reach of 32 bits. */
static unsigned char near_area[AREA] __attribute__((aligned(4096)));
static int64_t target_total = 1000;

static int64_t target_function(int64_t argument)
{
	return argument * 2;
}

/*
 *  0  sub  $8, %rsp
 *  4  mov  64(%rdi), %rdi		ctx->args[0]
 *  8  call target_function		PLT32
 * 13  mov  target_total@GOTPCREL(%rip), %rcx
 * 20  add  (%rcx), %rax		the target's variable
 * 23  add  table+8(%rip), %rax		PC32: a constant of the payload
 * 30  mov  pointer(%rip), %rcx		a constant that holds an address
 * 37  add  (%rcx), %rax		through it: another constant
 * 40  nop (6)
 * 46  add  $8, %rsp
 * 50  ret
 */
static const unsigned char code[] = { 0x48, 0x83, 0xec, 0x08, 0x48, 0x8b, 0x7f, 0x40, 0xe8,
				      0,    0,    0,    0,    0x48, 0x8b, 0x0d, 0,    0,
				      0,    0,    0x48, 0x03, 0x01, 0x48, 0x03, 0x05, 0,
				      0,    0,    0,    0x48, 0x8b, 0x0d, 0,    0,    0,
				      0,    0x48, 0x03, 0x01, 0x90, 0x90, 0x90, 0x90, 0x90,
				      0x90, 0x48, 0x83, 0xc4, 0x08, 0xc3 };
static const int64_t table[] = { 70000, 20000 };
static const int64_t pointer;
static const Elf64_Rela pointer_relocation = { .r_offset = 0,
					       .r_info = ELF64_R_INFO(2ull, R_X86_64_64),
					       .r_addend = 0 };

static struct object *open_object(void)
{
	unsigned constants, pointers, relocations, function, total;
	struct object *object;

	build_start(&build, code, sizeof(code), SCION_PAYLOAD_CALLS);
	constants = build_section(&build, ".rodata", SHT_PROGBITS, SHF_ALLOC, table, sizeof(table));
	build.sections[constants].sh_addralign = 16;
	pointers = build_section(&build, ".data.rel.ro.local", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
				 &pointer, sizeof(pointer));
	build.sections[pointers].sh_addralign = 8;
	relocations = build_section(&build, ".rela.data.rel.ro.local", SHT_RELA, SHF_INFO_LINK,
				    &pointer_relocation, sizeof(pointer_relocation));
	build.sections[relocations].sh_link = BUILD_SYMTAB;
	build.sections[relocations].sh_info = pointers;
	build.sections[relocations].sh_entsize = sizeof(Elf64_Rela);
	assert_int_equal(build_symbol(&build, "table", constants, 0, STB_LOCAL, STT_OBJECT), 2);
	build_symbol(&build, "pointer", pointers, 0, STB_LOCAL, STT_OBJECT);
	function = build_symbol(&build, "target_function", 0, 0, STB_GLOBAL, 0);
	total = build_symbol(&build, "target_total", 0, 0, STB_GLOBAL, 0);
	build_relocation(&build, 9, function, R_X86_64_PLT32, -4);
	build_relocation(&build, 16, total, R_X86_64_REX_GOTPCRELX, -4);
	build_relocation(&build, 26, 2, R_X86_64_PC32, 4);
	build_relocation(&build, 33, 3, R_X86_64_PC32, -4);
	build_relocation(&build, 42, 0, R_X86_64_NONE, 0);
	build_finish(&build);
	assert_int_equal(object_open(build.bytes, build.len, &object), 0);
	if (object_reason_count(object))
		print_error("refused: %s\n", object_reason(object, 0));
	assert_int_equal(object_reason_count(object), 0);
	return object;
}

static int resolve(void *arg, const struct object_import *import, uint64_t *address)
{
	(*(int *)arg)++;
	if (!strcmp(import->name, "target_function"))
		*address = (uint64_t)(uintptr_t)target_function;
	else if (!strcmp(import->name, "target_total"))
		*address = (uint64_t)(uintptr_t)&target_total;
	else
		return -ENOENT;
	return 0;
}

static void link_and_run(unsigned char *area, uint32_t shift)
{
	struct scion_payload_ctx ctx = { .args = { 21 } };
	struct object *object = open_object();
	struct object_error error;
	size_t entry = 0, i;
	int asked = 0;
	unsigned char *image = area + shift;

	assert_int_equal(mprotect(area, AREA, PROT_READ | PROT_WRITE), 0);
	memset(area, 0xcc, AREA);
	assert_int_equal(object_link(object, (uint64_t)(uintptr_t)image, resolve, &asked, image,
				     AREA - shift, &entry, &error),
			 0);
	assert_int_equal(asked, 2);
	assert_int_equal(entry, 0);
	for (i = 0; i < shift; i++)
		assert_int_equal(area[i], 0xcc);
	for (i = shift + object_size(object); i < AREA; i++)
		assert_int_equal(area[i], 0xcc);
	assert_int_equal(mprotect(area, AREA, PROT_READ | PROT_EXEC), 0);
	assert_int_equal(((payload *)(uintptr_t)(image + entry))(&ctx), 42 + 1000 + 20000 + 70000);
	assert_int_equal(mprotect(area, AREA, PROT_READ | PROT_WRITE), 0);
	object_close(object);
}

static void runs_near(void **state)
{
	(void)state;
	link_and_run(near_area, 0);
	link_and_run(near_area, 640);
}

/* Mappings lie terabytes away from a position-independent program: only a jump stub gets there. */
static void runs_far(void **state)
{
	unsigned char *area =
		mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	intptr_t distance;

	(void)state;
	assert_ptr_not_equal(area, MAP_FAILED);
	distance = (intptr_t)area - (intptr_t)target_function;
	assert_true(distance > INT32_MAX || distance < INT32_MIN);
	link_and_run(area, 0);
	link_and_run(area, 1024);
	munmap(area, AREA);
}

static int resolve_fixed(void *arg, const struct object_import *import, uint64_t *address)
{
	(void)import;
	*address = *(uint64_t *)arg;
	return *address ? 0 : -ENOENT;
}

/* call name; ret, linked at a base: what stands in the operand, and what the error says. */
static int link_call(unsigned type, unsigned bind, uint64_t base, uint64_t address,
		     int32_t *operand, uint64_t *quad, struct object_error *error)
{
	static const unsigned char call[] = { 0xe8, 0,    0,    0,    0,    0xc3, 0x90, 0x90,
					      0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	unsigned char image[256];
	struct object *object;
	size_t entry;
	int ret;

	build_start(&build, call, sizeof(call), SCION_PAYLOAD_CALLS);
	build_relocation(&build, type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 1,
			 build_symbol(&build, "name", 0, 0, bind, 0), type, -4);
	build_finish(&build);
	assert_int_equal(object_open(build.bytes, build.len, &object), 0);
	assert_int_equal(object_reason_count(object), 0);
	ret = object_link(object, base, resolve_fixed, &address, image, sizeof(image), &entry,
			  error);
	memcpy(operand, image + 1, sizeof(*operand));
	memcpy(quad, image + 8, sizeof(*quad));
	object_close(object);
	return ret;
}

static void reach_of_a_call(void **state)
{
	const uint64_t base = 0x7f0000000000;
	struct object_error error;
	uint64_t quad;
	int32_t operand;

	(void)state;
	/* The operand is at base + 1, its instruction ends at base + 5. */
	assert_int_equal(link_call(R_X86_64_PLT32, STB_GLOBAL, base, base + 5 + INT32_MAX, &operand,
				   &quad, &error),
			 0);
	assert_int_equal(operand, INT32_MAX);
	assert_int_equal(link_call(R_X86_64_PLT32, STB_GLOBAL, base, base + 5 - 0x80000000u,
				   &operand, &quad, &error),
			 0);
	assert_int_equal(operand, INT32_MIN);
	/* One byte further it goes by the stub, right behind the 16 bytes of code. */
	assert_int_equal(link_call(R_X86_64_PLT32, STB_GLOBAL, base, base + 6 + INT32_MAX, &operand,
				   &quad, &error),
			 0);
	assert_int_equal(operand, 16 - 5);
	/* PC32 at a call is a call too. */
	assert_int_equal(
		link_call(R_X86_64_PC32, STB_GLOBAL, base, 0x1000, &operand, &quad, &error), 0);
	assert_int_equal(operand, 16 - 5);
	/* A weak function that is missing is called at address 0, as in a static program. */
	assert_int_equal(link_call(R_X86_64_PLT32, STB_WEAK, base, 0, &operand, &quad, &error), 0);
	assert_int_equal(operand, 16 - 5);
	assert_int_equal(link_call(R_X86_64_64, STB_GLOBAL, base, 0x1234, &operand, &quad, &error),
			 0);
	assert_true(quad == 0x1230);
	assert_int_equal(
		link_call(R_X86_64_PC64, STB_GLOBAL, base, 0x1234, &operand, &quad, &error), 0);
	assert_true(quad == 0x1230 - (base + 8));
}

static void missing_symbol(void **state)
{
	struct object_error error;
	uint64_t quad;
	int32_t operand;

	(void)state;
	assert_int_equal(link_call(R_X86_64_PLT32, STB_GLOBAL, 0x10000, 0, &operand, &quad, &error),
			 -ENOENT);
	assert_string_equal(error.text, "name: no such symbol in the target");
}

/* Code that was compiled without -fPIC addresses data directly: fine only where it is near. */
static void data_out_of_reach(void **state)
{
	static const unsigned char load[] = { 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3 };
	uint64_t near_address = 0x20000, far_address = 0x7f0000000000;
	unsigned char image[64];
	struct object *object;
	struct object_error error;
	size_t entry;

	(void)state;
	build_start(&build, load, sizeof(load), 0);
	build_relocation(&build, 3, build_symbol(&build, "total", 0, 0, STB_GLOBAL, 0),
			 R_X86_64_PC32, -4);
	build_finish(&build);
	assert_int_equal(object_open(build.bytes, build.len, &object), 0);
	assert_int_equal(object_reason_count(object), 0);
	assert_int_equal(object_link(object, 0x10000, resolve_fixed, &near_address, image,
				     sizeof(image), &entry, &error),
			 0);
	assert_int_equal(object_link(object, 0x10000, resolve_fixed, &far_address, image,
				     sizeof(image), &entry, &error),
			 -ERANGE);
	assert_string_equal(error.text, ".text+0x3: total is out of reach, 139637976662009 bytes "
					"away: compile with -fPIC");
	object_close(object);
}

static void bad_arguments(void **state)
{
	struct object *object = open_object();
	unsigned char image[512];
	struct object_error error;
	size_t entry;
	int asked = 0;

	(void)state;
	assert_int_equal(object_link(object, 0x10008, resolve, &asked, image, sizeof(image), &entry,
				     &error),
			 -EINVAL);
	assert_int_equal(object_link(object, 0x10000, resolve, &asked, image,
				     object_size(object) - 1, &entry, &error),
			 -EINVAL);
	assert_int_equal(object_link(object, ~0ull & ~63ull, resolve, &asked, image, sizeof(image),
				     &entry, &error),
			 -EINVAL);
	assert_int_equal(asked, 0);
	object_close(object);
	assert_int_equal(object_open("x", 1, &object), 0);
	assert_int_equal(object_link(object, 0, resolve, &asked, image, sizeof(image), &entry,
				     &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "not an ELF object"));
	object_close(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_near),         cmocka_unit_test(runs_far),
		cmocka_unit_test(reach_of_a_call),   cmocka_unit_test(missing_symbol),
		cmocka_unit_test(data_out_of_reach), cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
