/* SPDX-License-Identifier: MIT */
/* run.c - starts a payload before a stopped task, and puts the program back. The drawing: run.h. */
#include "inject/run.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#define RESTART_SYSCALL 219 /* __NR_restart_syscall */
#define XSTATE_MAX      0x4000

static struct scion_event item_event(const struct scion_session *s, const struct task *task,
				     const struct run_item *item)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_PAYLOAD);

	event.fork_id = task->run->fork_id;
	event.side = task->run->side;
	event.at = item->at;
	event.payload = item->payload;
	event.time_ns = kernel_now(s->kernel);
	return event;
}

static void item_done(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	if (++run->done == run->count)
		s->inject->undone--;
}

bool run_harvest(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	for (unsigned i = run->done; i < run->count; i++) {
		struct run_item *item = &run->items[i];
		const struct report *report;
		struct scion_event event;

		if (item->report < 0)
			break;
		report = board_report(task->space->board, item->report);
		if (__atomic_load_n(&report->done, __ATOMIC_ACQUIRE) != item->token)
			break;
		event = item_event(s, task, item);
		event.payload_status = report->status;
		memcpy(event.result, report->result, sizeof(event.result));
		board_free(task->space->board, item->report);
		item->report = -1;
		item_done(s, task);
		session_emit(s, &event);
	}
	return run->done == run->count;
}

void run_fail_items(struct scion_session *s, struct task *task, int error, int sig,
		    uint64_t address, const char *message)
{
	struct run *run = task->run;

	for (unsigned i = run->done; i < run->count; i++) {
		struct run_item *item = &run->items[i];
		struct scion_event event = item_event(s, task, item);

		event.error = error;
		event.signo = sig;
		event.address = address;
		event.message = message;
		item_done(s, task);
		session_log(s, SCION_LOG_ERROR, "payload %s in %d at %#llx: %s",
			    item->payload->name, task->tid, (unsigned long long)address, message);
		session_emit(s, &event);
	}
}

static void drop_slots(struct task *task)
{
	struct run *run = task->run;

	for (unsigned i = 0; i < run->count; i++) {
		if (run->items[i].slot >= 0)
			space_free_slot(task->space, run->items[i].slot);
		if (run->items[i].report >= 0)
			board_free(task->space->board, run->items[i].report);
		run->items[i].slot = run->items[i].report = -1;
	}
}

static void set_waiting(struct scion_session *s, struct run *run, bool waits)
{
	if (waits && !run->waits)
		s->inject->waiting++;
	if (!waits && run->waits)
		s->inject->waiting--;
	run->waits = waits;
}

void run_free(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	if (run->done < run->count)
		s->inject->undone--;
	set_waiting(s, run, false);
	drop_slots(task);
	task->run = NULL;
	task->call_stops = false;
	free(run->xstate);
	free(run);
}

void run_restore_modes(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	if (run->masked)
		kernel_set_sigmask(s->kernel, task->tid, run->mask);
	if (run->sud.mode)
		kernel_set_sud(s->kernel, task->tid, &run->sud);
	if (run->suspended)
		kernel_set_options(s->kernel, task->tid, session_ptrace_options(s));
	if (run->xstate)
		kernel_set_xstate(s->kernel, task->tid, run->xstate, run->xstate_len);
}

void run_restore(struct scion_session *s, struct task *task)
{
	run_restore_modes(s, task);
	kernel_set_regs(s->kernel, task->tid, &task->run->home);
}

void run_return(struct scion_session *s, struct task *task, enum kernel_resume how)
{
	task->run->phase = RUN_RETURNING;
	task->call_stops = false;
	kernel_interrupt(s->kernel, task->tid);
	kernel_resume(s->kernel, task->tid, how, 0);
	task->stopped = false;
}

/* Only an event stop can put back a call that restarts, or what the kernel checks on calls. */
static bool needs_event_stop(const struct run *run)
{
	return run->restarts || run->suspended || run->sud.mode || run->in_stop;
}

enum session_hook_result run_fail(struct scion_session *s, struct task *task, int error,
				  const char *message)
{
	struct run *run = task->run;
	struct kernel_regs plain;
	struct task_go go = run->go;

	run_fail_items(s, task, error, 0, run->home.r.rip, message);
	if (run->phase == RUN_WAITING) { /* its registers have not been touched */
		run_restore_modes(s, task);
		run_free(s, task);
		return HOOK_PASS;
	}
	if (needs_event_stop(run)) {
		run_return(s, task, KERNEL_CONT);
		return HOOK_TOOK;
	}
	plain = regs_plain(&run->home);
	run_restore_modes(s, task);
	kernel_set_regs(s->kernel, task->tid, &plain);
	run_free(s, task);
	session_leave(s, task, go);
	return HOOK_TOOK;
}

