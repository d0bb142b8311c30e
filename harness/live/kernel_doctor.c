/* SPDX-License-Identifier: MIT */
/* scion doctor on this machine: it agrees with what the kernel does, and says so both ways. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/test.h"

#define FILTER_VARIABLE "SCION_TEST_FORBID"

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

/* Runs scion doctor where these calls say EPERM. */
static void run_without(const int calls[], size_t n, struct test_output *output)
{
	char self[256] = "", list[64] = FILTER_VARIABLE "=";
	const char *argv[] = { "env", list, self, NULL };

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%d,", calls[i]);
	}
	CHECK_CALL(readlink("/proc/self/exe", self, sizeof(self) - 1));
	test_run(output, argv);
}

/* The other end of run_without, in this program's second life: filters itself, becomes scion. */
static void __attribute__((constructor)) second_life(void)
{
	const char *list = getenv(FILTER_VARIABLE);
	struct sock_filter code[16] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr)) };
	struct sock_fprog program = { .len = 1, .filter = code };
	char *end;

	if (!list)
		return;
	for (; *list && program.len < 12; list = end + 1) {
		unsigned number = (unsigned)strtoul(list, &end, 10);

		code[program.len++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
		code[program.len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	unsetenv(FILTER_VARIABLE);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it looks for leaks by ptrace */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(99);
	execl(test_scion(), "scion", "doctor", (char *)NULL);
	_exit(98);
}

/* In a container that forbids this and that. */
static void filtered(void)
{
	static const int replaceable[] = { SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
					   SYS_memfd_create };
	static const int needed[] = { SYS_ptrace };
	struct test_output output;

	run_without(replaceable, 4, &output);
	CHECK_CONTAINS(output.out, "no  process_vm_readv: Operation not permitted");
	CHECK_CONTAINS(output.out, "can    read and write memory\n         by /proc/PID/mem");
	CHECK_CONTAINS(output.out, "can't  share memory with programs");
	CHECK_CONTAINS(output.out, "seccomp       filter");
	CHECK_CONTAINS(output.out, "scion can work rightly here.");
	CHECK_EQ(output.code, 0);
	test_output_free(&output);
	run_without(needed, 1, &output);
	CHECK_CONTAINS(output.out, "can't  trace programs that it starts");
	CHECK_CONTAINS(output.out, "scion can't work rightly here.");
	CHECK_EQ(output.code, 1);
	test_output_free(&output);
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
	filtered();
	bad_input();
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_doctor", .timeout_s = 60, .run = run };
