/* SPDX-License-Identifier: MIT */
/*
 * What a live test stands on. A test is one file: it declares what it needs in a struct scion_test
 * named scion_test and has a run function; the library owns main().
 *
 *	static int run(void)
 *	{
 *		CHECK_EQ(answer(), 42);
 *		return 0;
 *	}
 *
 *	const struct scion_test scion_test = { .name = "answer", .timeout_s = 10, .run = run };
 *
 * main() supervises: run() is called in a child process, the body, in a process group of its own.
 * When the body ends, or the time limit is over, every process that descends from it is killed and
 * reaped, daemons included. Exit code: 0 passed, 1 failed, 77 skipped; the reason is on stderr.
 *
 * For a debugger: SCION_TEST_DIRECT=1 calls run() in main()'s own process, without limit or cleaning.
 * SCION_TEST_SLOW=N multiplies every time limit by N.
 */
#ifndef SCION_HARNESS_TEST_H
#define SCION_HARNESS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU features that a test may need, as the kernel reports them in /proc/cpuinfo. */
enum test_cpu {
	TEST_CPU_AVX = 1 << 0,
	TEST_CPU_AVX2 = 1 << 1,
	TEST_CPU_AVX512F = 1 << 2,
	TEST_CPU_PKU = 1 << 3,
	TEST_CPU_AMX = 1 << 4,
	TEST_CPU_SHSTK = 1 << 5, /* user shadow stacks */
};

struct scion_test {
	const char *name;
	const char *trap;                  /* number of the trap that it shows, "04", or NULL */
	bool needs_root;                   /* effective user 0 */
	const char *min_kver;              /* oldest kernel, "5.3", or NULL */
	unsigned cpu_features;             /* TEST_CPU_* */
	unsigned timeout_s;                /* 0: 30 seconds */
	const char *const *needs_programs; /* looked up in PATH; ends with NULL */
	const char *const *needs_mutatees; /* names under testprogs; ends with NULL */
	int (*run)(void); /* 0: passed if at least one CHECK was made; 77: skipped; else failed */
};

/* Defined by the test. */
extern const struct scion_test scion_test;

#define TEST_SKIPPED 77

/*
 * Checks. The first that fails prints file, line and values and ends the calling process with exit
 * code 1: in the body that fails the test; in a process that the test forked the test has to look at
 * the exit code. Arguments are evaluated once.
 */
#define CHECK(cond)          ((cond) ? test_passed() : test_failed(__FILE__, __LINE__, "%s", #cond))
#define CHECK_MSG(cond, ...) ((cond) ? test_passed() : test_failed(__FILE__, __LINE__, __VA_ARGS__))
#define CHECK_EQ(a, b) \
	test_check_int(__FILE__, __LINE__, #a " == " #b, TEST_EQ, (intmax_t)(a), (intmax_t)(b))
#define CHECK_NE(a, b) \
	test_check_int(__FILE__, __LINE__, #a " != " #b, TEST_NE, (intmax_t)(a), (intmax_t)(b))
#define CHECK_LT(a, b) \
	test_check_int(__FILE__, __LINE__, #a " < " #b, TEST_LT, (intmax_t)(a), (intmax_t)(b))
#define CHECK_LE(a, b) \
	test_check_int(__FILE__, __LINE__, #a " <= " #b, TEST_LE, (intmax_t)(a), (intmax_t)(b))
/* Two strings are the same; one contains the other. NULL is no string and fails. */
#define CHECK_STR(a, b) test_check_str(__FILE__, __LINE__, #a " == " #b, true, (a), (b))
#define CHECK_CONTAINS(text, part) \
	test_check_str(__FILE__, __LINE__, #text " contains " #part, false, (text), (part))
/* A call that returns a negative value and sets errno when it fails. */
#define CHECK_CALL(call) test_check_call(__FILE__, __LINE__, #call, (intmax_t)(call))

/* Ends the body as skipped, with the reason. */
#define SKIP(...) test_skip(__VA_ARGS__)

enum test_relation { TEST_EQ, TEST_NE, TEST_LT, TEST_LE };

/* Behind the macros. */
void test_passed(void);
void test_failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_check_int(const char *file, int line, const char *text, enum test_relation relation,
		    intmax_t a, intmax_t b);
void test_check_str(const char *file, int line, const char *text, bool whole, const char *a,
		    const char *b);
intmax_t test_check_call(const char *file, int line, const char *text, intmax_t result);
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Prints a line of explanation to stderr, in one write. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Paths; they stay valid until the process ends. test_mutatee looks in $SCION_TESTPROGS, by default the
 * build's testprogs folder; test_scion is $SCION or the build's scion. Neither looks whether it is there.
 */
const char *test_mutatee(const char *name);
const char *test_scion(void);

/* True if a program of this name can be found in PATH. */
bool test_have_program(const char *name);

/* A process started by plain fork and exec: nothing of scion is in the way. */
struct test_child {
	pid_t pid;
	int in;  /* write end of its stdin, -1 when closed */
	int out; /* read end of its stdout, -1 when closed */
};

/*
 * Starts argv[0] (a path, or a name in PATH) with pipes on stdin and stdout; stderr is the test's. The
 * test fails here if it can't be executed. Ends with test_wait, or by the supervisor.
 */
void test_spawn(struct test_child *child, const char *const argv[]);

/* Closes both pipes, waits for the end, returns the wait status. */
int test_wait(struct test_child *child);

/*
 * Reads one line from a pipe, without its newline, into line; byte by byte, so that nothing behind it
 * is taken. Returns its length, or -1 at the end of the file. Fails the test if it does not fit.
 */
ssize_t test_read_line(int fd, char *line, size_t size);

/* What a program did, run from its start to its end. */
struct test_output {
	int code;  /* exit code as the shell has it: 128 + N for signal N */
	char *out; /* stdout and stderr, ended by a NUL */
	char *err;
	size_t out_length;
	size_t err_length;
};

/*
 * Runs argv to its end with an empty stdin and keeps what it wrote. stdout and stderr are files, not
 * pipes: offspring that keep them open don't block the test. Free with test_output_free.
 */
void test_run(struct test_output *output, const char *const argv[]);
void test_output_free(struct test_output *output);

/* Wait status to the shell's exit code. */
int test_exit_code(int status);

/* What main() does; returns the exit code. Public so that the library can be tested itself. */
int test_supervise(const struct scion_test *test);

#endif
