/* SPDX-License-Identifier: MIT */
/*
 * reseed.c - gives each child of a fork a random sequence of its own.
 *
 *	scion payload build reseed.c
 *	scion run --at fork:child=./reseed.o -- ./dice
 *
 * A child that goes on with its parent's random state draws the same numbers as its siblings. The
 * fix is one call in the child; with a payload it is made in a program that can't be changed.
 */
#include <scion/payload.h>

SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);
SCION_PAYLOAD_SUMMARY("calls the C library's srandom with the child's PID");

/* Not defined here: found in whatever the target has loaded. */
void srandom(unsigned int seed);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	unsigned int seed = (unsigned int)ctx->pid;

	srandom(seed);
	return seed;
}
