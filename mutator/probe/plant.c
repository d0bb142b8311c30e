/* SPDX-License-Identifier: MIT */
/* plant.c - plans for one function, from what survey.c has found out about its object. */
#include "probe/plant.h"

#include <string.h>

#include "probe/survey.h"

struct attempt {
	const struct plant *plant;
	const struct extent_function *function;
	const uint8_t *code; /* at `at` */
	uint64_t at, end;
	size_t patch, moved;
	bool runs_on; /* the last moved instruction */
	bool counts_rounds;
	enum plant_refusal refusal;
	enum decode_obstacle obstacle;
	uint64_t refused_at;
};

static bool refuse(struct attempt *try, enum plant_refusal refusal, uint64_t at)
{
	try->refusal = refusal;
	try->refused_at = at;
	return false;
}

/* Moves one more instruction. */
static bool move_next(struct attempt *try)
{
	struct decode_insn insn;
	uint64_t here = try->at + try->moved;

	try->obstacle = decode(try->code + try->moved, try->end - here, here, &insn);
	if (try->obstacle)
		return refuse(try, PLANT_OBSTACLE, here);
	try->moved += insn.length;
	try->runs_on = decode_falls_through(&insn);
	return true;
}

/* The function is at its end before the patch is: is what follows padding that may be covered? */
static bool covers_padding(struct attempt *try)
{
	const struct gap *gap = survey_gap_at(try->plant, try->at + try->moved);

	if (!try->moved || try->runs_on || !gap || gap->end < try->at + try->patch)
		return refuse(try, PLANT_SMALL, try->end);
	return true;
}

static bool move_patch(struct attempt *try)
{
	while (try->moved < try->patch) {
		if (try->at + try->moved >= try->end)
			return covers_padding(try);
		if (!move_next(try))
			return false;
	}
	return true;
}

static bool inside(const struct attempt *try, uint64_t addr, size_t size)
{
	return addr - try->at < size;
}

static bool in_body(const struct attempt *try, uint64_t addr)
{
	return addr - try->function->start < try->function->size;
}

/* Branches from outside of what is moved to behind its first byte. NULL: there is none. */
static const struct near_branch *branch_in(const struct attempt *try, size_t size)
{
	const struct near_branch *branch = survey_branches(try->plant, try->at + 1);

	for (; branch && inside(try, branch->to, size); branch = survey_next(try->plant, branch))
		if (!inside(try, branch->from, try->moved))
			return branch;
	return NULL;
}

/* A jump of the body, from behind what is moved, to its entry. */
static const struct near_branch *round_in(const struct attempt *try)
{
	const struct near_branch *branch = survey_branches(try->plant, try->function->start);

	for (; branch && branch->to <= try->at; branch = survey_next(try->plant, branch))
		if (branch->kind != DECODE_CALL && in_body(try, branch->from) &&
		    !inside(try, branch->from, try->moved))
			return branch;
	return NULL;
}

static bool move_up_to(struct attempt *try, uint64_t end)
{
	struct decode_insn insn;

	while (try->at + try->moved < end) {
		uint64_t here = try->at + try->moved;

		if (decode(try->code + try->moved, try->end - here, here, &insn))
			return false;
		if (insn.kind == DECODE_CALL || insn.kind == DECODE_CALL_INDIRECT)
			return false; /* returns to the original */
		try->moved += insn.length;
		try->runs_on = decode_falls_through(&insn);
	}
	return true;
}

/* No call may be among the instructions that the patch alone would move, either. */
static bool calls_in_patch(const struct attempt *try)
{
	struct decode_insn insn;
	size_t at;

	for (at = 0; at < try->moved; at += insn.length) {
		if (decode(try->code + at, try->moved - at, try->at + at, &insn))
			return true;
		if (insn.kind == DECODE_CALL || insn.kind == DECODE_CALL_INDIRECT)
			return true;
	}
	return false;
}

/* Moves more, up to the end of `branch` and of all others that make it necessary. */
static bool extend(struct attempt *try, const struct near_branch *branch)
{
	const struct survey_flags *flags = survey_flags(try->plant, try->function);

	if (flags->indirect_jumps || flags->bad_bytes || calls_in_patch(try))
		return false;
	while (branch) {
		uint64_t end = branch->from + branch->length;

		if (!in_body(try, branch->from) || branch->from < try->at ||
		    end - try->at > RELOCATE_LEN_MAX)
			return false;
		if (!move_up_to(try, end) || try->moved > RELOCATE_LEN_MAX)
			return false;
		branch = branch_in(try, try->moved);
	}
	return !survey_entry(try->plant, try->function->start + 1, try->at + try->moved);
}

/* Does relocation work, as far as it doesn't depend on where to? */
static bool relocates(struct attempt *try)
{
	const struct relocate_job job = {
		.bytes = try->code,
		.len = try->moved,
		.patch = try->patch,
		.from = try->at,
		.to = try->at + (UINT64_C(1) << 20),
	};
	struct relocate result;

	switch (relocate(&job, &result)) {
	case RELOCATE_DONE:
	case RELOCATE_OUT_OF_REACH: /* depends */
		return true;
	case RELOCATE_OBSTACLE:
		try->obstacle = result.obstacle;
		return refuse(try, PLANT_OBSTACLE, try->at + result.refused_at);
	case RELOCATE_RETURN_INTO_PATCH:
		return refuse(try, PLANT_RETURN, try->at + result.refused_at);
	case RELOCATE_CALL_STACK:
		return refuse(try, PLANT_STACK_CALL, try->at + result.refused_at);
	default:
		return refuse(try, PLANT_BRANCH, try->at + result.refused_at);
	}
}

