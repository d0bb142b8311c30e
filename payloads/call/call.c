/* SPDX-License-Identifier: MIT */
/*
 * call.c - calls a function of the target. Arguments: its address, up to six arguments of it, and
 * the address of __errno_location, or 0 if the target has no errno to keep. Status: what the
 * function returned in rax.
 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);
SCION_PAYLOAD_SUMMARY("calls a function of the target: ADDRESS [up to 6 arguments]");

enum { ARG_FUNCTION = 0, ARG_FIRST = 1, ARG_ERRNO_LOCATION = 7 };

typedef int64_t function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef int *errno_location(void);

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	function *call = (function *)(uintptr_t)ctx->args[ARG_FUNCTION];
	errno_location *where = (errno_location *)(uintptr_t)ctx->args[ARG_ERRNO_LOCATION];
	const uint64_t *arg = &ctx->args[ARG_FIRST];
	int *err = where ? where() : 0;
	int kept = err ? *err : 0;
	int64_t ret = call(arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);

	if (err)
		*err = kept;
	return ret;
}
