/* SPDX-License-Identifier: MIT */
/* EVENT[:SIDE]=PAYLOAD[,ARG...] and the words behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/at.h"

static char error[256];

static struct at_spec good(const char *text)
{
	struct at_spec spec;

	*error = '\0';
	assert_int_equal(at_parse(text, &spec, error, sizeof(error)), 0);
	assert_string_equal(error, "");
	return spec;
}

/* What it says is one line, and names the offending part. */
static void bad(const char *text, const char *part)
{
	struct at_spec spec;

	assert_int_equal(at_parse(text, &spec, error, sizeof(error)), -1);
	assert_non_null(strstr(error, part));
	assert_null(strchr(error, '\n'));
	assert_null(spec.storage);
}

static void events_and_sides(void **state)
{
	static const struct {
		const char *text;
		enum scion_payload_event at;
		unsigned sides;
	} cases[] = {
		{ "fork=nop", SCION_AT_FORK, SCION_BOTH },
		{ "fork:parent=nop", SCION_AT_FORK, SCION_PARENT },
		{ "fork:child=nop", SCION_AT_FORK, SCION_CHILD },
		{ "fork:both=nop", SCION_AT_FORK, SCION_BOTH },
		{ "thread=nop", SCION_AT_THREAD, SCION_BOTH },
		{ "thread:child=nop", SCION_AT_THREAD, SCION_CHILD },
		{ "exec=nop", SCION_AT_EXEC, 0 },
		{ "exit=nop", SCION_AT_EXIT, 0 },
		{ "attach=nop", SCION_AT_ATTACH, 0 },
		{ "signal=nop", SCION_AT_SIGNAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct at_spec spec = good(cases[i].text);

		assert_int_equal(spec.at, cases[i].at);
		assert_int_equal(spec.sides, cases[i].sides);
		assert_string_equal(spec.payload, "nop");
		assert_int_equal(spec.word_count, 0);
		at_free(&spec);
	}
}

static void arguments(void **state)
{
	struct at_spec spec =
		good("fork:child=./a=b:c.o,18304,0x4780,-1,@te=xt,\"a,b\",libc.so.6:f");

	(void)state;
	assert_string_equal(spec.payload, "./a=b:c.o");
	assert_int_equal(spec.word_count, 6);
	assert_int_equal(spec.words[0].number, 18304);
	assert_int_equal(spec.words[1].number, 0x4780);
	assert_true(spec.words[2].number == UINT64_MAX);
	assert_int_equal(spec.words[3].kind, WORD_TEXT);
	assert_string_equal(spec.words[3].text, "te=xt");
	assert_int_equal(spec.words[4].kind, WORD_TEXT);
	assert_string_equal(spec.words[4].text, "a,b");
	assert_int_equal(spec.words[5].kind, WORD_NAME);
	assert_string_equal(spec.words[5].text, "libc.so.6:f");
	at_free(&spec);
}

static void refused(void **state)
{
	(void)state;
	bad("", "names no payload");
	bad("fork", "\"fork\" names no payload");
	bad("fork=", "names no payload");
	bad("fork=,1", "names no payload");
	bad("spoon=nop", "unknown event \"spoon\"");
	bad("=nop", "unknown event \"\"");
	bad("demand=nop", "unknown event");
	bad("none=nop", "unknown event");
	bad("fork:left=nop", "unknown side \"left\"");
	bad("fork:=nop", "unknown side \"\"");
	bad("exec:child=nop", "exec has no side");
	bad("fork=nop,", "empty argument");
	bad("fork=nop,12x", "12x: not a number");
	bad("fork=nop,0x", "not a number");
	bad("fork=nop,18446744073709551616", "64 bits");
	bad("fork=nop,\"open", "closing quote");
	bad("fork=nop,1,2,3,4,5,6,7,8,9", "too many arguments");
}

static void most_arguments(void **state)
{
	struct at_spec spec = good("fork=nop,1,2,3,4,5,6,7,8");

	(void)state;
	assert_int_equal(spec.word_count, SCION_PAYLOAD_ARGS);
	assert_int_equal(spec.words[7].number, 8);
	at_free(&spec);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(at_name(SCION_AT_FORK), "fork");
	assert_string_equal(at_name(SCION_AT_DEMAND), "demand");
	assert_string_equal(at_name((enum scion_payload_event)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_and_sides),
		cmocka_unit_test(arguments),
		cmocka_unit_test(refused),
		cmocka_unit_test(most_arguments),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
