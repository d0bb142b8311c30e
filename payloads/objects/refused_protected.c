/* SPDX-License-Identifier: MIT */
/* A stack protector calls the C library. */
/* args: -fstack-protector-all */
/* expect: refused: \.text\+0x[0-9a-f]+: calls __stack_chk_fail of the target: mark the payload SCION_PAYLOAD_CALLS, or don't call */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	volatile char text[64];

	text[ctx->args[0] % sizeof(text)] = 1;
	return text[0];
}
