/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov %eax, %ebx
	loop START + 0x30
	loopne START + 0x30
	mov %ebx, %eax
