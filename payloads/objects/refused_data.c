/* SPDX-License-Identifier: MIT */
/* Keeps a count where nothing can be written. */
/* expect: refused: \.data: 8 bytes of data that can be written \(hits\): a payload keeps its data in ctx->block */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static int64_t hits = 1;

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return hits += ctx->pid;
}
