/* SPDX-License-Identifier: MIT */
/*
 * linux_why.c - which of the many causes of ptrace's EPERM it is (ptrace(2), "Ptrace access mode
 * checking"; Documentation/admin-guide/LSM/Yama.rst).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kernel/linux.h"

#define CAP_SYS_PTRACE_BIT 19

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool has_sys_ptrace(void)
{
	char text[4096];
	const char *line;
	unsigned long long caps = 0;

	if (!read_text("/proc/self/status", text, sizeof(text)))
		return false;
	line = strstr(text, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %llx", &caps) == 1 && caps >> CAP_SYS_PTRACE_BIT & 1;
}

static int yama_scope(void)
{
	char text[16];
	int scope;

	return read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) &&
			       sscanf(text, "%d", &scope) == 1 ?
		       scope :
		       -1;
}

void linux_why_not(struct kernel *k, const struct kernel_proc *proc, char *text, size_t len)
{
	int scope = yama_scope();
	bool capable = has_sys_ptrace();
	uid_t me = geteuid();

	(void)k;
	if (scope == 3)
		snprintf(text, len,
			 "Yama forbids all tracing (kernel.yama.ptrace_scope is 3); "
			 "reboot with another value");
	else if (!capable && proc->uid != me)
		snprintf(text, len,
			 "it belongs to uid %u and you are uid %u without "
			 "CAP_SYS_PTRACE; run scion as root or as that user",
			 proc->uid, me);
	else if (!capable && proc->euid != proc->uid)
		snprintf(text, len,
			 "it is a set-user-ID program (uid %u, euid %u); CAP_SYS_PTRACE "
			 "is needed: run scion as root",
			 proc->uid, proc->euid);
	else if (!capable && (scope == 1 || scope == 2))
		snprintf(text, len,
			 "Yama allows it %s (kernel.yama.ptrace_scope is %d); run scion "
			 "as root, launch the program by `scion run`, or set it to 0",
			 scope == 1 ? "for descendants only" : "with CAP_SYS_PTRACE only", scope);
	else if (proc->ppid == 2 || proc->tgid == 2)
		snprintf(text, len, "it is a kernel thread; those can't be traced");
	else if (!capable)
		snprintf(text, len,
			 "it is not dumpable (it changed its user or set PR_SET_DUMPABLE "
			 "to 0) or more privileged; run scion as root");
	else
		snprintf(text, len,
			 "a security module, a seccomp filter of scion's own, or a user "
			 "namespace above scion's forbids it; see the kernel's log");
}
