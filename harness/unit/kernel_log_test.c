/* SPDX-License-Identifier: MIT */
/* The log of requests and waits, over a kernel that answers from a script. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include <cmocka.h>

#include "kernel/kernel.h"
#include "kernel/log_names.h"

#define TEXT_SIZE 4096

struct fake {
	struct kernel base;
	const struct kernel_wait *waits; /* in order; after a tid of 0: ECHILD */
	int err;                         /* what the next calls return */
	bool *freed;
	bool owns_seen;
};

static struct fake *fake_of(struct kernel *k)
{
	return (struct fake *)k;
}

static void fake_free(struct kernel *k)
{
	*fake_of(k)->freed = true;
}

static int fake_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out)
{
	struct fake *f = fake_of(k);

	f->owns_seen = k->owns != NULL;
	if (mode == KERNEL_WAIT_POLL)
		return 0;
	if (!f->waits->tid)
		return -ECHILD;
	*out = *f->waits++;
	return 1;
}

static int fake_seize(struct kernel *k, pid_t tid, unsigned long options)
{
	(void)tid;
	(void)options;
	return fake_of(k)->err;
}

static int fake_resume(struct kernel *k, pid_t tid, enum kernel_resume how, int sig)
{
	(void)tid;
	(void)how;
	(void)sig;
	return fake_of(k)->err;
}

static int fake_event_msg(struct kernel *k, pid_t tid, unsigned long *msg)
{
	(void)tid;
	*msg = 18305;
	return fake_of(k)->err;
}

static int fake_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs)
{
	(void)tid;
	memset(regs, 0, sizeof(*regs));
	regs->r.orig_rax = 57;
	regs->r.rax = (unsigned long long)-ENOSYS;
	regs->r.rip = 0x401000;
	return fake_of(k)->err;
}

static int fake_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	(void)tid;
	(void)regs;
	return fake_of(k)->err;
}

static int fake_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	(void)tid;
	*info = (struct kernel_syscall_info){ .op = KERNEL_OP_EXIT, .rval = 18305 };
	return fake_of(k)->err;
}

static int fake_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len)
{
	(void)tid;
	(void)addr;
	memset(buf, 0, len);
	return fake_of(k)->err;
}

static const struct kernel_ops fake_ops = {
	.free = fake_free,
	.seize = fake_seize,
	.wait = fake_wait,
	.resume = fake_resume,
	.event_msg = fake_event_msg,
	.get_regs = fake_get_regs,
	.set_regs = fake_set_regs,
	.syscall_info = fake_syscall_info,
	.read = fake_read,
};

static void collect(void *arg, const char *line)
{
	char *text = arg;
	size_t len = strlen(text);

	assert_null(strchr(line, '\n'));
	snprintf(text + len, TEXT_SIZE - len, "%s\n", line);
}

static const char fork_log[] = "ptrace (PTRACE_SEIZE, 18304, 0, "
			       "PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK|0x40000000)\n"
			       "wait4 = 18304  WSTOPSIG=SIGTRAP | PTRACE_EVENT_FORK << 8\n"
			       "ptrace (PTRACE_GETEVENTMSG, 18304, [18305])\n"
			       "ptrace (PTRACE_GETREGSET, 18304, NT_PRSTATUS, "
			       "{orig_rax=57, rax=-38, rip=0x401000})\n"
			       "ptrace (PTRACE_SYSCALL, 18304, SIG_0)\n"
			       "wait4 = 18304  WSTOPSIG=TRACESYSGOOD\n"
			       "ptrace (PTRACE_GET_SYSCALL_INFO, 18304, {op=EXIT, rval=18305})\n"
			       "ptrace (PTRACE_SETREGSET, 18304, NT_PRSTATUS, "
			       "{orig_rax=57, rax=18305, rip=0x401000})\n"
			       "ptrace (PTRACE_CONT, 18304, SIG_0)\n"
			       "wait4 = 18305  WSTOPSIG=SIGTRAP | PTRACE_EVENT_STOP << 8\n"
			       "wait4 = 18304  WSTOPSIG=SIGCHLD\n"
			       "wait4 = 18304  WSTOPSIG=SIGTSTP | PTRACE_EVENT_STOP << 8\n"
			       "ptrace (PTRACE_LISTEN, 18304, SIG_0)\n"
			       "ptrace (PTRACE_SINGLESTEP, 18305, SIGCHLD)\n"
			       "ptrace (PTRACE_CONT, 18305, SIGRTMIN+2) = -1 ESRCH\n"
			       "ptrace (PTRACE_GETREGSET, 18305, NT_PRSTATUS) = -1 ESRCH\n"
			       "read memory of 18304 (0x1000, 8) = -1 EFAULT\n"
			       "wait4 = 18305  WTERMSIG=SIGKILL\n"
			       "wait4 = 18304  WEXITSTATUS=3\n"
			       "wait4 = -1 ECHILD\n";

