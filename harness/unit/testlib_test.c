/* SPDX-License-Identifier: MIT */
/* The live-test library: each way a test can end, and that nothing survives it. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/test.h"

/* Runs the test as main() would, in a process of its own; keeps what it said. */
static int supervised(const struct scion_test *test, char *said, size_t size)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);
	ssize_t length;
	int status;
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		unsetenv("SCION_TEST_SLOW");
		unsetenv("SCION_TEST_DIRECT");
		dup2(fd, STDERR_FILENO);
		_exit(test_supervise(test));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	length = pread(fd, said, size - 1, 0);
	close(fd);
	assert_true(length >= 0);
	said[length] = '\0';
	return WEXITSTATUS(status);
}

static void expect(const struct scion_test *test, int code, const char *text)
{
	char said[8192];
	int got = supervised(test, said, sizeof(said));

	if (got != code || !strstr(said, text))
		fail_msg("exit code %d, not %d, or no \"%s\" in: %s", got, code, text, said);
}

static int run_pass(void)
{
	CHECK(true);
	CHECK_EQ(2 + 2, 4);
	CHECK_NE(1, 2);
	CHECK_LT(-1, 0);
	CHECK_LE(3, 3);
	CHECK_STR("scion", "scion");
	CHECK_CONTAINS("a scion", "scion");
	CHECK_CALL(getpid());
	return 0;
}

static int run_false(void)
{
	CHECK(1 > 2);
	return 0;
}

static int run_equal(void)
{
	CHECK_EQ(-38, 18305);
	return 0;
}

static int run_string(void)
{
	CHECK_STR("grafted", NULL);
	return 0;
}

static int run_call(void)
{
	CHECK_CALL(open("/nonexistent", O_RDONLY));
	return 0;
}

static int run_nothing(void)
{
	return 0;
}

static int run_nonzero(void)
{
	CHECK(true);
	return 3;
}

static int run_skip(void)
{
	SKIP("the moon is %s", "full");
}

static int run_crash(void)
{
	CHECK(true);
	/* Sanitizers would take SIGSEGV. */
	raise(SIGKILL);
	return 0;
}

static void test_verdicts(void **state)
{
	static const struct {
		int (*run)(void);
		int code;
		const char *text;
	} cases[] = {
		{ run_pass, 0, "pass: inner" },
		{ run_false, 1, "failed: 1 > 2" },
		{ run_equal, 1, "-38 (0xffffffffffffffda) and 18305 (0x4781)" },
		{ run_string, 1, "\"grafted\" and \"(null)\"" },
		{ run_call, 1, "No such file or directory" },
		{ run_nothing, 1, "made no check" },
		{ run_nonzero, 1, "returned 3" },
		{ run_skip, TEST_SKIPPED, "skip: the moon is full" },
		{ run_crash, 1, "killed by SIGKILL" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scion_test test = { .name = "inner", .trap = "00", .run = cases[i].run };

		expect(&test, cases[i].code, cases[i].text);
	}
}

static void test_needs(void **state)
{
	static const char *const programs[] = { "sh", "no-such-program", NULL };
	static const char *const mutatees[] = { "no-such-mutatee", NULL };
	static const char *const present[] = { "sh", NULL };
	struct scion_test test = { .name = "inner", .run = run_pass };

	(void)state;
	test.min_kver = "2.6";
	test.needs_programs = present;
	expect(&test, 0, "pass");
	test.min_kver = "99.0";
	expect(&test, TEST_SKIPPED, "skip: inner: needs kernel 99.0");
	test.min_kver = NULL;
	test.needs_programs = programs;
	expect(&test, TEST_SKIPPED, "needs the program no-such-program");
	test.needs_programs = NULL;
	test.needs_mutatees = mutatees;
	expect(&test, TEST_SKIPPED, "needs the mutatee no-such-mutatee");
}

/* The test's processes tell their ids here; shared with the supervisor's offspring. */
static volatile pid_t *noted;

static void note_self(int slot, int ready)
{
	ssize_t unused;

	noted[slot] = getpid();
	unused = write(ready, "", 1);
	(void)unused;
}

static void sleep_forever(void)
{
	for (;;)
		pause();
}

/* Leaves a stopped child and a daemon: it has left its parent, its session and its process group. */
static int run_litter(void)
{
	int ready[2];
	char byte;

	CHECK_CALL(pipe(ready));
	if (fork() == 0) {
		note_self(0, ready[1]);
		raise(SIGSTOP);
		sleep_forever();
	}
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			signal(SIGTERM, SIG_IGN);
			note_self(1, ready[1]);
			sleep_forever();
		}
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	return 0;
}

