/* SPDX-License-Identifier: MIT */
/* No function scion_payload. */
/* expect: refused: no function scion_payload */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

int64_t payload(struct scion_payload_ctx *ctx)
{
	return ctx->pid;
}
