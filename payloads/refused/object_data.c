/* SPDX-License-Identifier: MIT */
/* The same, past the linker: the packer looks for itself. */
/* stage: object */
/* expect: \.data: 8 bytes that are neither code nor constants */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
static int64_t counter = 5;
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	(void)ctx;
	return counter++;
}
