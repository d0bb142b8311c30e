/* SPDX-License-Identifier: MIT */
/*
 * load.c - puts the region of frame.h into an address space and takes it out again.
 *
 * The task itself does it, in the boot code (payloads/stub/boot.S), which lies for that time in bytes
 * of the target that no one uses: zeros at the end of an executable mapping, the vdso's first of
 * all. No page is ever writable and executable: what is r-x is written through the kernel. We look
 * on at each syscall-exit-stop. The boot code knows the way home, so the tracer may die at any point.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "inject/run.h"

#define BOOT_MAX   1024
#define SLACK_PAGE 4096
#define USER_END   (1ull << 47)
#define RED_ZONE   128

struct boot_image {
	unsigned char bytes[BOOT_MAX];
	size_t size;
};

/* Address of `size` zeros at the end of [start, end), a multiple of 16; 0: there are not enough. */
static uint64_t zeros_at_end(struct scion_session *s, pid_t tid, uint64_t start, uint64_t end,
			     size_t size)
{
	unsigned char page[SLACK_PAGE];
	size_t zeros = 0;

	if (end - start < sizeof(page) || end >= USER_END ||
	    kernel_read(s->kernel, tid, end - sizeof(page), page, sizeof(page)) < 0)
		return 0;
	while (zeros < sizeof(page) && !page[sizeof(page) - 1 - zeros])
		zeros++;
	return zeros < size + 32 ? 0 : (end - size) & ~15ull;
}

/* One line of /proc/PID/maps: is it executable, and is it the vdso, or else mapped from a file? */
static bool is_candidate(const char *line, size_t len, bool want_vdso)
{
	const char *name = memchr(line, '[', len);
	bool vdso = name && len - (size_t)(name - line) >= 6 && memcmp(name, "[vdso]", 6) == 0;

	return want_vdso ? vdso : !name && memchr(line, '/', len);
}

static uint64_t find_slack(struct scion_session *s, pid_t tid, size_t size)
{
	char *maps = NULL, *line, *next;
	size_t len;
	uint64_t found = 0;

	if (kernel_maps(s->kernel, tid, &maps, &len) < 0)
		return 0;
	for (int pass = 0; pass < 2 && !found; pass++)
		for (line = maps; line && *line && !found; line = next) {
			unsigned long long start, end;
			char perms[5];
			char *stop = strchr(line, '\n');

			next = stop ? stop + 1 : NULL;
			if (sscanf(line, "%llx-%llx %4s", &start, &end, perms) == 3 &&
			    strcmp(perms, "r-xp") == 0 &&
			    is_candidate(line, stop ? (size_t)(stop - line) : strlen(line), !pass))
				found = zeros_at_end(s, tid, start, end, size);
		}
	free(maps);
	return found;
}

static void make_image(const struct run *run, uint64_t unmap, struct boot_image *image)
{
	struct kernel_regs home = run_stub_home(run);
	struct boot boot = { .unmap = unmap, .mask = run->mask };

	_Static_assert(BOOT_MAX >= 512 + sizeof(struct boot), "the boot code fits");
	regs_to_payload(&home.r, &boot.home);
	memcpy(image->bytes, builtin_boot.code, builtin_boot.size);
	memcpy(image->bytes + builtin_boot.size, &boot, sizeof(boot));
	image->size = builtin_boot.size + sizeof(boot);
}

/*
 * The registers first, then the mask: if the tracer dies in between, the boot code knows both. It has
 * no stack for a handler and raises no fault, so that all is blocked: a SIGTRAP or SIGSEGV that
 * somebody has sent, and that the program blocks, would be delivered here.
 */
static const char *enter_boot(struct scion_session *s, struct task *task, uint64_t unmap)
{
	struct space *space = task->space;
	struct run *run = task->run;
	struct boot_image image;
	struct kernel_regs regs;

	make_image(run, unmap, &image);
	if (!space->slack)
		space->slack = find_slack(s, task->tid, image.size);
	if (!space->slack)
		return "it has no room for the code that loads payloads";
	if (kernel_write_code(s->kernel, task->tid, space->slack, image.bytes, image.size) < 0)
		return "its code can't be written";
	regs = regs_enter(&run->home, space->slack, 0);
	/* no stack is used there; a handler that comes in between, without us, has the program's */
	regs.r.rsp = (run->home.r.rsp - RED_ZONE) & ~15ull;
	kernel_set_regs(s->kernel, task->tid, &regs);
	kernel_set_sigmask(s->kernel, task->tid, ~0ull);
	run->masked = true;
	run->fd = -1;
	task->call_stops = true;
	kernel_resume(s->kernel, task->tid, KERNEL_SYSCALL, run->go.sig);
	run->go.sig = 0; /* queued again by the kernel, since it is blocked now */
	task->stopped = false;
	return NULL;
}

