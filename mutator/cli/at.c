/* SPDX-License-Identifier: MIT */
#include "cli/at.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[SCION_AT_NONE] = "none",     [SCION_AT_FORK] = "fork",     [SCION_AT_EXEC] = "exec",
	[SCION_AT_EXIT] = "exit",     [SCION_AT_THREAD] = "thread", [SCION_AT_ATTACH] = "attach",
	[SCION_AT_SIGNAL] = "signal", [SCION_AT_DEMAND] = "demand",
};

const char *at_name(enum scion_payload_event at)
{
	return at <= SCION_AT_DEMAND ? names[at] : "unknown";
}

static int parse_event(const char *event, struct at_spec *spec, char *error, size_t size)
{
	unsigned at;

	for (at = SCION_AT_FORK; at <= SCION_AT_SIGNAL; at++) {
		if (strcmp(event, names[at]) == 0) {
			spec->at = (enum scion_payload_event)at;
			return 0;
		}
	}
	snprintf(error, size,
		 "--at: unknown event \"%s\"; use fork, exec, exit, thread, attach or signal",
		 event);
	return -1;
}

static int parse_side(const char *side, struct at_spec *spec, char *error, size_t size)
{
	static const char *const sides[] = { "parent", "child", "both" };
	bool sided = spec->at == SCION_AT_FORK || spec->at == SCION_AT_THREAD;
	unsigned i;

	if (!side) {
		spec->sides = sided ? SCION_BOTH : 0;
		return 0;
	}
	if (!sided) {
		snprintf(error, size,
			 "--at: %s has no side \"%s\", only fork and thread have; leave it out",
			 names[spec->at], side);
		return -1;
	}
	for (i = 0; i < 3; i++) {
		if (strcmp(side, sides[i]) == 0) {
			spec->sides = i + 1;
			return 0;
		}
	}
	snprintf(error, size, "--at: unknown side \"%s\"; use parent, child or both", side);
	return -1;
}

static int parse_words(char *at, struct at_spec *spec, char *error, size_t size)
{
	const char *why;
	char *part;

	while ((part = word_cut(&at))) {
		if (spec->word_count == SCION_PAYLOAD_ARGS) {
			snprintf(error, size, "--at: %s: too many arguments; %d are the most",
				 spec->payload, SCION_PAYLOAD_ARGS);
			return -1;
		}
		why = word_parse(part, &spec->words[spec->word_count++]);
		if (why) {
			snprintf(error, size, "--at: %s: %s; write 12, 0x12, @text or a name", part,
				 why);
			return -1;
		}
	}
	return 0;
}

static int parse(struct at_spec *spec, char *error, size_t size)
{
	char *equals = strchr(spec->storage, '=');
	char *colon, *rest;

	if (!equals || !equals[1] || equals[1] == ',') {
		snprintf(error, size, "--at: \"%s\" names no payload; write EVENT[:SIDE]=PAYLOAD",
			 spec->storage);
		return -1;
	}
	*equals = '\0';
	colon = strchr(spec->storage, ':');
	if (colon)
		*colon = '\0';
	if (parse_event(spec->storage, spec, error, size) ||
	    parse_side(colon ? colon + 1 : NULL, spec, error, size))
		return -1;
	rest = equals + 1;
	spec->payload = word_cut(&rest);
	return parse_words(rest, spec, error, size);
}

int at_parse(const char *text, struct at_spec *spec, char *error, size_t size)
{
	*spec = (struct at_spec){ .storage = strdup(text) };
	if (!spec->storage) {
		snprintf(error, size, "--at: out of memory");
		return -1;
	}
	if (parse(spec, error, size) == 0)
		return 0;
	at_free(spec);
	return -1;
}

void at_free(struct at_spec *spec)
{
	free(spec->storage);
	*spec = (struct at_spec){ 0 };
}
