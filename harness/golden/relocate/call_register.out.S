/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov $0x11223344, %edi
	push $IN + 8
	jmp *%r11
