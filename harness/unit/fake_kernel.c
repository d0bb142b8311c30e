/* SPDX-License-Identifier: MIT */
#include "fake_kernel.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct fake *of(struct kernel *k)
{
	return (struct fake *)k;
}

static void add_line(struct fake *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(struct fake *f, const char *format, ...)
{
	size_t used = strlen(f->log);
	va_list args;

	if (used && used + 1 < sizeof(f->log)) {
		f->log[used++] = ' ';
		f->log[used] = 0;
	}
	va_start(args, format);
	vsnprintf(f->log + used, sizeof(f->log) - used, format, args);
	va_end(args);
}

static void breach(struct fake *f, pid_t tid, const char *what)
{
	if (!f->wrong[0])
		snprintf(f->wrong, sizeof(f->wrong), "%d: %s", tid, what);
}

struct fake_task *fake_find(struct fake *f, pid_t tid)
{
	for (int i = 0; i < FAKE_TASKS; i++)
		if (f->tasks[i].state != FAKE_NONE && f->tasks[i].tid == tid)
			return &f->tasks[i];
	return NULL;
}

struct fake_task *fake_task(struct fake *f, pid_t tid, pid_t tgid)
{
	struct fake_task *leader = fake_find(f, tgid);

	for (int i = 0; i < FAKE_TASKS; i++) {
		struct fake_task *task = &f->tasks[i];

		if (task->state != FAKE_NONE)
			continue;
		*task = (struct fake_task){ .tid = tid, .tgid = tgid, .state = FAKE_RUNS };
		task->vm = leader ? leader->vm : tid;
		task->regs.r.cs = 0x33;
		task->regs.r.orig_rax = (unsigned long long)-1;
		return task;
	}
	fail_msg("the fake kernel is full");
	return NULL;
}

void fake_kill(struct fake *f, pid_t tgid)
{
	for (int i = 0; i < FAKE_TASKS; i++) {
		struct fake_task *task = &f->tasks[i];

		if (task->tgid != tgid || task->state == FAKE_NONE || task->state == FAKE_DEAD)
			continue;
		task->killed_running = task->state == FAKE_RUNS;
		task->state = task->state == FAKE_LEFT ? FAKE_NONE : FAKE_DEAD;
		task->status = FAKE_KILLED(SIGKILL);
	}
}

/* Each request about a tracee passes here: the place where it may turn out to have been killed. */
static struct fake_task *ask(struct fake *f, pid_t tid)
{
	struct fake_task *task = fake_find(f, tid);

	if (++f->requests == f->kill_at)
		fake_kill(f, f->victim ? f->victim : task ? task->tgid : 0);
	return task && task->state != FAKE_DEAD ? task : NULL;
}

/* A request that needs a ptrace-stop. */
static struct fake_task *ask_stopped(struct fake *f, pid_t tid, const char *what)
{
	struct fake_task *task = ask(f, tid);

	if (task && task->state == FAKE_STOPPED)
		return task;
	if (task)
		breach(f, tid, what);
	return NULL;
}

static int event_of(const struct fake_task *task)
{
	return task->status >> 16;
}

static int sig_of(const struct fake_task *task)
{
	return WSTOPSIG(task->status);
}

static bool in_group_stop(const struct fake_task *task)
{
	return event_of(task) == 128 && sig_of(task) != SIGTRAP;
}

static bool in_signal_stop(const struct fake_task *task)
{
	return !event_of(task) && sig_of(task) != (SIGTRAP | 0x80);
}

static void leave(struct fake *f, struct fake_task *task, int sig)
{
	if (sig && !in_signal_stop(task))
		breach(f, task->tid, "a signal injected where none is delivered");
	else if (sig && task->got_count < 32)
		task->got[task->got_count++] = sig;
	task->leaves++;
	task->state = FAKE_RUNS;
}

static int op_resume(struct kernel *k, pid_t tid, enum kernel_resume how, int sig)
{
	static const char *const names[] = { "CONT", "SYSCALL", "LISTEN", "STEP" };
	struct fake *f = of(k);
	struct fake_task *task = ask_stopped(f, tid, "resumed while it runs");

	if (!task)
		return -ESRCH;
	if (sig)
		add_line(f, "%d:%s/%d", tid, names[how], sig);
	else
		add_line(f, "%d:%s", tid, names[how]);
	if ((how == KERNEL_LISTEN) != in_group_stop(task))
		breach(f, tid,
		       how == KERNEL_LISTEN ? "LISTEN outside of a group-stop" :
					      "a group-stop ended by the tracer");
	task->how = how;
	leave(f, task, sig);
	return 0;
}

static int op_detach(struct kernel *k, pid_t tid, int sig)
{
	struct fake *f = of(k);
	struct fake_task *task = ask_stopped(f, tid, "detached while it runs");

	if (!task)
		return -ESRCH;
	if (sig)
		add_line(f, "%d:DETACH/%d", tid, sig);
	else
		add_line(f, "%d:DETACH", tid);
	leave(f, task, sig);
	task->state = FAKE_LEFT;
	task->traced = false;
	return 0;
}

static int op_seize(struct kernel *k, pid_t tid, unsigned long options)
{
	struct fake *f = of(k);
	struct fake_task *task = ask(f, tid);
	int error = f->seize_error;

	(void)options;
	if (!task)
		return -ESRCH;
	if (error || task->traced || task->tracer || task->zombie) {
		f->seize_error = 0;
		return error ? error : -EPERM;
	}
	add_line(f, "%d:SEIZE", tid);
	task->traced = true;
	return 0;
}

static int op_interrupt(struct kernel *k, pid_t tid)
{
	struct fake *f = of(k);
	struct fake_task *task = ask(f, tid);

	if (!task)
		return -ESRCH;
	add_line(f, "%d:INTERRUPT", tid);
	task->interrupted = true;
	return 0;
}

static int op_event_msg(struct kernel *k, pid_t tid, unsigned long *msg)
{
	struct fake *f = of(k);
	struct fake_task *task = ask_stopped(f, tid, "GETEVENTMSG while it runs");

	if (!task)
		return -ESRCH;
	if (!event_of(task) || event_of(task) == 128)
		breach(f, tid, "GETEVENTMSG where there is no event");
	*msg = task->msg;
	return 0;
}

static int op_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs)
{
	struct fake_task *task = ask_stopped(of(k), tid, "registers read while it runs");

	if (!task)
		return -ESRCH;
	*regs = task->regs;
	return 0;
}

