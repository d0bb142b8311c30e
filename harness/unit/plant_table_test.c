/* SPDX-License-Identifier: MIT */
/* Plans for small objects: which way, how much is moved, and why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "probe/plant.h"

#define AT        UINT64_C(0x10000)
#define B(text)   text, sizeof(text) - 1
#define PAD8      "\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc"
#define TEN_PLAIN "\x48\x89\xf8\x48\x01\xf0\x48\x01\xf0\xc3" /* mov, add, add, ret */

struct row {
	const char *what;
	const char *text;
	size_t len;
	struct extent_function functions[3]; /* start: offset; the first is planted */
	size_t count;
	enum plant_way way;
	enum plant_refusal refusal, short_refusal;
	uint8_t at, moved;
	bool counts_rounds;
};

/* clang-format off */
static const struct row rows[] = {
	{ "plain", B(TEN_PLAIN), { { 0, 10 } }, 1, PLANT_BY_JUMP, 0, 0, 0, 6, 0 },
	{ "endbr64", B("\xf3\x0f\x1e\xfa" TEN_PLAIN), { { 0, 14 } }, 1,
	  PLANT_BY_JUMP, 0, 0, 4, 6, 0 },
	{ "no size", B(TEN_PLAIN), { { 0, 0 } }, 1,
	  PLANT_REFUSED, PLANT_NO_SIZE, PLANT_NO_SIZE, 0, 0, 0 },
	{ "outside", B(TEN_PLAIN), { { 0, 11 } }, 1,
	  PLANT_REFUSED, PLANT_OUTSIDE, PLANT_OUTSIDE, 0, 0, 0 },
	{ "small, padding", B("\x31\xc0\xc3" PAD8), { { 0, 3 } }, 1, PLANT_BY_JUMP, 0, 0, 0, 3, 0 },
	{ "small, nop padding", B("\x31\xc0\xc3\x0f\x1f\x44\0\0"), { { 0, 3 } }, 1,
	  PLANT_BY_JUMP, 0, 0, 0, 3, 0 },
	{ "small, no padding", B("\x31\xc0\xc3" TEN_PLAIN), { { 0, 3 }, { 3, 10 } }, 2,
	  PLANT_REFUSED, PLANT_SMALL, PLANT_NO_GAP, 0, 0, 0 },
	{ "small, padding further on", B("\x31\xc0\xc3" TEN_PLAIN PAD8), { { 0, 3 }, { 3, 10 } }, 2,
	  PLANT_BY_SHORT, PLANT_SMALL, 0, 0, 2, 0 },
	{ "small, runs on into padding", B("\x31\xc0\x90" PAD8), { { 0, 3 } }, 1,
	  PLANT_REFUSED, PLANT_SMALL, PLANT_NO_GAP, 0, 0, 0 },
	{ "padding that somebody runs into", B("\x31\xc0\xc3\x31\xc0\x90" PAD8),
	  { { 0, 3 }, { 3, 3 } }, 2, PLANT_REFUSED, PLANT_SMALL, PLANT_NO_GAP, 0, 0, 0 },
	{ "padding up to unknown code: the next 16", B("\x31\xc0\xc3" PAD8 "\xcc\xcc\xcc\xcc\xcc" TEN_PLAIN),
	  { { 0, 3 } }, 1, PLANT_BY_JUMP, 0, 0, 0, 3, 0 },
	{ "padding that ends too early", B("\x31\xc0\xc3\xcc\xcc\xcc" TEN_PLAIN),
	  { { 0, 3 } }, 1, PLANT_REFUSED, PLANT_SMALL, PLANT_NO_GAP, 0, 0, 0 },
	/* xor %eax, %eax; 1: inc %eax; dec %edi; jg 1b; ret */
	{ "loop into the jump", B("\x31\xc0\xff\xc0\xff\xcf\x7f\xfa\xc3" PAD8), { { 0, 9 } }, 1,
	  PLANT_BY_JUMP, 0, 0, 0, 8, 0 },
	/* the same with a call in it: a return would lead back; a short jump covers no target */
	{ "loop into the jump, with a call",
	  B("\x31\xc0\xff\xc0\xff\xcf\xe8\0\0\0\0\x7f\xf5\xc3" PAD8 PAD8), { { 0, 14 } }, 1,
	  PLANT_BY_SHORT, PLANT_BRANCH, 0, 0, 2, 0 },
	/* 1: inc %eax; inc %eax; dec %edi; jg 1b; ret */
	{ "loop to the entry", B("\xff\xc0\xff\xc0\xff\xcf\x7f\xf8\xc3"), { { 0, 9 } }, 1,
	  PLANT_BY_JUMP, 0, 0, 0, 8, 0 },
	{ "loop to the entry, with a call", B("\xff\xc0\xff\xc0\xff\xcf\xe8\0\0\0\0\x7f\xf3\xc3"),
	  { { 0, 14 } }, 1, PLANT_BY_JUMP, 0, 0, 0, 6, 1 },
	{ "calls itself", B("\xff\xc0\xff\xc0\xff\xcf\xe8\xf5\xff\xff\xff\xc3"), { { 0, 12 } }, 1,
	  PLANT_BY_JUMP, 0, 0, 0, 6, 0 },
	/* the second: jmp to 2 */
	{ "a foreign branch", B("\x31\xc0\x31\xd2\x31\xc9\xc3\xeb\xf9" PAD8),
	  { { 0, 7 }, { 7, 2 } }, 2, PLANT_BY_SHORT, PLANT_FOREIGN_BRANCH, 0, 0, 2, 0 },
	{ "a foreign branch to an instruction of one byte", B("\x90\x31\xc0\x31\xd2\xc3\xeb\xf9" PAD8),
	  { { 0, 6 }, { 6, 2 } }, 2, PLANT_REFUSED, PLANT_FOREIGN_BRANCH, PLANT_FOREIGN_BRANCH, 0, 0, 0 },
	{ "a branch from code that no function has", B("\x31\xc0\x31\xd2\x31\xc9\xc3\xeb\xf9" PAD8),
	  { { 0, 7 } }, 1, PLANT_REFUSED, PLANT_FOREIGN_BRANCH, PLANT_NO_GAP, 0, 0, 0 },
	{ "another entry", B("\x31\xc0\x31\xd2\x31\xc9\xc3" PAD8), { { 0, 7 }, { 2, 5 } }, 2,
	  PLANT_BY_SHORT, PLANT_ENTRY, 0, 0, 2, 0 },
	{ "a return into the jump", B("\xff\xd0\x31\xc0\x31\xd2\xc3" PAD8), { { 0, 7 } }, 1,
	  PLANT_BY_SHORT, PLANT_RETURN, 0, 0, 2, 0 },
	{ "int3", B("\xcc\x31\xc0\x31\xd2\xc3"), { { 0, 6 } }, 1,
	  PLANT_REFUSED, PLANT_OBSTACLE, PLANT_OBSTACLE, 0, 0, 0 },
	{ "ends inside an instruction", B("\x31\xc0\x48\x89\xf8"), { { 0, 3 } }, 1,
	  PLANT_REFUSED, PLANT_OBSTACLE, PLANT_NO_GAP, 0, 0, 0 },
};
/* clang-format on */

