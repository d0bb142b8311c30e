/* SPDX-License-Identifier: MIT */
#include "case.h"

	test %edi, %edi
	.byte 0x7e, 0x10
	nop
