/* SPDX-License-Identifier: MIT */
/* The table of tasks: find, add, remove, rename, and the ring of lost ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/task.h"

static void clear(struct tasks *tasks)
{
	struct task *task, *next;

	TASK_EACH(tasks, task, next)
	task_remove(tasks, task);
	assert_int_equal(task_count(tasks), 0);
}

static void thousands(void **state)
{
	struct tasks tasks = { 0 };

	(void)state;
	assert_null(task_find(&tasks, 1));
	for (pid_t tid = 1; tid <= 5000; tid++)
		assert_non_null(task_add(&tasks, tid, tid / 10, FOLLOW_RUNNING));
	assert_int_equal(task_count(&tasks), 5000);
	for (pid_t tid = 2; tid <= 5000; tid += 2)
		task_remove(&tasks, task_find(&tasks, tid));
	for (pid_t tid = 1; tid <= 5000; tid++) {
		struct task *task = task_find(&tasks, tid);

		assert_int_equal(!!task, tid % 2);
		if (task)
			assert_int_equal(task->tgid, tid / 10);
	}
	clear(&tasks);
}

static void a_new_task_is_blank(void **state)
{
	struct tasks tasks = { 0 };
	struct task *task = task_add(&tasks, 7, 5, FOLLOW_UNBORN);

	(void)state;
	assert_int_equal(task->tid, 7);
	assert_int_equal(task->tgid, 5);
	assert_int_equal(task->state, FOLLOW_UNBORN);
	assert_false(task->stopped);
	assert_int_equal(task->hold, TASK_FREE);
	assert_null(task->run);
	assert_null(task->space);
	clear(&tasks);
}

/* Trap 34: the thread that called execve goes on under its leader's id. */
static void trap_34_rename(void **state)
{
	struct tasks tasks = { 0 };
	struct task *task;

	(void)state;
	for (pid_t tid = 1; tid <= 100; tid++)
		task_add(&tasks, tid, 1, FOLLOW_RUNNING);
	task_remove(&tasks, task_find(&tasks, 1));
	task = task_find(&tasks, 50);
	task_rename(&tasks, task, 1);
	assert_ptr_equal(task_find(&tasks, 1), task);
	assert_int_equal(task->tid, 1);
	assert_null(task_find(&tasks, 50));
	assert_int_equal(task_count(&tasks), 99);
	clear(&tasks);
}

static void trap_43_lost_ends(void **state)
{
	struct tasks tasks = { 0 };
	int status = -1;

	(void)state;
	assert_false(task_was_lost(&tasks, 0, &status)); /* an empty slot is no task */
	assert_false(task_was_lost(&tasks, 9, &status));
	assert_int_equal(status, -1);
	task_lose(&tasks, 9, 0x100);
	assert_false(task_was_lost(&tasks, 8, &status));
	assert_true(task_was_lost(&tasks, 9, &status));
	assert_int_equal(status, 0x100);
	assert_false(task_was_lost(&tasks, 9, &status)); /* once */
}

/* The same id, lost twice: the last end counts, and the first is not found later. */
static void trap_43_lost_again(void **state)
{
	struct tasks tasks = { 0 };
	int status;

	(void)state;
	task_lose(&tasks, 9, 0x100);
	task_lose(&tasks, 9, 0x200);
	assert_true(task_was_lost(&tasks, 9, &status));
	assert_int_equal(status, 0x200);
	assert_false(task_was_lost(&tasks, 9, &status));
}

static void only_the_newest_are_kept(void **state)
{
	struct tasks tasks = { 0 };
	int status;

	(void)state;
	for (pid_t tid = 1; tid <= 1000; tid++)
		task_lose(&tasks, tid, tid);
	for (pid_t tid = 1; tid <= 1000; tid++) {
		assert_int_equal(task_was_lost(&tasks, tid, &status), tid > 1000 - 16);
		if (tid > 1000 - 16)
			assert_int_equal(status, tid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands),          cmocka_unit_test(a_new_task_is_blank),
		cmocka_unit_test(trap_34_rename),     cmocka_unit_test(trap_43_lost_ends),
		cmocka_unit_test(trap_43_lost_again), cmocka_unit_test(only_the_newest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
