/* SPDX-License-Identifier: MIT */
#include "case.inc"

	call *DATA(%rip)
