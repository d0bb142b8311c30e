/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov %rdi, %rbx
	mov %rsi, %rbp
