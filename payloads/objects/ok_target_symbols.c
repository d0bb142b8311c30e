/* SPDX-License-Identifier: MIT */
/* A function and a variable of the target, and a function of the payload's own. */
/* expect: ^[^ ]*: ok: [0-9]+ bytes, flags: calls, wants: (target_total, target_scale\(\)|target_scale\(\), target_total)$ */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);

extern int64_t target_total;
extern int64_t target_scale(int64_t value);

int64_t payload_own(int64_t value);

__attribute__((noinline)) int64_t payload_own(int64_t value)
{
	return value + target_total;
}

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return target_scale(payload_own((int64_t)ctx->args[0]));
}
