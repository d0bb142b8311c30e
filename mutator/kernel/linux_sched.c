/* SPDX-License-Identifier: MIT */
/* linux_sched.c - where the tracer runs, and how: the scheduler's part of the Linux kernel. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/linux.h"

static ssize_t read_small(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	else
		buf[n] = '\0';
	close(fd);
	return n;
}

int linux_task_cpu(struct kernel *k, pid_t tid)
{
	enum { STATE_FIELD = 3, PROCESSOR_FIELD = 39 };
	char path[LINUX_PATH_SIZE], buf[1024], *p;
	ssize_t n;
	int field;

	(void)k;
	linux_path(path, tid, "stat");
	n = read_small(path, buf, sizeof(buf));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	p = strrchr(buf, ')'); /* the name may hold spaces and parentheses */
	for (field = STATE_FIELD - 1; p && field < PROCESSOR_FIELD; field++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p + 1) : -EIO;
}

int linux_sched_class(struct kernel *k, pid_t tid)
{
	int class = sched_getscheduler(tid);

	(void)k;
	return class < 0 ? -errno : class & ~SCHED_RESET_ON_FORK;
}

int linux_runnable(struct kernel *k)
{
	char buf[128], *slash;
	ssize_t n = read_small("/proc/loadavg", buf, sizeof(buf));

	(void)k;
	if (n < 0)
		return (int)n;
	slash = strchr(buf, '/'); /* "0.20 0.18 0.12 1/80 11206" */
	while (slash && slash > buf && slash[-1] != ' ')
		slash--;
	return slash ? atoi(slash) : -EIO;
}

/*
 * Whether SCHED_IDLE could be left again. The kernel lets a task leave it that might also lower
 * its nice value to what it is (can_nice() in kernel/sched/syscalls.c); asking for one less, which
 * is undone at once, tries the same permission without entering the class.
 */
static bool may_return(void)
{
	int nice_now;

	errno = 0;
	nice_now = getpriority(PRIO_PROCESS, 0);
	if (errno != 0)
		return false;
	if (nice_now == -20) /* nothing lower to ask for; whoever is here was allowed to come */
		return true;
	if (setpriority(PRIO_PROCESS, 0, nice_now - 1) < 0)
		return false;
	setpriority(PRIO_PROCESS, 0, nice_now);
	return true;
}

int linux_set_idle(struct kernel *k, bool on)
{
	struct linux_kernel *l = linux_of(k);
	struct sched_param param = { .sched_priority = 0 };
	int class;

	if (!on)
		return linux_error(sched_setscheduler(0, l->sched_class, &param));
	class = sched_getscheduler(0);
	if (class < 0)
		return -errno;
	if (class != SCHED_OTHER && class != SCHED_BATCH)
		return -EPERM; /* a class that somebody chose on purpose */
	if (!may_return())
		return -EPERM;
	l->sched_class = class;
	return linux_error(sched_setscheduler(0, SCHED_IDLE, &param));
}
