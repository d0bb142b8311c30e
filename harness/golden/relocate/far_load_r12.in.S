/* SPDX-License-Identifier: MIT */
/*
 * A base that needs a SIB byte.
 */
#include "case.h"

	mov DATA(%rip), %r12
