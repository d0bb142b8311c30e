/* SPDX-License-Identifier: MIT */
/*
 * Trap 7: a vfork child has its parent's memory: what is written in the child is written in the
 * parent. So the two have one space in a session, whose region is loaded once; a forked child has a
 * copy of it.
 */
#include "live/trap_steps.h"

static volatile long patched;

/* 0: the write into the child was seen by the child and, after a vfork, by the parent. */
static int workload(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(patched != 42);
	if (waitpid(pid, NULL, 0) != pid || patched != 42)
		return 1;
	patched = 0;
	pid = fork();
	if (pid == 0)
		_exit(patched != 42);
	return waitpid(pid, NULL, 0) != pid || patched != 0 ? 2 : 0;
}

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct tasks *tasks = &f->session->tasks;
	long value = 42;

	if (event->type == SCION_EVENT_CHILD) {
		struct task *child = task_find(tasks, event->tid);
		struct task *parent = task_find(tasks, event->peer);

		CHECK_EQ(child->space == parent->space, event->vfork);
		CHECK_EQ(kernel_same_vm(f->session->kernel, event->tid, event->peer), event->vfork);
		CHECK_EQ(scion_write(f->session, event->tid, (uint64_t)(uintptr_t)&patched, &value,
				     sizeof(value)),
			 SCION_OK);
		CHECK_EQ(scion_read(f->session, event->peer, (uint64_t)(uintptr_t)&patched, &value,
				    sizeof(value)),
			 SCION_OK);
		CHECK_EQ(value, event->vfork ? 42 : 0);
	}
	if (event->type == SCION_EVENT_EXIT && event->tid != f->pid)
		CHECK_EQ(event->status, 0);
	return SCION_CONTINUE;
}

static int run(void)
{
	struct follow f = { .on_event = on_event };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "count");
	steps_child(&f, workload);
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), 2);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXIT), 3);
	CHECK_EQ(scion_block_count(f.session), 4);
	follow_close(&f);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_07_vfork_shares", .trap = "07", .run = run };
