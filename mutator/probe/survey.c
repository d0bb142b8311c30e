/* SPDX-License-Identifier: MIT */
/* survey.c - one walk over an object's code; then tables that are searched by address. */
#include "probe/survey.h"

#include <errno.h>
#include <stdlib.h>

struct plant {
	struct extent_text text;
	const struct extent_function *functions;
	size_t count;
	struct survey_flags *flags; /* of each function */
	struct near_branch *branches;
	size_t branch_count, branch_room;
	struct gap *gaps;
	size_t gap_count;
	bool no_memory;
};

/* The number of functions that start at or before addr. */
static size_t starts_up_to(const struct plant *plant, uint64_t addr)
{
	size_t low = 0, high = plant->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plant->functions[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_near_entry(const struct plant *plant, const struct extent_branch *branch)
{
	size_t below = starts_up_to(plant, branch->to);
	uint64_t off;

	if (!below)
		return false;
	off = branch->to - plant->functions[below - 1].start;
	return off < SURVEY_NEAR && (off || branch->kind != DECODE_CALL);
}

static void keep_branch(void *data, const struct extent_branch *branch)
{
	struct plant *plant = data;

	if (!is_near_entry(plant, branch))
		return;
	if (plant->branch_count == plant->branch_room) {
		size_t room = plant->branch_room ? plant->branch_room * 2 : 256;
		struct near_branch *grown =
			reallocarray(plant->branches, room, sizeof(*plant->branches));

		if (!grown) {
			plant->no_memory = true;
			return;
		}
		plant->branches = grown;
		plant->branch_room = room;
	}
	plant->branches[plant->branch_count++] = (struct near_branch){
		.from = branch->from,
		.to = branch->to,
		.length = branch->length,
		.kind = branch->kind,
	};
}

static int by_target(const void *a, const void *b)
{
	const struct near_branch *left = a, *right = b;

	return (left->to > right->to) - (left->to < right->to);
}

static int walk_function(struct plant *plant, size_t i)
{
	const struct extent_function *function = &plant->functions[i];
	struct extent_walk walk;
	int err;

	err = extent_walk(&plant->text, function, keep_branch, plant, &walk);
	if (err == -ENOMEM)
		return err;
	plant->flags[i] = (struct survey_flags){
		.indirect_jumps = walk.indirect_jumps,
		.bad_bytes = walk.bad_bytes != 0,
		.runs_out = walk.runs_out,
	};
	return 0;
}

/* How many bytes from the start on are nop or int3. */
static uint64_t padding_length(const uint8_t *bytes, uint64_t size)
{
	struct decode_insn insn;
	uint64_t at = 0;

	while (at < size) {
		decode(bytes + at, size - at, at, &insn);
		if (insn.kind != DECODE_NOP && insn.kind != DECODE_INT3)
			break;
		at += insn.length;
	}
	return at;
}

/*
 * [start, end) belongs to no function. If it is not all padding, somebody is there whom we don't
 * know: his code is looked through for branches, and his padding ends where he may begin.
 */
static int note_between(struct plant *plant, uint64_t start, uint64_t end, bool runs_out)
{
	const uint8_t *bytes = plant->text.bytes + (start - plant->text.addr);
	uint64_t padding = padding_length(bytes, end - start);
	const struct extent_function unknown = { start, end - start };
	struct extent_walk walk;

	if (padding < end - start) {
		uint64_t aligned = ((start + 15) & ~UINT64_C(15)) - start;

		if (extent_walk(&plant->text, &unknown, keep_branch, plant, &walk) == -ENOMEM)
			return -ENOMEM;
		padding = padding < aligned ? 0 : aligned;
	}
	if (padding && !runs_out)
		plant->gaps[plant->gap_count++] = (struct gap){ start, start + padding };
	return 0;
}

/* Functions may overlap: `end` is how far those before reach. */
static int survey(struct plant *plant)
{
	uint64_t end = plant->text.addr, text_end = plant->text.addr + plant->text.len;
	bool runs_out = true; /* what lies before the first is not known */
	int err;

	for (size_t i = 0; i < plant->count; i++) {
		const struct extent_function *function = &plant->functions[i];

		if (!extent_within(&plant->text, function))
			runs_out = true; /* nobody knows how far it goes */
		if (function->start > end && function->start < text_end) {
			err = note_between(plant, end, function->start, runs_out);
			if (err)
				return err;
		}
		err = walk_function(plant, i);
		if (err)
			return err;
		if (!extent_within(&plant->text, function))
			continue;
		if (function->start + function->size >= end) {
			end = function->start + function->size;
			runs_out = plant->flags[i].runs_out;
		}
	}
	return end < text_end ? note_between(plant, end, text_end, runs_out) : 0;
}

int plant_new(const struct extent_text *text, const struct extent_function *functions, size_t count,
	      struct plant **result)
{
	struct plant *plant;
	int err;

	*result = NULL;
	for (size_t i = 1; i < count; i++)
		if (functions[i].start <= functions[i - 1].start)
			return -EINVAL;
	plant = calloc(1, sizeof(*plant));
	if (!plant)
		return -ENOMEM;
	plant->text = *text;
	plant->functions = functions;
	plant->count = count;
	plant->flags = calloc(count + 1, sizeof(*plant->flags));
	plant->gaps = calloc(count + 1, sizeof(*plant->gaps));
	err = plant->flags && plant->gaps ? survey(plant) : -ENOMEM;
	if (err || plant->no_memory) {
		plant_free(plant);
		return -ENOMEM;
	}
	if (plant->branch_count)
		qsort(plant->branches, plant->branch_count, sizeof(*plant->branches), by_target);
	*result = plant;
	return 0;
}

void plant_free(struct plant *plant)
{
	if (!plant)
		return;
	free(plant->flags);
	free(plant->branches);
	free(plant->gaps);
	free(plant);
}

const struct extent_text *survey_text(const struct plant *plant)
{
	return &plant->text;
}

const struct extent_function *survey_function(const struct plant *plant, size_t index)
{
	return index < plant->count ? &plant->functions[index] : NULL;
}

const struct survey_flags *survey_flags(const struct plant *plant,
					const struct extent_function *function)
{
	return &plant->flags[function - plant->functions];
}

const struct near_branch *survey_branches(const struct plant *plant, uint64_t to)
{
	size_t low = 0, high = plant->branch_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plant->branches[middle].to < to)
			low = middle + 1;
		else
			high = middle;
	}
	return low < plant->branch_count ? &plant->branches[low] : NULL;
}

