/* SPDX-License-Identifier: MIT */
/* Load biases from segments and mappings: values in, values out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "symbols/internal.h"

enum { MAX = 8 };

struct layout {
	GElf_Phdr loads[4];
	size_t nloads;
	const char *maps;
};

static size_t find(const struct layout *layout, uint64_t biases[MAX])
{
	GElf_Phdr loads[4];
	struct symfile file = { .loads = loads, .nloads = layout->nloads };
	struct symmaps maps;
	size_t count = 0;

	memcpy(loads, layout->loads, sizeof(loads));
	assert_int_equal(symmaps_parse(&maps, layout->maps, strlen(layout->maps), NULL), 0);
	for (uint32_t i = 0; i < maps.nfiles; i++) {
		if (!strcmp(maps.files[i].path, "/x"))
			count = symbias_find(&maps, i, &file, biases, MAX);
	}
	symmaps_free(&maps);
	return count;
}

static void expect_one(const struct layout *layout, uint64_t wanted)
{
	uint64_t biases[MAX];

	assert_int_equal(find(layout, biases), 1);
	assert_int_equal(biases[0], wanted);
}

#define LOAD(flags, offset, vaddr, filesz, memsz)                                                \
	{                                                                                        \
		.p_type = PT_LOAD, .p_flags = (flags), .p_offset = (offset), .p_vaddr = (vaddr), \
		.p_filesz = (filesz), .p_memsz = (memsz)                                         \
	}

/* As ld makes them by default: R, RX, R, RW, none shares a page. */
#define SEPARATE                                                                 \
	.nloads = 4, .loads = { LOAD(PF_R, 0, 0, 0x628, 0x628),                  \
				LOAD(PF_R | PF_X, 0x1000, 0x1000, 0x175, 0x175), \
				LOAD(PF_R, 0x2000, 0x2000, 0xf4, 0xf4),          \
				LOAD(PF_R | PF_W, 0x2de8, 0x3de8, 0x248, 0x250) }

static void pie(void **state)
{
	static const struct layout layout = {
		SEPARATE,
		.maps = "555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
			"555555555000-555555556000 r-xp 00001000 fe:01 5 /x\n"
			"555555556000-555555557000 r--p 00002000 fe:01 5 /x\n"
			"555555557000-555555558000 r--p 00002000 fe:01 5 /x\n"
			"555555558000-555555559000 rw-p 00003000 fe:01 5 /x\n",
	};

	(void)state;
	expect_one(&layout, 0x555555554000);
}

/* -z noseparate-code: one page of the file is in both mappings, and text and data fit both. */
static const struct layout shared = {
	.nloads = 2,
	.loads = { LOAD(PF_R | PF_X, 0, 0x400000, 0x1834, 0x1834),
		   LOAD(PF_R | PF_W, 0x1df0, 0x601df0, 0x240, 0x248) },
	.maps = "400000-402000 r-xp 00000000 fe:01 5 /x\n"
		"601000-602000 r--p 00001000 fe:01 5 /x\n"
		"602000-603000 rw-p 00002000 fe:01 5 /x\n",
};

static void shared_page(void **state)
{
	(void)state;
	expect_one(&shared, 0);
}

/* prelink(8) gives a library its address in the file; it may be loaded elsewhere all the same. */
static void prelinked(void **state)
{
	struct layout layout = {
		.nloads = 2,
		.loads = { LOAD(PF_R | PF_X, 0, 0x3a00000000, 0x5000, 0x5000),
			   LOAD(PF_R | PF_W, 0x5000, 0x3a00205000, 0x1000, 0x3000) },
		.maps = "3a00000000-3a00005000 r-xp 00000000 fe:01 5 /x\n"
			"3a00205000-3a00206000 rw-p 00005000 fe:01 5 /x\n",
	};

	(void)state;
	expect_one(&layout, 0);
	layout.maps = "7f0000000000-7f0000005000 r-xp 00000000 fe:01 5 /x\n"
		      "7f0000205000-7f0000206000 rw-p 00005000 fe:01 5 /x\n";
	expect_one(&layout, 0x7f0000000000 - 0x3a00000000);
	/* Below its own address: the bias is negative. */
	layout.maps = "10000000-10005000 r-xp 00000000 fe:01 5 /x\n"
		      "10205000-10206000 rw-p 00005000 fe:01 5 /x\n";
	expect_one(&layout, (uint64_t)0x10000000 - 0x3a00000000);
}

/* The text moved to anonymous huge pages, or to a file of hugetlbfs. */
static void moved_text(void **state)
{
	struct layout layout = {
		SEPARATE,
		.maps = "555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
			"555555555000-555555556000 r-xp 00000000 00:00 0 \n"
			"555555556000-555555557000 r--p 00002000 fe:01 5 /x\n"
			"555555557000-555555559000 rw-p 00002000 fe:01 5 /x\n",
	};

	(void)state;
	expect_one(&layout, 0x555555554000);
	layout.maps = "555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
		      "555555555000-555555556000 r-xp 00000000 00:0f 9 /anon_hugepage (deleted)\n"
		      "555555556000-555555557000 r--p 00002000 fe:01 5 /x\n";
	/* Without data it can't run. */
	uint64_t biases[MAX];
	assert_int_equal(find(&layout, biases), 0);
	layout.maps = "555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
		      "555555555000-555555556000 r-xp 00000000 00:0f 9 /anon_hugepage (deleted)\n"
		      "555555556000-555555557000 r--p 00002000 fe:01 5 /x\n"
		      "555555557000-555555559000 rw-p 00000000 00:00 0 \n";
	expect_one(&layout, 0x555555554000);
}

