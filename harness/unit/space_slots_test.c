/* SPDX-License-Identifier: MIT */
/* The books of an address space: references, slots, code, copies, boards. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inject/space.h"

#define BASE 0x7f0000000000ull

static int retired;

static void retire(void *arg, struct board *board)
{
	retired++;
	assert_ptr_equal(arg, &retired);
	assert_int_equal(board->refs, 0);
	free(board->map);
	free(board);
}

static void put(struct space *space)
{
	space_put(space, retire, &retired);
}

static struct board *new_board(void)
{
	struct board *board = calloc(1, sizeof(*board));

	assert_non_null(board);
	board->refs = 1;
	board->map = aligned_alloc(64, REGION_BOARD);
	assert_non_null(board->map);
	memset(board->map, 0xa5, REGION_BOARD);
	memset(board->map + BOARD_BLOCK, 0, REGION_BOARD - BOARD_BLOCK);
	return board;
}

static struct space *ready(void)
{
	struct space *space = space_new();

	assert_non_null(space);
	space->state = SPACE_READY;
	space->base = BASE;
	space->board = new_board();
	return space;
}

/* Any address: payloads are only compared. */
static const struct scion_payload *payload(size_t n)
{
	static const char names[64];

	assert_true(n < sizeof(names));
	return (const void *)&names[n];
}

static void references(void **state)
{
	struct space *space = ready();

	(void)state;
	retired = 0;
	assert_ptr_equal(space_get(space), space);
	put(space);
	assert_int_equal(retired, 0);
	put(space);
	assert_int_equal(retired, 1);
	put(NULL);
	put(space_new()); /* no board: nothing to retire */
	assert_int_equal(retired, 1);
}

static void slots_are_taken_once(void **state)
{
	struct space *space = ready();
	uint64_t seen = 0;

	(void)state;
	for (int i = 0; i < SLOT_COUNT; i++) {
		int slot = space_take_slot(space, false);

		assert_in_range(slot, 0, SLOT_COUNT - 1);
		assert_false(seen >> slot & 1);
		seen |= 1ull << slot;
	}
	assert_int_equal(space_take_slot(space, false), -1);
	assert_int_equal(space_take_slot(space, true), SPACE_LARGE);
	assert_int_equal(space_take_slot(space, true), -1);
	space_free_slot(space, 17);
	assert_int_equal(space_take_slot(space, false), 17);
	space_free_slot(space, -1); /* a run that had none */
	assert_int_equal(space_take_slot(space, false), -1);
	space_free_slot(space, SPACE_LARGE);
	assert_int_equal(space_take_slot(space, false), -1); /* the large one is for large ones */
	assert_int_equal(space_take_slot(space, true), SPACE_LARGE);
	put(space);
}

/* Frames lie at the top of slots that do not overlap, all inside of the region. */
static void frames_do_not_overlap(void **state)
{
	struct space *space = ready();
	uint64_t low = space_board(space) + REGION_BOARD;

	(void)state;
	assert_int_equal(space_stub(space), BASE);
	assert_int_equal(space_board(space), BASE + REGION_CODE);
	for (int slot = 0; slot <= SPACE_LARGE; slot++) {
		uint64_t size = slot == SPACE_LARGE ? REGION_LARGE : SLOT_SIZE;
		uint64_t frame = space_frame(space, slot);

		assert_int_equal(frame + FRAME_SIZE, low + size);
		assert_int_equal(frame % 16, 0); /* trap 25: the stack begins here */
		assert_true(frame - low > SCION_PAYLOAD_STACK);
		low += size;
	}
	assert_int_equal(low, BASE + REGION_SIZE);
	put(space);
}

static void code_room(void **state)
{
	struct space *space = ready();
	uint64_t end = BASE, at;
	size_t count = 0;

	(void)state;
	assert_int_equal(space_note_code(space, NULL, 100, 0), 0); /* the stub */
	end += 100;
	for (; (at = space_code_room(space, 5000)); count++) {
		assert_int_equal(at % 64, 0);
		assert_true(at >= end);
		assert_int_equal(space_entry(space, payload(count)), 0);
		assert_int_equal(space_note_code(space, payload(count), 5000, at + 8), 0);
		end = at + 5000;
		assert_true(end <= BASE + REGION_CODE);
	}
	assert_int_equal(count, (REGION_CODE - 128) / 5056);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(space_entry(space, payload(i)) % 64, 8);
	assert_int_not_equal(space_code_room(space, BASE + REGION_CODE - end - 64), 0);
	put(space);
}

static void code_room_at_the_edges(void **state)
{
	struct space *space = ready();

	(void)state;
	assert_int_equal(space_code_room(space, REGION_CODE), BASE);
	assert_int_equal(space_code_room(space, REGION_CODE + 1), 0);
	assert_int_equal(space_code_room(space, SIZE_MAX), 0);
	assert_int_equal(space_note_code(space, payload(0), REGION_CODE, BASE), 0);
	assert_int_equal(space_code_room(space, 1), 0);
	assert_int_equal(space->code_end, REGION_CODE);
	put(space);
}

