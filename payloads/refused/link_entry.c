/* SPDX-License-Identifier: MIT */
/* Has no entry. */
/* stage: link */
/* expect: scion_payload */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t scion_other(struct scion_payload_ctx *ctx);

int64_t scion_other(struct scion_payload_ctx *ctx)
{
	return ctx->pid;
}
