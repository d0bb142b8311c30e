/* SPDX-License-Identifier: MIT */
/* What scion can and can't do, judged from what was tried out. Pure, as doctor_judge.h says. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor_judge.h"

static void say(struct doctor_ability *a, bool can, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct doctor_ability *a, bool can, const char *format, ...)
{
	va_list args;

	a->can = can;
	va_start(args, format);
	vsnprintf(a->why, sizeof(a->why), format, args);
	va_end(args);
}

static bool has(const struct doctor_facts *f, enum doctor_feature feature)
{
	return f->feature[feature] == 0;
}

static void judge_trace(const struct doctor_facts *f, struct doctor_ability *a)
{
	int err = f->feature[DOCTOR_SEIZE];

	a->what = "trace programs that it starts";
	a->needed = true;
	if (!err)
		say(a, true, "PTRACE_SEIZE works on a child");
	else if (f->machine.yama >= 3)
		say(a, false, "kernel.yama.ptrace_scope is 3: nobody may trace until a reboot");
	else if (err == -EIO)
		say(a, false, "this kernel has no PTRACE_SEIZE (Linux 3.4)");
	else if (f->machine.yama == 2 && !f->machine.cap_sys_ptrace)
		say(a, false,
		    "kernel.yama.ptrace_scope is 2 and CAP_SYS_PTRACE is missing; run as "
		    "root or set it to 1");
	else if (f->machine.seccomp || *f->machine.container)
		say(a, false,
		    "PTRACE_SEIZE: %s; a container's seccomp filter may forbid it: start "
		    "it with --cap-add=SYS_PTRACE",
		    strerror(-err));
	else
		say(a, false, "PTRACE_SEIZE: %s", strerror(-err));
}

static void judge_forks(const struct doctor_facts *f, struct doctor_ability *a)
{
	struct doctor_tally tally = doctor_count(f->samples, f->sample_count);

	a->what = "give back the true PID";
	a->needed = true;
	if (!tally.measured)
		say(a, false, "no fork could be followed to its syscall-exit-stop");
	else
		say(a, tally.right == tally.measured,
		    "at the syscall-exit-stop rax was the child's PID in %zu of %zu calls, and the "
		    "program found its child under it",
		    tally.right, tally.measured);
}

static void judge_attach(const struct doctor_facts *f, struct doctor_ability *a)
{
	const struct doctor_machine *m = &f->machine;

	a->what = "attach to running programs";
	if (!has(f, DOCTOR_SEIZE) || m->yama >= 3)
		say(a, false, "tracing is forbidden here altogether");
	else if (m->cap_sys_ptrace)
		say(a, true, "CAP_SYS_PTRACE is there%s",
		    m->user_namespace ? ", in this user namespace" : "; any user's programs");
	else if (m->yama == 2)
		say(a, false,
		    "kernel.yama.ptrace_scope is 2 and CAP_SYS_PTRACE is missing; run as "
		    "root");
	else if (m->yama == 1)
		say(a, false,
		    "kernel.yama.ptrace_scope is 1: only what scion starts itself, or "
		    "programs that allow it (PR_SET_PTRACER); run as root or set it to 0");
	else
		say(a, true, "%s; the same user's programs that have not changed their rights",
		    m->yama == 0 ? "kernel.yama.ptrace_scope is 0" : "no Yama");
}

static void judge_memory(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "read and write memory";
	a->needed = true;
	if (has(f, DOCTOR_VM_READ) && has(f, DOCTOR_VM_WRITE))
		say(a, true, "by process_vm_readv and process_vm_writev");
	else if (has(f, DOCTOR_MEM_READ))
		say(a, true, "by /proc/PID/mem, since process_vm_readv says: %s",
		    strerror(-f->feature[DOCTOR_VM_READ]));
	else
		say(a, has(f, DOCTOR_SEIZE), "by PTRACE_PEEKDATA alone: slowly");
}

static void judge_code(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "write code";
	a->needed = true;
	if (has(f, DOCTOR_MEM_WRITE_CODE))
		say(a, true, "by /proc/PID/mem");
	else if (has(f, DOCTOR_POKE_CODE))
		say(a, true, "by PTRACE_POKEDATA, since /proc/PID/mem says: %s",
		    strerror(-f->feature[DOCTOR_MEM_WRITE_CODE]));
	else
		say(a, false, "/proc/PID/mem and PTRACE_POKEDATA both refuse r-x pages: %s",
		    strerror(-f->feature[DOCTOR_POKE_CODE]));
}

static void judge_stops(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "tell entry and exit of a call from the kernel";
	if (has(f, DOCTOR_SYSCALL_INFO))
		say(a, true, "PTRACE_GET_SYSCALL_INFO");
	else
		say(a, false, "no PTRACE_GET_SYSCALL_INFO (Linux 5.3): told by the order of stops");
}

static void judge_signals(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "keep signals out of a running payload";
	if (has(f, DOCTOR_SIGMASK))
		say(a, true, "PTRACE_SETSIGMASK");
	else
		say(a, false,
		    "no PTRACE_SETSIGMASK (Linux 3.11): each signal is held back instead");
}

static void judge_seccomp(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "run payloads with system calls under seccomp";
	if (has(f, DOCTOR_SUSPEND_SECCOMP))
		say(a, true, "PTRACE_O_SUSPEND_SECCOMP");
	else if (!f->machine.cap_sys_admin)
		say(a, false,
		    "PTRACE_O_SUSPEND_SECCOMP needs CAP_SYS_ADMIN; payloads without calls "
		    "run, others are refused in filtered programs");
	else
		say(a, false,
		    "PTRACE_O_SUSPEND_SECCOMP: %s; payloads without calls run, others are "
		    "refused in filtered programs",
		    strerror(-f->feature[DOCTOR_SUSPEND_SECCOMP]));
}

static void judge_state(const struct doctor_facts *f, struct doctor_ability *a)
{
	const struct doctor_machine *m = &f->machine;

	a->what = "keep vector registers and critical sections";
	if (!has(f, DOCTOR_XSTATE))
		say(a, false, "NT_X86_XSTATE: %s", strerror(-f->feature[DOCTOR_XSTATE]));
	else
		say(a, true, "%zu bytes of vector state%s%s%s; rseq: %s", m->xstate_size,
		    m->avx512 ? ", AVX-512" : "", m->amx ? ", AMX" : "",
		    m->shadow_stack ? ", shadow stacks are looked for" : "",
		    has(f, DOCTOR_RSEQ) ? "the kernel says where" : "looked for in memory");
}

static void judge_map(const struct doctor_facts *f, struct doctor_ability *a)
{
	a->what = "share memory with programs";
	if (has(f, DOCTOR_MEMFD))
		say(a, true, "memfd_create with seals");
	else
		say(a, false,
		    "memfd_create or its seals (Linux 3.17): %s; payloads without shared "
		    "blocks only",
		    strerror(-f->feature[DOCTOR_MEMFD]));
}

size_t doctor_abilities(const struct doctor_facts *facts,
			struct doctor_ability out[DOCTOR_ABILITIES])
{
	static void (*const judges[DOCTOR_ABILITIES])(const struct doctor_facts *,
						      struct doctor_ability *) = {
		judge_trace, judge_forks,   judge_attach,  judge_memory, judge_code,
		judge_stops, judge_signals, judge_seccomp, judge_state,  judge_map,
	};

	memset(out, 0, DOCTOR_ABILITIES * sizeof(*out));
	for (size_t i = 0; i < DOCTOR_ABILITIES; i++)
		judges[i](facts, &out[i]);
	return DOCTOR_ABILITIES;
}

bool doctor_healthy(const struct doctor_ability *abilities, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (abilities[i].needed && !abilities[i].can)
			return false;
	return true;
}