static int op_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	struct fake_task *task = ask_stopped(of(k), tid, "registers set while it runs");

	if (!task)
		return -ESRCH;
	task->regs = *regs;
	return 0;
}

static int op_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	struct fake_task *task = ask_stopped(of(k), tid, "GET_SYSCALL_INFO while it runs");

	memset(info, 0, sizeof(*info));
	if (!task)
		return -ESRCH;
	info->op = task->op;
	return 0;
}

static int op_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out)
{
	struct fake *f = of(k);
	struct fake_task *task;

	if (!f->queued && mode == KERNEL_WAIT_BLOCK && f->rings) {
		f->rings--;
		f->clock += f->alarm;
		return -EINTR;
	}
	if (!f->queued)
		return mode == KERNEL_WAIT_POLL ? 0 : f->wait_error ? f->wait_error : -ECHILD;
	*out = f->queue[0];
	memmove(f->queue, f->queue + 1, --f->queued * sizeof(f->queue[0]));
	task = fake_find(f, out->tid);
	if (task && !WIFSTOPPED(out->status))
		task->state = FAKE_NONE; /* reaped: its id may be used again at once */
	return 1;
}

static int op_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len)
{
	struct fake_task *task = ask(of(k), tid);

	(void)addr;
	if (!task)
		return -ESRCH;
	memcpy(buf, &task->flags, len < sizeof(task->flags) ? len : sizeof(task->flags));
	return 0;
}

static int op_proc(struct kernel *k, pid_t tid, struct kernel_proc *out)
{
	struct fake *f = of(k);
	struct fake_task *task = fake_find(f, tid);

	memset(out, 0, sizeof(*out));
	if (!task)
		return -ESRCH;
	out->tgid = task->tgid;
	out->ppid = task->ppid;
	out->tracer = task->traced ? gettid() : task->tracer;
	out->nspid[0] = tid;
	out->nspid[1] = task->inner;
	out->ns_depth = task->inner ? 2 : 1;
	out->state = task->zombie || task->state == FAKE_DEAD ? 'Z' : 'S';
	for (int i = 0; i < FAKE_TASKS; i++)
		out->threads += f->tasks[i].state != FAKE_NONE && f->tasks[i].tgid == task->tgid;
	strcpy(out->name, "fake");
	return 0;
}

