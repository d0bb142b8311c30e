/* SPDX-License-Identifier: MIT */
/* access.c - registers and memory of tasks, for callbacks and held tasks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session.h"
#include "symbols/symbols.h"

/* A task that is in a ptrace-stop, or NULL with the message set. */
static struct task *stopped_task(struct scion_session *s, pid_t tid, int *error)
{
	struct task *task = task_find(&s->tasks, tid);

	if (!task)
		*error = session_fail(s, SCION_ESRCH, "%d: no such task in this session", tid);
	else if (!task->stopped || task->run)
		*error = session_fail(s, SCION_EINVAL, "%d: not stopped", tid);
	else
		return task;
	return NULL;
}

static int result(struct scion_session *s, pid_t tid, const char *what, int error)
{
	return error < 0 ? session_fail(s, session_error(error), "%d: %s: %s", tid, what,
					strerror(-error)) :
			   SCION_OK;
}

int scion_task_regs(struct scion_session *s, pid_t tid, struct user_regs_struct *regs)
{
	struct kernel_regs mine;
	int error;
	struct task *task = stopped_task(s, tid, &error);

	if (!task)
		return error;
	error = kernel_get_regs(s->kernel, tid, &mine);
	if (error == 0) {
		*regs = mine.r;
		task->is32 = mine.is32;
	}
	return result(s, tid, "registers", error);
}

int scion_task_set_regs(struct scion_session *s, pid_t tid, const struct user_regs_struct *regs)
{
	struct kernel_regs mine;
	int error;
	struct task *task = stopped_task(s, tid, &error);

	if (!task)
		return error;
	error = kernel_get_regs(s->kernel, tid, &mine);
	if (error == 0) {
		mine.r = *regs;
		error = kernel_set_regs(s->kernel, tid, &mine);
		task->regs_set = true;
	}
	return result(s, tid, "registers", error);
}

int scion_task_continue(struct scion_session *s, pid_t tid)
{
	struct task *task = task_find(&s->tasks, tid);

	if (!task)
		return session_fail(s, SCION_ESRCH, "%d: no such task in this session", tid);
	if (task->hold != TASK_HELD_USER)
		return session_fail(s, SCION_EINVAL, "%d: not held", tid);
	task->hold = TASK_FREE;
	session_point_and_leave(s, task, task->held_at, task->held_side, NULL, task->go);
	return SCION_OK;
}

int scion_read(struct scion_session *s, pid_t tid, uint64_t address, void *buffer, size_t length)
{
	int error = kernel_read(s->kernel, tid, address, buffer, length);

	return error == -EIO ? session_fail(s, SCION_EFAULT, "%d: can't read %#llx", tid,
					    (unsigned long long)address) :
			       result(s, tid, "read", error);
}

int scion_write(struct scion_session *s, pid_t tid, uint64_t address, const void *buffer,
		size_t length)
{
	int error;

	if (!stopped_task(s, tid, &error))
		return error;
	error = kernel_write_code(s->kernel, tid, address, buffer, length);
	return error == -EIO ? session_fail(s, SCION_EFAULT, "%d: can't write %#llx", tid,
					    (unsigned long long)address) :
			       result(s, tid, "write", error);
}

struct reader {
	struct kernel *kernel;
	pid_t pid;
};

static ssize_t read_target(void *data, uint64_t address, void *buffer, size_t length)
{
	struct reader *reader = data;
	int error = kernel_read(reader->kernel, reader->pid, address, buffer, length);

	return error < 0 ? error : (ssize_t)length;
}

int scion_symbol(struct scion_session *s, pid_t pid, const char *name, uint64_t *address)
{
	struct reader reader = { s->kernel, pid };
	struct symbols_source source = { .pid = pid, .read = read_target, .data = &reader };
	struct symbols_image *image = NULL;
	struct symbols_symbol found;
	struct symbols_error why = { 0 };
	char *maps = NULL;
	int error;

	if (!s->symbols)
		s->symbols = symbols_new();
	if (!s->symbols)
		return session_fail(s, SCION_ENOMEM, "out of memory");
	error = kernel_maps(s->kernel, pid, &maps, &source.maps_len);
	if (error < 0)
		return session_fail(s, session_error(error), "%d: maps: %s", pid, strerror(-error));
	source.maps = maps;
	error = symbols_image_new(s->symbols, &source, &image, &why);
	if (error == 0)
		error = symbols_lookup(image, name, &found, &why);
	if (error == 0)
		*address = found.addr;
	else
		session_fail(s, SCION_ENOENT, "%d: %s: %s", pid, name, why.text);
	symbols_image_free(image);
	free(maps);
	return error == 0 ? SCION_OK : error == -ENOMEM ? SCION_ENOMEM : SCION_ENOENT;
}
