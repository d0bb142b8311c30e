/* SPDX-License-Identifier: MIT */
#include "case.h"

	lea DATA(%rip), %r12
