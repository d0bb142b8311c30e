/* SPDX-License-Identifier: MIT */
/* The walk: every branch is found once, also behind data and where the line was led astray. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "probe/extent.h"

#define AT UINT64_C(0x10000)

struct found {
	struct extent_branch branch[8];
	size_t count;
};

static void note(void *data, const struct extent_branch *branch)
{
	struct found *found = data;

	assert_true(found->count < 8);
	found->branch[found->count++] = *branch;
}

static struct found walk(const char *bytes, size_t len, struct extent_walk *result)
{
	const struct extent_text text = { (const uint8_t *)bytes, len, AT };
	const struct extent_function function = { AT, len };
	struct found found = { .count = 0 };

	assert_int_equal(extent_walk(&text, &function, note, &found, result), 0);
	return found;
}

static bool has(const struct found *found, uint64_t from, uint64_t to)
{
	size_t times = 0;

	for (size_t i = 0; i < found->count; i++)
		times += found->branch[i].from == AT + from && found->branch[i].to == AT + to;
	return times == 1;
}

#define WALK(bytes, result) walk(bytes, sizeof(bytes) - 1, result)

static void in_a_line(void **state)
{
	struct extent_walk result;
	/* je 6; call 0x100; jmp 0; ret */
	struct found found = WALK("\x74\x04\xe8\xf9\0\0\0\xeb\xf7\xc3", &result);

	(void)state;
	assert_int_equal(found.count, 3);
	assert_true(has(&found, 0, 6));
	assert_true(has(&found, 2, 0x100));
	assert_true(has(&found, 7, 0));
	assert_int_equal(found.branch[0].length, 2);
	assert_int_equal(found.branch[0].kind, DECODE_JCC);
	assert_false(result.runs_out);
	assert_false(result.indirect_jumps);
}

static void over_bad_bytes(void **state)
{
	struct extent_walk result;
	/* jmp 4; two bytes of no instruction; jmp 0 */
	struct found found = WALK("\xeb\x02\x06\x06\xeb\xfa", &result);

	(void)state;
	assert_int_equal(found.count, 2);
	assert_true(has(&found, 4, 0));
	assert_int_equal(result.bad_bytes, 2);
}

/* The line takes 0xb8 for a mov that swallows the jump behind it. */
static void led_astray(void **state)
{
	struct extent_walk result;
	struct found found = WALK("\xeb\x01\xb8\xeb\xfb\x90\x90\xc3", &result);

	(void)state;
	assert_int_equal(found.count, 2);
	assert_true(has(&found, 0, 3));
	assert_true(has(&found, 3, 0));
}

static void ends(void **state)
{
	struct extent_walk result;

	(void)state;
	WALK("\x31\xc0", &result);
	assert_true(result.runs_out);
	WALK("\x31\xc0\xe8\0\0\0\0", &result); /* of a function that does not return */
	assert_false(result.runs_out);
	WALK("\xff\xe0", &result);
	assert_true(result.indirect_jumps);
	WALK("\xff\x25\0\0\0\0", &result);
	assert_false(result.indirect_jumps);
}

static void outside(void **state)
{
	const struct extent_text text = { (const uint8_t *)"\x90\xc3", 2, AT };
	static const struct extent_function functions[] = {
		{ AT, 0 },          { AT, 3 },     { AT + 2, 1 },     { AT - 1, 2 },   { 0, 2 },
		{ AT, UINT64_MAX }, { AT + 1, 2 }, { UINT64_MAX, 1 }, { AT, 1 << 25 },
	};
	struct found found = { .count = 0 };
	struct extent_walk result;

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		assert_int_equal(extent_walk(&text, &functions[i], note, &found, &result), -EINVAL);
	assert_int_equal(found.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_line),  cmocka_unit_test(over_bad_bytes),
		cmocka_unit_test(led_astray), cmocka_unit_test(ends),
		cmocka_unit_test(outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
