/* SPDX-License-Identifier: MIT */
/* run_stop.c - what a stop means for a task whose payload is in flight. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "inject/run.h"

#define AGAIN_NS 200000000ull

static enum session_hook_result took(struct scion_session *s, struct task *task,
				     enum kernel_resume how, int sig)
{
	kernel_resume(s->kernel, task->tid, how, sig);
	task->stopped = false;
	return HOOK_TOOK;
}

static enum kernel_resume plain_mode(const struct scion_session *s)
{
	return s->trace_calls ? KERNEL_SYSCALL : KERNEL_CONT;
}

static bool is_syscall_stop(const struct stop *stop)
{
	return stop->kind == STOP_SYSCALL_ENTRY || stop->kind == STOP_SYSCALL_EXIT;
}

/* In the stub, before or after it has put the mask back? */
static bool in_stub(const struct space *space, uint64_t rip)
{
	return rip - space_stub(space) < builtin_stub.size;
}

static bool behind_unmask(const struct space *space, uint64_t rip)
{
	return in_stub(space, rip) && rip - space_stub(space) >= builtin_stub.after;
}

static bool at_notify(const struct space *space, uint64_t rip)
{
	return rip == space_stub(space) + builtin_stub.notify + 2;
}

/* The event stop that was asked for, or a group-stop that came in its place. */
static enum session_hook_result put_back(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;

	run_restore(s, task);
	run_free(s, task);
	run_wake(s, space);
	return HOOK_PASS;
}

/*
 * All items are done, and the stub has the rest to do. At a stop within it: behind its last call
 * the registers are set here, so that a signal's handler sees the program and not the stub.
 */
static enum session_hook_result finish(struct scion_session *s, struct task *task,
				       const struct stop *stop)
{
	struct run *run = task->run;
	struct space *space = task->space;
	struct kernel_regs regs, plain;

	if (stop_is_end(stop->kind) || stop->kind == STOP_EXIT)
		return HOOK_PASS;
	if (kernel_get_regs(s->kernel, task->tid, &regs) < 0)
		return HOOK_PASS;
	if (run->notify && run->phase == RUN_BODY && is_syscall_stop(stop)) {
		if (stop->kind != STOP_SYSCALL_ENTRY || !at_notify(space, regs.r.rip))
			return took(s, task, KERNEL_SYSCALL, 0);
		/* `wanted`: the callback that was told of the end has asked for another payload */
		if (run->restarts || run->suspended || run->sud.mode || run->in_stop ||
		    task->wanted) {
			run_return(s, task, KERNEL_CONT);
			return HOOK_TOOK;
		}
		run->phase = RUN_TAIL;
		task->call_stops = false;
		return took(s, task, plain_mode(s), 0);
	}
	/* at the entry of the unmasking call rip is behind it already, but the mask is still ours */
	if (in_stub(space, regs.r.rip) &&
	    (!behind_unmask(space, regs.r.rip) || stop->kind == STOP_SYSCALL_ENTRY)) {
		if (is_syscall_stop(stop))
			return took(s, task, plain_mode(s), 0);
		return put_back(s, task); /* here and now: what follows is about the program */
	}
	if (behind_unmask(space, regs.r.rip)) {
		plain = regs_plain(&run->home);
		kernel_set_regs(s->kernel, task->tid, &plain);
		if (is_syscall_stop(stop)) {
			run_free(s, task);
			run_wake(s, space);
			return took(s, task, plain_mode(s), 0);
		}
	}
	run_free(s, task);
	run_wake(s, space);
	return HOOK_PASS;
}

/* A fault of the payload's, or of what it called: the program goes on where it was. */
static enum session_hook_result fault(struct scion_session *s, struct task *task, int sig,
				      const siginfo_t *info)
{
	struct space *space = task->space;
	struct kernel_regs regs;
	char message[160];
	struct task_go go = { FOLLOW_GO_CONT, 0 };

	if (kernel_get_regs(s->kernel, task->tid, &regs) < 0)
		return HOOK_PASS;
	snprintf(message, sizeof(message), "it faulted: %s%s at rip %#llx, address %p",
		 sigabbrev_np(sig) ? "SIG" : "signal ", sigabbrev_np(sig) ? sigabbrev_np(sig) : "?",
		 (unsigned long long)regs.r.rip, info->si_addr);
	run_fail_items(s, task, SCION_EFAULT, sig, regs.r.rip, message);
	run_restore(s, task);
	if (task->run->in_stop)
		kernel_interrupt(s->kernel, task->tid); /* before the program's next instruction */
	run_free(s, task);
	run_wake(s, space);
	session_leave(s, task, go);
	return HOOK_TOOK;
}

