/* SPDX-License-Identifier: MIT */
/*
 * liar LIE PROGRAM [ARG...]: runs a mutatee under a tracer that is wrong in one way, and succeeds
 * if the mutatee notices: if it exits with 1. So it is shown that the mutatees' checks bite.
 *
 * LIE: rax=N      what every fork-like call returns to the parent
 *      REGISTER   one bit of it changed (rbx ... r15, rflags, gs, fs, x87, mxcsr, xmm, ymm, zmm,
 *                 opmask)
 *      redzone    one byte below rsp changed
 *      sigmask    SIGHUP added to (or taken from) the mask
 *      double     the call is made twice
 *      signal     one real-time signal is swallowed
 *      trap       one SIGTRAP is swallowed
 * with "child:" in front: told to the child at its first stop, and not to the parent at the end of
 * the call; with "held:" in front: told to a program that holds, in the middle of what it does.
 *
 * Registers are changed only in the checker of cpu.h, which shows by its gs base: elsewhere the
 * compiler may not care.
 */
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
#define CLONE_THREAD_FLAG 0x10000
#define MAX_TASKS         256

enum when { IN_PARENT, IN_CHILD, WHILE_HELD };

static const char *lie;
static enum when when;
static int told;
static pid_t known[MAX_TASKS];
static int n_known;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "liar: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* clang-format off */
static const struct {
	const char *name;
	size_t offset;
} registers[] = {
#define R(name) {#name, offsetof(struct user_regs_struct, name)}
	R(rbx), R(rcx), R(rdx), R(rbp), R(rsi), R(rdi), R(r8), R(r9), R(r10), R(r11),
	R(r12), R(r13), R(r14), R(r15),
	{"rflags", offsetof(struct user_regs_struct, eflags)},
	{"gs", offsetof(struct user_regs_struct, gs_base)},
	{"fs", offsetof(struct user_regs_struct, fs_base)},
#undef R
};
/* clang-format on */

static unsigned xsave_component(void)
{
	if (!strcmp(lie, "ymm"))
		return 2;
	if (!strcmp(lie, "opmask"))
		return 5;
	return strcmp(lie, "zmm") ? 0 : 6;
}

static size_t xstate_offset(void)
{
	unsigned component, a, offset, c, d;

	if (!strcmp(lie, "x87"))
		return 40;
	if (!strcmp(lie, "mxcsr"))
		return 25;
	if (!strcmp(lie, "xmm"))
		return 163;
	component = xsave_component();
	if (!component) {
		fprintf(stderr, "liar: no such lie: %s\n", lie);
		exit(2);
	}
	if (__get_cpuid_max(0, NULL) < 0xd)
		exit(77);
	__cpuid_count(0xd, component, a, offset, c, d);
	if (!a) {
		fprintf(stderr, "liar: this CPU has no %s\n", lie);
		exit(77);
	}
	return offset + 5;
}

/* The lowest rounding bit for MXCSR, some bit elsewhere. */
static void lie_about_xstate(pid_t tid)
{
	static unsigned char area[16384];
	struct iovec iov = { area, sizeof(area) };
	size_t offset = xstate_offset();

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov))
		die("PTRACE_GETREGSET");
	area[offset] ^= 0x20;
	if (ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, &iov))
		die("PTRACE_SETREGSET");
}

static bool lie_about_register(pid_t tid, struct user_regs_struct *regs)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		unsigned long long *value = (void *)((char *)regs + registers[i].offset);

		if (strcmp(lie, registers[i].name))
			continue;
		*value ^= !strcmp(lie, "rflags") ? 1 : 0x1000;
		if (ptrace(PTRACE_SETREGS, tid, NULL, regs))
			die("PTRACE_SETREGS");
		return true;
	}
	return false;
}

static void lie_about_redzone(pid_t tid, unsigned long long rsp)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, tid, rsp - 64, NULL);
	if (errno || ptrace(PTRACE_POKEDATA, tid, rsp - 64, word ^ 1))
		die("PTRACE_POKEDATA");
}

static void lie_about_mask(pid_t tid)
{
	uint64_t mask;

	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask))
		die("PTRACE_GETSIGMASK");
	mask ^= UINT64_C(1) << (SIGHUP - 1);
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask))
		die("PTRACE_SETSIGMASK");
}

static void tell(pid_t tid)
{
	struct user_regs_struct regs;

	if (!strcmp(lie, "signal") || !strcmp(lie, "trap"))
		return; /* told at another stop */
	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs))
		die("PTRACE_GETREGS");
	if (!strncmp(lie, "rax=", 4)) {
		regs.rax = (unsigned long long)atoll(lie + 4);
		ptrace(PTRACE_SETREGS, tid, NULL, &regs);
	} else if (!strcmp(lie, "double")) {
		if (told)
			return;
		regs.rip -= 2;
		regs.rax = regs.orig_rax;
		ptrace(PTRACE_SETREGS, tid, NULL, &regs);
	} else if (!strcmp(lie, "sigmask")) {
		lie_about_mask(tid);
	} else if (!regs.gs_base && regs.cs != 0x23) {
		return;
	} else if (!strcmp(lie, "redzone")) {
		lie_about_redzone(tid, regs.rsp);
	} else if (!lie_about_register(tid, &regs)) {
		lie_about_xstate(tid);
	}
	told++;
}

