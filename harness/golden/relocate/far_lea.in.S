/* SPDX-License-Identifier: MIT */
#include "case.inc"

	lea DATA(%rip), %r13
