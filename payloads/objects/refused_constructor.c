/* SPDX-License-Identifier: MIT */
/* Wants to be called before it is entered. */
/* expect: refused: \.(init_array|ctors)[.0-9]*: a constructor or destructor: nobody would call it */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

static __attribute__((constructor)) void early(void)
{
	__asm__ volatile("nop");
}

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return ctx->pid;
}
