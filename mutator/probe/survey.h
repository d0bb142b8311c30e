/* SPDX-License-Identifier: MIT */
/*
 * survey.h - what plant.c asks about an object's code: branches that go near an entry, entries, and
 * padding. Internal to plant.
 */
#ifndef SCION_PROBE_SURVEY_H
#define SCION_PROBE_SURVEY_H

#include "probe/plant.h"

/* How far behind an entry a branch's target is kept: endbr64 and all that may be moved. */
enum { SURVEY_NEAR = 4 + RELOCATE_LEN_MAX + 1 };

struct near_branch {
	uint64_t from, to;
	uint8_t length;
	enum decode_kind kind;
};

struct gap {
	uint64_t start, end;
};

struct survey_flags {
	bool indirect_jumps, bad_bytes, runs_out;
};

const struct extent_text *survey_text(const struct plant *plant);

/** @brief NULL past the last. */
const struct extent_function *survey_function(const struct plant *plant, size_t index);

/** @brief `function` is one of survey_function()'s. */
const struct survey_flags *survey_flags(const struct plant *plant,
					const struct extent_function *function);

/** @brief The first kept branch that goes to `to` or behind it; survey_next() has the others, in
 * order of `to`. NULL: none. */
const struct near_branch *survey_branches(const struct plant *plant, uint64_t to);
const struct near_branch *survey_next(const struct plant *plant, const struct near_branch *branch);

/** @brief A function's start in [first, end), or 0. */
uint64_t survey_entry(const struct plant *plant, uint64_t first, uint64_t end);

/** @brief The gap that `addr` lies in, or NULL. */
const struct gap *survey_gap_at(const struct plant *plant, uint64_t addr);

/** @brief Free padding of `size` bytes that a signed byte reaches from `next`, not before it in
 * the same gap; or 0. */
uint64_t survey_padding(const struct plant *plant, uint64_t next, size_t size);

#endif