static int list(struct fake *f, pid_t of_tgid, bool children, pid_t **tids, size_t *count)
{
	*tids = malloc(FAKE_TASKS * sizeof(**tids));
	*count = 0;
	assert_non_null(*tids);
	for (int i = 0; i < FAKE_TASKS; i++) {
		struct fake_task *task = &f->tasks[i];

		if (task->state != FAKE_NONE && task->hidden-- <= 0 &&
		    (children ? task->ppid : task->tgid) == of_tgid &&
		    (!children || task->tid == task->tgid))
			(*tids)[(*count)++] = task->tid;
	}
	if (*count || children)
		return 0;
	free(*tids);
	*tids = NULL;
	return -ESRCH;
}

static int op_threads(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count)
{
	return list(of(k), tgid, false, tids, count);
}

static int op_children(struct kernel *k, pid_t tgid, pid_t **pids, size_t *count)
{
	return list(of(k), tgid, true, pids, count);
}

static void op_why_not(struct kernel *k, const struct kernel_proc *proc, char *text, size_t len)
{
	(void)k;
	(void)proc;
	snprintf(text, len, "the fake kernel says no");
}

static int op_same_vm(struct kernel *k, pid_t a, pid_t b)
{
	struct fake_task *one = fake_find(of(k), a), *two = fake_find(of(k), b);

	return one && two && one->vm == two->vm;
}

static int op_in_group(struct kernel *k, pid_t tgid, pid_t tid)
{
	struct fake_task *task = fake_find(of(k), tid);

	return task && task->tgid == tgid;
}

static int op_signal(struct kernel *k, pid_t tgid, pid_t tid, int sig)
{
	assert_int_equal(sig, 0); /* core asks, it never kills */
	return fake_find(of(k), tid ? tid : tgid) ? 0 : -ESRCH;
}

static int op_launch(struct kernel *k, const struct kernel_launch *what, pid_t *pid)
{
	struct fake *f = of(k);

	(void)what;
	*pid = f->next_pid;
	fake_task(f, *pid, *pid)->traced = true;
	return 0;
}

static int op_launch_go(struct kernel *k, pid_t pid)
{
	(void)k;
	(void)pid;
	return 0;
}

static int op_launch_result(struct kernel *k, pid_t pid)
{
	(void)pid;
	return of(k)->launch_result;
}

static int op_get_affinity(struct kernel *k, pid_t tid, cpu_set_t *set)
{
	(void)k;
	(void)tid;
	(void)set;
	return -ENOSYS;
}

static uint64_t op_now(struct kernel *k)
{
	return of(k)->clock;
}

static int op_alarm(struct kernel *k, uint64_t interval)
{
	of(k)->alarm = interval;
	return 0;
}

static void op_free(struct kernel *k)
{
	of(k)->freed++; /* really: fake_close */
}

static const struct kernel_ops ops = {
	.free = op_free,
	.seize = op_seize,
	.interrupt = op_interrupt,
	.resume = op_resume,
	.detach = op_detach,
	.wait = op_wait,
	.event_msg = op_event_msg,
	.get_regs = op_get_regs,
	.set_regs = op_set_regs,
	.syscall_info = op_syscall_info,
	.read = op_read,
	.proc = op_proc,
	.threads = op_threads,
	.children = op_children,
	.why_not = op_why_not,
	.same_vm = op_same_vm,
	.in_group = op_in_group,
	.signal = op_signal,
	.launch = op_launch,
	.launch_go = op_launch_go,
	.launch_result = op_launch_result,
	.get_affinity = op_get_affinity,
	.now = op_now,
	.alarm = op_alarm,
};

static void log_event(struct fake *f, const struct scion_event *event)
{
	static const char *const plain[] = {
		[SCION_EVENT_ATTACH] = "attach",       [SCION_EVENT_RELEASE] = "release",
		[SCION_EVENT_CONTINUED] = "continued", [SCION_EVENT_DETACH] = "detach",
		[SCION_EVENT_PAYLOAD] = "payload",
	};
	const char *thread = event->thread ? "thread-" : "", *vfork = event->vfork ? "v" : "";

	switch (event->type) {
	case SCION_EVENT_CHILD:
		add_line(f, "%s%schild(%d<%d)", thread, vfork, event->tid, event->peer);
		break;
	case SCION_EVENT_FORK:
		add_line(f, "%s%sfork(%d:%d=%lld)", thread, vfork, event->tid, event->peer,
			 (long long)event->value);
		break;
	case SCION_EVENT_EXEC:
		add_line(f, "exec(%d<%d)", event->tid, event->former);
		break;
	case SCION_EVENT_EXIT:
		add_line(f, "exit(%d:%#x)", event->tid, (unsigned)event->status);
		break;
	case SCION_EVENT_SIGNAL:
		add_line(f, "signal(%d:%d)", event->tid, event->signo);
		break;
	case SCION_EVENT_STOPPED:
		add_line(f, "stopped(%d:%d)", event->tid, event->signo);
		break;
	default:
		add_line(f, "%s(%d)", plain[event->type], event->tid);
		break;
	}
}

