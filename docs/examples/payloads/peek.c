/* SPDX-License-Identifier: MIT */
/*
 * peek.c - reads a variable of the target and calls one of its functions.
 *
 *	scion payload build peek.c
 *	scion run --at fork:parent=./peek.o -- ./dice
 *
 * Status: how many throws the target has counted. Result 0: what its own function makes of them.
 */
#include <scion/payload.h>

SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);
SCION_PAYLOAD_SUMMARY("reads the target's throws_done and calls its throws_left()");

extern int throws_done;
extern int throws_left(int done);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	ctx->result[0] = (uint64_t)throws_left(throws_done);
	return throws_done;
}
