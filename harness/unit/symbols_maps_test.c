/* SPDX-License-Identifier: MIT */
/* The parser of /proc/PID/maps: text in, values out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "symbols/internal.h"

static struct symbols_error error;

static int parse(struct symmaps *maps, const char *text)
{
	/* A copy without a terminator, so that a sanitizer sees a read too far. */
	size_t len = (size_t)(strchr(text, 0) - text);
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = symmaps_parse(maps, copy, len, &error);
	free(copy);
	return rc;
}

static void ordinary(void **state)
{
	static const char text[] =
		"555555554000-555555556000 r--p 00000000 fe:01 42                         /usr/bin/x y\n"
		"555555556000-555555558000 r-xp 00002000 fe:01 42                         /usr/bin/x y\n"
		"555555558000-555555559000 rw-p 00004000 fe:01 42                         /usr/bin/x y\n"
		"555555559000-55555557a000 rw-p 00000000 00:00 0                          [heap]\n"
		"7ffff7d00000-7ffff7e00000 r-xp 00026000 fe:01 43                         /lib/libc.so.6 (deleted)\n"
		"7ffff7fc8000-7ffff7fca000 r-xp 00000000 00:00 0                          [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
	const struct symmap *map;
	struct symmaps maps;

	(void)state;
	assert_int_equal(parse(&maps, text), 0);
	assert_int_equal(maps.count, 7);
	assert_int_equal(maps.nfiles, 3);
	map = symmaps_at(&maps, 0x555555557fff);
	assert_non_null(map);
	assert_int_equal(map->offset, 0x2000);
	assert_int_equal(map->perms, SYMMAP_R | SYMMAP_X);
	assert_string_equal(maps.files[map->file].path, "/usr/bin/x y");
	assert_int_equal(maps.files[map->file].count, 3);
	assert_int_equal(maps.files[map->file].dev, makedev(0xfe, 1));
	assert_int_equal(maps.files[map->file].ino, 42);
	assert_true(maps.files[map->file].exec);
	assert_false(maps.files[map->file].deleted);
	map = symmaps_at(&maps, 0x7ffff7d00000);
	assert_string_equal(maps.files[map->file].path, "/lib/libc.so.6");
	assert_true(maps.files[map->file].deleted);
	assert_string_equal(maps.files[symmaps_at(&maps, 0x7ffff7fc8000)->file].path, "[vdso]");
	assert_int_equal(symmaps_at(&maps, 0x555555559000)->file, SYMMAP_NO_FILE);
	assert_int_equal(symmaps_at(&maps, 0xffffffffff600fff)->file, SYMMAP_NO_FILE);
	assert_null(symmaps_at(&maps, 0));
	assert_null(symmaps_at(&maps, 0x555555553fff));
	assert_null(symmaps_at(&maps, 0x55555557a000));
	assert_null(symmaps_at(&maps, UINT64_MAX));
	symmaps_free(&maps);
}

static void odd_paths(void **state)
{
	struct symmaps maps;

	(void)state;
	assert_int_equal(parse(&maps, "1000-2000 r-xp 0 0:1 7 /a\\012b\\0 (deleted) c (deleted)"),
			 0);
	assert_int_equal(maps.nfiles, 1);
	assert_string_equal(maps.files[0].path, "/a\nb\\0 (deleted) c");
	assert_true(maps.files[0].deleted);
	symmaps_free(&maps);
	/* No path, no file: a relative name is none either. */
	assert_int_equal(parse(&maps, "1000-2000 r-xp 0 0:1 7\n2000-3000 r-xp 0 0:1 8 x\n"
				      "3000-4000 r-xp 0 0:0 0 /no/inode\n"
				      "4000-5000 r-xp 0 0:1 9 /\n"),
			 0);
	assert_int_equal(maps.nfiles, 1);
	assert_string_equal(maps.files[0].path, "/");
	symmaps_free(&maps);
}

/* The same inode number on two devices is two files. */
static void same_inode(void **state)
{
	struct symmaps maps;

	(void)state;
	assert_int_equal(parse(&maps, "1000-2000 r-xp 0 0:1 7 /a\n2000-3000 r-xp 0 0:2 7 /b\n"
				      "3000-4000 rw-p 0 0:1 7 /a\n"),
			 0);
	assert_int_equal(maps.nfiles, 2);
	assert_int_equal(maps.maps[0].file, maps.maps[2].file);
	assert_int_not_equal(maps.maps[0].file, maps.maps[1].file);
	symmaps_free(&maps);
}

static void empty(void **state)
{
	struct symmaps maps;

	(void)state;
	assert_int_equal(parse(&maps, ""), 0);
	assert_int_equal(maps.count, 0);
	assert_null(symmaps_at(&maps, 4096));
	symmaps_free(&maps);
}

static void malformed(void **state)
{
	static const char *const texts[] = {
		"\n",
		"x",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r-x",
		"1000-2000 r-xp 0 0:1",
		"1000-2000 r-xp 0 0:1 ",
		"2000-1000 r-xp 0 0:1 7 /a",
		"1000-1000 r-xp 0 0:1 7 /a",
		"1000-2000 r-xp 0 0:1 99999999999999999999 /a",
		"10000000000000000-20000000000000000 r-xp 0 0:1 7 /a",
		"1000-2000 r-xp 0 100000000:1 7 /a",
		"1000-2000 r-xp 0 0:1 7 /a\n\n",
		"1000-3000 r-xp 0 0:1 7 /a\n2000-4000 r-xp 0 0:1 7 /a\n",
		"3000-4000 r-xp 0 0:1 7 /a\n1000-2000 r-xp 0 0:1 7 /a\n",
	};
	struct symmaps maps;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		memset(&error, 0, sizeof(error));
		assert_int_equal(parse(&maps, texts[i]), -EINVAL);
		assert_int_equal(error.code, -EINVAL);
		assert_non_null(strstr(error.text, "line "));
		assert_null(maps.maps);
	}
	assert_int_equal(parse(&maps, "1000-2000 r-xp 0 0:1 7 /a\nnonsense\n"), -EINVAL);
	assert_non_null(strstr(error.text, "line 2"));
}

/* As many files as the kernel lets one process map, and more: no quadratic time, no failure. */
static void many(void **state)
{
	enum { COUNT = 200000 };
	size_t room = COUNT * 64, used = 0;
	char *text = malloc(room);
	struct symmaps maps;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		used += (size_t)snprintf(text + used, room - used, "%zx-%zx r-xp 0 0:1 %zu /f%zu\n",
					 (i + 1) << 12, (i + 2) << 12, COUNT - i, i);
	assert_int_equal(symmaps_parse(&maps, text, used, &error), 0);
	free(text);
	assert_int_equal(maps.count, COUNT);
	assert_int_equal(maps.nfiles, COUNT);
	assert_string_equal(maps.files[symmaps_at(&maps, 0x1000)->file].path, "/f0");
	symmaps_free(&maps);
}

/* What a message takes from the target stays one line. */
static void error_text(void **state)
{
	(void)state;
	assert_int_equal(symerr(&error, -ENOENT, "no %s", "a\nb\x1b[31m\x7f"), -ENOENT);
	assert_string_equal(error.text, "no a?b?[31m?");
	assert_int_equal(symerr(NULL, -ENOENT, "no %s", "x"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),   cmocka_unit_test(odd_paths),
		cmocka_unit_test(same_inode), cmocka_unit_test(empty),
		cmocka_unit_test(malformed),  cmocka_unit_test(many),
		cmocka_unit_test(error_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
