/* SPDX-License-Identifier: MIT */
/*
 * Starting a program under PTRACE_SEIZE.
 *
 *	tracer                                  child
 *	block signals, fork ─────────────────→  handlers to default, mask and ignored signals as
 *	setpgid, PTRACE_SEIZE                   scion itself found them
 *	…
 *	kernel_launch_go: a byte for `go` ───→  waiting there; end of file: the tracer is gone
 *	                                        stdio, cwd
 *	PTRACE_EVENT_EXEC  ←──────────────────  execve; both ends are close-on-exec
 *	or: errno out of `failed`, exit 126/127
 *
 * After fork the child makes async-signal-safe calls only: the tracer may have other threads.
 */
#include "kernel/linux.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define DEFAULT_PATH "/bin:/usr/bin"

/* What the child needs, all of it allocated before fork. */
struct plan {
	const struct kernel_launch *what;
	const char *path;  /* to search; NULL: the file's name is a path */
	char *candidate;   /* room for each path tried */
	char **shell_argv; /* of a script without "#!" */
	sigset_t mask;
	uint64_t ignored;
	int go_fd, errno_fd; /* the child's ends */
};

static const char *search_path(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return DEFAULT_PATH;
}

/* As execvp(3): a file that is executable but no program is a script of the shell. */
static int try_exec(struct plan *plan, char *file)
{
	char *const *envp = plan->what->envp;
	size_t i = 0;

	execve(file, plan->what->argv, envp);
	if (errno != ENOEXEC)
		return -errno;
	plan->shell_argv[i++] = (char *)"/bin/sh";
	plan->shell_argv[i++] = file;
	for (char *const *arg = plan->what->argv; *arg; arg++)
		if (arg != plan->what->argv)
			plan->shell_argv[i++] = *arg;
	plan->shell_argv[i] = NULL;
	execve("/bin/sh", plan->shell_argv, envp);
	return -ENOEXEC;
}

static bool keep_searching(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ESTALE || err == -ENODEV ||
	       err == -ETIMEDOUT || err == -EACCES || err == -ENAMETOOLONG;
}

static int search_and_exec(struct plan *plan)
{
	const char *file = plan->what->file, *from = plan->path, *colon;
	bool denied = false;
	int err;

	do {
		char *p = plan->candidate;
		size_t len;

		colon = strchrnul(from, ':');
		len = (size_t)(colon - from);
		memcpy(p, from, len);
		p += len;
		if (len)
			*p++ = '/';
		strcpy(p, file);
		err = try_exec(plan, plan->candidate);
		denied = denied || err == -EACCES;
		if (!keep_searching(err))
			return err;
		from = colon + 1;
	} while (*colon);
	return denied ? -EACCES : err == -ENAMETOOLONG ? err : -ENOENT;
}

