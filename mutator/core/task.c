/* SPDX-License-Identifier: MIT */
#include "core/task.h"

#include <stdlib.h>

struct task *task_find(const struct tasks *tasks, pid_t tid)
{
	struct task *task;

	HASH_FIND_INT(tasks->head, &tid, task);
	return task;
}

struct task *task_add(struct tasks *tasks, pid_t tid, pid_t tgid, enum follow_state state)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->tid = tid;
	task->tgid = tgid;
	task->state = state;
	HASH_ADD_INT(tasks->head, tid, task);
	return task;
}

void task_remove(struct tasks *tasks, struct task *task)
{
	HASH_DEL(tasks->head, task);
	free(task);
}

void task_rename(struct tasks *tasks, struct task *task, pid_t to)
{
	HASH_DEL(tasks->head, task);
	task->tid = to;
	HASH_ADD_INT(tasks->head, tid, task);
}

size_t task_count(const struct tasks *tasks)
{
	return HASH_COUNT(tasks->head);
}

void task_lose(struct tasks *tasks, pid_t tid, int status)
{
	unsigned slot;
	int older;

	task_was_lost(tasks, tid,
		      &older); /* another one with the same id: nobody asks for it now */
	slot = tasks->lost_next++ % (sizeof(tasks->lost) / sizeof(tasks->lost[0]));
	tasks->lost[slot].tid = tid;
	tasks->lost[slot].status = status;
}

bool task_was_lost(struct tasks *tasks, pid_t tid, int *status)
{
	for (size_t i = 0; i < sizeof(tasks->lost) / sizeof(tasks->lost[0]); i++) {
		if (!tid || tasks->lost[i].tid != tid)
			continue;
		*status = tasks->lost[i].status;
		tasks->lost[i].tid = 0;
		return true;
	}
	return false;
}
