/* SPDX-License-Identifier: MIT */
/*
 * Nothing to change, but the way back.
 */
#include "case.inc"

	push %rbp
	mov %rsp, %rbp
	sub $0x20, %rsp
