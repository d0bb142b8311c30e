/* SPDX-License-Identifier: MIT */
/* scion doctor on this machine: it agrees with what the kernel does, and says so both ways. */
#include <string.h>
#include <unistd.h>

#include "lib/test.h"

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

static void text(void)
{
	const char *const argv[] = { test_scion(), "doctor", NULL };
	struct test_output output;

	test_run(&output, argv);
	CHECK_STR(output.err, "");
	CHECK_CONTAINS(output.out, "posix_spawn");
	CHECK_CONTAINS(output.out, "every time: scion saves there.");
	CHECK_CONTAINS(output.out, "scion can work rightly here.");
	CHECK_EQ(output.code, 0);
	test_output_free(&output);
}

/* Any reader of JSON will do; python3 is asked where there is one. */
static void json(void)
{
	const char *const argv[] = { test_scion(), "doctor", "--json", NULL };
	struct test_output output;

	test_run(&output, argv);
	CHECK_EQ(output.code, 0);
	CHECK_CONTAINS(output.out, "\"healthy\":true");
	/* Every 64-bit call that is there was measured to its end, and found its child. */
	CHECK_LE(5, count(output.out, "\"confirmed\":true"));
	CHECK_EQ(count(output.out, "\"confirmed\":true"), count(output.out, "\"event\":{"));
	test_output_free(&output);
	if (test_have_program("python3")) {
		const char *const parse[] = {
			"sh", "-c",
			"\"$0\" doctor --json | python3 -c 'import json, sys\n"
			"report = json.load(sys.stdin)\n"
			"calls = {c[\"call\"]: c for c in report[\"calls\"]\n"
			"         if c[\"mode\"] == \"64-bit\"}\n"
			"assert calls[\"fork\"][\"orig_rax\"] == 57\n"
			"assert calls[\"vfork\"][\"orig_rax\"] == 58\n"
			"assert calls[\"clone\"][\"orig_rax\"] == 56\n"
			"for c in report[\"calls\"]:\n"
			"    if \"event\" in c:\n"
			"        assert c[\"exit\"][\"rax\"] == c[\"pid\"] > 600, c\n"
			"        assert c[\"exit\"][\"saw\"] == \"PID\", c\n'",
			test_scion(), NULL
		};

		test_run(&output, parse);
		CHECK_STR(output.err, "");
		CHECK_EQ(output.code, 0);
		test_output_free(&output);
	}
}

static void bad_input(void)
{
	const char *const argument[] = { test_scion(), "doctor", "nonsense", NULL };
	const char *const file[] = { test_scion(), "doctor", "-o", "/nonexistent/file", NULL };
	struct test_output output;

	test_run(&output, argument);
	CHECK_EQ(output.code, 2);
	CHECK_STR(output.out, "");
	CHECK_CONTAINS(output.err, "nonsense");
	test_output_free(&output);
	test_run(&output, file);
	CHECK_EQ(output.code, 125);
	CHECK_CONTAINS(output.err, "scion: /nonexistent/file: No such file or directory");
	test_output_free(&output);
}

static int run(void)
{
	if (access(test_scion(), X_OK) < 0)
		SKIP("%s is not built", test_scion());
	text();
	json();
	bad_input();
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_doctor", .timeout_s = 60, .run = run };
