/* SPDX-License-Identifier: MIT */
/* Counts in .bss. */
/* stage: link */
/* expect: payload: has \.bss; keep what is written in ctx->block */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
static int64_t counter;
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	(void)ctx;
	return counter++;
}
