/* SPDX-License-Identifier: MIT */
/*
 * word.h - an argument of a payload as it is written on the command line:
 *
 *	18304  0x4780  -1  010     a number, as in C
 *	@text  "text"              bytes that are put into the target; the argument is their address
 *	name  object:name          a function or object of the target
 */
#ifndef SCION_CLI_WORD_H
#define SCION_CLI_WORD_H

#include <stddef.h>
#include <stdint.h>

enum word_kind { WORD_NUMBER, WORD_TEXT, WORD_NAME };

struct word {
	enum word_kind kind;
	uint64_t number; /* WORD_NUMBER */
	char *text;      /* WORD_TEXT: without its mark; WORD_NAME */
};

/**
 * Reads a word. `text` belongs to the word afterwards and is changed in place.
 * @return NULL, or what is wrong with it
 */
const char *word_parse(char *text, struct word *word);

/**
 * Cuts text at its commas, but not inside "...", in place.
 * @return the next part, NULL behind the last; *at moves on, and begins at the text
 */
char *word_cut(char **at);

#endif