/* A fork: the same code at the same addresses, slots of its own, the board shared. */
static void copies(void **state)
{
	struct space *parent = ready();
	struct space *child;
	int slot = space_take_slot(parent, false);

	(void)state;
	retired = 0;
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(
			space_note_code(parent, payload(i), 64, space_code_room(parent, 64)), 0);
	space_take_slot(parent, true);
	child = space_copy(parent, 1ull << slot);
	assert_non_null(child);
	assert_int_equal(child->refs, 1);
	assert_int_equal(child->state, SPACE_READY);
	assert_int_equal(child->base, BASE);
	assert_int_equal(child->busy, 1ull << slot); /* not what other threads had in flight */
	assert_ptr_equal(child->board, parent->board);
	assert_int_equal(parent->board->refs, 2);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(space_entry(child, payload(i)), space_entry(parent, payload(i)));
	/* from now on each loads for itself */
	assert_int_equal(space_note_code(child, payload(20), 64, space_code_room(child, 64)), 0);
	assert_int_not_equal(space_entry(child, payload(20)), 0);
	assert_int_equal(space_entry(parent, payload(20)), 0);
	put(parent);
	assert_int_equal(retired, 0);
	assert_int_not_equal(space_entry(child, payload(8)), 0);
	put(child);
	assert_int_equal(retired, 1);
}

/* Half a region is of no use: its loader's calls end in the parent only. */
static void copies_of_what_is_not_there(void **state)
{
	static const enum space_state states[] = { SPACE_EMPTY, SPACE_LOADING, SPACE_REMOVED };

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct space *parent = ready();
		struct space *child;

		parent->state = states[i];
		child = space_copy(parent, 3);
		assert_non_null(child);
		assert_int_equal(child->state, SPACE_EMPTY);
		assert_int_equal(child->busy, 0);
		assert_null(child->board);
		assert_int_equal(parent->board->refs, 1);
		put(child);
		put(parent);
	}
}

static void broken_stays_broken_in_a_copy(void **state)
{
	struct space *parent = space_new();
	struct space *child;

	(void)state;
	assert_non_null(parent);
	parent->state = SPACE_BROKEN;
	strcpy(parent->why, "no memory");
	child = space_copy(parent, 0);
	assert_int_equal(child->state, SPACE_BROKEN);
	assert_string_equal(child->why, "no memory");
	put(child);
	put(parent);
}

static void reports(void **state)
{
	static const struct report none;
	struct space *space = ready();
	struct board *board = space->board;
	bool seen[REPORT_COUNT] = { false };

	(void)state;
	for (int i = 0; i < REPORT_COUNT; i++) {
		int report = board_take(board);

		assert_in_range(report, 0, REPORT_COUNT - 1);
		assert_false(seen[report]);
		seen[report] = true;
		assert_memory_equal(board_report(board, report), &none, sizeof(none));
		memset(board_report(board, report), 0xff, sizeof(struct report));
	}
	assert_int_equal(board_take(board), -1);
	board_free(board, 300);
	assert_int_equal(board_take(board), 300);
	assert_memory_equal(board_report(board, 300), &none, sizeof(none)); /* no old token */
	board_free(board, -1);
	assert_int_equal(board_take(board), -1);
	board_free(board, 0);
	board_free(board, REPORT_COUNT - 1);
	assert_true(board_take(board) >= 0 && board_take(board) >= 0);
	put(space);
}

/* A report just freed is not the next one: who reads late reads what is still there. */
static void reports_go_round(void **state)
{
	struct space *space = ready();
	int first = board_take(space->board);

	(void)state;
	board_free(space->board, first);
	assert_int_not_equal(board_take(space->board), first);
	put(space);
}

static void block(void **state)
{
	struct space *space = ready();
	struct scion_block *head = board_block(space->board);

	(void)state;
	board_init(space->board);
	assert_ptr_equal(head, space->board->map + REPORT_COUNT * REPORT_SIZE);
	assert_int_equal(head->count, 0);
	assert_true(head->ring_size && !(head->ring_size & (head->ring_size - 1)));
	assert_int_equal(head->user_off,
			 sizeof(*head) + head->ring_size * sizeof(struct scion_ring_record));
	assert_true(head->user_off < REGION_BOARD - BOARD_BLOCK);
	put(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
		cmocka_unit_test(slots_are_taken_once),
		cmocka_unit_test(frames_do_not_overlap),
		cmocka_unit_test(code_room),
		cmocka_unit_test(code_room_at_the_edges),
		cmocka_unit_test(copies),
		cmocka_unit_test(copies_of_what_is_not_there),
		cmocka_unit_test(broken_stays_broken_in_a_copy),
		cmocka_unit_test(reports),
		cmocka_unit_test(reports_go_round),
		cmocka_unit_test(block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
