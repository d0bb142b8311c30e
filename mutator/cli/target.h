/* SPDX-License-Identifier: MIT */
/* target.h - payloads from the command line: opened, and given their arguments. Prints messages. */
#ifndef SCION_CLI_TARGET_H
#define SCION_CLI_TARGET_H

#include "cli/word.h"
#include "scion/scion.h"

/**
 * Opens a payload.
 * @return 0; CLI_USAGE: no built-in payload has this name; CLI_FAILED: the file is refused
 */
int target_open(struct scion_session *session, const char *name, struct scion_payload **out);

/**
 * Gives a payload its arguments. Names are looked up in the target.
 * @param pid  the target; 0 if it does not run yet: names can't be looked up
 * @return 0; CLI_USAGE: they don't fit the payload; CLI_FAILED: no such name in the target
 */
int target_set_words(struct scion_session *session, pid_t pid, struct scion_payload *payload,
		     const struct word *words, size_t count);

#endif
