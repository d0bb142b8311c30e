/* SPDX-License-Identifier: MIT */
#include "case.h"

	nop
	.byte 0x06
	nop
	nop
	nop
