/* SPDX-License-Identifier: MIT */
/* Not linked: the packer takes no relocation on trust, not even a distance. */
/* stage: object */
/* expect: relocation R_X86_64_PC32 against (\.rodata|text) */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
static const char text[] = "seven";
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return text[ctx->args[0] % sizeof(text)];
}
