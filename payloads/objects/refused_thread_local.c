/* SPDX-License-Identifier: MIT */
/* Thread-local data would be at an offset that belongs to the program. */
/* expect: refused: \.tbss: 8 bytes of thread-local data */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static __thread int64_t hits;

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return hits += ctx->pid;
}
