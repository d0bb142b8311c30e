/* SPDX-License-Identifier: MIT */
/* Calls the kernel without saying so. */
/* stage: image */
/* expect: syscall, but not marked SCION_PAYLOAD_SYSCALLS */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	__asm__ volatile("syscall");
	return ctx->pid;
}
