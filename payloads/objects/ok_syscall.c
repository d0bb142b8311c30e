/* SPDX-License-Identifier: MIT */
/* A system call, announced. */
/* expect: ^[^ ]*: ok: [0-9]+ bytes, flags: syscalls$ */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_SYSCALLS);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	int64_t ret;

	(void)ctx;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(102L) : "rcx", "r11", "memory");
	return ret;
}
