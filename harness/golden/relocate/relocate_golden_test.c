/* SPDX-License-Identifier: MIT */
/* Every case of this folder: bytes in, bytes out, or the sentence of the refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "../relocate_check.h"

enum { MAX = 1024 };

static ssize_t read_file(const char *folder, const char *name, const char *suffix, uint8_t *bytes)
{
	char path[4096];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	file = fopen(path, "rb");
	if (!file)
		return -1;
	len = fread(bytes, 1, MAX, file);
	fclose(file);
	return (ssize_t)len;
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t len)
{
	print_error("%9s", what);
	for (size_t i = 0; i < len; i++)
		print_error(" %02x", bytes[i]);
	print_error("\n");
}

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool refused_as_told(const char *name, const struct relocate *result)
{
	char told[MAX + 1] = "";

	if (read_file(CASES, name, ".refused", (uint8_t *)told) < 0) {
		print_error("%s: refused: %s\n", name, relocate_why(result));
		return false;
	}
	told[strcspn(told, "\n")] = '\0';
	if (strcmp(told, relocate_why(result)) != 0) {
		print_error("%s: refused: %s, not: %s\n", name, relocate_why(result), told);
		return false;
	}
	return true;
}

static bool run_case(const char *name)
{
	uint8_t in[MAX], out[MAX];
	ssize_t in_len = read_file(BINARIES, name, ".in.bin", in);
	ssize_t out_len = read_file(BINARIES, name, ".out.bin", out);
	struct relocate_job job = {
		.bytes = in,
		.len = (size_t)in_len,
		.patch = begins(name, "short_") ? 2 : 5,
		.from = begins(name, "high_") ? HIGH_IN : NEAR_IN,
		.to = begins(name, "high_") ? HIGH_OUT : NEAR_OUT,
	};
	struct relocate result;
	const char *wrong;

	assert_true(in_len > 0);
	if (begins(name, "far_"))
		job.to = FAR_OUT;
	if (relocate(&job, &result))
		return refused_as_told(name, &result);
	if ((ssize_t)result.size != out_len || memcmp(result.out, out, result.size) != 0) {
		print_error("%s:\n", name);
		print_bytes("expected", out, out_len < 0 ? 0 : (size_t)out_len);
		print_bytes("got", result.out, result.size);
		return false;
	}
	wrong = relocate_check(&job, &result);
	if (wrong)
		print_error("%s: right, but the check says: %s\n", name, wrong);
	return !wrong;
}

static void all_cases(void **state)
{
	size_t failed = 0;
	glob_t found;

	(void)state;
	assert_int_equal(glob(CASES "/*.in.S", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[256];

		snprintf(name, sizeof(name), "%s", strrchr(found.gl_pathv[i], '/') + 1);
		name[strcspn(name, ".")] = '\0';
		failed += !run_case(name);
	}
	print_message("%zu cases\n", found.gl_pathc);
	globfree(&found);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
