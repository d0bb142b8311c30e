/* SPDX-License-Identifier: MIT */
/*
 * relocate.h - moves the instructions at a function's entry to another address.
 *
 *   from ─► ┌──────────────┐            to ─► ┌──────────────────────┐
 *           │ instruction 0 │                  │ instruction 0         │
 *           │ instruction 1 │ ◄── patch ends   │ instruction 1, longer │
 *           │ instruction 2 │     in here      │ instruction 2         │
 *   from+len├──────────────┤ ◄─────────────── │ jmp from+len          │
 *           │ untouched     │                  └──────────────────────┘
 *
 * [from, from+patch) is what the caller overwrites with a jump; [from, from+len) is what is copied:
 * whole instructions, at least the patch, or less if the last one does not run on. An endbr64 at the entry is the caller's: it stays where
 * it is, and `from` lies behind it.
 *
 * What changes in the copy:
 *   rip-relative operand  new displacement, same address. Out of reach: a lea and a load into a
 *                         general register take the absolute address, others are refused
 *   jmp, jcc, xbegin      new displacement, long form
 *   loop, jrcxz, jecxz    kept, over a jump
 *   call                  push of the return address in the original, jump: what reads return
 *                         addresses (unwinders, exceptions, profilers) sees what it always saw, and
 *                         no thread comes back to the copy. Not with shadow stacks (CET SHSTK):
 *                         there the return would fault, don't plant
 *   target in the copied  goes to the copy; if it is no start of a copied instruction, it goes to
 *   range                 the original, or is refused where that is overwritten
 *   all else              the same bytes
 * Branches out of reach of 32 bits go through jmp *0(%rip) and eight bytes behind it. No form
 * changes a register or flag that the original instruction does not change, nor memory but the
 * slot that a call writes.
 *
 * Some forms are two or three instructions. A thread that stands inside of one is at no boundary:
 * it has to be stepped on, two steps at most.
 *
 * Pure: bytes in, bytes out. Any bytes are allowed; nothing is written past RELOCATE_ROOM.
 */
#ifndef SCION_PROBE_RELOCATE_H
#define SCION_PROBE_RELOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/decode.h"

enum {
	RELOCATE_LEN_MAX = 128,  /* bytes of the original */
	RELOCATE_STEPS_MAX = 64, /* instructions */
	RELOCATE_FORM_MAX = 48,  /* bytes that one instruction may become */
	RELOCATE_ROOM = 1024,
};

enum relocate_refusal {
	RELOCATE_DONE,
	RELOCATE_OBSTACLE,  /* of the decoder: `obstacle` says which */
	RELOCATE_BAD_RANGE, /* empty, too long, ends in an instruction, or runs on into the patch */
	RELOCATE_TOO_LONG,  /* more instructions or bytes than there is room for */
	RELOCATE_OUT_OF_REACH,      /* an operand is more than 2 GiB away from the copy */
	RELOCATE_INTO_PATCH,        /* a branch goes to the middle of an overwritten instruction */
	RELOCATE_RETURN_INTO_PATCH, /* a call would return into overwritten bytes */
	RELOCATE_CALL_STACK, /* a call's target is read through a stack that the push changes */
};

struct relocate_job {
	const uint8_t *bytes; /* len of them, as they are at `from` before any patch */
	size_t len, patch;
	uint64_t from, to;
};

/* An instruction boundary: offsets from `from` and from `to`. */
struct relocate_step {
	uint16_t old_at, new_at;
};

struct relocate {
	enum relocate_refusal refusal;
	enum decode_obstacle obstacle;
	size_t refused_at; /* offset of the instruction that could not be moved */

	uint8_t out[RELOCATE_ROOM];
	size_t size;  /* of it, jump back and its eight bytes included */
	size_t count; /* instructions */
	/* [count] is the jump back (or the end, where none is needed): old_at is len. */
	struct relocate_step steps[RELOCATE_STEPS_MAX + 1];
	bool jumps_back;
};

/** @brief Relocate. Returns `result->refusal`; after a refusal nothing else of it but the reason
 * holds. */
enum relocate_refusal relocate(const struct relocate_job *job, struct relocate *result);

/**
 * @brief Where in the copy a thread goes on that stands at `from` + old_at.
 * @return offset from `to`, or -1: it is inside of an instruction, or outside of the range
 */
int relocate_to_new(const struct relocate *result, size_t old_at);

/**
 * @brief The way back, at eject.
 * @return offset from `from`, or -1: inside of a form (step on, and ask again), or outside
 */
int relocate_to_old(const struct relocate *result, size_t new_at);

/** @brief Why it was refused; without a full stop. */
const char *relocate_why(const struct relocate *result);

#endif
