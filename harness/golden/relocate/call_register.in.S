/* SPDX-License-Identifier: MIT */
/*
 * With a REX byte; behind the patch.
 */
#include "case.inc"

	mov $0x11223344, %edi
	call *%r11
