/* SPDX-License-Identifier: MIT */
#include "case.h"

	loop START + 0x30
	mov %edi, %edi
	nop
