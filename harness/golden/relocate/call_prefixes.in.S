/* SPDX-License-Identifier: MIT */
/* So many prefixes that the displacement, which gets longer, makes it more than 15 bytes. */
#include "case.inc"

	.fill 12, 1, 0x64
	.byte 0xff, 0x14, 0xd4