/* A call that makes a process, or a failed exec. */
static bool is_subject(pid_t tid, const struct ptrace_syscall_info *info)
{
	struct user_regs_struct regs;
	unsigned long long flags;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs))
		die("PTRACE_GETREGS");
	if (info->arch == AUDIT_ARCH_I386)
		return regs.orig_rax == 2 || regs.orig_rax == 120 || regs.orig_rax == 190;
	switch (regs.orig_rax) {
	case SYS_fork:
	case SYS_vfork:
		return true;
	case SYS_clone:
		return !(regs.rdi & CLONE_THREAD_FLAG);
	case SYS_clone3:
		errno = 0;
		flags = (unsigned long long)ptrace(PTRACE_PEEKDATA, tid, regs.rdi, NULL);
		return !errno && !(flags & CLONE_THREAD_FLAG);
	case SYS_execve:
		return info->exit.is_error;
	default:
		return false;
	}
}

static void at_syscall_stop(pid_t tid)
{
	struct ptrace_syscall_info info;
	long size = ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);

	if (size < 0) {
		fprintf(stderr, "liar: the kernel has no PTRACE_GET_SYSCALL_INFO\n");
		exit(77);
	}
	/* The child has an exit-stop of its own, with 0. */
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && when == IN_PARENT && info.exit.rval &&
	    is_subject(tid, &info))
		tell(tid);
}

static bool is_thread(pid_t tid)
{
	char path[64], line[128];
	FILE *status;
	int tgid = tid;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "Tgid: %d", &tgid);
	if (status)
		fclose(status);
	return tgid != tid;
}

static bool is_new(pid_t tid)
{
	for (int i = 0; i < n_known; i++)
		if (known[i] == tid)
			return false;
	if (n_known == MAX_TASKS) {
		fprintf(stderr, "liar: more than %d tasks\n", MAX_TASKS);
		exit(2);
	}
	known[n_known++] = tid;
	return true;
}

/* The signal to resume with. */
static int at_stop(pid_t tid, int status, pid_t first)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		at_syscall_stop(tid);
		return 0;
	}
	if (status >> 16)
		return 0;
	if (sig == SIGSTOP && is_new(tid)) {
		if (when == IN_CHILD && tid != first && !is_thread(tid))
			tell(tid);
		return 0;
	}
	if (!told && ((sig == SIGRTMIN && !strcmp(lie, "signal")) ||
		      (sig == SIGTRAP && !strcmp(lie, "trap")))) {
		told++;
		return 0;
	}
	return sig;
}

static int report(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return 77;
	if (told && WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return 0;
	fprintf(stderr,
		"liar: told %d times; the mutatee should have exited with 1, its status is %#x\n",
		told, status);
	return 1;
}

static int follow(pid_t first)
{
	int status, result = -1;

	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0)
			return report(result);
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, tid, NULL, at_stop(tid, status, first));
		else if (tid == first)
			result = status;
	}
}

/* The program says "ready PID" when it can be told, and reads a line when it has been. */
static int tell_while_held(char **argv)
{
	int in[2], out[2], status;
	char line[64];
	pid_t pid;
	ssize_t n;

	if (pipe(in) || pipe(out))
		die("pipe");
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execv(argv[0], argv);
		die(argv[0]);
	}
	n = read(out[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = 0;
	if (sscanf(line, "ready %d", &pid) != 1)
		die("the program did not say ready");
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ||
	    waitpid(pid, &status, __WALL) != pid)
		die("PTRACE_SEIZE");
	tell(pid);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	close(in[1]);
	waitpid(pid, &status, 0);
	return report(status);
}

int main(int argc, char **argv)
{
	pid_t pid;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: liar LIE PROGRAM [ARG...]\n");
		return 2;
	}
	lie = argv[1];
	when = !strncmp(lie, "child:", 6) ? IN_CHILD :
	       !strncmp(lie, "held:", 5)  ? WHILE_HELD :
					    IN_PARENT;
	lie += when == IN_CHILD ? 6 : when == WHILE_HELD ? 5 : 0;
	if (when == WHILE_HELD)
		return tell_while_held(argv + 2);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("first stop");
	is_new(pid);
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS) || ptrace(PTRACE_SYSCALL, pid, NULL, 0))
		die("PTRACE_SETOPTIONS");
	return follow(pid);
}
