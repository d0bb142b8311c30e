/* SPDX-License-Identifier: MIT */
/* ring, compiled natively: records, wraps, and does not trust the block. */
#include "../../payloads/ring/ring.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 8, THREADS = 4, ROUNDS = 1000, MANY = THREADS * ROUNDS };

struct board {
	struct scion_block block;
	struct scion_ring_record ring[SLOTS];
	unsigned char guard[64];
};

static struct scion_payload_ctx context(struct board *board)
{
	return (struct scion_payload_ctx){
		.block = (uint64_t)(uintptr_t)board,
		.block_size = offsetof(struct board, guard),
		.event = SCION_AT_FORK,
		.side = SCION_SIDE_CHILD,
		.pid = 100,
		.tid = 101,
		.time_ns = 12345,
	};
}

static void appends_a_record(void **state)
{
	struct board board = { .block.ring_size = SLOTS };
	struct scion_payload_ctx ctx = context(&board);
	const struct scion_ring_record *record = &board.ring[0];

	(void)state;
	assert_int_equal(scion_payload(&ctx), 1);
	assert_int_equal(board.block.ring_head, 1);
	assert_int_equal(record->seq, 1);
	assert_int_equal(record->time, 12345);
	assert_int_equal(record->event, SCION_AT_FORK);
	assert_int_equal(record->side, SCION_SIDE_CHILD);
	assert_int_equal(record->pid, 100);
	assert_int_equal(record->tid, 101);
	assert_int_equal(board.ring[1].seq, 0);
}

static void full_ring_overwrites_the_oldest(void **state)
{
	struct board board = { .block.ring_size = SLOTS };
	struct scion_payload_ctx ctx = context(&board);
	unsigned i;

	(void)state;
	memset(board.guard, 0xa5, sizeof(board.guard));
	for (i = 0; i < SLOTS + 3; i++) {
		ctx.pid = (int32_t)i;
		assert_int_equal(scion_payload(&ctx), i + 1);
	}
	for (i = 0; i < SLOTS; i++) {
		unsigned want = i < 3 ? SLOTS + i : i;

		assert_int_equal(board.ring[i].seq, want + 1);
		assert_int_equal(board.ring[i].pid, want);
	}
	for (i = 0; i < sizeof(board.guard); i++)
		assert_int_equal(board.guard[i], 0xa5);
}

/* The block is the program's to write: no value of it may lead the payload out of it. */
static void damaged_block_is_refused(void **state)
{
	static const uint64_t sizes[] = { 0, 3, 12, SLOTS * 2, 1ull << 40, 1ull << 63, ~0ull };
	struct board board = { 0 }, before;
	struct scion_payload_ctx ctx = context(&board);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		board.block.ring_size = sizes[i];
		before = board;
		assert_int_equal(scion_payload(&ctx), -SCION_PAYLOAD_ENOBLOCK);
		assert_memory_equal(&board, &before, sizeof(board));
	}
	board.block.ring_size = SLOTS;
	board.block.ring_head = ~0ull;
	assert_int_equal(scion_payload(&ctx), 0);
	assert_int_equal(board.ring[SLOTS - 1].pid, 100);
	ctx.block_size = sizeof(struct scion_block) - 1;
	assert_int_equal(scion_payload(&ctx), -SCION_PAYLOAD_ENOBLOCK);
}

static struct {
	struct scion_block block;
	struct scion_ring_record ring[4096];
} large;

static void *append_many(void *arg)
{
	struct scion_payload_ctx ctx = { .block = (uint64_t)(uintptr_t)&large,
					 .block_size = sizeof(large),
					 .tid = *(int *)arg };
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ctx.pid = i;
		scion_payload(&ctx);
	}
	return NULL;
}

static void threads_lose_no_record(void **state)
{
	pthread_t thread[THREADS];
	int id[THREADS], next[THREADS] = { 0 };
	size_t i;

	(void)state;
	large.block.ring_size = 4096;
	for (i = 0; i < THREADS; i++) {
		id[i] = (int)i;
		assert_int_equal(pthread_create(&thread[i], NULL, append_many, &id[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(large.block.ring_head, MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(large.ring[i].seq, i + 1);
		assert_in_range(large.ring[i].tid, 0, THREADS - 1);
		/* Each thread's records stand in its own order. */
		assert_int_equal(large.ring[i].pid, next[large.ring[i].tid]++);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_a_record),
		cmocka_unit_test(full_ring_overwrites_the_oldest),
		cmocka_unit_test(damaged_block_is_refused),
		cmocka_unit_test(threads_lose_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
