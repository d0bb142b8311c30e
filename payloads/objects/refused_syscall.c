/* SPDX-License-Identifier: MIT */
/* The same, not announced. */
/* expect: refused: \.text\+0x[0-9a-f]+: makes a system call \(syscall\): mark the payload SCION_PAYLOAD_SYSCALLS */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	int64_t ret;

	(void)ctx;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(102L) : "rcx", "r11", "memory");
	return ret;
}
