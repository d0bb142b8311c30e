/* SPDX-License-Identifier: MIT */
#include "case.h"

	sub $0x400, %rsp
	call *%rsp
