/* SPDX-License-Identifier: MIT */
#include "case.h"

	test %edi, %edi
	.byte 0xeb, 0x20
	nop
