/* SPDX-License-Identifier: MIT */
/* Clears a vector register that nobody has saved. */
/* stage: image */
/* expect: \.text\+0x[0-9a-f]+: uses a vector register: pxor xmm0, xmm0 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	__asm__ volatile("pxor %xmm0, %xmm0");
	return ctx->pid;
}
