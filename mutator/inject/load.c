/* SPDX-License-Identifier: MIT */
/*
 * load.c - puts the region of frame.h into an address space, by system calls that a stopped task
 * makes for us, and takes it out again.
 *
 *	mmap      the region, rw-, private
 *	memfd     "scion", sealable; its name lies in the region already
 *	mmap      the board over it, shared; the tracer maps the same file
 *	close     the memfd
 *	mprotect  the code part to r-x, then the stub is written through the kernel
 *
 * No page is ever writable and executable. Each call is two stops: registers set to a `syscall`
 * instruction that the target has, syscall-enter-stop, syscall-exit-stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "inject/run.h"

#define VDSO_SEARCH 0x4000

enum load_step { LOAD_MAP, LOAD_MEMFD, LOAD_BOARD, LOAD_CLOSE, LOAD_PROTECT, LOAD_STEPS };

static const char *const step_names[LOAD_STEPS] = {
	"mmap of its region",   "memfd_create", "mmap of the shared board", "close",
	"mprotect of its code",
};

static const unsigned char syscall_code[2] = { 0x0f, 0x05 };

static uint64_t find_in(struct scion_session *s, pid_t tid, uint64_t start, uint64_t end)
{
	unsigned char bytes[4096];

	if (end - start > VDSO_SEARCH)
		end = start + VDSO_SEARCH;
	for (uint64_t at = start; at < end; at += sizeof(bytes)) {
		const unsigned char *hit;

		if (kernel_read(s->kernel, tid, at, bytes, sizeof(bytes)) < 0)
			return 0;
		hit = memmem(bytes, sizeof(bytes), syscall_code, sizeof(syscall_code));
		if (hit)
			return at + (uint64_t)(hit - bytes);
	}
	return 0;
}

/* The vdso holds one; it is in every 64-bit process that has not unmapped it. */
static uint64_t find_in_maps(struct scion_session *s, pid_t tid)
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

			next = strchr(line, '\n');
			if (sscanf(line, "%llx-%llx %4s", &start, &end, perms) == 3 &&
			    perms[2] == 'x' && perms[0] == 'r' && start < 1ull << 63) {
				const char *vdso = strstr(line, "[vdso]");

				if (pass == 1 || (vdso && (!next || vdso < next)))
					found = find_in(s, tid, start, end);
			}
			next = next ? next + 1 : NULL;
		}
	free(maps);
	return found;
}

/* Behind a system call rip is right behind such an instruction: no search is needed. */
static uint64_t find_gadget(struct scion_session *s, const struct task *task)
{
	const struct space *space = task->space;
	uint64_t behind = task->run->home.r.rip - sizeof(syscall_code);
	unsigned char code[2];

	if (space->gadget)
		return space->gadget;
	if (kernel_read(s->kernel, task->tid, behind, code, sizeof(code)) == 0 &&
	    memcmp(code, syscall_code, sizeof(code)) == 0)
		return behind;
	return find_in_maps(s, task->tid);
}

static enum session_hook_result make_call(struct scion_session *s, struct task *task, uint64_t nr,
					  uint64_t a, uint64_t b, uint64_t c, uint64_t d,
					  uint64_t e)
{
	struct run *run = task->run;
	uint64_t args[6] = { a, b, c, d, e, 0 };
	struct kernel_regs regs = regs_call(&run->home, task->space->gadget, nr, args);

	run->entered = false;
	kernel_set_regs(s->kernel, task->tid, &regs);
	kernel_resume(s->kernel, task->tid, KERNEL_SYSCALL, run->go.sig);
	run->go.sig = 0; /* queued again by the kernel, since it is blocked now */
	task->stopped = false;
	return HOOK_TOOK;
}

static enum session_hook_result begin(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	struct run *run = task->run;

	space->gadget = find_gadget(s, task);
	if (!space->gadget ||
	    kernel_set_sigmask(s->kernel, task->tid, regs_blocked_mask(run->signo)) < 0)
		return HOOK_PASS;
	run->masked = true;
	run->deadline = kernel_now(s->kernel) + s->options.payload_limit_ms * 1000000ull;
	task->call_stops = true;
	return HOOK_TOOK;
}

enum session_hook_result load_begin(struct scion_session *s, struct task *task)
{
	struct run *run = task->run;

	if (begin(s, task) == HOOK_PASS)
		return run_fail(s, task, SCION_ENOTSUP, "it has no syscall instruction to use");
	task->space->state = SPACE_LOADING;
	run->phase = RUN_LOADING;
	run->step = LOAD_MAP;
	return make_call(s, task, SYS_mmap, 0, REGION_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1);
}

