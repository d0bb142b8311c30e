/* SPDX-License-Identifier: MIT */
/* What `./dev demo` shows: the script says the same as alone, and every fork's value is right. */
#include "lib/test.h"

static const char script[] = SCION_SOURCE_DIR "/harness/demo/demo.sh";

static int run(void)
{
	const char *const alone[] = { "sh", script, NULL };
	const char *const followed[] = {
		test_scion(), "run", "--tree", "--at", "fork:both=whoami", "--", "sh", script, NULL,
	};
	struct test_output plain;
	struct test_output traced;

	test_run(&plain, alone);
	test_run(&traced, followed);
	test_note("%s", traced.err);
	CHECK_EQ(plain.code, 0);
	CHECK_EQ(traced.code, 0);
	CHECK_STR(traced.out, plain.out);
	CHECK_CONTAINS(traced.err, "right");
	CHECK_CONTAINS(traced.err, "wrong 0");
	CHECK_CONTAINS(traced.err, "failed 0");
	/* The tree names programs of the script. */
	CHECK_CONTAINS(traced.err, "sort");
	test_output_free(&plain);
	test_output_free(&traced);
	return 0;
}

const struct scion_test scion_test = { .name = "demo", .timeout_s = 60, .run = run };