/* The task stands in the boot code: back to the program, and the bytes to what they were. */
static void leave_boot(struct scion_session *s, struct task *task)
{
	static const unsigned char zeros[BOOT_MAX];
	struct run *run = task->run;
	struct kernel_regs home = run_stub_home(run);

	/* the mask first, as in run.c's restore_modes: what is left is the boot code's own end */
	home = regs_plain(&home);
	kernel_set_sigmask(s->kernel, task->tid, run->mask);
	kernel_set_regs(s->kernel, task->tid, &home);
	run->masked = false;
	kernel_write_code(s->kernel, task->tid, task->space->slack, zeros,
			  builtin_boot.size + sizeof(struct boot));
}

enum session_hook_result load_begin(struct scion_session *s, struct task *task)
{
	const char *why = enter_boot(s, task, 0);

	if (why)
		return run_fail(s, task, SCION_ENOTSUP, why);
	task->space->state = SPACE_LOADING;
	task->space->base = 0;
	task->run->phase = RUN_LOADING;
	return HOOK_TOOK;
}

static void note_failure(struct space *space, const char *step, long error)
{
	if (space->state == SPACE_LOADING)
		snprintf(space->why, sizeof(space->why), "the target could not do the %s: %s", step,
			 strerror((int)-error));
	space->state = SPACE_BROKEN;
}

static int open_board(struct scion_session *s, struct task *task)
{
	struct inject *inject = s->inject;
	struct board *board = calloc(1, sizeof(*board));
	void *map;
	int error;

	if (!board)
		return -ENOMEM;
	error = kernel_map_fd(s->kernel, task->tid, task->run->fd, REGION_BOARD, &map);
	if (error < 0) {
		free(board);
		return error;
	}
	board->map = map;
	board->refs = 1;
	board_init(board);
	board->next_board = inject->boards;
	if (inject->boards)
		inject->boards->prev_board = board;
	inject->boards = board;
	task->space->board = board;
	return 0;
}

static int write_stub(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	int error = kernel_write_code(s->kernel, task->tid, space_stub(space), builtin_stub.code,
				      builtin_stub.size);

	return error < 0 ? error : space_note_code(space, NULL, builtin_stub.size, 0);
}

static enum session_hook_result loaded(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	enum session_hook_result result;

	leave_boot(s, task);
	space->state = SPACE_READY;
	/* with nothing to run here (run_preload) the program is all that is left */
	result = task->run->count ? run_place(s, task) : run_fail(s, task, SCION_OK, NULL);
	run_wake(s, space);
	return result;
}

/* The boot code has removed what it had made, or all of it: the program is next. */
static enum session_hook_result ended(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	bool unloaded = task->run->phase == RUN_UNLOADING;

	leave_boot(s, task);
	if (unloaded)
		space->state = SPACE_REMOVED;
	else if (space->state == SPACE_LOADING)
		note_failure(space, "loading", -EIO);
	run_wake(s, space);
	return run_fail(s, task, SCION_ENOTSUP, space->why);
}

static void make_fail(struct scion_session *s, struct task *task, struct kernel_regs *regs)
{
	regs->r.rax = (unsigned long long)-EIO;
	kernel_set_regs(s->kernel, task->tid, regs);
}

static void mapped(struct scion_session *s, struct task *task, struct kernel_regs *regs, bool ok)
{
	struct space *space = task->space;

	if (!ok)
		note_failure(space, "mmap", (long)regs->r.rax);
	else if (space->state == SPACE_BROKEN)
		make_fail(s, task, regs); /* the board could not be opened here */
	else if (!space->base) {
		space->base = regs->r.rax;
		space->code_end = 0;
		space->code_count = 0;
		space->busy = 0;
	}
}

static void memfd_made(struct scion_session *s, struct task *task, long result)
{
	int error;

	task->run->fd = (int)result;
	error = result < 0 ? (int)result : open_board(s, task);
	if (error < 0)
		note_failure(task->space, result < 0 ? "memfd_create" : "sharing of its memory",
			     error);
}

/* A call of the boot code has returned. */
static enum session_hook_result call_returned(struct scion_session *s, struct task *task)
{
	struct kernel_regs regs;
	bool ok;

