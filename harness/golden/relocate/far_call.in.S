/* SPDX-License-Identifier: MIT */
#include "case.inc"

	call IN + 0x400
