/* SPDX-License-Identifier: MIT */
/*
 * What lies on the stack has moved by the push.
 */
#include "case.h"

	sub $0x28, %rsp
	call *0x10(%rsp)
