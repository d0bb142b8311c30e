/* SPDX-License-Identifier: MIT */
#include "case.inc"

	loop START + 0x30
	mov %edi, %edi
	nop
