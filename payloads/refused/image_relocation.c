/* SPDX-License-Identifier: MIT */
/* Holds an absolute address: right only where it was linked. */
/* stage: image */
/* expect: \.rodata\+0x[0-9a-f]+: relocation R_X86_64_64 against \.text|relocation R_X86_64_64 against scion_payload */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t scion_payload(struct scion_payload_ctx *ctx);

__asm__(".section .rodata\n"
	"pointer: .quad scion_payload\n"
	".text\n");
extern const int64_t pointer __attribute__((visibility("hidden")));

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return ctx->pid + pointer;
}
