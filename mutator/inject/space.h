/* SPDX-License-Identifier: MIT */
/*
 * space.h - what scion has put into one address space: the region of frame.h. Bookkeeping only, no
 * system call; loading is in load.c.
 *
 * Threads and vfork children share a space, a forked child gets a copy of it (its memory is a copy
 * of the region), an exec drops it. The board is shared by all copies, and mapped by the tracer too.
 */
#ifndef SCION_INJECT_SPACE_H
#define SCION_INJECT_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "inject/frame.h"
#include "scion/scion.h"

enum space_state {
	SPACE_EMPTY,   /* nothing is there */
	SPACE_LOADING, /* a task makes the system calls that load it; others wait */
	SPACE_READY,   /* stub, board and slots are there */
	SPACE_REMOVED, /* unmapped before detaching */
	SPACE_BROKEN,  /* loading failed; it is not tried again, `why` says */
};

/** The pages shared by all offspring, as the tracer sees them. */
struct board {
	unsigned refs; /* spaces */
	unsigned char *map;
	uint64_t busy[REPORT_COUNT / 64];
	unsigned next;
	struct board *prev_board, *next_board;
};

struct space_code {
	const struct scion_payload *payload;
	uint64_t entry; /* address in the target */
};

#define SPACE_LARGE SLOT_COUNT /* index of the large slot */

struct space {
	unsigned refs; /* tasks */
	enum space_state state;
	uint64_t base;
	uint64_t slack;      /* where the boot code may lie while it is needed */
	uint32_t code_end;   /* bytes of the code part in use */
	unsigned bare_forks; /* children that began without a region, since it was not here */
	uint64_t busy;       /* slots, bit SPACE_LARGE for the large one */
	struct board *board;
	struct space_code *code;
	unsigned code_count, code_room;
	char why[160];
};

struct space *space_new(void);
struct space *space_get(struct space *space);

/** Drops a task's reference; frees the space with the last one. `retire` gets boards that ended. */
void space_put(struct space *space, void (*retire)(void *arg, struct board *board), void *arg);

/** The space of a forked child. NULL without memory. `slots`: those in use by the forking task. */
struct space *space_copy(const struct space *parent, uint64_t slots);

/** Takes a slot (the large one if `large`); -1 if none is free. */
int space_take_slot(struct space *space, bool large);
void space_free_slot(struct space *space, int slot);

/** Address of a slot's frame: its top. */
uint64_t space_frame(const struct space *space, int slot);

uint64_t space_board(const struct space *space);
uint64_t space_stub(const struct space *space);

/** Entry of a payload that is loaded, or 0. */
uint64_t space_entry(const struct space *space, const struct scion_payload *payload);

/** Room for `size` bytes of code: its address, or 0 if the code part is full. */
uint64_t space_code_room(const struct space *space, size_t size);

/** Notes that a payload of `size` bytes was put at space_code_room(). -ENOMEM. */
int space_note_code(struct space *space, const struct scion_payload *payload, size_t size,
		    uint64_t entry);

/** Takes a report, zeroed; -1 if all are in use. */
int board_take(struct board *board);
void board_free(struct board *board, int report);
struct report *board_report(const struct board *board, int report);
struct scion_block *board_block(const struct board *board);

/** Initialises a fresh board's block. */
void board_init(struct board *board);

#endif
