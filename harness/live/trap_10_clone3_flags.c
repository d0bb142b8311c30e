/* SPDX-License-Identifier: MIT */
/*
 * Trap 10: clone3 takes its flags from the program's memory: a tracer that rewrites them races with
 * the program's other threads and changes what it sees. scion leaves them alone: they lie on a
 * read-only page here, and are the same at the child's first stop, at the return, and afterwards.
 */
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

#define ROUNDS 10

static const struct clone_args plain = { .exit_signal = SIGCHLD };
static struct clone_args *args; /* inherited: at the same address in the program */

static int workload(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int status = -1;
		long pid = syscall(SYS_clone3, args, sizeof(*args));

		if (pid == 0)
			_exit(memcmp(args, &plain, sizeof(plain)) != 0);
		if (pid < 0 || waitpid((pid_t)pid, &status, 0) != pid || status)
			return 1;
		if (memcmp(args, &plain, sizeof(plain)) != 0)
			return 2;
	}
	return 0;
}

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct user_regs_struct regs;
	struct clone_args seen;

	if (event->type != SCION_EVENT_CHILD && event->type != SCION_EVENT_FORK)
		return SCION_CONTINUE;
	CHECK_EQ(event->kind, SCION_FORK_CLONE3);
	CHECK_EQ(scion_task_regs(f->session, event->tid, &regs), SCION_OK);
	CHECK_EQ(regs.orig_rax, SYS_clone3);
	CHECK_EQ(regs.rdi, (uintptr_t)args);
	CHECK_EQ(regs.rsi, sizeof(seen));
	CHECK_EQ(scion_read(f->session, event->tid, regs.rdi, &seen, sizeof(seen)), SCION_OK);
	CHECK_EQ(memcmp(&seen, &plain, sizeof(seen)), 0);
	return SCION_CONTINUE;
}

static const char *const mutatees[] = { "clone3", NULL };

static int run(void)
{
	struct follow f = { .on_event = on_event };

	args = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(args != MAP_FAILED);
	*args = plain;
	CHECK_CALL(mprotect(args, 4096, PROT_READ));
	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), ROUNDS);
	follow_close(&f);
	CHECK_LT(0, steps_mutatee("clone3", NULL, true));
	return 0;
}

const struct scion_test scion_test = { .name = "trap_10_clone3_flags",
				       .trap = "10",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .run = run };
