/* SPDX-License-Identifier: MIT */
/* /proc/PID/status: what counts is found, whatever the process calls itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/linux.h"

static bool parse(struct kernel_proc *out, const char *text)
{
	memset(out, 0, sizeof(*out));
	return linux_proc_parse(out, text, strlen(text));
}

static void test_all(void **state)
{
	struct kernel_proc proc;

	(void)state;
	assert_true(parse(&proc, "Name:\tredis-server\nUmask:\t0022\nState:\tt (tracing stop)\n"
				 "Tgid:\t12616\nNgid:\t0\nPid:\t12617\nPPid:\t12600\n"
				 "TracerPid:\t12000\nUid:\t1000\t1001\t1002\t1003\n"
				 "Gid:\t5\t5\t5\t5\nFDSize:\t64\nGroups:\t5 6 \n"
				 "NStgid:\t12616\t2\nNSpid:\t12617\t3\nThreads:\t4\n"
				 "SigQ:\t0/7\nSigBlk:\t0000000000010000\n"
				 "SigIgn:\t0000000000001000\nSigCgt:\tffffffff00000002\n"
				 "Seccomp:\t2\nSeccomp_filters:\t1\n"));
	assert_string_equal(proc.name, "redis-server");
	assert_int_equal(proc.state, 't');
	assert_int_equal(proc.tgid, 12616);
	assert_int_equal(proc.ppid, 12600);
	assert_int_equal(proc.tracer, 12000);
	assert_int_equal(proc.uid, 1000);
	assert_int_equal(proc.euid, 1001);
	assert_int_equal(proc.ns_depth, 2);
	assert_int_equal(proc.nspid[0], 12617);
	assert_int_equal(proc.nspid[1], 3);
	assert_int_equal(proc.threads, 4);
	assert_true(proc.sig_blocked == 0x10000);
	assert_true(proc.sig_ignored == 0x1000);
	assert_true(proc.sig_caught == 0xffffffff00000002);
	assert_int_equal(proc.seccomp, 2);
}

/* The kernel writes a newline in a name as two characters. */
static void test_name_that_lies(void **state)
{
	struct kernel_proc proc;

	(void)state;
	parse(&proc, "Name:\tx\\nTracerPid:\\t7\nState:\tS (sleeping)\nTgid:\t5\n");
	assert_int_equal(proc.tracer, 0);
	assert_int_equal(proc.tgid, 5);
	parse(&proc, "Name:\tSeccomp:\nTgid:\t5\n");
	assert_string_equal(proc.name, "Seccomp:");
	assert_int_equal(proc.tgid, 5);
	parse(&proc, "Name:\t\nTgid:\t5\n");
	assert_string_equal(proc.name, "");
	parse(&proc, "Name:\t0123456789012345678901234567890123456789\nTgid:\t5\n");
	assert_int_equal(strlen(proc.name), sizeof(proc.name) - 1);
}

/* Linux before 4.1 has no NSpid, a kernel without seccomp no such line. */
static void test_what_is_missing(void **state)
{
	struct kernel_proc proc;

	(void)state;
	assert_false(parse(&proc, "Name:\tinit\nState:\tS\nTgid:\t9\nPid:\t9\nPPid:\t0\n"));
	assert_int_equal(proc.ns_depth, 1);
	assert_int_equal(proc.nspid[0], 9);
	assert_int_equal(proc.seccomp, 0);
}

static void test_deep_namespaces(void **state)
{
	struct kernel_proc proc;

	(void)state;
	parse(&proc, "NSpid:\t10\t11\t12\t13\t14\t15\t16\t17\t18\t19\n");
	assert_int_equal(proc.ns_depth, KERNEL_NS_DEPTH);
	assert_int_equal(proc.nspid[0], 10);
	assert_int_equal(proc.nspid[KERNEL_NS_DEPTH - 1], 19);
}

static void test_torn_text(void **state)
{
	static const char text[] = "Name:\tx\nTgid:\t12\nNSpid:\t3\t4\nSigBlk:\tff\nSeccomp:\t1\n";
	struct kernel_proc proc;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		linux_proc_parse(&proc, text, len);
}

static void test_path(void **state)
{
	char path[LINUX_PATH_SIZE];

	(void)state;
	linux_path(path, 1, "mem");
	assert_string_equal(path, "/proc/1/mem");
	linux_path(path, 4194304, "task");
	assert_string_equal(path, "/proc/4194304/task");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_name_that_lies),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_deep_namespaces),
		cmocka_unit_test(test_torn_text),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
