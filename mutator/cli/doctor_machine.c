/* SPDX-License-Identifier: MIT */
/* What surrounds scion: Yama, seccomp, container, capabilities, the processor. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor.h"

#define CAP_SYS_PTRACE_BIT 19
#define CAP_SYS_ADMIN_BIT  21

/* Inode numbers of the namespaces that the kernel boots with (include/linux/proc_ns.h). */
#define INITIAL_PID_NS  0xeffffffcU
#define INITIAL_USER_NS 0xeffffffdU

/* At most size - 1 bytes of a file; NULs in it become newlines. "" if it can't be read. */
static const char *read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		n = 0;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = '\n';
	text[n] = '\0';
	return text;
}

/* The value behind "KEY:" in the text of /proc/self/status. */
static uint64_t status_field(const char *text, const char *key, int base)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

static unsigned long namespace_inode(const char *path)
{
	char link[64];
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	const char *bracket;

	if (n < 0)
		return 0;
	link[n] = '\0';
	bracket = strchr(link, '[');
	return bracket ? strtoul(bracket + 1, NULL, 10) : 0;
}

static bool pid1_says(char *value, size_t size)
{
	char text[4096];
	const char *at = read_text("/proc/1/environ", text, sizeof(text));

	while (at && *at) {
		if (strncmp(at, "container=", 10) == 0) {
			snprintf(value, size, "PID 1 says container=%.*s",
				 (int)strcspn(at + 10, "\n"), at + 10);
			return true;
		}
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return false;
}

static bool cgroup_says(char *value, size_t size)
{
	static const char *const words[] = { "docker", "kubepods", "libpod", "lxc", "containerd" };
	char text[4096];

	read_text("/proc/1/cgroup", text, sizeof(text));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(text, words[i])) {
			snprintf(value, size, "\"%s\" in /proc/1/cgroup", words[i]);
			return true;
		}
	return false;
}

/* How a container shows, the surest sign first. */
static void find_container(char *value, size_t size)
{
	static const char *const files[] = { "/run/systemd/container", "/.dockerenv",
					     "/run/.containerenv" };

	*value = '\0';
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0) {
			snprintf(value, size, "%s is there", files[i]);
			return;
		}
	if (pid1_says(value, size) || cgroup_says(value, size))
		return;
	if (namespace_inode("/proc/self/ns/pid") != INITIAL_PID_NS &&
	    namespace_inode("/proc/self/ns/pid"))
		snprintf(value, size, "a PID namespace of its own");
}

static void look_at_processor(struct doctor_machine *m)
{
	unsigned a, b, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		m->avx512 = b >> 16 & 1;
		m->pku = c >> 3 & 1;
		m->shadow_stack = c >> 7 & 1;
		m->amx = d >> 24 & 1;
	}
	if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		m->xstate_size = b; /* for what the kernel has enabled */
}

void doctor_look_around(struct doctor_machine *machine)
{
	char text[4096];
	struct utsname name;
	uint64_t caps;

	memset(machine, 0, sizeof(*machine));
	if (uname(&name) == 0)
		snprintf(machine->release, sizeof(machine->release), "%s", name.release);
	read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));
	machine->yama = *text ? atoi(text) : -1;
	read_text("/proc/self/status", text, sizeof(text));
	machine->seccomp = (unsigned)status_field(text, "\nSeccomp:", 10);
	caps = status_field(text, "\nCapEff:", 16);
	machine->cap_sys_ptrace = caps >> CAP_SYS_PTRACE_BIT & 1;
	machine->cap_sys_admin = caps >> CAP_SYS_ADMIN_BIT & 1;
	machine->root = geteuid() == 0;
	machine->user_namespace = namespace_inode("/proc/self/ns/user") != INITIAL_USER_NS &&
				  namespace_inode("/proc/self/ns/user") != 0;
	find_container(machine->container, sizeof(machine->container));
	look_at_processor(machine);
}
