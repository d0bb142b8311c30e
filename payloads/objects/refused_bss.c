/* SPDX-License-Identifier: MIT */
/* The same, beginning at 0. */
/* expect: refused: \.bss: 8 bytes of data that can be written \(hits\): a payload keeps its data in ctx->block */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static int64_t hits;

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return hits += ctx->pid;
}
