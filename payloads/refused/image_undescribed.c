/* SPDX-License-Identifier: MIT */
/* Does not say which ABI it is written for. */
/* stage: image */
/* expect: no SCION_PAYLOAD_INFO */
#include "scion/payload.h"

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return ctx->pid;
}
