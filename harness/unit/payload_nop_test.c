/* SPDX-License-Identifier: MIT */
/* nop, compiled natively: changes nothing. */
#include "../../payloads/nop/nop.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void changes_nothing(void **state)
{
	struct scion_payload_ctx ctx, before;

	(void)state;
	memset(&ctx, 0x5a, sizeof(ctx));
	before = ctx;
	assert_int_equal(scion_payload(&ctx), 0);
	assert_memory_equal(&ctx, &before, sizeof(ctx));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(changes_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