	if (kernel_get_regs(s->kernel, task->tid, &regs) < 0)
		return HOOK_TOOK; /* dying */
	ok = (long long)regs.r.rax >= 0 || (long long)regs.r.rax < -4095;
	switch (regs.r.orig_rax) {
	case SYS_mmap:
		mapped(s, task, &regs, ok);
		break;
	case SYS_memfd_create:
		memfd_made(s, task, (long)regs.r.rax);
		break;
	case SYS_mprotect:
		if (ok && write_stub(s, task) == 0)
			return loaded(s, task);
		note_failure(task->space, "mprotect of its code", ok ? -EIO : (long)regs.r.rax);
		make_fail(s, task, &regs);
		break;
	case SYS_munmap:
		task->space->base = 0;
		break;
	case SYS_rt_sigprocmask:
		return ended(s, task);
	default:
		break;
	}
	kernel_resume(s->kernel, task->tid, KERNEL_SYSCALL, 0);
	task->stopped = false;
	return HOOK_TOOK;
}

enum session_hook_result load_on_syscall(struct scion_session *s, struct task *task,
					 const struct stop *stop)
{
	struct run *run = task->run;

	/* an exit-stop without entry is that of a call which was skipped at its entry */
	if (stop->kind == STOP_SYSCALL_EXIT && run->entered) {
		run->entered = false;
		return call_returned(s, task);
	}
	run->entered = stop->kind == STOP_SYSCALL_ENTRY;
	kernel_resume(s->kernel, task->tid, KERNEL_SYSCALL, 0);
	task->stopped = false;
	return HOOK_TOOK;
}

enum session_hook_result unload_begin(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return HOOK_PASS;
	if (kernel_get_regs(s->kernel, task->tid, &run->home) < 0 ||
	    kernel_get_sigmask(s->kernel, task->tid, &run->mask) < 0) {
		free(run);
		return HOOK_PASS; /* dying */
	}
	run->go = task->go;
	run->restarts = regs_restarts(&run->home.r);
	run->in_stop = run->go.how & FOLLOW_GO_LISTEN;
	task->run = run;
	if (!run->restarts)
		run_leave_rseq(s, task);
	if (!run_seccomp_off(s, task) || !run_dispatch_off(s, task) ||
	    enter_boot(s, task, space->base)) {
		run_restore_modes(s, task);
		run_free(s, task);
		space->state = SPACE_REMOVED; /* it stays: harmless, and nothing else is safe */
		return HOOK_PASS;
	}
	run->phase = RUN_UNLOADING;
	task->hold = TASK_FREE;
	return HOOK_TOOK;
}

/* --- code --- */

struct resolver {
	struct scion_session *session;
	pid_t tid;
};

static int resolve(void *arg, const struct object_import *import, uint64_t *address)
{
	struct resolver *resolver = arg;

	return scion_symbol(resolver->session, resolver->tid, import->name, address) == SCION_OK ?
		       0 :
		       -ENOENT;
}

static int link_object(struct scion_session *s, struct task *task,
		       const struct scion_payload *payload, uint64_t at, unsigned char *image,
		       size_t *entry)
{
	struct resolver resolver = { s, task->tid };
	struct object_error why;
	int error = object_link(payload->object, at, resolve, &resolver, image,
				payload_size(payload), entry, &why);

	return error < 0 ? session_fail(s, SCION_EPAYLOAD, "%s: %s", payload->name, why.text) :
			   SCION_OK;
}

int load_code(struct scion_session *s, struct task *task, const struct scion_payload *payload,
	      uint64_t *entry)
{
	struct space *space = task->space;
	size_t size = payload_size(payload), offset = 0;
	uint64_t at = space_code_room(space, size);
	unsigned char *image;
	int error = SCION_OK;

	*entry = space_entry(space, payload);
	if (*entry)
		return SCION_OK;
	if (!at)
		return session_fail(s, SCION_EPAYLOAD, "%s: no room left for its code",
				    payload->name);
	image = malloc(size);
	if (!image)
		return session_fail(s, SCION_ENOMEM, "out of memory");
	if (payload->builtin) {
		memcpy(image, payload->builtin->code, size);
		offset = payload->builtin->entry;
	} else {
		error = link_object(s, task, payload, at, image, &offset);
	}
	if (!error && kernel_write_code(s->kernel, task->tid, at, image, size) < 0)
		error = session_fail(s, SCION_EFAULT, "%s: its code can't be written",
				     payload->name);
	if (!error && space_note_code(space, payload, size, at + offset) < 0)
		error = session_fail(s, SCION_ENOMEM, "out of memory");
	free(image);
	*entry = at + offset;
	return error;
}
