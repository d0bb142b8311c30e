/* SPDX-License-Identifier: MIT */
/* count, compiled natively: counts, from several threads too, and refuses a missing block. */
#include "../../payloads/count/count.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000 };

static struct scion_payload_ctx context(struct scion_block *block, uint64_t size)
{
	return (struct scion_payload_ctx){ .block = (uint64_t)(uintptr_t)block,
					   .block_size = size };
}

static void returns_the_new_count(void **state)
{
	struct scion_block block = { .count = 41 };
	struct scion_payload_ctx ctx = context(&block, sizeof(block));

	(void)state;
	assert_int_equal(scion_payload(&ctx), 42);
	assert_int_equal(scion_payload(&ctx), 43);
	assert_int_equal(block.count, 43);
	assert_int_equal(block.ring_head, 0);
}

static void refuses_a_missing_block(void **state)
{
	struct scion_block block = { 0 };
	struct scion_payload_ctx none = context(NULL, 0);
	struct scion_payload_ctx small = context(&block, sizeof(block) - 1);

	(void)state;
	assert_int_equal(scion_payload(&none), -SCION_PAYLOAD_ENOBLOCK);
	assert_int_equal(scion_payload(&small), -SCION_PAYLOAD_ENOBLOCK);
	assert_int_equal(block.count, 0);
}

static void *count_many(void *arg)
{
	struct scion_payload_ctx ctx = context(arg, sizeof(struct scion_block));
	int i;

	for (i = 0; i < ROUNDS; i++)
		scion_payload(&ctx);
	return NULL;
}

static void threads_lose_no_hit(void **state)
{
	struct scion_block block = { 0 };
	pthread_t thread[THREADS];
	size_t i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_many, &block), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(block.count, THREADS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_the_new_count),
		cmocka_unit_test(refuses_a_missing_block),
		cmocka_unit_test(threads_lose_no_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
