/* SPDX-License-Identifier: MIT */
/* The same, past the linker: the packer looks for itself. */
/* stage: object */
/* expect: undefined symbol elsewhere */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t elsewhere(void);
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	(void)ctx;
	return elsewhere() + 1;
}
