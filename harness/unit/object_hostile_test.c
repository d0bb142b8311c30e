/* SPDX-License-Identifier: MIT */
/*
 * Damaged objects: cut at every length, changed at every byte of their tables, and at random.
 * Whatever is still accepted must link without a byte beyond its size. Run it with the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inject/object.h"
#include "object_builder.h"

static const unsigned char code[] = { 0xe8, 0, 0,    0,    0,    0x48, 0x8b, 0x05, 0, 0,
				      0,    0, 0x48, 0x8b, 0x0d, 0,    0,    0,    0, 0xc3 };
static const char constants[] = "some constants";
static struct build build;
static unsigned accepted, linked;

static void build_all_kinds(void)
{
	unsigned section;

	build_start(&build, code, sizeof(code), SCION_PAYLOAD_CALLS);
	section = build_section(&build, ".rodata", SHT_PROGBITS, SHF_ALLOC, constants,
				sizeof(constants));
	build_section(&build, ".scion.summary", SHT_PROGBITS, SHF_ALLOC, constants,
		      sizeof(constants));
	build_section(&build, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, constants, sizeof(constants));
	build_relocation(&build, 1, build_symbol(&build, "puts", 0, 0, STB_GLOBAL, 0),
			 R_X86_64_PLT32, -4);
	build_relocation(&build, 8, build_symbol(&build, "total", 0, 0, STB_WEAK, 0),
			 R_X86_64_REX_GOTPCRELX, -4);
	build_relocation(&build, 15,
			 build_symbol(&build, "text", section, 0, STB_LOCAL, STT_OBJECT),
			 R_X86_64_PC32, -4);
	build_finish(&build);
}

static int resolve(void *arg, const struct object_import *import, uint64_t *address)
{
	(void)arg;
	assert_true(import->name[0] != '\0');
	*address = 0x7f0000001000;
	return 0;
}

/* In a buffer of its exact size: a sanitizer sees each byte read beyond it. */
static void try(const unsigned char *bytes, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1), *image;
	struct object *object;
	struct object_error error;
	size_t entry, size, i;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(object_open(copy, len, &object), 0);
	free(copy);
	for (i = 0; i < object_reason_count(object); i++)
		assert_true(strlen(object_reason(object, i)) > 0);
	if (!object_reason_count(object)) {
		accepted++;
		size = object_size(object);
		assert_true(size <= OBJECT_IMAGE_MAX);
		image = malloc(size);
		assert_non_null(image);
		if (!object_link(object, 0x400000, resolve, NULL, image, size, &entry, &error)) {
			linked++;
			assert_true(entry < size);
		} else {
			assert_true(error.text[0] != '\0');
		}
		free(image);
	}
	object_close(object);
}

static void undamaged(void **state)
{
	(void)state;
	build_all_kinds();
	accepted = linked = 0;
	try(build.bytes, build.len);
	assert_int_equal(accepted, 1);
	assert_int_equal(linked, 1);
}

static void cut_at_every_length(void **state)
{
	size_t len;

	(void)state;
	build_all_kinds();
	accepted = 0;
	for (len = 0; len < build.len; len++)
		try(build.bytes, len);
	/* The section table lies at the end: nothing that is cut can be whole. */
	assert_int_equal(accepted, 0);
}

/* Thousands of sections that all show the same bytes: no more work than for one. */
static void overlapping_sections(void **state)
{
	enum { COPIES = 8000 };
	static unsigned char bytes[BUILD_BYTES + COPIES * sizeof(Elf64_Shdr)];
	Elf64_Shdr *table = (Elf64_Shdr *)(void *)(bytes + BUILD_BYTES);
	static const unsigned kinds[] = { BUILD_TEXT, BUILD_RELA, BUILD_SYMTAB };
	size_t kind, i;

	(void)state;
	accepted = 0;
	for (kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		Elf64_Shdr copy;

		build_all_kinds();
		build.header.e_shoff = BUILD_BYTES;
		build.header.e_shnum = COPIES;
		memcpy(bytes, build.bytes, BUILD_BYTES);
		memcpy(bytes, &build.header, sizeof(build.header));
		memcpy(table, build.sections, build.section_count * sizeof(*table));
		copy = table[kinds[kind]];
		copy.sh_flags |= SHF_ALLOC;
		copy.sh_size = (BUILD_BYTES - copy.sh_offset) / 48 * 24;
		for (i = build.section_count; i < COPIES; i++)
			table[i] = copy;
		try(bytes, sizeof(bytes));
	}
	assert_int_equal(accepted, 0);
}

static void changed_at_every_byte(void **state)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	size_t at, i;

	(void)state;
	build_all_kinds();
	for (at = 0; at < build.len; at++) {
		unsigned char kept = build.bytes[at];

		for (i = 0; i < sizeof(values); i++) {
			build.bytes[at] = values[i];
			try(build.bytes, build.len);
		}
		build.bytes[at] = kept ^ 0x10;
		try(build.bytes, build.len);
		build.bytes[at] = kept;
	}
}

/* A fixed sequence: a failure can be repeated. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void changed_at_random(void **state)
{
	static unsigned char bytes[BUILD_BYTES];
	uint32_t seed = 20100;
	int round, change;

	(void)state;
	build_all_kinds();
	for (round = 0; round < 20000; round++) {
		memcpy(bytes, build.bytes, build.len);
		for (change = 0; change < 4; change++) {
			size_t at = next_random(&seed) % build.len;
			uint32_t value = next_random(&seed);
			size_t width = (size_t)1 << (value & 3);

			/* Whole fields with small or huge values get past more checks than bytes. */
			if (value & 4)
				value = (value >> 4) & 0x1f;
			else if (value & 8)
				value = 0xffffffff;
			for (; width && at < build.len; width--, at++, value >>= 8)
				bytes[at] = (unsigned char)value;
		}
		try(bytes, build.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undamaged),
		cmocka_unit_test(cut_at_every_length),
		cmocka_unit_test(overlapping_sections),
		cmocka_unit_test(changed_at_every_byte),
		cmocka_unit_test(changed_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
