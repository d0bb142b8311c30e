/* SPDX-License-Identifier: MIT */
/*
 * nop.c - does nothing: what a payload costs, and the smallest thing that can be injected.
 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
SCION_PAYLOAD_SUMMARY("does nothing");

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	(void)ctx;
	return 0;
}