static enum scion_verdict on_event(struct scion_session *s, const struct scion_event *event,
				   void *arg)
{
	struct fake *f = arg;

	(void)s;
	log_event(f, event);
	return f->on_event ? f->on_event(f, event) : SCION_CONTINUE;
}

struct fake *fake_open(const struct scion_options *options)
{
	struct scion_options mine = { .size = sizeof(mine) };
	struct fake *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	if (options)
		mine = *options;
	f->base.ops = &ops;
	f->clock = 1000000000;
	mine.on_event = on_event;
	mine.arg = f;
	mine.placement = SCION_PLACEMENT_OFF;
	assert_int_equal(session_new_on(&f->base, &mine, &f->session), SCION_OK);
	return f;
}

void fake_close(struct fake *f)
{
	scion_session_free(f->session);
	free(f);
}

int fake_event(int event)
{
	return event << 16 | SIGTRAP << 8 | 0x7f;
}

int fake_group(int sig)
{
	return 128 << 16 | sig << 8 | 0x7f;
}

int fake_signal(int sig)
{
	return sig << 8 | 0x7f;
}

struct fake_task *fake_start(struct fake *f, pid_t pid)
{
	char *argv[] = { (char *)"fake", NULL };
	struct scion_launch what = { .size = sizeof(what), .argv = argv };
	pid_t started = 0;

	f->next_pid = pid;
	assert_int_equal(scion_launch(f->session, &what, &started), SCION_OK);
	assert_int_equal(started, pid);
	fake_give_msg(f, pid, FAKE_EXEC, (unsigned long)pid);
	f->log[0] = 0;
	return fake_find(f, pid);
}

void fake_give_msg(struct fake *f, pid_t tid, int status, unsigned long msg)
{
	struct fake_task *task = fake_find(f, tid);

	if (!task)
		task = fake_task(f, tid, tid);
	if (WIFSTOPPED(status) && task->state != FAKE_RUNS)
		fail_msg("%d: its last stop (%#x) was not left", tid, (unsigned)task->status);
	task->status = status;
	task->msg = msg;
	task->traced = true;
	if (WIFSTOPPED(status)) {
		task->state = FAKE_STOPPED;
		task->stops++;
		if (status == FAKE_TRAP || in_group_stop(task))
			task->interrupted = false;
	} else {
		task->state = FAKE_DEAD;
	}
	if (status == FAKE_EXEC)
		f->launch_result = 0;
	f->queue[f->queued++] = (struct kernel_wait){ tid, status };
	f->clock += 1000;
	assert_true(scion_session_poll(f->session) >= 1);
}

void fake_give(struct fake *f, pid_t tid, int status)
{
	fake_give_msg(f, tid, status, 0);
}

void fake_return(struct fake *f, pid_t tid, long long rax)
{
	struct fake_task *task = fake_find(f, tid);

	task->regs.r.rax = (unsigned long long)rax;
	task->op = KERNEL_OP_EXIT;
	fake_give(f, tid, FAKE_SYSCALL);
}

void fake_calls(struct fake *f, pid_t tid, unsigned long long nr)
{
	struct fake_task *task = fake_find(f, tid);

	task->regs.r.orig_rax = nr;
	task->regs.r.rax = (unsigned long long)-38;
	task->op = KERNEL_OP_NONE;
}

void fake_reap(struct fake *f, pid_t tid)
{
	struct fake_task *task = fake_find(f, tid);

	assert_non_null(task);
	assert_int_equal(task->state, FAKE_DEAD);
	fake_give(f, tid, task->status);
}

void fake_tick(struct fake *f, uint64_t ns)
{
	f->clock += ns;
	assert_true(f->alarm != 0); /* else nobody would have waked the session */
	scion_session_poll(f->session);
}
