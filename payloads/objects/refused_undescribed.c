/* SPDX-License-Identifier: MIT */
/* Does not say which ABI it is written for. */
/* expect: refused: no \.scion\.info: put SCION_PAYLOAD_INFO\(FLAGS\); at file scope */
#include "scion/payload.h"

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return ctx->pid;
}