/* Takes back what was done, call by call; then the run fails. */
static enum session_hook_result load_undo(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;
	struct run *run = task->run;
	uint64_t base = space->base, fd = (uint64_t)run->fd;

	if (base) {
		space->base = 0;
		return make_call(s, task, SYS_munmap, base, REGION_SIZE, 0, 0, 0);
	}
	if (run->fd >= 0) {
		run->fd = -1;
		return make_call(s, task, SYS_close, fd, 0, 0, 0, 0);
	}
	run_wake(s, space);
	return run_fail(s, task, SCION_ENOTSUP, space->why);
}

static enum session_hook_result load_failed(struct scion_session *s, struct task *task, long error)
{
	struct space *space = task->space;
	unsigned step = task->run->step;

	snprintf(space->why, sizeof(space->why), "the target could not do the %s: %s",
		 step_names[step < LOAD_STEPS ? step : LOAD_STEPS - 1], strerror((int)-error));
	space->state = SPACE_BROKEN;
	return load_undo(s, task);
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
	int error = write_stub(s, task);

	if (error < 0)
		return load_failed(s, task, error);
	space->state = SPACE_READY;
	result = task->run->count ? run_place(s, task) : run_fail(s, task, SCION_OK, NULL);
	run_wake(s, space);
	return result;
}

/* The result of the current call is in: the next one. */
static enum session_hook_result load_next(struct scion_session *s, struct task *task, long result)
{
	struct space *space = task->space;
	struct run *run = task->run;
	static const char name[] = "scion";
	int error;

	if (space->state == SPACE_BROKEN)
		return load_undo(s, task);
	if (result < 0 && result > -4096)
		return load_failed(s, task, result);
	switch (run->step++) {
	case LOAD_MAP:
		space->base = (uint64_t)result;
		space->code_end = 0;
		space->code_count = 0;
		space->busy = 0;
		error = kernel_write(s->kernel, task->tid, space_board(space), name, sizeof(name));
		if (error < 0)
			return load_failed(s, task, error);
		return make_call(s, task, SYS_memfd_create, space_board(space),
				 MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0);
	case LOAD_MEMFD:
		run->fd = (int)result;
		error = open_board(s, task);
		if (error < 0)
			return load_failed(s, task, error);
		return make_call(s, task, SYS_mmap, space_board(space), REGION_BOARD,
				 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (uint64_t)run->fd);
	case LOAD_BOARD:
		return make_call(s, task, SYS_close, (uint64_t)run->fd, 0, 0, 0, 0);
	case LOAD_CLOSE:
		run->fd = -1;
		return make_call(s, task, SYS_mprotect, space->base, REGION_CODE,
				 PROT_READ | PROT_EXEC, 0, 0);
	default:
		return loaded(s, task);
	}
}

enum session_hook_result load_on_syscall(struct scion_session *s, struct task *task,
					 const struct stop *stop)
{
	struct run *run = task->run;
	struct kernel_regs regs;

	/* an exit-stop without entry is that of a call which was skipped at its entry */
	if (stop->kind == STOP_SYSCALL_EXIT && run->entered) {
		if (kernel_get_regs(s->kernel, task->tid, &regs) < 0)
			return HOOK_TOOK; /* dying */
		if (run->phase == RUN_LOADING)
			return load_next(s, task, (long)regs.r.rax);
		task->space->state = SPACE_REMOVED;
		task->space->base = 0;
		return run_fail(s, task, SCION_OK, NULL);
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
	    kernel_get_sigmask(s->kernel, task->tid, &run->mask) < 0 ||
	    kernel_has_seccomp(s->kernel, task->tid) == 1 || !space->gadget) {
		free(run);
		space->state = SPACE_REMOVED; /* it stays: harmless, and nothing else is safe */
		return HOOK_PASS;
	}
	run->go = task->go;
	run->restarts = regs_restarts(&run->home.r);
	run->phase = RUN_UNLOADING;
	run->step = LOAD_STEPS;
	task->run = run;
	task->hold = TASK_FREE;
	if (begin(s, task) == HOOK_PASS) {
		run_free(s, task);
		task->hold = TASK_PARKED;
		space->state = SPACE_REMOVED;
		return HOOK_PASS;
	}
	return make_call(s, task, SYS_munmap, space->base, REGION_SIZE, 0, 0, 0);
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
