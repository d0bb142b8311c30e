/* SPDX-License-Identifier: MIT */
/* Nothing to refuse: constants, a helper, a distance between them. Shows that the checks can pass. */
/* stage: image */
/* expect: accepted */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
SCION_PAYLOAD_SUMMARY("looks up a constant");
static const char text[] = "seven";
int64_t scion_payload(struct scion_payload_ctx *ctx);

static __attribute__((noinline)) int64_t pick(uint64_t i)
{
	return text[i % sizeof(text)];
}

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return pick(ctx->args[0]) + 1;
}
