/* SPDX-License-Identifier: MIT */
#include "core/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include "symbols/symbols.h"

int session_error(int negative_errno)
{
	switch (-negative_errno) {
	case 0:
		return SCION_OK;
	case EPERM:
	case EACCES:
		return SCION_EPERM;
	case ESRCH:
		return SCION_ESRCH;
	case ENOMEM:
		return SCION_ENOMEM;
	case EFAULT:
		return SCION_EFAULT;
	case EINVAL:
		return SCION_EINVAL;
	case ENOENT:
		return SCION_ENOENT;
	case ENOSYS:
	case EOPNOTSUPP:
		return SCION_ENOTSUP;
	default:
		return SCION_EIO;
	}
}

int session_fail(struct scion_session *s, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->message, sizeof(s->message), format, args);
	va_end(args);
	return error;
}

void session_log(struct scion_session *s, enum scion_log_level level, const char *format, ...)
{
	char line[640];
	va_list args;

	if (!session_logs(s, level))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	s->options.on_log(level, line, s->options.arg);
}

struct scion_event session_event(const struct scion_session *s, const struct task *task,
				 enum scion_event_type type)
{
	return (struct scion_event){
		.type = type,
		.pid = task->tgid,
		.tid = task->tid,
		.time_ns = s->since,
	};
}

enum scion_verdict session_emit(struct scion_session *s, const struct scion_event *event)
{
	if (!s->options.on_event)
		return SCION_CONTINUE;
	return s->options.on_event(s, event, s->options.arg);
}

void session_alarm(struct scion_session *s, unsigned who, bool on)
{
	unsigned before = s->alarms;

	s->alarms = on ? before | who : before & ~who;
	if (!before != !s->alarms)
		kernel_alarm(s->kernel, s->alarms ? SESSION_TICK_NS : 0);
}

/*
 * No PTRACE_O_TRACEVFORKDONE and no PTRACE_O_TRACEEXIT: the syscall-exit-stop follows the vfork
 * anyway, and the exit status says all that is asked; each would cost a stop per fork.
 */
unsigned long session_ptrace_options(const struct scion_session *s)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

	return s->options.kill_on_exit ? options | PTRACE_O_EXITKILL : options;
}

static void log_ptrace(void *arg, const char *line)
{
	struct scion_session *s = arg;

	s->options.on_log(SCION_LOG_PTRACE, line, s->options.arg);
}

static bool owns(void *arg, pid_t tid)
{
	struct scion_session *s = arg;

	return task_find(&s->tasks, tid) != NULL;
}

static pid_t owned_next(void *arg, pid_t after)
{
	struct scion_session *s = arg;
	struct task *task = after ? task_find(&s->tasks, after) : NULL;

	if (!after)
		return s->tasks.head ? s->tasks.head->tid : 0;
	return task && task->hh.next ? ((struct task *)task->hh.next)->tid : 0;
}

static int open_kernel(struct scion_session *s)
{
	struct kernel *logged;

	if (session_logs(s, SCION_LOG_PTRACE)) {
		logged = kernel_logged_new(s->kernel, log_ptrace, s);
		if (!logged)
			return SCION_ENOMEM;
		s->kernel = logged;
	}
	if (s->options.shared_waits) {
		s->kernel->owns = owns;
		s->kernel->owned_next = owned_next;
		s->kernel->owns_arg = s;
	}
	return SCION_OK;
}

static int open_placement(struct scion_session *s)
{
	enum placement_mode mode = PLACEMENT_AUTO;

	/* A thread with other work must keep its affinity and its scheduling class. */
	if (s->options.placement == SCION_PLACEMENT_OFF || s->options.shared_waits)
		mode = PLACEMENT_OFF;
	if (s->options.placement == SCION_PLACEMENT_CPU)
		mode = PLACEMENT_CPU;
	return placement_init(&s->placement, s->kernel, mode, s->options.placement_cpu) < 0 ?
		       SCION_EINVAL :
		       SCION_OK;
}

static bool options_fit(const struct scion_options *options)
{
	return !options ||
	       (options->size >= sizeof(size_t) && options->size <= sizeof(struct scion_options));
}

int session_new_on(struct kernel *k, const struct scion_options *options,
		   struct scion_session **out)
{
	struct scion_session *s = out && options_fit(options) ? calloc(1, sizeof(*s)) : NULL;
	int error;

	if (!s) {
		kernel_free(k);
		return out && options_fit(options) ? SCION_ENOMEM : SCION_EINVAL;
	}
	s->kernel = k;
	if (options)
		memcpy(&s->options, options, options->size);
	if (!s->options.payload_limit_ms)
		s->options.payload_limit_ms = 1000;
	error = open_kernel(s);
	if (!error)
		error = open_placement(s);
	if (error) {
		kernel_free(s->kernel);
		free(s);
		return error;
	}
	*out = s;
	return SCION_OK;
}

int scion_session_new(const struct scion_options *options, struct scion_session **out)
{
	struct kernel *k = kernel_linux_new();

	return k ? session_new_on(k, options, out) : SCION_ENOMEM;
}

void scion_session_free(struct scion_session *s)
{
	struct task *task, *next;

	if (!s)
		return;
	if (task_count(&s->tasks)) {
		scion_detach(s);
		s->stop_asked = 0;
		scion_session_run(s);
	}
	TASK_EACH(&s->tasks, task, next)
	session_forget(s, task);
	if (s->hooks)
		s->hooks->free(s);
	placement_release(&s->placement);
	symbols_free(s->symbols);
	kernel_free(s->kernel);
	free(s);
}

