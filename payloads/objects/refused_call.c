/* SPDX-License-Identifier: MIT */
/* Calls the target without saying so. */
/* expect: refused: \.text\+0x[0-9a-f]+: calls target_scale of the target: mark the payload SCION_PAYLOAD_CALLS, or don't call */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

extern int64_t target_scale(int64_t value);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return target_scale((int64_t)ctx->args[0]) + 1;
}
