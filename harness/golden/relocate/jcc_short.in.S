/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %rdi, %rdi
	.byte 0x74, 0x7f
