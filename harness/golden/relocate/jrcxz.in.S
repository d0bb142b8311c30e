/* SPDX-License-Identifier: MIT */
#include "case.inc"

	jrcxz START + 0x30
	jecxz START + 0x40