/* The conversation about one fork, as it is printed. */
static void test_fork(void **state)
{
	static const struct kernel_wait waits[] = {
		{ 18304, PTRACE_EVENT_FORK << 16 | SIGTRAP << 8 | 0x7f },
		{ 18304, (SIGTRAP | 0x80) << 8 | 0x7f },
		{ 18305, 128 << 16 | SIGTRAP << 8 | 0x7f },
		{ 18304, SIGCHLD << 8 | 0x7f },
		{ 18304, 128 << 16 | SIGTSTP << 8 | 0x7f },
		{ 18305, SIGKILL },
		{ 18304, 3 << 8 },
		{ 0, 0 },
	};
	bool freed = false;
	struct fake fake = { .base = { .ops = &fake_ops }, .waits = waits, .freed = &freed };
	char text[TEXT_SIZE] = "";
	struct kernel *k = kernel_logged_new(&fake.base, collect, text);
	struct kernel_regs regs;
	struct kernel_syscall_info info;
	struct kernel_wait w;
	unsigned long msg;
	uint64_t word;

	(void)state;
	assert_non_null(k);
	kernel_seize(k, 18304, PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD | 1UL << 30);
	assert_int_equal(kernel_wait(k, KERNEL_WAIT_BLOCK, &w), 1);
	assert_int_equal(w.tid, 18304);
	kernel_event_msg(k, 18304, &msg);
	assert_int_equal(msg, 18305);
	kernel_get_regs(k, 18304, &regs);
	kernel_resume(k, 18304, KERNEL_SYSCALL, 0);
	kernel_wait(k, KERNEL_WAIT_BLOCK, &w);
	kernel_syscall_info(k, 18304, &info);
	assert_int_equal(info.rval, 18305);
	regs.r.rax = 18305;
	kernel_set_regs(k, 18304, &regs);
	kernel_resume(k, 18304, KERNEL_CONT, 0);
	assert_int_equal(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);
	for (int i = 0; i < 3; i++)
		kernel_wait(k, KERNEL_WAIT_BLOCK, &w);
	kernel_resume(k, 18304, KERNEL_LISTEN, 0);
	kernel_resume(k, 18305, KERNEL_STEP, SIGCHLD);
	fake.err = -ESRCH;
	assert_int_equal(kernel_resume(k, 18305, KERNEL_CONT, SIGRTMIN + 2), -ESRCH);
	assert_int_equal(kernel_get_regs(k, 18305, &regs), -ESRCH);
	fake.err = -EFAULT;
	assert_int_equal(kernel_read(k, 18304, 0x1000, &word, sizeof(word)), -EFAULT);
	for (int i = 0; i < 3; i++)
		kernel_wait(k, KERNEL_WAIT_BLOCK, &w);
	kernel_free(k);
	assert_true(freed);
	assert_string_equal(text, fork_log);
}

static bool owns(void *arg, pid_t tid)
{
	(void)arg;
	(void)tid;
	return true;
}

/* Whose children are whose is said to the logging kernel, and meant for the one inside. */
static void test_owns_reaches_inner(void **state)
{
	static const struct kernel_wait waits[] = { { 0, 0 } };
	bool freed;
	struct fake fake = { .base = { .ops = &fake_ops }, .waits = waits, .freed = &freed };
	char text[TEXT_SIZE] = "";
	struct kernel *k = kernel_logged_new(&fake.base, collect, text);
	struct kernel_wait w;

	(void)state;
	assert_non_null(k);
	k->owns = owns;
	kernel_wait(k, KERNEL_WAIT_BLOCK, &w);
	assert_true(fake.owns_seen);
	kernel_free(k);
}

static void test_names(void **state)
{
	char name[LOG_NAME_SIZE], text[LOG_STATUS_SIZE], options[LOG_OPTIONS_SIZE];

	(void)state;
	assert_string_equal(log_signal_name(name, 0), "SIG_0");
	assert_string_equal(log_signal_name(name, SIGTRAP), "SIGTRAP");
	assert_string_equal(log_signal_name(name, SIGRTMIN), "SIGRTMIN+0");
	assert_string_equal(log_signal_name(name, 32), "SIG_32"); /* libc keeps it for itself */
	assert_string_equal(log_status_text(text, SIGSEGV | 0x80), "WTERMSIG=SIGSEGV | WCOREDUMP");
	assert_string_equal(log_status_text(text, 77 << 16 | SIGTRAP << 8 | 0x7f),
			    "WSTOPSIG=SIGTRAP | 77 << 8");
	assert_string_equal(log_options_text(options, 0), "0");
	/* All bits at once fit. */
	log_options_text(options, ~0UL);
	assert_non_null(strstr(options, "PTRACE_O_SUSPEND_SECCOMP|0x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_owns_reaches_inner),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
