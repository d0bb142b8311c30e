/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an object's code: each function is refused with a reason, or its plan stays within
 * what it says, uses padding that nobody else uses, and can be carried out.
 *
 * Byte 0: number of functions, then two bytes for each: distance to the one before less one, size. Then the
 * code.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../golden/relocate_check.h"
#include "probe/plant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUNCTIONS = 16, TEXT_MAX = 1 << 14 };
#define BASE UINT64_C(0x555555554000)

struct world {
	struct extent_text text;
	struct plant *plant;
	uint8_t used[TEXT_MAX]; /* bytes that a plan overwrites */
};

static void overwrite(struct world *world, uint64_t addr, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t off = addr + i - world->text.addr;

		if (off >= world->text.len || world->used[off]++)
			abort();
	}
}

static void carry_out(struct world *world, const struct plant_plan *plan)
{
	const struct relocate_job job = {
		.bytes = world->text.bytes + (plan->at - world->text.addr),
		.len = plan->moved,
		.patch = plan->patch,
		.from = plan->at,
		.to = plan->at + 0x100000,
	};
	struct relocate result;

	overwrite(world, plan->at, plan->patch);
	if (plan->way == PLANT_BY_SHORT) {
		int64_t distance = (int64_t)(plan->hop - (plan->at + PLANT_SHORT));

		if (distance < INT8_MIN || distance > INT8_MAX)
			abort();
		overwrite(world, plan->hop, PLANT_JUMP);
	}
	if (relocate(&job, &result)) {
		if (result.refusal != RELOCATE_OUT_OF_REACH)
			abort();
	} else if (relocate_check(&job, &result)) {
		abort();
	}
}

static void plan_all(struct world *world, size_t count)
{
	struct plant_plan plan;

	for (size_t i = 0; i < count; i++) {
		if (plant_plan(world->plant, i, &plan)) {
			carry_out(world, &plan);
			plant_take(world->plant, &plan);
		} else if (!*plant_why(plan.refusal, plan.obstacle) ||
			   !*plant_why(plan.short_refusal, plan.obstacle)) {
			abort();
		}
	}
	if (plant_plan(world->plant, count, &plan))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .text = { .addr = BASE } };
	struct extent_function functions[FUNCTIONS];
	size_t count, head;
	uint64_t at = BASE;

	if (!size)
		return 0;
	count = data[0] % (FUNCTIONS + 1);
	head = 1 + 2 * count;
	if (size < head || size - head > TEXT_MAX)
		return 0;
	for (size_t i = 0; i < count; i++) {
		at += (uint64_t)data[1 + 2 * i] + (i > 0);
		functions[i] = (struct extent_function){ at, data[2 + 2 * i] };
	}
	world.text.bytes = data + head;
	world.text.len = size - head;
	if (plant_new(&world.text, functions, count, &world.plant))
		abort();
	plan_all(&world, count);
	plant_free(world.plant);
	return 0;
}
