/* SPDX-License-Identifier: MIT */
/* Calls what no built-in payload may count on. */
/* stage: link */
/* expect: undefined (reference to .|symbol: )elsewhere */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t elsewhere(void);
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	(void)ctx;
	return elsewhere() + 1;
}
