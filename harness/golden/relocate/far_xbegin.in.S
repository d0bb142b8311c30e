/* SPDX-License-Identifier: MIT */
#include "case.inc"

	xbegin IN + 0x40