/* Strict mode shows in /proc only; a task in it can't fork, so this is not asked at forks. */
static bool under_seccomp(struct scion_session *s, const struct task *task)
{
	struct kernel_proc proc;

	return kernel_has_seccomp(s->kernel, task->tid) == 1 ||
	       (!task->run->side && kernel_proc(s->kernel, task->tid, &proc) == 0 && proc.seccomp);
}

bool run_seccomp_off(struct scion_session *s, struct task *task)
{
	unsigned long options = session_ptrace_options(s) | PTRACE_O_SUSPEND_SECCOMP;

	if (!under_seccomp(s, task))
		return true;
	task->run->suspended = kernel_set_options(s->kernel, task->tid, options) >= 0;
	return task->run->suspended;
}

bool run_dispatch_off(struct scion_session *s, struct task *task)
{
	struct kernel_sud *sud = &task->run->sud, off = { 0 };

	if (kernel_get_sud(s->kernel, task->tid, sud) < 0)
		sud->mode = 0;
	return !sud->mode || kernel_set_sud(s->kernel, task->tid, &off) >= 0;
}

/* Everything that forbids to run a payload here, or has to be set aside while it runs. */
static const char *prepare(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	if (!regs_is_64bit(&run->home))
		return "it is a 32-bit task, payloads are 64-bit code; it is followed all the same";
	if (kernel_has_shadow_stack(s->kernel, task->tid) == 1)
		return "it has a user shadow stack, which the way back from a payload would break";
	if (!run_seccomp_off(s, task))
		return "it is under seccomp, and to suspend that CAP_SYS_ADMIN is needed";
	/* a new task has none yet: copy_process clears it (kernel/fork.c, Linux 5.11) */
	if (run->side != SCION_SIDE_CHILD && !run_dispatch_off(s, task))
		return "it uses Syscall User Dispatch, which can't be set aside";
	return NULL;
}

void run_leave_rseq(struct scion_session *s, struct task *task)
{
	struct kernel_rseq rseq;
	struct regs_rseq_cs section;
	uint64_t pointer = 0;

	if (kernel_get_rseq(s->kernel, task->tid, &rseq) < 0 || !rseq.address ||
	    kernel_read(s->kernel, task->tid, rseq.address + 8, &pointer, sizeof(pointer)) < 0 ||
	    !pointer || kernel_read(s->kernel, task->tid, pointer, &section, sizeof(section)) < 0)
		return;
	regs_leave_rseq(&task->run->home.r, &section);
}

static void save_xstate(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	for (unsigned i = 0; i < run->count && !run->xstate; i++) {
		if (!(run->items[i].payload->flags & SCION_PAYLOAD_CALLS))
			continue;
		run->xstate_len = XSTATE_MAX;
		run->xstate = malloc(XSTATE_MAX);
		if (run->xstate &&
		    kernel_get_xstate(s->kernel, task->tid, run->xstate, &run->xstate_len) < 0) {
			free(run->xstate);
			run->xstate = NULL;
		}
	}
}

static enum session_hook_result wait_here(struct scion_session *s, struct task *task)
{
	set_waiting(s, task->run, true);
	task->run->phase = RUN_WAITING;
	task->hold = TASK_HELD_RUN;
	return HOOK_TOOK;
}

/*
 * No slot is free: those whose payload is done are given back at their task's next stop, so stop
 * them. (That the stub is through can only be seen from where the task stands.)
 */
static enum session_hook_result wait_for_room(struct scion_session *s, struct task *task)
{
	struct task *other, *next;

	TASK_EACH(&s->tasks, other, next)
	if (other->run && other->space == task->space && !other->stopped && !other->run->asked) {
		other->run->asked = true; /* once: with many threads this is most of the work */
		kernel_interrupt(s->kernel, other->tid);
	}
	return wait_here(s, task);
}

static enum session_hook_result run_continue(struct scion_session *s, struct task *task)
{
	switch (task->space->state) {
	case SPACE_READY:
		return run_place(s, task);
	case SPACE_EMPTY:
	case SPACE_REMOVED:
		return load_begin(s, task);
	case SPACE_LOADING:
		return wait_here(s, task);
	case SPACE_BROKEN:
	default:
		return run_fail(s, task, SCION_EFAULT, task->space->why);
	}
}

