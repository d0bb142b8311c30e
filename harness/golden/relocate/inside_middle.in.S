/* SPDX-License-Identifier: MIT */
/*
 * Over a lock prefix, as libcs do: the middle of an instruction, but of one that is not
 * overwritten.
 */
#include "case.inc"

	cmpl $0, %fs:0x18
	je 1f
	lock
1:
	cmpxchg %edx, (%rdi)
