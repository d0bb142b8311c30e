/* SPDX-License-Identifier: MIT */
#include "case.inc"

	sub $0x28, %rsp
	push $IN + 8
	.byte 0xff, 0xa4, 0x24
	.long 0x18
