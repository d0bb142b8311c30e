/* SPDX-License-Identifier: MIT */
#include "case.h"

	test %rdi, %rdi
	.byte 0x74, 0x7f
