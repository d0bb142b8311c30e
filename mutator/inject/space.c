/* SPDX-License-Identifier: MIT */
#include "inject/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inject/builtin.h"

#define CODE_ALIGN   64
#define RING_RECORDS 1024

struct space *space_new(void)
{
	struct space *space = calloc(1, sizeof(*space));

	if (space)
		space->refs = 1;
	return space;
}

struct space *space_get(struct space *space)
{
	space->refs++;
	return space;
}

void space_put(struct space *space, void (*retire)(void *arg, struct board *board), void *arg)
{
	if (!space || --space->refs)
		return;
	if (space->board && --space->board->refs == 0)
		retire(arg, space->board);
	free(space->code);
	free(space);
}

struct space *space_copy(const struct space *parent, uint64_t slots)
{
	struct space *child = space_new();

	if (!child || (parent->state != SPACE_READY && parent->state != SPACE_BROKEN))
		return child; /* what is half loaded in the parent is of no use in the child */
	*child = *parent;
	child->refs = 1;
	child->busy = slots;
	child->code = NULL;
	child->code_room = 0;
	if (parent->code_count) {
		size_t size = parent->code_count * sizeof(*child->code);

		child->code = malloc(size);
		if (!child->code) {
			free(child);
			return NULL;
		}
		memcpy(child->code, parent->code, size);
		child->code_room = parent->code_count;
	}
	if (child->board)
		child->board->refs++;
	return child;
}

int space_take_slot(struct space *space, bool large)
{
	int slot = SPACE_LARGE;

	if (!large)
		for (slot = 0; slot < SLOT_COUNT && space->busy >> slot & 1;)
			slot++;
	if (!large && slot == SLOT_COUNT)
		return -1;
	if (space->busy >> slot & 1)
		return -1;
	space->busy |= 1ull << slot;
	return slot;
}

void space_free_slot(struct space *space, int slot)
{
	if (slot >= 0)
		space->busy &= ~(1ull << slot);
}

uint64_t space_frame(const struct space *space, int slot)
{
	uint64_t slots = space->base + REGION_CODE + REGION_BOARD;
	uint64_t end = slot == SPACE_LARGE ? REGION_SLOTS + REGION_LARGE :
					     (uint64_t)(slot + 1) * SLOT_SIZE;

	return slots + end - FRAME_SIZE;
}

uint64_t space_board(const struct space *space)
{
	return space->base + REGION_CODE;
}

uint64_t space_stub(const struct space *space)
{
	return space->base;
}

uint64_t space_entry(const struct space *space, const struct scion_payload *payload)
{
	for (unsigned i = 0; i < space->code_count; i++)
		if (space->code[i].payload == payload)
			return space->code[i].entry;
	return 0;
}

uint64_t space_code_room(const struct space *space, size_t size)
{
	size_t begin = (space->code_end + CODE_ALIGN - 1) / CODE_ALIGN * CODE_ALIGN;

	return size > REGION_CODE || begin > REGION_CODE - size ? 0 : space->base + begin;
}

int space_note_code(struct space *space, const struct scion_payload *payload, size_t size,
		    uint64_t entry)
{
	uint64_t at = space_code_room(space, size);

	if (payload) {
		if (space->code_count == space->code_room) {
			unsigned room = space->code_room ? 2 * space->code_room : 4;
			struct space_code *code = realloc(space->code, room * sizeof(*code));

			if (!code)
				return -ENOMEM;
			space->code = code;
			space->code_room = room;
		}
		space->code[space->code_count++] = (struct space_code){ payload, entry };
	}
	space->code_end = (uint32_t)(at - space->base + size);
	return 0;
}

int board_take(struct board *board)
{
	for (unsigned i = 0; i < REPORT_COUNT; i++) {
		unsigned report = (board->next + i) % REPORT_COUNT;

		if (board->busy[report / 64] >> (report % 64) & 1)
			continue;
		board->busy[report / 64] |= 1ull << (report % 64);
		board->next = report + 1;
		memset(board_report(board, (int)report), 0, sizeof(struct report));
		return (int)report;
	}
	return -1;
}

void board_free(struct board *board, int report)
{
	if (report >= 0)
		board->busy[report / 64] &= ~(1ull << (report % 64));
}

struct report *board_report(const struct board *board, int report)
{
	return (struct report *)(void *)(board->map + (size_t)report * REPORT_SIZE);
}

struct scion_block *board_block(const struct board *board)
{
	return (struct scion_block *)(void *)(board->map + BOARD_BLOCK);
}

void board_init(struct board *board)
{
	struct scion_block *block = board_block(board);

	block->ring_size = RING_RECORDS;
	block->user_off = sizeof(*block) + RING_RECORDS * sizeof(struct scion_ring_record);
}
