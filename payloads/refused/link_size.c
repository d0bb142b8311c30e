/* SPDX-License-Identifier: MIT */
/* Constants beyond what a payload may bring. */
/* stage: link */
/* expect: payload: larger than 4096 bytes */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
static const char table[5000] = { 1, 2, 3 };
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return table[ctx->args[0] % sizeof(table)];
}