static int run_litter_and_hang(void)
{
	run_litter();
	sleep_forever();
	return 0;
}

static void expect_gone(void)
{
	for (int i = 0; i < 2; i++) {
		assert_true(noted[i] > 0);
		assert_int_equal(kill(noted[i], 0), -1);
		noted[i] = 0;
	}
}

static void test_nothing_survives(void **state)
{
	struct scion_test test = { .name = "inner", .timeout_s = 20, .run = run_litter };
	struct scion_test hang = { .name = "inner", .timeout_s = 1, .run = run_litter_and_hang };

	(void)state;
	noted = mmap(NULL, 2 * sizeof(*noted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	assert_ptr_not_equal(noted, MAP_FAILED);
	expect(&test, 0, "left over and killed");
	expect_gone();
	expect(&hang, 1, "time limit of 1 s is over");
	expect_gone();
	munmap((void *)(uintptr_t)noted, 2 * sizeof(*noted));
}

static int run_children(void)
{
	static const char *const cat[] = { "cat", NULL };
	static const char *const shell[] = { "sh", "-c", "echo out; echo err >&2; kill -9 $$",
					     NULL };
	struct test_output output;
	struct test_child child;
	char line[16];

	test_spawn(&child, cat);
	CHECK_EQ(write(child.in, "one\ntwo", 7), 7);
	CHECK_EQ(test_read_line(child.out, line, sizeof(line)), 3);
	CHECK_STR(line, "one");
	CHECK_CALL(close(child.in));
	child.in = -1;
	CHECK_EQ(test_read_line(child.out, line, sizeof(line)), 3);
	CHECK_STR(line, "two");
	CHECK_EQ(test_read_line(child.out, line, sizeof(line)), -1);
	CHECK_EQ(test_exit_code(test_wait(&child)), 0);

	test_run(&output, shell);
	CHECK_EQ(output.code, 128 + SIGKILL);
	CHECK_STR(output.out, "out\n");
	CHECK_STR(output.err, "err\n");
	test_output_free(&output);
	return 0;
}

static int run_no_such_program(void)
{
	static const char *const argv[] = { "/no/such/program", NULL };
	struct test_child child;

	test_spawn(&child, argv);
	return 0;
}

static void test_children(void **state)
{
	struct scion_test good = { .name = "inner", .run = run_children };
	struct scion_test bad = { .name = "inner", .run = run_no_such_program };

	(void)state;
	expect(&good, 0, "pass: inner");
	expect(&bad, 1, "can't execute /no/such/program: No such file or directory");
}

static void test_paths(void **state)
{
	(void)state;
	setenv("SCION_TESTPROGS", "/somewhere", 1);
	assert_string_equal(test_mutatee("fork"), "/somewhere/fork");
	unsetenv("SCION_TESTPROGS");
	assert_non_null(strstr(test_mutatee("fork"), "/testprogs/fork"));
	setenv("SCION", "/opt/scion", 1);
	assert_string_equal(test_scion(), "/opt/scion");
	unsetenv("SCION");
	assert_non_null(strstr(test_scion(), "/bin/scion"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_nothing_survives),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
