/* SPDX-License-Identifier: MIT */
/* extent.c - two bits per byte of the body: an instruction was decoded here; a branch goes here. */
#include "probe/extent.h"

#include <errno.h>
#include <stdlib.h>

struct walker {
	const uint8_t *body;
	uint64_t start, size;
	uint8_t *decoded, *wanted;
	extent_visit *visit;
	void *data;
	struct extent_walk *result;
};

static bool bit(const uint8_t *bits, uint64_t at)
{
	return bits[at / 8] >> at % 8 & 1;
}

static void set_bit(uint8_t *bits, uint64_t at)
{
	bits[at / 8] |= (uint8_t)(1u << at % 8);
}

bool extent_within(const struct extent_text *text, const struct extent_function *function)
{
	uint64_t off = function->start - text->addr;

	return function->size && function->size <= EXTENT_SIZE_MAX && off < text->len &&
	       function->size <= text->len - off;
}

static void note_branch(struct walker *walker, const struct decode_insn *insn, uint64_t at)
{
	const struct extent_branch branch = {
		.from = walker->start + at,
		.to = insn->target,
		.length = insn->length,
		.kind = insn->kind,
	};

	if (insn->target - walker->start < walker->size)
		set_bit(walker->wanted, insn->target - walker->start);
	walker->visit(walker->data, &branch);
}

/* Decodes on from `at` to the end, or to where it was before. Returns whether control runs on. */
static bool follow_line(struct walker *walker, uint64_t at)
{
	struct decode_insn insn;
	bool runs_on = true;

	while (at < walker->size && !bit(walker->decoded, at)) {
		set_bit(walker->decoded, at);
		decode(walker->body + at, walker->size - at, walker->start + at, &insn);
		if (!insn.length) {
			walker->result->bad_bytes++;
			at++;
			continue;
		}
		walker->result->instructions++;
		if (decode_is_direct(&insn))
			note_branch(walker, &insn, at);
		if (insn.kind == DECODE_JMP_INDIRECT && !insn.rip_relative)
			walker->result->indirect_jumps = true;
		runs_on = decode_falls_through(&insn) && insn.kind != DECODE_CALL &&
			  insn.kind != DECODE_CALL_INDIRECT && insn.kind != DECODE_INT3;
		at += insn.length;
	}
	return runs_on;
}

/* Targets that the line has missed. A new one may lie before the place that was looked at. */
static void follow_targets(struct walker *walker)
{
	size_t bytes = walker->size / 8 + 1;
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < bytes; i++) {
			unsigned int missed = walker->wanted[i] & ~(unsigned int)walker->decoded[i];

			if (!missed)
				continue;
			follow_line(walker, i * 8 + (unsigned int)__builtin_ctz(missed));
			again = true;
		}
	}
}

int extent_walk(const struct extent_text *text, const struct extent_function *function,
		extent_visit *visit, void *data, struct extent_walk *result)
{
	struct walker walker = { .start = function->start,
				 .size = function->size,
				 .visit = visit,
				 .data = data,
				 .result = result };
	uint8_t *bits;
	size_t bytes;

	*result = (struct extent_walk){ .instructions = 0 };
	if (!extent_within(text, function))
		return -EINVAL;
	bytes = function->size / 8 + 1;
	bits = calloc(2, bytes);
	if (!bits)
		return -ENOMEM;
	walker.body = text->bytes + (function->start - text->addr);
	walker.decoded = bits;
	walker.wanted = bits + bytes;
	result->runs_out = follow_line(&walker, 0);
	follow_targets(&walker);
	free(bits);
	return 0;
}
