/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what lies in the target while a payload runs; shared by the engine and the stub.
 *
 * A region of the target holds, in one mapping range (one munmap removes it):
 *
 *	+--------------------+ base
 *	| code     r-x       | stub at offset 0, then payloads as they are first used
 *	+--------------------+ base + REGION_CODE
 *	| board    rw- shared| reports + struct scion_block (memfd, inherited by fork)
 *	+--------------------+ base + REGION_CODE + REGION_BOARD
 *	| slots    rw-       | one slot per payload in flight in this address space
 *	+--------------------+ base + REGION_CODE + REGION_BOARD + REGION_SLOTS
 *	| large    rw-       | one large slot, for payloads that call code of the target
 *	+--------------------+ base + REGION_SIZE
 *
 *	slot:  low                                                       high
 *	       | stack, grows down ............ <- stack top | struct frame |
 *
 * The stub runs the payload and puts *everything* back by itself: signal mask (rt_sigprocmask),
 * general registers, flags, stack and instruction pointer (iretq). So a payload costs no stop at
 * its end, and a tracer that dies while a payload runs leaves a correct program behind.
 *
 * report.done says that the result is there, not that the slot is free: the stub reads frame.home
 * up to its last instruction. A slot may be used again once its thread is seen at a stop outside
 * the stub, or is gone, or has a new address space.
 */
#ifndef SCION_INJECT_FRAME_H
#define SCION_INJECT_FRAME_H

#define REGION_CODE  0x10000
#define REGION_BOARD 0x20000
#define SLOT_SIZE    0x8000
#define SLOT_COUNT   32
#define REGION_SLOTS (SLOT_SIZE * SLOT_COUNT)
#define REGION_LARGE 0x100000
#define REGION_SIZE  (REGION_CODE + REGION_BOARD + REGION_SLOTS + REGION_LARGE)

/* The board: REPORT_COUNT reports, then the block that payloads share. */
#define REPORT_COUNT 512
#define REPORT_SIZE  128
#define BOARD_BLOCK  (REPORT_COUNT * REPORT_SIZE)

/* Offsets in struct frame, for the stub. Asserted below. */
#define FRAME_ENTRY  0
#define FRAME_REPORT 8
#define FRAME_XSAVE  16
#define FRAME_FLAGS  24
#define FRAME_MASK   32
#define FRAME_TOKEN  40
#define FRAME_CTX    64
#define CTX_RESULT   128
#define CTX_REGS     176
#define FRAME_HOME   408
#define FRAME_SIZE   576

/* struct report */
#define REPORT_STATUS 0
#define REPORT_RESULT 8
#define REPORT_DONE   56

/* struct boot */
#define BOOT_UNMAP 0
#define BOOT_MASK  8
#define BOOT_HOME  16

/* frame.flags */
#define FRAME_NOTIFY 1 /* stop for the tracer (a getpid call) before everything is put back */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "scion/payload.h"

/** Lies at the top of a slot; written by the engine, read by the stub. */
struct frame {
	uint64_t entry;  /* address of the payload's entry */
	uint64_t report; /* address of the struct report in this address space */
	uint64_t xsave;  /* bytes for xsave, 0: vector state is not saved */
	uint64_t flags;  /* FRAME_* */
	uint64_t mask;   /* the program's signal mask, put back by the stub */
	uint64_t token;  /* what the stub writes to report.done */
	uint64_t pad[2];
	struct scion_payload_ctx ctx;
	struct scion_payload_regs home; /* what the stub puts back; out of the payload's sight */
};

/** On the board: what a payload leaves, readable after exec and after the task has gone. */
struct report {
	int64_t status;
	uint64_t result[SCION_PAYLOAD_RESULTS];
	uint64_t done; /* written last: frame.token */
	uint64_t pad[8];
};

/** Lies right behind the boot code: what it does, and the program that it goes back to. */
struct boot {
	uint64_t unmap; /* base of a region to remove; 0: make one */
	uint64_t mask;
	struct scion_payload_regs home;
};

_Static_assert(offsetof(struct boot, unmap) == BOOT_UNMAP, "boot");
_Static_assert(offsetof(struct boot, mask) == BOOT_MASK, "boot");
_Static_assert(offsetof(struct boot, home) == BOOT_HOME, "boot");
_Static_assert(offsetof(struct frame, entry) == FRAME_ENTRY, "frame");
_Static_assert(offsetof(struct frame, report) == FRAME_REPORT, "frame");
_Static_assert(offsetof(struct frame, xsave) == FRAME_XSAVE, "frame");
_Static_assert(offsetof(struct frame, flags) == FRAME_FLAGS, "frame");
_Static_assert(offsetof(struct frame, mask) == FRAME_MASK, "frame");
_Static_assert(offsetof(struct frame, token) == FRAME_TOKEN, "frame");
_Static_assert(offsetof(struct frame, ctx) == FRAME_CTX, "frame");
_Static_assert(offsetof(struct scion_payload_ctx, result) == CTX_RESULT, "frame");
_Static_assert(offsetof(struct scion_payload_ctx, regs) == CTX_REGS, "frame");
_Static_assert(offsetof(struct frame, home) == FRAME_HOME, "frame");
_Static_assert(sizeof(struct frame) == FRAME_SIZE, "frame");
_Static_assert(offsetof(struct report, status) == REPORT_STATUS, "report");
_Static_assert(offsetof(struct report, result) == REPORT_RESULT, "report");
_Static_assert(offsetof(struct report, done) == REPORT_DONE, "report");
_Static_assert(sizeof(struct report) == REPORT_SIZE, "report");
#endif
#endif
