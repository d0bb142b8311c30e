/* SPDX-License-Identifier: MIT */
/* Tables: plain ones, and one that holds addresses and so lands in .data.rel.ro. */
/* expect: ^[^ ]*: ok: [0-9]+ bytes, flags: -$ */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static const char *const names[] = { "none", "fork", "exec", "exit", "thread", "attach" };
static const uint16_t weights[] = { 1, 2, 4, 8, 16, 32 };

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	uint32_t event = ctx->event % (sizeof(names) / sizeof(*names));

	return names[event][ctx->args[0] % 4] * weights[event];
}
