/* SPDX-License-Identifier: MIT */
#include "cli/doctor_judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NR_CLONE3 435

enum doctor_seen doctor_saw(const struct doctor_sample *sample, int64_t value)
{
	if (value == -ENOSYS)
		return DOCTOR_SAW_ENOSYS;
	if (value == sample->number && value == sample->pid)
		return DOCTOR_SAW_EITHER;
	if (value == sample->number)
		return DOCTOR_SAW_NUMBER;
	return value == sample->pid ? DOCTOR_SAW_PID : DOCTOR_SAW_OTHER;
}

const char *doctor_saw_name(enum doctor_seen seen)
{
	static const char *const names[DOCTOR_SAWS] = {
		[DOCTOR_SAW_ENOSYS] = "-ENOSYS", [DOCTOR_SAW_NUMBER] = "call number",
		[DOCTOR_SAW_PID] = "PID",        [DOCTOR_SAW_EITHER] = "call number or PID",
		[DOCTOR_SAW_OTHER] = "other",
	};

	return names[seen];
}

/* The result is what the exit showed: the PID as the program knows it, its namespace's own. */
enum doctor_damage doctor_damage(const struct doctor_sample *sample)
{
	if (!sample->event || !sample->exit)
		return DOCTOR_UNKNOWN;
	if (sample->at_event == sample->at_exit)
		return DOCTOR_HARMLESS;
	if (sample->at_event == -ENOSYS && sample->libc && sample->number == NR_CLONE3)
		return DOCTOR_TWO;
	if (sample->at_event < 0 && sample->at_event >= -4095)
		return DOCTOR_FAILED;
	return DOCTOR_WRONG;
}

const char *doctor_damage_text(const struct doctor_sample *sample, char *text, size_t size)
{
	long long value = (long long)sample->at_event;

	switch (doctor_damage(sample)) {
	case DOCTOR_HARMLESS:
		snprintf(text, size, "harmless");
		break;
	case DOCTOR_WRONG:
		snprintf(text, size, "corrupts: returns %lld", value);
		break;
	case DOCTOR_FAILED:
		snprintf(text, size, "corrupts: fails, child runs");
		break;
	case DOCTOR_TWO:
		snprintf(text, size, "corrupts: two children");
		break;
	default:
		if (sample->error)
			snprintf(text, size, "not here: %s", strerror(sample->error));
		else
			snprintf(text, size, "not measured");
	}
	return text;
}

bool doctor_exit_is_right(const struct doctor_sample *sample)
{
	return sample->event && sample->exit && sample->at_exit == sample->pid && sample->confirmed;
}

struct doctor_tally doctor_count(const struct doctor_sample *samples, size_t count)
{
	struct doctor_tally tally = { 0 };

	for (size_t i = 0; i < count; i++) {
		enum doctor_damage damage = doctor_damage(&samples[i]);

		if (damage == DOCTOR_UNKNOWN)
			continue;
		tally.measured++;
		tally.corrupted += damage != DOCTOR_HARMLESS;
		tally.right += doctor_exit_is_right(&samples[i]);
		tally.saw[doctor_saw(&samples[i], samples[i].at_event)]++;
	}
	return tally;
}

struct writer {
	char *text;
	size_t size, len;
};

static void add(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct writer *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->len >= w->size)
		return;
	va_start(args, format);
	n = vsnprintf(w->text + w->len, w->size - w->len, format, args);
	va_end(args);
	w->len += n > 0 ? (size_t)n : 0;
}

static void add_saws(struct writer *w, const struct doctor_tally *tally)
{
	const char *before = "";

	for (enum doctor_seen seen = 0; seen < DOCTOR_SAWS; seen++) {
		if (!tally->saw[seen])
			continue;
		add(w, "%s%s %zu time%s", before, doctor_saw_name(seen), tally->saw[seen],
		    tally->saw[seen] == 1 ? "" : "s");
		before = ", ";
	}
}

const char *doctor_summary(const struct doctor_sample *samples, size_t count, char *text,
			   size_t size)
{
	struct doctor_tally tally = doctor_count(samples, count);
	struct writer w = { text, size, 0 };

	if (!tally.measured) {
		snprintf(text, size, "No call could be measured.");
		return text;
	}
	add(&w, "At the event stop rax was: ");
	add_saws(&w, &tally);
	add(&w,
	    ". A tracer that saves registers there and restores them after the call would "
	    "corrupt %zu of %zu calls. ",
	    tally.corrupted, tally.measured);
	if (tally.right == tally.measured)
		add(&w, "At the syscall-exit-stop rax was the PID every time: scion saves there. ");
	else
		add(&w, "At the syscall-exit-stop rax was the PID in %zu of %zu calls only. ",
		    tally.right, tally.measured);
	add(&w, "Another tracer, a seccomp filter or audit can make the same kernel show another "
		"value at the event.");
	return text;
}

static const struct {
	const char *key, *name;
} features[DOCTOR_FEATURES] = {
	[DOCTOR_SEIZE] = { "seize", "PTRACE_SEIZE" },
	[DOCTOR_SYSCALL_INFO] = { "get_syscall_info", "PTRACE_GET_SYSCALL_INFO" },
	[DOCTOR_SIGMASK] = { "getsigmask", "PTRACE_GETSIGMASK, SETSIGMASK" },
	[DOCTOR_PEEKSIGINFO] = { "peeksiginfo", "PTRACE_PEEKSIGINFO" },
	[DOCTOR_RSEQ] = { "rseq_configuration", "PTRACE_GET_RSEQ_CONFIGURATION" },
	[DOCTOR_SUD] = { "syscall_user_dispatch", "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG" },
	[DOCTOR_SUSPEND_SECCOMP] = { "suspend_seccomp", "PTRACE_O_SUSPEND_SECCOMP" },
	[DOCTOR_GET_FILTER] = { "seccomp_get_filter", "PTRACE_SECCOMP_GET_FILTER" },
	[DOCTOR_XSTATE] = { "xstate", "NT_X86_XSTATE" },
	[DOCTOR_VM_READ] = { "process_vm_readv", "process_vm_readv" },
	[DOCTOR_VM_WRITE] = { "process_vm_writev", "process_vm_writev" },
	[DOCTOR_MEM_READ] = { "proc_mem_read", "/proc/PID/mem, reading" },
	[DOCTOR_MEM_WRITE_CODE] = { "proc_mem_write_code", "/proc/PID/mem, writing r-x pages" },
	[DOCTOR_POKE_CODE] = { "poke_code", "PTRACE_POKEDATA, writing r-x pages" },
	[DOCTOR_KCMP] = { "kcmp", "kcmp(KCMP_VM)" },
	[DOCTOR_MEMFD] = { "memfd", "memfd_create and seals" },
};

const char *doctor_feature_name(enum doctor_feature feature)
{
	return features[feature].name;
}

const char *doctor_feature_key(enum doctor_feature feature)
{
	return features[feature].key;
}