/* Blocked, the signal is queued again by the kernel (ptrace_signal in kernel/signal.c). */
static enum session_hook_result queue_again(struct scion_session *s, struct task *task, int sig)
{
	uint64_t mask;

	if (kernel_get_sigmask(s->kernel, task->tid, &mask) == 0)
		kernel_set_sigmask(s->kernel, task->tid, mask | 1ull << (sig - 1));
	return took(s, task, task->call_stops ? KERNEL_SYSCALL : plain_mode(s), sig);
}

static enum session_hook_result on_signal(struct scion_session *s, struct task *task, int sig)
{
	siginfo_t info;

	if (sig == SIGSTOP || sig == SIGKILL || kernel_get_siginfo(s->kernel, task->tid, &info) < 0)
		return HOOK_PASS;
	if (regs_is_fault(sig) && info.si_code > 0)
		return fault(s, task, sig, &info);
	return queue_again(s, task, sig);
}

static enum session_hook_result abort_run(struct scion_session *s, struct task *task)
{
	struct kernel_regs regs = { 0 };
	char message[160];

	kernel_get_regs(s->kernel, task->tid, &regs);
	snprintf(message, sizeof(message), "it exceeded its time limit of %u ms at rip %#llx",
		 s->options.payload_limit_ms, (unsigned long long)regs.r.rip);
	run_fail_items(s, task, SCION_ETIME, 0, regs.r.rip, message);
	return put_back(s, task);
}

static enum session_hook_result on_body(struct scion_session *s, struct task *task,
					struct stop *stop)
{
	if (run_harvest(s, task))
		return finish(s, task, stop);
	switch (stop->kind) {
	case STOP_SIGNAL:
		return on_signal(s, task, stop->sig);
	case STOP_SYSCALL_ENTRY:
	case STOP_SYSCALL_EXIT:
		return took(s, task, task->call_stops ? KERNEL_SYSCALL : plain_mode(s), 0);
	default:
		return HOOK_PASS;
	}
}

enum session_hook_result run_on_stop(struct scion_session *s, struct task *task, struct stop *stop)
{
	struct run *run = task->run;
	bool event_stop = stop->kind == STOP_TRAP || stop->kind == STOP_GROUP;

	run->asked = false;
	/* in a group-stop already: this is an interrupt, perhaps that of the attaching */
	if (run->in_stop && stop->kind == STOP_GROUP &&
	    (run->phase == RUN_LOADING || run->phase == RUN_UNLOADING || run->phase == RUN_BODY))
		return took(s, task, KERNEL_SYSCALL, 0);
	switch (run->phase) {
	case RUN_LOADING:
	case RUN_UNLOADING:
		return is_syscall_stop(stop) ? load_on_syscall(s, task, stop) : HOOK_PASS;
	case RUN_BODY:
		return on_body(s, task, stop);
	case RUN_TAIL:
		return finish(s, task, stop);
	case RUN_RETURNING:
		if (event_stop)
			return put_back(s, task);
		return is_syscall_stop(stop) ? took(s, task, KERNEL_CONT, 0) : HOOK_PASS;
	case RUN_ABORTING:
		if (run_harvest(s, task)) {
			run->phase = run->notify ? RUN_BODY : RUN_TAIL;
			return finish(s, task, stop);
		}
		if (event_stop)
			return abort_run(s, task);
		if (stop->kind == STOP_SIGNAL)
			return on_signal(s, task, stop->sig);
		return is_syscall_stop(stop) ? took(s, task, plain_mode(s), 0) : HOOK_PASS;
	case RUN_WAITING:
	default:
		return HOOK_PASS;
	}
}

/* A task whose payload is done but which has not stopped since still holds its slots. */
static void look_at(struct scion_session *s, struct task *task, uint64_t now)
{
	struct run *run = task->run;

	if (run->phase == RUN_BODY && !run_harvest(s, task) && now > run->deadline &&
	    (task->state != FOLLOW_LISTENING || run->in_stop)) {
		run->phase = RUN_ABORTING;
		run->deadline = now + AGAIN_NS;
	}
	/* `fresh`: its attaching is still to be told, which waits for this payload's end */
	if (run->phase == RUN_ABORTING || s->mode == SESSION_DETACHING ||
	    (task->fresh && run->done == run->count))
		kernel_interrupt(s->kernel, task->tid);
}

void run_on_tick(struct scion_session *s, uint64_t now)
{
	struct task *task, *next;

	TASK_EACH(&s->tasks, task, next)
	if (task->run && !task->stopped)
		look_at(s, task, now);
	if (!s->inject->undone && s->mode != SESSION_DETACHING)
		session_alarm(s, SESSION_ALARM_RUN, false);
}
