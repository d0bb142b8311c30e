/* SPDX-License-Identifier: MIT */
/* Compiled for a fixed address. */
/* args: -fno-pic -fno-pie */
/* expect: refused: \.text\+0x[0-9a-f]+: R_X86_64_32S? against [a-z0-9_.]+: not position independent: compile with -fPIC */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static const int64_t weights[] = { 3, 5, 7, 11 };

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return weights[ctx->args[0] % 4];
}
