/* SPDX-License-Identifier: MIT */
/*
 * decode.h - one x86-64 instruction, as far as probes need to know it. The only door to Zydis.
 *
 * Pure: bytes in, values out. Any bytes are allowed.
 *
 *   prefixes  opcode  ModRM  SIB  displacement  immediate
 *                                 ^ disp_at     ^ imm_at             ^ length
 *
 * An encoding has one ModRM byte and so at most one rip-relative displacement, whatever the number
 * of operands that use it. It counts from the end of the instruction, behind the immediate.
 */
#ifndef SCION_PROBE_DECODE_H
#define SCION_PROBE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECODE_LENGTH_MAX = 15 };

enum decode_kind {
	DECODE_PLAIN,
	DECODE_NOP, /* of any length, also int3's neighbour in padding */
	DECODE_ENDBR64,
	DECODE_JMP,    /* to `target` */
	DECODE_JCC,    /* to `target`; `condition` is the low nibble of the opcode */
	DECODE_LOOP,   /* loop, loope, loopne, jrcxz, jecxz: rel8 only */
	DECODE_CALL,   /* to `target` */
	DECODE_XBEGIN, /* `target` is where an abort goes */
	DECODE_JMP_INDIRECT,
	DECODE_CALL_INDIRECT,
	DECODE_RET,
	DECODE_STOP, /* ud0, ud1, ud2, hlt: nothing comes behind it */
	DECODE_INT3,
};

/* Why an instruction can't be moved. The sentences are decode_why()'s. */
enum decode_obstacle {
	DECODE_MOVABLE,
	DECODE_INVALID,    /* no instruction */
	DECODE_CUT,        /* the bytes end inside it */
	DECODE_BREAKPOINT, /* int3: what it stands for isn't known */
	DECODE_FAR_BRANCH,
	DECODE_SIZED_BRANCH, /* operand size prefix: CPUs disagree on what it does */
};

/* Register masks. */
#define DECODE_GPR(n)    (UINT64_C(1) << (n)) /* rax, rcx, rdx, rbx, rsp, rbp, rsi, ... r15 */
#define DECODE_VECTOR(n) (UINT64_C(1) << (16 + (n))) /* xmm, ymm, zmm 0 to 31 */
#define DECODE_MASK(n)   (UINT64_C(1) << (48 + (n))) /* k0 to k7 */
#define DECODE_X87       (UINT64_C(1) << 56)         /* and MMX */
#define DECODE_SEGMENT   (UINT64_C(1) << 57)
#define DECODE_OTHER     (UINT64_C(1) << 58) /* control, mxcsr, tiles and whatever else */
enum { DECODE_RSP = 4, DECODE_RBP = 5 };

struct decode_insn {
	uint8_t length; /* 1 to 15; of DECODE_INVALID and DECODE_CUT 0 */
	enum decode_kind kind;
	enum decode_obstacle obstacle;
	uint8_t condition;
	uint8_t prefixes;    /* bytes of them, the REX byte among them */
	uint8_t branch_at;   /* offset of a relative branch's displacement, or 0 */
	uint8_t branch_size; /* 1 or 4 bytes */
	uint8_t modrm_at;    /* or 0 */
	uint8_t disp_at;     /* of a memory operand; or 0 */
	uint8_t disp_size;   /* 0, 1 or 4 bytes */
	uint8_t imm_at;      /* or 0 */
	bool rip_relative;   /* disp_at is relative to the instruction's end */
	bool eip_relative;   /* likewise, and the sum is cut to 32 bits */
	uint64_t target;     /* of a relative branch */
	uint64_t rip_target; /* of a rip-relative operand */
	/* Filled by decode_full() only. Partly written registers count as read, too. */
	uint64_t reads, writes;
	uint32_t flags_read, flags_written; /* bits of rflags; undefined ones count as written */
};

/**
 * @brief Decode the instruction at `bytes`, which lies at `addr`.
 * @return its obstacle; `insn` is filled in any case
 */
enum decode_obstacle decode(const uint8_t *bytes, size_t len, uint64_t addr,
			    struct decode_insn *insn);

/** @brief The same, with the registers and flags that it reads and writes. Several times slower. */
enum decode_obstacle decode_full(const uint8_t *bytes, size_t len, uint64_t addr,
				 struct decode_insn *insn);

/** @brief Is this a direct branch (`target` is set)? */
bool decode_is_direct(const struct decode_insn *insn);

/** @brief Can the instruction behind this one be the next to run? After a call: yes. */
bool decode_falls_through(const struct decode_insn *insn);

/** @brief A sentence without a full stop, or "" of DECODE_MOVABLE. */
const char *decode_why(enum decode_obstacle obstacle);

#endif