const char *scion_errmsg(const struct scion_session *s)
{
	return s->message;
}

size_t scion_session_tasks(const struct scion_session *s)
{
	return task_count(&s->tasks);
}

int scion_launch(struct scion_session *s, const struct scion_launch *what, pid_t *pid)
{
	struct kernel_launch launch = {
		.options = session_ptrace_options(s),
		.stdio = { -1, -1, -1 },
	};
	int error;

	if (!what || what->size != sizeof(*what) || !what->argv || !what->argv[0])
		return session_fail(s, SCION_EINVAL, "no program to launch");
	launch.file = what->argv[0];
	launch.argv = what->argv;
	launch.envp = what->envp ? what->envp : environ;
	launch.cwd = what->cwd;
	launch.own_pgrp = what->own_pgrp;
	if (what->use_stdio)
		memcpy(launch.stdio, what->stdio, sizeof(launch.stdio));
	placement_release(&s->placement);
	error = kernel_launch(s->kernel, &launch, pid);
	if (error < 0)
		return session_fail(s, session_error(error), "can't start %s: %s", launch.file,
				    strerror(-error));
	if (!task_add(&s->tasks, *pid, *pid, FOLLOW_LAUNCHING))
		return session_fail(s, SCION_ENOMEM, "out of memory");
	s->launched = *pid;
	s->launch_error = 0;
	error = kernel_launch_go(s->kernel, *pid);
	return error < 0 ? session_fail(s, session_error(error), "can't start %s: %s", launch.file,
					strerror(-error)) :
			   SCION_OK;
}

int scion_launch_error(struct scion_session *s, pid_t pid)
{
	return pid == s->launched ? s->launch_error : 0;
}

static void tick(struct scion_session *s)
{
	uint64_t now = kernel_now(s->kernel);

	if (s->early)
		birth_adopt(s, now);
	if (s->hooks)
		s->hooks->tick(s, now);
}

/* Sets the alarm anew: makes what a handler needs to nudge us, and ends its nudging. */
static void renew_alarm(struct scion_session *s)
{
	session_alarm(s, SESSION_ALARM_STOP, true);
	session_alarm(s, SESSION_ALARM_STOP, false);
}

/* Those that can't be let go because they wait inside a vfork; the kernel does it when we end. */
static bool only_vforks_left(const struct scion_session *s)
{
	struct task *task, *next;

	if (s->mode != SESSION_DETACHING)
		return false;
	TASK_EACH(&s->tasks, task, next)
	if (task->state != FOLLOW_VFORKING || task->stopped)
		return false;
	return true;
}

int scion_session_run(struct scion_session *s)
{
	struct kernel_wait wait;
	int error;

	renew_alarm(s);
	while (task_count(&s->tasks)) {
		if (s->stop_asked) {
			s->stop_asked = 0;
			renew_alarm(s);
			return SCION_EBUSY;
		}
		if (only_vforks_left(s))
			return SCION_EBUSY;
		error = kernel_wait(s->kernel, KERNEL_WAIT_BLOCK, &wait);
		if (error == 1)
			session_dispatch(s, wait.tid, wait.status);
		else if (error == -EINTR)
			tick(s);
		else if (error == -ECHILD)
			break;
		else if (error < 0)
			return session_fail(s, SCION_EIO, "wait: %s", strerror(-error));
	}
	placement_release(&s->placement);
	return SCION_OK;
}

int scion_session_poll(struct scion_session *s)
{
	struct kernel_wait wait;
	int handled = 0;
	int error;

	if (s->placement.mode == PLACEMENT_AUTO) {
		placement_release(&s->placement); /* this thread has other work too */
		s->placement.mode = PLACEMENT_OFF;
	}
	while ((error = kernel_wait(s->kernel, KERNEL_WAIT_POLL, &wait)) == 1) {
		session_dispatch(s, wait.tid, wait.status);
		handled++;
	}
	if (s->alarms)
		tick(s);
	if (!task_count(&s->tasks))
		placement_release(&s->placement);
	if (error < 0 && error != -ECHILD && error != -EINTR)
		return session_fail(s, SCION_EIO, "wait: %s", strerror(-error));
	return handled;
}

/*
 * In a signal handler, so nothing of the session may be changed but the flag. A wait that is about to
 * begin would sleep over it: the alarm repeats until it was seen.
 */
void scion_session_stop(struct scion_session *s)
{
	s->stop_asked = 1;
	kernel_nudge(s->kernel);
}

int scion_session_fd(struct scion_session *s)
{
	int fd = kernel_fd(s->kernel);

	return fd < 0 ? session_fail(s, SCION_EIO, "no descriptor: %s", strerror(-fd)) : fd;
}

const char *scion_error_name(int error)
{
	static const char *const names[] = {
		"SCION_OK",      "SCION_EINVAL", "SCION_ENOMEM", "SCION_EPERM",   "SCION_ESRCH",
		"SCION_ETRACED", "SCION_EARCH",  "SCION_ENOENT", "SCION_ENOEXEC", "SCION_EPAYLOAD",
		"SCION_EFAULT",  "SCION_ETIME",  "SCION_EBUSY",  "SCION_ENOTSUP", "SCION_EIO",
	};

	return error <= 0 && error >= SCION_EIO ? names[-error] : "unknown error";
}

#define TEXT(X)          #X
#define VERSION(A, B, C) TEXT(A) "." TEXT(B) "." TEXT(C)

const char *scion_version(void)
{
	return VERSION(SCION_VERSION_MAJOR, SCION_VERSION_MINOR, SCION_VERSION_PATCH);
}