enum session_hook_result run_begin(struct scion_session *s, struct task *task, struct run *run)
{
	struct inject *inject = s->inject;
	const char *why;

	task->run = run;
	run->phase = RUN_WAITING;
	run->fd = -1;
	run->restarts = regs_restarts(&run->home.r);
	run->in_stop = run->go.how & FOLLOW_GO_LISTEN;
	if (!inject->undone++)
		session_alarm(s, SESSION_ALARM_RUN, true);
	why = prepare(s, task);
	if (why)
		return run_fail(s, task, SCION_ENOTSUP, why);
	if (!run->side && run->items[0].at != SCION_AT_EXEC && !run->restarts)
		run_leave_rseq(s, task);
	if (kernel_get_sigmask(s->kernel, task->tid, &run->mask) < 0)
		return run_fail(s, task, SCION_ESRCH, "the task is dying");
	if (!task->space)
		task->space = inject_find_space(s, task);
	if (!task->space)
		return run_fail(s, task, SCION_ENOMEM, "out of memory");
	save_xstate(s, task);
	return run_continue(s, task);
}

enum session_hook_result run_preload(struct scion_session *s, struct task *task, struct run *run)
{
	task->run = run;
	run->fd = -1;
	run->restarts = regs_restarts(&run->home.r);
	if (prepare(s, task) || kernel_get_sigmask(s->kernel, task->tid, &run->mask) < 0) {
		run_restore_modes(s, task);
		run_free(s, task);
		return HOOK_PASS;
	}
	if (!run->side)
		run_leave_rseq(s, task);
	if (!task->space)
		task->space = inject_find_space(s, task);
	if (!task->space || task->space->state != SPACE_EMPTY) {
		run_restore_modes(s, task);
		run_free(s, task);
		return HOOK_PASS;
	}
	return load_begin(s, task);
}

/* --- placing --- */

/* All reports are in use: those that are written can be read now. */
static int take_report(struct scion_session *s, struct board *board)
{
	struct task *other, *next;
	int report = board_take(board);

	if (report >= 0)
		return report;
	TASK_EACH(&s->tasks, other, next)
	if (other->run && other->run->phase == RUN_BODY)
		run_harvest(s, other);
	return board_take(board);
}

static bool take_room(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;
	bool had_large = false; /* there is one such slot; a second payload gets a usual one */

	for (unsigned i = 0; i < run->count; i++) {
		struct run_item *item = &run->items[i];

		bool large = !had_large && item->payload->flags & SCION_PAYLOAD_CALLS;

		had_large |= large;
		item->slot = space_take_slot(task->space, large);
		item->report = item->slot < 0 ? -1 : take_report(s, task->space->board);
		item->token = s->inject->token + 1 + i;
		if (item->report < 0) {
			drop_slots(task);
			return false;
		}
	}
	return true;
}

static void fill_ctx(struct scion_session *s, const struct task *task, const struct run_item *item,
		     struct scion_payload_ctx *ctx)
{
	const struct run *run = task->run;

	*ctx = (struct scion_payload_ctx){
		.abi = SCION_PAYLOAD_ABI,
		.size = sizeof(*ctx),
		.event = item->at,
		.side = run->side,
		.pid = task->tgid,
		.tid = task->tid,
		.peer = run->peer,
		.signo = run->signo,
		.fork_ret = run->fork_ret,
		.time_ns = kernel_now(s->kernel),
		.block = space_board(task->space) + BOARD_BLOCK,
		.block_size = REGION_BOARD - BOARD_BLOCK,
	};
	memcpy(ctx->args, item->payload->args, sizeof(ctx->args));
	regs_to_payload(&run->home.r, &ctx->regs);
}

struct kernel_regs run_stub_home(const struct run *run)
{
	struct kernel_regs home = run->home;

	if (!run->restarts)
		return home;
	home.r.rax = (long long)home.r.rax == -516 ? RESTART_SYSCALL : home.r.orig_rax;
	home.r.rip -= 2;
	return home;
}

