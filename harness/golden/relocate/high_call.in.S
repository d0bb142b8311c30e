/* SPDX-License-Identifier: MIT */
/*
 * The same where the address does not fit into a push.
 */
#include "case.inc"

	sub $8, %rsp
	call IN + 0x5000
