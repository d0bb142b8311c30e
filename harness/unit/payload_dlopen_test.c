/* SPDX-License-Identifier: MIT */
/* dlopen, compiled natively: loads a library that the test does not have, and says why it can't. */
#include "../../payloads/dlopen/dlopen.c"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct scion_payload_ctx context(const char *path)
{
	return (struct scion_payload_ctx){ .args = { (uint64_t)(uintptr_t)dlopen,
						     (uint64_t)(uintptr_t)path,
						     (uint64_t)(uintptr_t)dlerror, 0, 0, 0, 0,
						     (uint64_t)(uintptr_t)__errno_location } };
}

static void loads_a_library(void **state)
{
	struct scion_payload_ctx ctx = context("libm.so.6");

	(void)state;
	assert_int_equal(scion_payload(&ctx), 0);
	assert_int_not_equal(ctx.result[0], 0);
	assert_int_equal(ctx.result[1], 0);
	assert_non_null(dlsym((void *)(uintptr_t)ctx.result[0], "cosh"));
	assert_int_equal(dlclose((void *)(uintptr_t)ctx.result[0]), 0);
}

static void says_why_not(void **state)
{
	struct scion_payload_ctx ctx = context("/nonexistent/lib.so");
	const char *text;

	(void)state;
	errno = EDOM;
	assert_int_equal(scion_payload(&ctx), -1);
	assert_int_equal(errno, EDOM);
	assert_int_equal(ctx.result[0], 0);
	text = (const char *)(uintptr_t)ctx.result[1];
	assert_true(text && strstr(text, "/nonexistent/lib.so"));
}

static int given_flags;

static void *record_flags(const char *path, int flags)
{
	(void)path;
	given_flags = flags;
	return NULL;
}

static void flags_default_to_now(void **state)
{
	struct scion_payload_ctx ctx = context("x");

	(void)state;
	ctx.args[0] = (uint64_t)(uintptr_t)record_flags;
	ctx.args[2] = 0;
	assert_int_equal(scion_payload(&ctx), -1);
	assert_int_equal(given_flags, RTLD_NOW);
	assert_int_equal(ctx.result[1], 0);
	ctx.args[3] = RTLD_LAZY | RTLD_GLOBAL;
	assert_int_equal(scion_payload(&ctx), -1);
	assert_int_equal(given_flags, RTLD_LAZY | RTLD_GLOBAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_a_library),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(flags_default_to_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