/*
 * Moved beyond the patch, nothing may lead back into the original of what was moved: a branch of
 * the copy that goes to the middle of an instruction would.
 */
static bool leads_back(const struct attempt *try)
{
	const struct near_branch *branch = survey_branches(try->plant, try->at + 1);
	struct decode_insn insn;
	size_t at = 0;

	for (; branch && inside(try, branch->to, try->moved);
	     branch = survey_next(try->plant, branch)) {
		while (at < branch->to - try->at) {
			decode(try->code + at, try->moved - at, try->at + at, &insn);
			if (!insn.length)
				return true;
			at += insn.length;
		}
		if (at != branch->to - try->at)
			return true;
	}
	return false;
}

static bool attempt(struct attempt *try)
{
	const struct near_branch *branch, *round;
	struct attempt before;
	uint64_t entry;

	if (!move_patch(try))
		return false;
	entry = survey_entry(try->plant, try->function->start + 1, try->at + try->patch);
	if (entry)
		return refuse(try, PLANT_ENTRY, entry);
	before = *try;
	branch = branch_in(try, try->patch);
	if (branch && (!extend(try, branch) || leads_back(try))) {
		*try = before;
		return refuse(try, in_body(try, branch->from) ? PLANT_BRANCH : PLANT_FOREIGN_BRANCH,
			      branch->from);
	}
	if (branch && !relocates(try))
		return false;
	before = *try;
	round = round_in(try);
	while (round && extend(try, round) && !leads_back(try) && relocates(try))
		round = round_in(try);
	if (round) {
		*try = before;
		try->counts_rounds = true;
	}
	return relocates(try);
}

static void accept(const struct attempt *try, enum plant_way way, struct plant_plan *plan)
{
	plan->way = way;
	plan->at = try->at;
	plan->patch = (uint8_t)try->patch;
	plan->moved = (uint8_t)try->moved;
	plan->counts_rounds = try->counts_rounds;
}

static void note_refusal(const struct attempt *try, struct plant_plan *plan)
{
	plan->refusal = try->refusal;
	plan->obstacle = try->obstacle;
	plan->refused_at = try->refused_at;
}

/* A second jump in padding that the first one's signed byte reaches. */
static bool find_hop(struct attempt *try, struct plant_plan *plan)
{
	uint64_t next = try->at + PLANT_SHORT;

	plan->hop = survey_padding(try->plant, next, PLANT_JUMP);
	if (!plan->hop)
		return refuse(try, PLANT_NO_GAP, try->at);
	return true;
}

static void plan_at(const struct attempt *blank, struct plant_plan *plan)
{
	struct attempt try = *blank;

	try.patch = PLANT_JUMP;
	if (attempt(&try)) {
		accept(&try, PLANT_BY_JUMP, plan);
		return;
	}
	note_refusal(&try, plan);
	try = *blank;
	try.patch = PLANT_SHORT;
	if (attempt(&try) && find_hop(&try, plan))
		accept(&try, PLANT_BY_SHORT, plan);
	else
		plan->short_refusal = try.refusal;
}

enum plant_way plant_plan(const struct plant *plant, size_t index, struct plant_plan *plan)
{
	const struct extent_function *function = survey_function(plant, index);
	const struct extent_text *text = survey_text(plant);
	struct attempt blank = { .plant = plant, .function = function };
	struct decode_insn insn;

	memset(plan, 0, sizeof(*plan));
	plan->refusal = plan->short_refusal = PLANT_OUTSIDE;
	if (!function)
		return PLANT_REFUSED;
	plan->at = plan->refused_at = function->start;
	if (!function->size)
		plan->refusal = plan->short_refusal = PLANT_NO_SIZE;
	if (!extent_within(text, function))
		return PLANT_REFUSED;
	plan->refusal = plan->short_refusal = PLANT_FINE;
	blank.at = function->start;
	blank.end = function->start + function->size;
	blank.code = text->bytes + (function->start - text->addr);
	decode(blank.code, function->size, blank.at, &insn);
	if (insn.kind == DECODE_ENDBR64) {
		blank.at += insn.length;
		blank.code += insn.length;
	}
	plan_at(&blank, plan);
	return plan->way;
}

const char *plant_why(enum plant_refusal refusal, enum decode_obstacle obstacle)
{
	static const char *const why[PLANT_REFUSALS] = {
		[PLANT_FINE] = "",
		[PLANT_NO_SIZE] = "the symbol has no size",
		[PLANT_OUTSIDE] = "the function is not within the object's code",
		[PLANT_SMALL] = "it is shorter than a jump, and no padding is behind it",
		[PLANT_RETURN] = "a call would return into the jump",
		[PLANT_BRANCH] = "a branch of its body goes into the bytes of the jump",
		[PLANT_FOREIGN_BRANCH] =
			"a branch of another function goes into the bytes of the jump",
		[PLANT_ENTRY] = "another function begins in the bytes of the jump",
		[PLANT_STACK_CALL] =
			"it calls through a pointer on the stack that the call writes to",
		[PLANT_NO_GAP] = "a short jump reaches no padding that is free",
	};

	if (refusal == PLANT_OBSTACLE)
		return decode_why(obstacle);
	return refusal < PLANT_REFUSALS && why[refusal] ? why[refusal] : "";
}