/* A program that reads its own file, as debuggers and backtrace libraries do. */
static void read_and_run(void **state)
{
	struct layout layout = {
		SEPARATE,
		.maps = "555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
			"555555555000-555555556000 r-xp 00001000 fe:01 5 /x\n"
			"555555556000-555555557000 r--p 00002000 fe:01 5 /x\n"
			"555555557000-555555559000 rw-p 00002000 fe:01 5 /x\n"
			"7ffff0000000-7ffff0006000 r--p 00000000 fe:01 5 /x\n",
	};
	uint64_t biases[MAX];

	(void)state;
	expect_one(&layout, 0x555555554000);
	/* Only read, by somebody else: nothing is loaded from it. */
	layout.maps = "7ffff0000000-7ffff0006000 r--p 00000000 fe:01 5 /x\n";
	assert_int_equal(find(&layout, biases), 0);
}

static void loaded_twice(void **state)
{
	static const struct layout layout = {
		SEPARATE,
		.maps = "7ffff0000000-7ffff0001000 r--p 00000000 fe:01 5 /x\n"
			"7ffff0001000-7ffff0002000 r-xp 00001000 fe:01 5 /x\n"
			"7ffff0002000-7ffff0003000 r--p 00002000 fe:01 5 /x\n"
			"7ffff0003000-7ffff0005000 rw-p 00002000 fe:01 5 /x\n"
			"7ffff1000000-7ffff1001000 r--p 00000000 fe:01 5 /x\n"
			"7ffff1001000-7ffff1002000 r-xp 00001000 fe:01 5 /x\n"
			"7ffff1002000-7ffff1003000 r--p 00002000 fe:01 5 /x\n"
			"7ffff1003000-7ffff1005000 rw-p 00002000 fe:01 5 /x\n",
	};
	uint64_t biases[MAX];

	(void)state;
	assert_int_equal(find(&layout, biases), 2);
	assert_int_equal(biases[0], 0x7ffff0000000);
	assert_int_equal(biases[1], 0x7ffff1000000);
}

/* A second view of the text, to patch it or to hide it, is no second object. */
static void text_seen_twice(void **state)
{
	static const struct layout layout = {
		SEPARATE,
		.maps = "10000000-10001000 r-xp 00001000 fe:01 5 /x\n"
			"555555554000-555555555000 r--p 00000000 fe:01 5 /x\n"
			"555555555000-555555556000 r-xp 00001000 fe:01 5 /x\n"
			"555555556000-555555557000 r--p 00002000 fe:01 5 /x\n"
			"555555557000-555555559000 rw-p 00002000 fe:01 5 /x\n"
			"7ffff0000000-7ffff0001000 rwxs 00001000 fe:01 5 /x\n",
	};

	(void)state;
	expect_one(&layout, 0x555555554000);
}

/* mprotect splits text, the kernel joins equals: mappings need not begin where segments do. */
static void split_and_joined(void **state)
{
	static const struct layout layout = {
		.nloads = 3,
		.loads = { LOAD(PF_R, 0, 0, 0x4000, 0x4000),
			   LOAD(PF_R, 0x4000, 0x4000, 0x3000, 0x3000),
			   LOAD(PF_R | PF_X, 0x7000, 0x7000, 0x9000, 0x9000) },
		.maps = "7ffff0000000-7ffff0007000 r--p 00000000 fe:01 5 /x\n"
			"7ffff0007000-7ffff0008000 r--p 00007000 fe:01 5 /x\n"
			"7ffff0008000-7ffff0009000 rwxp 00008000 fe:01 5 /x\n"
			"7ffff0009000-7ffff0010000 r-xp 00009000 fe:01 5 /x\n",
	};

	(void)state;
	expect_one(&layout, 0x7ffff0000000);
}

/* No code in it (a library of data alone). */
static void data_only(void **state)
{
	struct layout layout = {
		.nloads = 2,
		.loads = { LOAD(PF_R, 0, 0, 0x4000, 0x4000),
			   LOAD(PF_R | PF_W, 0x4000, 0x5000, 0x100, 0x100) },
		.maps = "7ffff0000000-7ffff0004000 r--p 00000000 fe:01 5 /x\n"
			"7ffff0005000-7ffff0006000 rw-p 00004000 fe:01 5 /x\n",
	};
	uint64_t biases[MAX];

	(void)state;
	expect_one(&layout, 0x7ffff0000000);
	/* The same file, mapped to be read. */
	layout.maps = "7ffff0000000-7ffff0006000 r--p 00000000 fe:01 5 /x\n";
	assert_int_equal(find(&layout, biases), 0);
}

static void nonsense(void **state)
{
	static const struct layout layouts[] = {
		{ .nloads = 0, .maps = "1000-2000 r-xp 00000000 fe:01 5 /x\n" },
		{ .nloads = 1,
		  .loads = { LOAD(PF_R | PF_X, 0, 0xfffffffffffff000, 0x1000, 0xfff) },
		  .maps = "1000-2000 r-xp 00001000 fe:01 5 /x\n" },
		{ .nloads = 1,
		  .loads = { LOAD(PF_R | PF_X, 0x1000, 0, 0, 0x1000) },
		  .maps = "1000-2000 r-xp 00001000 fe:01 5 /x\n" },
		{ .nloads = 1,
		  .loads = { LOAD(PF_R | PF_X, 0x10000, 0x10000, 0x1000, 0x1000) },
		  .maps = "1000-2000 r-xp 00000000 fe:01 5 /x\n" },
	};
	uint64_t biases[MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		assert_int_equal(find(&layouts[i], biases), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pie),
		cmocka_unit_test(shared_page),
		cmocka_unit_test(prelinked),
		cmocka_unit_test(moved_text),
		cmocka_unit_test(read_and_run),
		cmocka_unit_test(loaded_twice),
		cmocka_unit_test(split_and_joined),
		cmocka_unit_test(data_only),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(text_seen_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
