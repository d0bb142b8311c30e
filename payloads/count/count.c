/* SPDX-License-Identifier: MIT */
/*
 * count.c - one more hit in the block that all offspring share. Status: the new count.
 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
SCION_PAYLOAD_SUMMARY("adds one to the counter that all offspring share, returns it");

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	struct scion_block *block = (struct scion_block *)(uintptr_t)ctx->block;

	if (ctx->block_size < sizeof(*block))
		return -SCION_PAYLOAD_ENOBLOCK;
	return (int64_t)__atomic_add_fetch(&block->count, 1, __ATOMIC_SEQ_CST);
}