static struct plant *open_row(const struct row *row, struct extent_text *text,
			      struct extent_function *functions)
{
	struct plant *plant;

	text->bytes = (const uint8_t *)row->text;
	text->len = row->len;
	text->addr = AT;
	for (size_t i = 0; i < row->count; i++) {
		functions[i] = row->functions[i];
		functions[i].start += AT;
	}
	assert_int_equal(plant_new(text, functions, row->count, &plant), 0);
	return plant;
}

static void table(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct extent_function functions[3];
		struct extent_text text;
		struct plant *plant = open_row(row, &text, functions);
		struct plant_plan plan;
		bool right;

		plant_plan(plant, 0, &plan);
		right = plan.way == row->way && plan.refusal == row->refusal &&
			plan.short_refusal == row->short_refusal &&
			plan.counts_rounds == row->counts_rounds;
		if (row->way != PLANT_REFUSED)
			right = right && plan.at == AT + row->at && plan.moved == row->moved;
		if (!right)
			print_error("%s: way %d, %s; %s; at %#lx, %d moved, rounds %d\n", row->what,
				    plan.way, plant_why(plan.refusal, plan.obstacle),
				    plant_why(plan.short_refusal, plan.obstacle), plan.at,
				    plan.moved, plan.counts_rounds);
		failed += !right;
		plant_free(plant);
	}
	assert_int_equal(failed, 0);
}

/* Two functions want the same padding; there is enough for one. */
static void padding_is_given_once(void **state)
{
	static const struct row row = {
		.text = "\x31\xc0\xc3\x31\xd2\xc3" TEN_PLAIN "\xcc\xcc\xcc\xcc\xcc\xcc\xcc",
		.len = 6 + 10 + 7,
		.functions = { { 0, 3 }, { 3, 3 }, { 6, 10 } },
		.count = 3,
	};
	struct extent_function functions[3];
	struct extent_text text;
	struct plant *plant = open_row(&row, &text, functions);
	struct plant_plan first, second;

	(void)state;
	assert_int_equal(plant_plan(plant, 0, &first), PLANT_BY_SHORT);
	assert_int_equal(first.hop, AT + 16);
	assert_int_equal(plant_plan(plant, 1, &second), PLANT_BY_SHORT);
	plant_take(plant, &first);
	assert_int_equal(plant_plan(plant, 1, &second), PLANT_REFUSED);
	assert_int_equal(second.short_refusal, PLANT_NO_GAP);
	assert_int_equal(plant_plan(plant, 3, &second), PLANT_REFUSED);
	plant_free(plant);
}

static void order(void **state)
{
	const struct extent_text text = { (const uint8_t *)TEN_PLAIN, 10, AT };
	const struct extent_function twice[] = { { AT, 3 }, { AT, 10 } };
	const struct extent_function down[] = { { AT + 3, 3 }, { AT, 3 } };
	struct plant *plant;

	(void)state;
	assert_int_equal(plant_new(&text, twice, 2, &plant), -EINVAL);
	assert_null(plant);
	assert_int_equal(plant_new(&text, down, 2, &plant), -EINVAL);
	assert_int_equal(plant_new(&text, NULL, 0, &plant), 0);
	plant_free(plant);
	plant_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(padding_is_given_once),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
