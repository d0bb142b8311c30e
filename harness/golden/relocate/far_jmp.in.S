/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	jmp IN + 0x4000
