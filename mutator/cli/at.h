/* SPDX-License-Identifier: MIT */
/* at.h - `EVENT[:SIDE]=PAYLOAD[,ARG...]`, the argument of --at. Pure. */
#ifndef SCION_CLI_AT_H
#define SCION_CLI_AT_H

#include "cli/word.h"
#include "scion/scion.h"

struct at_spec {
	char *storage; /* owns all text */
	enum scion_payload_event at;
	unsigned sides; /* SCION_PARENT, _CHILD, _BOTH; 0 where there are no sides */
	const char *payload;
	struct word words[SCION_PAYLOAD_ARGS];
	size_t word_count;
};

/**
 * Reads one. A fork's or thread's payload runs in both unless a side is named.
 * @param error  gets `what: why; what to do` if it is wrong
 * @return 0, or -1
 */
int at_parse(const char *text, struct at_spec *spec, char *error, size_t size);

void at_free(struct at_spec *spec);

/** "fork" ... "signal", "demand". */
const char *at_name(enum scion_payload_event at);

#endif
