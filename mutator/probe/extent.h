/* SPDX-License-Identifier: MIT */
/*
 * extent.h - walks the body of a function, [start, start+size), and reports its direct branches.
 *
 * In a line from the start, taking up again one byte further where bytes are no instruction (data
 * between code), and then from each branch target within the body that the line has missed: data
 * may have led it astray. Each address is decoded once. Indirect jumps (jump tables) are not
 * followed.
 *
 * Pure: bytes in, values out; memory is taken from the heap and given back.
 */
#ifndef SCION_PROBE_EXTENT_H
#define SCION_PROBE_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/decode.h"

enum { EXTENT_SIZE_MAX = 1 << 24 };

/* Executable bytes, as they are without any patch. */
struct extent_text {
	const uint8_t *bytes;
	size_t len;
	uint64_t addr;
};

struct extent_function {
	uint64_t start, size;
};

/* A direct branch. Calls are branches, too. */
struct extent_branch {
	uint64_t from, to;
	uint8_t length;
	enum decode_kind kind;
};

/** Called for each direct branch, in no order. */
typedef void extent_visit(void *data, const struct extent_branch *branch);

struct extent_walk {
	size_t instructions;
	size_t bad_bytes;    /* bytes that are no instruction */
	bool indirect_jumps; /* other than through a rip-relative pointer, as in a PLT */
	bool runs_out;       /* the line's last instruction goes on behind the end; not by a call */
};

/** @brief Is the function's body, of 1 to EXTENT_SIZE_MAX bytes, within the text? */
bool extent_within(const struct extent_text *text, const struct extent_function *function);

/**
 * @brief Walk a function's body.
 * @return 0, -EINVAL: not extent_within(), -ENOMEM
 */
int extent_walk(const struct extent_text *text, const struct extent_function *function,
		extent_visit *visit, void *data, struct extent_walk *result);

#endif
