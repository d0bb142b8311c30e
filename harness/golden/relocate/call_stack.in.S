/* SPDX-License-Identifier: MIT */
/*
 * What lies on the stack has moved by the push.
 */
#include "case.inc"

	sub $0x28, %rsp
	call *0x10(%rsp)
