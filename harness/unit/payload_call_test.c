/* SPDX-License-Identifier: MIT */
/* call, compiled natively: passes six arguments, returns rax, keeps errno. */
#include "../../payloads/call/call.c"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t seen[6];

static int64_t callee(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	seen[0] = a;
	seen[1] = b;
	seen[2] = c;
	seen[3] = d;
	seen[4] = e;
	seen[5] = f;
	errno = ENOTTY;
	return -123456789012;
}

static struct scion_payload_ctx context(void)
{
	return (struct scion_payload_ctx){ .args = { (uint64_t)(uintptr_t)callee, 1, ~0ull, 3, 4,
						     1ull << 40, 6, 0 } };
}

static void passes_arguments_and_returns_result(void **state)
{
	struct scion_payload_ctx ctx = context();
	unsigned i;

	(void)state;
	assert_true(scion_payload(&ctx) == -123456789012);
	for (i = 0; i < 6; i++)
		assert_true(seen[i] == ctx.args[1 + i]);
}

static void keeps_errno(void **state)
{
	struct scion_payload_ctx ctx = context();

	(void)state;
	ctx.args[7] = (uint64_t)(uintptr_t)__errno_location;
	errno = EDOM;
	assert_true(scion_payload(&ctx) == -123456789012);
	assert_int_equal(errno, EDOM);
	/* Not told where errno is, it can't: the check above would see it. */
	ctx.args[7] = 0;
	scion_payload(&ctx);
	assert_int_equal(errno, ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_arguments_and_returns_result),
		cmocka_unit_test(keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
