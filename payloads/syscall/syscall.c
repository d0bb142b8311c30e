/* SPDX-License-Identifier: MIT */
/*
 * syscall.c - makes one system call in the target. Arguments: its number and up to six arguments.
 * Status: what the kernel returned, -errno included; the thread's errno is left alone.
 *
 * Calls that wait can't be restarted from here and would be told EINTR by the tracer's next stop.
 */
#include "../raw_syscall.h"
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_SYSCALLS);
SCION_PAYLOAD_SUMMARY("makes one system call: NUMBER [up to 6 arguments]");

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	return raw_syscall(ctx->args[0], &ctx->args[1]);
}
