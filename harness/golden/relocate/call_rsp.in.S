/* SPDX-License-Identifier: MIT */
#include "case.inc"

	sub $0x400, %rsp
	call *%rsp