static int write_frame(struct scion_session *s, struct task *task, const struct run_item *item,
		       const struct kernel_regs *home, uint64_t mask, uint64_t flags)
{
	struct {
		unsigned char data[PAYLOAD_DATA_MAX];
		struct frame frame;
	} out;
	const struct scion_payload *payload = item->payload;
	uint64_t at = space_frame(task->space, item->slot);
	size_t room = (payload->data_len + 15) / 16 * 16;

	memset(&out.frame, 0, offsetof(struct frame, ctx));
	out.frame.entry = space_entry(task->space, payload);
	out.frame.report = space_board(task->space) + (uint64_t)item->report * REPORT_SIZE;
	out.frame.xsave = payload->flags & SCION_PAYLOAD_CALLS ? s->inject->xsave : 0;
	out.frame.flags = flags;
	out.frame.mask = mask;
	out.frame.token = item->token;
	fill_ctx(s, task, item, &out.frame.ctx);
	regs_to_payload(&home->r, &out.frame.home);
	if (payload->data_len) {
		out.frame.ctx.args[payload->data_index] = at - room;
		memcpy(out.data + sizeof(out.data) - room, payload->data, payload->data_len);
	}
	return kernel_write(s->kernel, task->tid, at - room, out.data + sizeof(out.data) - room,
			    room + sizeof(out.frame));
}

/* The stack of a frame begins below its data. */
static struct kernel_regs enter_item(const struct task *task, const struct run_item *item)
{
	uint64_t frame = space_frame(task->space, item->slot);
	struct kernel_regs regs = regs_enter(&task->run->home, space_stub(task->space), frame);

	regs.r.rsp = frame - (item->payload->data_len + 15) / 16 * 16;
	return regs;
}

/* Each frame's home is the entry of the next one; the last one's is the program. */
static int write_frames(struct scion_session *s, struct task *task, struct kernel_regs *enter)
{
	struct run *run = task->run;
	struct kernel_regs home = run_stub_home(run);
	uint64_t mask = run->mask;
	int error = 0;

	for (unsigned i = run->count; i-- && error >= 0;) {
		uint64_t flags = run->notify && i == run->count - 1 ? FRAME_NOTIFY : 0;

		error = write_frame(s, task, &run->items[i], &home, mask, flags);
		home = enter_item(task, &run->items[i]);
		mask = regs_blocked_mask(run->requeued);
	}
	*enter = home;
	return error;
}

static enum session_hook_result place_failed(struct scion_session *s, struct task *task, int error)
{
	if (error == -ESRCH) { /* killed; its end is coming */
		session_leave(s, task, task->run->go);
		return HOOK_TOOK;
	}
	return run_fail(s, task, SCION_EFAULT, "its memory can't be written");
}

enum session_hook_result run_place(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;
	bool loaded = run->phase == RUN_LOADING;
	struct kernel_regs enter;
	uint64_t entry;
	int error = 0;

	for (unsigned i = 0; i < run->count && error >= 0; i++)
		error = load_code(s, task, run->items[i].payload, &entry);
	if (error < 0)
		return run_fail(s, task, error, s->message);
	if (!take_room(s, task))
		return wait_for_room(s, task);
	s->inject->token += run->count;
	run->notify = run->notify || needs_event_stop(run);
	error = write_frames(s, task, &enter);
	/* the registers first, then the mask: if the tracer dies in between, the stub knows both */
	if (error >= 0)
		error = kernel_set_regs(s->kernel, task->tid, &enter);
	if (error >= 0)
		error = kernel_set_sigmask(s->kernel, task->tid, regs_blocked_mask(run->requeued));
	if (error < 0)
		return place_failed(s, task, error);
	run->masked = true;
	run->deadline = kernel_now(s->kernel) + s->options.payload_limit_ms * 1000000ull;
	run->phase = RUN_BODY;
	if (run->in_stop)
		run->go.how = FOLLOW_GO_CONT; /* the program's code does not run: see finish */
	task->call_stops = run->notify;
	if (!loaded)
		return HOOK_PASS;
	session_leave(s, task, run->go);
	return HOOK_TOOK;
}

void run_wake(struct scion_session *s, const struct space *space)
{
	struct task *task, *next;

	if (!s->inject->waiting) /* the usual case, however many tasks there are */
		return;
	TASK_EACH(&s->tasks, task, next)
	{
		struct task_go go;

		if (task->space != space || task->hold != TASK_HELD_RUN)
			continue;
		set_waiting(s, task->run, false);
		task->hold = TASK_FREE;
		go = task->run->go;
		if (run_continue(s, task) == HOOK_PASS)
			session_leave(s, task, task->run ? task->run->go : go);
	}
}
