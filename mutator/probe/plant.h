/* SPDX-License-Identifier: MIT */
/*
 * plant.h - can a function's entry be overwritten with a jump, and with which?
 *
 *   jump    start ─►│endbr64│jmp rel32        │…         5 bytes
 *   short   start ─►│endbr64│jmp rel8│…                  2 bytes
 *                               └──────►│jmp rel32│      5 bytes of padding, a gap, in reach of
 *                                                        a signed byte
 *
 * A jump may cover several instructions. That is right only if nothing else can come to what it
 * covers: no branch may go between its first and its last byte, no call may return there, no other
 * function may begin there. So an object's functions, and what lies between them, are walked once,
 * and all branches that go near an entry are kept. What indirect jumps reach (jump tables) is not known;
 * compilers put no case label into the first bytes of a function, before the jump that leads to it.
 *
 * Where a branch does go into the covered bytes, or back to the entry, as in small loops, more than
 * those bytes is moved: all up to the branch's end, so that it goes to the copy, too. That is done
 * only if then no way leads back into the original of what was moved.
 *
 * Bytes between two functions are a gap if they are nop or int3 and the function before does not
 * run out into them. Gaps are given out once, by plant_take().
 *
 * Pure: bytes in, values out; memory is taken from the heap.
 */
#ifndef SCION_PROBE_PLANT_H
#define SCION_PROBE_PLANT_H

#include "probe/extent.h"
#include "probe/relocate.h"

enum {
	PLANT_JUMP = 5,  /* bytes of jmp rel32 */
	PLANT_SHORT = 2, /* of jmp rel8 */
};

/* What is known of one object's code. */
struct plant;

enum plant_way { PLANT_REFUSED, PLANT_BY_JUMP, PLANT_BY_SHORT };

enum plant_refusal {
	PLANT_FINE,
	PLANT_NO_SIZE,        /* the symbol has no size */
	PLANT_OUTSIDE,        /* not within the text, or larger than EXTENT_SIZE_MAX */
	PLANT_SMALL,          /* shorter than the jump, with no padding behind */
	PLANT_OBSTACLE,       /* an instruction that can't be moved: `obstacle` */
	PLANT_RETURN,         /* a call would return into the jump */
	PLANT_BRANCH,         /* a branch from the body goes into the jump */
	PLANT_FOREIGN_BRANCH, /* one from elsewhere */
	PLANT_ENTRY,          /* another function begins in the jump */
	PLANT_STACK_CALL,     /* RELOCATE_CALL_STACK */
	PLANT_NO_GAP,         /* a short jump would do, but there is no padding in its reach */
	PLANT_NO_MEMORY,
	PLANT_REFUSALS,
};

struct plant_plan {
	enum plant_way way;
	enum plant_refusal refusal;       /* why not by a jump; PLANT_FINE of PLANT_BY_JUMP */
	enum plant_refusal short_refusal; /* of PLANT_REFUSED: why not by a short jump either */
	enum decode_obstacle obstacle;    /* of PLANT_OBSTACLE */
	uint64_t refused_at; /* address: the instruction, branch or entry that is in the way */

	uint64_t at;   /* where the jump goes: the start, or behind its endbr64 */
	uint8_t patch; /* bytes of the jump */
	/* Bytes to relocate, from `at`; fewer than the patch if padding is covered. Threads that
	 * stand in any of them are to be moved to the copy. */
	uint8_t moved;
	uint64_t hop; /* PLANT_BY_SHORT: where five bytes of padding are */
	/* A branch of the body goes to the entry and could not be moved: a counter there counts the
	 * rounds of a loop (or calls of itself that were made to jumps), too. */
	bool counts_rounds;
};

/**
 * @brief Walk an object's code.
 * @param functions sorted by start, one per start (aliases folded); they may overlap. Text and
 *        functions must outlive the result
 * @return 0, -EINVAL: not sorted or not folded, -ENOMEM
 */
int plant_new(const struct extent_text *text, const struct extent_function *functions, size_t count,
	      struct plant **plant);

/** @brief NULL is allowed. */
void plant_free(struct plant *plant);

/**
 * @brief How to plant at the entry of functions[index]. Takes nothing yet.
 * @return plan->way; `plan` is filled in any case
 */
enum plant_way plant_plan(const struct plant *plant, size_t index, struct plant_plan *plan);

/** @brief Note that a plan is carried out: no later plan gets the padding that it uses. */
void plant_take(struct plant *plant, const struct plant_plan *plan);

/** @brief A sentence without a full stop, or "" of PLANT_FINE. */
const char *plant_why(enum plant_refusal refusal, enum decode_obstacle obstacle);

#endif
