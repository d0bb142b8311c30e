/* SPDX-License-Identifier: MIT */
/*
 * children.c - counts children in the block that all offspring share, and what each was to fork.
 *
 *	scion payload build children.c
 *	scion run --at fork:both=./children.o -- ./dice
 *
 * Needs nothing of the target: no calls, no system calls. In a child the status is -1, in the
 * parent the PID that fork is about to return, as the kernel gave it.
 */
#include <scion/payload.h>

SCION_PAYLOAD_INFO(0);
SCION_PAYLOAD_SUMMARY("counts children in the user's part of the shared block");

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	struct scion_block *block = (struct scion_block *)(uintptr_t)ctx->block;
	uint64_t *children;

	if (ctx->block_size < sizeof(*block) ||
	    block->user_off > ctx->block_size - sizeof(*children))
		return -SCION_PAYLOAD_ENOBLOCK;
	children = (uint64_t *)(void *)((char *)block + block->user_off);
	if (ctx->side == SCION_SIDE_CHILD) {
		/* Several children may be at this at once. */
		ctx->result[0] = __atomic_add_fetch(children, 1, __ATOMIC_RELAXED);
		return -1;
	}
	ctx->result[0] = __atomic_load_n(children, __ATOMIC_RELAXED);
	return ctx->fork_ret;
}
