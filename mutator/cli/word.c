/* SPDX-License-Identifier: MIT */
#include "cli/word.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *parse_number(const char *text, struct word *word)
{
	char *end;

	errno = 0;
	if (*text == '-')
		word->number = (uint64_t)strtoll(text, &end, 0);
	else
		word->number = strtoull(text, &end, 0);
	if (*end)
		return "not a number";
	return errno ? "a number that 64 bits can't hold" : NULL;
}

const char *word_parse(char *text, struct word *word)
{
	size_t length = strlen(text);

	*word = (struct word){ .kind = WORD_NAME, .text = text };
	if (*text == '@') {
		word->kind = WORD_TEXT;
		word->text = text + 1;
		return NULL;
	}
	if (*text == '"') {
		if (length < 2 || text[length - 1] != '"')
			return "the closing quote is missing";
		text[length - 1] = '\0';
		word->kind = WORD_TEXT;
		word->text = text + 1;
		return NULL;
	}
	if (isdigit((unsigned char)*text) ||
	    ((*text == '-' || *text == '+') && isdigit((unsigned char)text[1]))) {
		word->kind = WORD_NUMBER;
		return parse_number(text, word);
	}
	return length ? NULL : "an empty argument";
}

char *word_cut(char **at)
{
	char *part = *at, *p;
	int quoted = 0;

	if (!part)
		return NULL;
	for (p = part; *p && (quoted || *p != ','); p++)
		if (*p == '"')
			quoted = !quoted;
	*at = *p ? p + 1 : NULL;
	*p = '\0';
	return part;
}
