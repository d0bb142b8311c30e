/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov %rax, -8(%rsp)
	call *-8(%rsp)
