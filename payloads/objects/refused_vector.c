/* SPDX-License-Identifier: MIT */
/* A vector register that nobody saves. */
/* expect: refused: \.text\+0x[0-9a-f]+: uses a register that nobody saves \(pxor xmm5, xmm5\): compile with -mgeneral-regs-only */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	__asm__ volatile("pxor %xmm5, %xmm5");
	return ctx->pid;
}
