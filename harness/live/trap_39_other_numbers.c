/* SPDX-License-Identifier: MIT */
/*
 * Trap 39: int 0x80 and 32-bit tasks number their calls differently (fork 2, clone 120, vfork 190),
 * in 64-bit code too. What PTRACE_GET_SYSCALL_INFO says of the call's architecture is the truth, and
 * what a session tells of the fork agrees with it. A payload is refused in a 32-bit task, with the
 * reason, and the program goes on.
 */
#include <linux/audit.h>

#include "live/trap_steps.h"

static enum scion_fork_kind kind32(unsigned long long number)
{
	return number == 2   ? SCION_FORK_FORK :
	       number == 120 ? SCION_FORK_CLONE :
	       number == 190 ? SCION_FORK_VFORK :
	       number == 435 ? SCION_FORK_CLONE3 :
			       SCION_FORK_UNKNOWN;
}

static size_t kinds[SCION_FORK_UNKNOWN + 1];
static bool may_be_64;

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct user_regs_struct regs;
	struct kernel_syscall_info info;

	if (event->type != SCION_EVENT_FORK)
		return SCION_CONTINUE;
	CHECK_EQ(event->value, event->expected);
	CHECK_EQ(kernel_syscall_info(f->session->kernel, event->tid, &info), 0);
	CHECK_EQ(info.op, KERNEL_OP_EXIT);
	CHECK_EQ(info.rval, event->value);
	if (may_be_64 && info.arch == AUDIT_ARCH_X86_64)
		return SCION_CONTINUE;
	CHECK_EQ(info.arch, AUDIT_ARCH_I386);
	CHECK_EQ(scion_task_regs(f->session, event->tid, &regs), SCION_OK);
	CHECK_EQ(event->kind, kind32(regs.orig_rax));
	kinds[event->kind]++;
	return SCION_CONTINUE;
}

static void follow_32(const char *mutatee, bool code32)
{
	struct scion_options options = { .size = sizeof(options), .log_level = SCION_LOG_ERROR };
	struct follow f = { .skip_signals = true, .on_event = on_event };

	may_be_64 = !code32;
	memset(kinds, 0, sizeof(kinds));
	follow_open(&f, &options);
	/* in a 32-bit task it is told, once, that it can't run */
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_mutatee(&f, mutatee, NULL);
	CHECK_LT(0, follow_check(&f, !code32));
	CHECK_LT(0, kinds[SCION_FORK_FORK]);
	CHECK_EQ(kinds[SCION_FORK_UNKNOWN], 0);
	for (size_t i = 0; i < f.count && code32; i++)
		if (f.events[i].event.type == SCION_EVENT_PAYLOAD) {
			CHECK_EQ(f.events[i].event.error, SCION_ENOTSUP);
			CHECK_CONTAINS(f.events[i].text, "32-bit");
		}
	test_note("%s: fork %zu, vfork %zu, clone %zu", mutatee, kinds[SCION_FORK_FORK],
		  kinds[SCION_FORK_VFORK], kinds[SCION_FORK_CLONE]);
	follow_close(&f);
}

static const char *const mutatees[] = { "fork_int80", NULL };
static const char *const built_if_possible[] = { "fork32_int80", "fork32_sysenter", NULL };

static int run(void)
{
	follow_32("fork_int80", false);
	CHECK_LT(0, kinds[SCION_FORK_VFORK]);
	CHECK_LT(0, kinds[SCION_FORK_CLONE]);
	for (size_t i = 0; built_if_possible[i]; i++) {
		if (access(test_mutatee(built_if_possible[i]), X_OK) == 0)
			follow_32(built_if_possible[i], true);
		else
			test_note("%s was not built: 32-bit tasks are not shown",
				  built_if_possible[i]);
	}
	return 0;
}

const struct scion_test scion_test = { .name = "trap_39_other_numbers",
				       .trap = "39",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .run = run };