/* Every number once out of the way of 0..2 first: {1, 0, -1} swaps. */
static int place_stdio(const int stdio[3])
{
	int moved[3];

	for (int i = 0; i < 3; i++) {
		moved[i] = stdio[i] < 0 ? -1 : fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (stdio[i] >= 0 && moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (moved[i] >= 0 && dup2(moved[i], i) < 0)
			return -errno;
	return 0;
}

/* Default or ignored, as scion itself was started; no handler of ours may run here. */
static void reset_signals(const struct plan *plan)
{
	for (int sig = 1; sig < NSIG; sig++) {
		bool ignored = plan->ignored >> (sig - 1) & 1;
		struct sigaction now, wanted = { .sa_handler = ignored ? SIG_IGN : SIG_DFL };

		if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != wanted.sa_handler)
			sigaction(sig, &wanted, NULL);
	}
	sigprocmask(SIG_SETMASK, &plan->mask, NULL);
}

/* Nothing that can fail comes before the wait: a child that is gone already can't be seized. */
static int start(struct plan *plan)
{
	const struct kernel_launch *what = plan->what;
	char byte;
	int err;
	ssize_t n;

	do
		n = read(plan->go_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(126);
	err = place_stdio(what->stdio);
	if (err)
		return err;
	if (what->cwd && chdir(what->cwd) < 0)
		return -errno;
	return plan->path ? search_and_exec(plan) : try_exec(plan, (char *)what->file);
}

static _Noreturn void child(struct plan *plan)
{
	int err;

	reset_signals(plan);
	err = start(plan);
	if (write(plan->errno_fd, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(err == -ENOENT ? 127 : 126);
}

static void close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Above stdio, which the child replaces. */
static int above_stdio(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		int high;

		if (fds[i] > 2)
			continue;
		high = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (high < 0) {
			int err = -errno;

			close_pair(fds);
			return err;
		}
		close(fds[i]);
		fds[i] = high;
	}
	return 0;
}

static int make_go(int fds[2])
{
	int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);

	return made < 0 ? -errno : above_stdio(fds);
}

/* Not blocking: a process that the program forked just now may hold the writing end a while. */
static int make_failed(int fds[2])
{
	return pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : above_stdio(fds);
}

static int make_plan(struct plan *plan, struct linux_kernel *l, const struct kernel_launch *what)
{
	size_t args = 0;

	*plan = (struct plan){
		.what = what,
		.mask = l->start_mask,
		.ignored = l->start_ignored,
	};
	if (!*what->file)
		return -ENOENT;
	while (what->argv[args])
		args++;
	plan->shell_argv = calloc(args + 3, sizeof(*plan->shell_argv));
	if (!strchr(what->file, '/')) {
		plan->path = search_path(what->envp);
		plan->candidate = malloc(strlen(plan->path) + strlen(what->file) + 2);
	}
	if (!plan->shell_argv || (plan->path && !plan->candidate))
		return -ENOMEM;
	return 0;
}

static void free_plan(struct plan *plan)
{
	free(plan->shell_argv);
	free(plan->candidate);
}

/* Signals are blocked around fork: none of the tracer's handlers runs in the child. */
static pid_t fork_child(struct plan *plan)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child(plan);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* The child that could not be seized. */
static void discard(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static int fork_and_seize(struct linux_kernel *l, struct plan *plan, pid_t *out)
{
	int err;
	pid_t pid = fork_child(plan);

	if (pid < 0)
		return (int)pid;
	/* Here and not in the child: it stands in its group when kernel_launch returns. */
	err = plan->what->own_pgrp ? linux_error(setpgid(pid, pid)) : 0;
	if (!err)
		err = l->base.ops->seize(&l->base, pid, plan->what->options);
	if (err)
		discard(pid);
	*out = pid;
	return err;
}

static int launch_planned(struct linux_kernel *l, struct plan *plan, pid_t *pid)
{
	struct linux_launched *launched = calloc(1, sizeof(*launched));
	int go[2], failed[2], err;

	if (!launched)
		return -ENOMEM;
	err = make_go(go);
	if (err)
		goto no_go;
	err = make_failed(failed);
	if (err)
		goto no_failed;
	plan->go_fd = go[0];
	plan->errno_fd = failed[1];
	err = fork_and_seize(l, plan, pid);
	if (err) {
		close_pair(failed);
		goto no_failed;
	}
	close(go[0]);
	close(failed[1]);
	*launched = (struct linux_launched){ l->launched, *pid, go[1], failed[0] };
	l->launched = launched;
	return 0;
no_failed:
	close_pair(go);
no_go:
	free(launched);
	return err;
}

int linux_launch(struct kernel *k, const struct kernel_launch *what, pid_t *pid)
{
	struct plan plan;
	int err = make_plan(&plan, linux_of(k), what);

	if (!err)
		err = launch_planned(linux_of(k), &plan, pid);
	free_plan(&plan);
	return err;
}

static struct linux_launched **find(struct linux_kernel *l, pid_t pid)
{
	struct linux_launched **at = &l->launched;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

static void forget(struct linux_launched **at)
{
	struct linux_launched *launched = *at;

	*at = launched->next;
	if (launched->go_fd >= 0)
		close(launched->go_fd);
	close(launched->errno_fd);
	free(launched);
}

int linux_launch_go(struct kernel *k, pid_t pid)
{
	struct linux_launched *launched = *find(linux_of(k), pid);
	ssize_t n;

	if (!launched || launched->go_fd < 0)
		return -ESRCH;
	/* A socket and not a pipe: a child that was killed meanwhile would make SIGPIPE here. */
	n = send(launched->go_fd, "", 1, MSG_NOSIGNAL);
	close(launched->go_fd);
	launched->go_fd = -1;
	return n == 1 ? 0 : -ESRCH;
}

int linux_launch_result(struct kernel *k, pid_t pid)
{
	struct linux_launched **at = find(linux_of(k), pid);
	int err = 0;

	if (!*at)
		return 0;
	if (read((*at)->errno_fd, &err, sizeof(err)) != (ssize_t)sizeof(err))
		err = 0; /* killed before execve, or nothing failed */
	forget(at);
	return err;
}

void linux_launch_execed(struct linux_kernel *l, pid_t pid)
{
	struct linux_launched **at = find(l, pid);

	if (*at)
		forget(at);
}

void linux_launch_init(struct linux_kernel *l)
{
	sigprocmask(SIG_SETMASK, NULL, &l->start_mask);
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction now;

		if (sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
		    now.sa_handler == SIG_IGN)
			l->start_ignored |= 1ULL << (sig - 1);
	}
}

void linux_launch_free(struct linux_kernel *l)
{
	while (l->launched)
		forget(&l->launched);
}