const struct near_branch *survey_next(const struct plant *plant, const struct near_branch *branch)
{
	return branch + 1 < plant->branches + plant->branch_count ? branch + 1 : NULL;
}

uint64_t survey_entry(const struct plant *plant, uint64_t first, uint64_t end)
{
	size_t below = end ? starts_up_to(plant, end - 1) : 0;

	if (!below || plant->functions[below - 1].start < first)
		return 0;
	return plant->functions[below - 1].start;
}

/* The first gap that ends behind addr. */
static size_t gap_behind(const struct plant *plant, uint64_t addr)
{
	size_t low = 0, high = plant->gap_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plant->gaps[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct gap *survey_gap_at(const struct plant *plant, uint64_t addr)
{
	size_t i = gap_behind(plant, addr);

	return i < plant->gap_count && plant->gaps[i].start <= addr ? &plant->gaps[i] : NULL;
}

uint64_t survey_padding(const struct plant *plant, uint64_t next, size_t size)
{
	uint64_t low = next > 128 ? next - 128 : 1, high = next + 127;

	for (size_t i = gap_behind(plant, low); i < plant->gap_count; i++) {
		const struct gap *gap = &plant->gaps[i];
		uint64_t hop = gap->start;

		if (gap->start > high)
			break;
		if (gap->start < next && gap->end > next)
			hop = next; /* the patch covers what lies before */
		if (hop >= low && hop <= high && gap->end >= size && hop <= gap->end - size)
			return hop;
		if (gap->start < low && gap->end >= low + size && gap->end <= next)
			return gap->end - size;
	}
	return 0;
}

/* Plans take from one end of a gap: a start that is passed, or an end. */
static void cut(struct plant *plant, uint64_t start, uint64_t end)
{
	size_t i = gap_behind(plant, start);
	struct gap *gap;

	if (i == plant->gap_count || plant->gaps[i].start >= end)
		return;
	gap = &plant->gaps[i];
	if (start <= gap->start)
		gap->start = end < gap->end ? end : gap->end;
	else
		gap->end = start;
}

void plant_take(struct plant *plant, const struct plant_plan *plan)
{
	if (plan->way == PLANT_REFUSED)
		return;
	cut(plant, plan->at, plan->at + plan->patch);
	if (plan->way == PLANT_BY_SHORT)
		cut(plant, plan->hop, plan->hop + PLANT_JUMP);
}
