/* SPDX-License-Identifier: MIT */
/*
 * doctor_judge.h - what the doctor makes of what it measured. Pure: no system call.
 *
 * At the event stop of a fork the parent is still inside the call, and what `rax` holds there
 * differs: the call's own number, -ENOSYS, and on one kernel the PID. It depends on the version,
 * on how the task was resumed before, on seccomp filters and on audit, and one kernel can show
 * several. So each call is judged by its own numbers alone, never by the kernel's version nor by
 * what another call showed.
 */
#ifndef SCION_CLI_DOCTOR_JUDGE_H
#define SCION_CLI_DOCTOR_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was measured of one call that makes a task. */
struct doctor_sample {
	const char *call; /* "fork", "posix_spawn" */
	const char *mode; /* "64-bit", "int 0x80", "32-bit" */
	bool libc;        /* made by libc, which takes -ENOSYS of clone3 for its absence */

	int error;      /* not 0: the call itself failed or is missing: its errno */
	bool event;     /* an event stop came: */
	int64_t number; /* orig_rax at it */
	int64_t at_event;
	int op;    /* of PTRACE_GET_SYSCALL_INFO at it, or a negative errno */
	bool done; /* a VFORK_DONE stop came: */
	int64_t at_done;
	bool exit; /* the syscall-exit-stop came: */
	int64_t at_exit;
	int exit_op;
	int64_t pid;    /* what the kernel reported to the tracer (PTRACE_GETEVENTMSG) */
	bool confirmed; /* the program itself found its child under the number that it got */
};

/** What a value in rax is. */
enum doctor_seen {
	DOCTOR_SAW_ENOSYS,
	DOCTOR_SAW_NUMBER,
	DOCTOR_SAW_PID,
	DOCTOR_SAW_EITHER, /* the child's PID happens to be the call's number */
	DOCTOR_SAW_OTHER,
	DOCTOR_SAWS
};

enum doctor_seen doctor_saw(const struct doctor_sample *sample, int64_t value);

/** "-ENOSYS", "call number", "PID", "call number or PID", "other". */
const char *doctor_saw_name(enum doctor_seen seen);

/** What saving registers at the event and restoring them after the call would do to the program. */
enum doctor_damage {
	DOCTOR_UNKNOWN,  /* not measured */
	DOCTOR_HARMLESS, /* the value is the result already */
	DOCTOR_WRONG,    /* the program would get a number that is no child of its */
	DOCTOR_FAILED,   /* the program would see its call fail, though the child is there */
	DOCTOR_TWO,      /* as DOCTOR_FAILED, and libc would call clone: two children */
	DOCTOR_DAMAGES
};

enum doctor_damage doctor_damage(const struct doctor_sample *sample);

/** "corrupts: the program would get 57" and so on. Returns `text`. */
const char *doctor_damage_text(const struct doctor_sample *sample, char *text, size_t size);

/** True if the syscall-exit-stop showed the PID, and the program got it. */
bool doctor_exit_is_right(const struct doctor_sample *sample);

/** How the measured calls stand together. */
struct doctor_tally {
	size_t measured;  /* calls with an event and an exit */
	size_t corrupted; /* of these */
	size_t right;     /* of these: the exit showed the PID */
	size_t saw[DOCTOR_SAWS];
};

struct doctor_tally doctor_count(const struct doctor_sample *samples, size_t count);

/** The finding in a few sentences. Returns `text`. */
const char *doctor_summary(const struct doctor_sample *samples, size_t count, char *text,
			   size_t size);

/** Requests and calls that are tried out; each 0 or a negative errno. */
enum doctor_feature {
	DOCTOR_SEIZE,
	DOCTOR_SYSCALL_INFO,
	DOCTOR_SIGMASK,
	DOCTOR_PEEKSIGINFO,
	DOCTOR_RSEQ,
	DOCTOR_SUD,
	DOCTOR_SUSPEND_SECCOMP,
	DOCTOR_GET_FILTER,
	DOCTOR_XSTATE,
	DOCTOR_VM_READ,
	DOCTOR_VM_WRITE,
	DOCTOR_MEM_READ,
	DOCTOR_MEM_WRITE_CODE,
	DOCTOR_POKE_CODE,
	DOCTOR_KCMP,
	DOCTOR_MEMFD,
	DOCTOR_FEATURES
};

/** "PTRACE_SEIZE", "/proc/PID/mem, writing r-x pages"; what is tried. */
const char *doctor_feature_name(enum doctor_feature feature);
/** "seize" …; the key in JSON. */
const char *doctor_feature_key(enum doctor_feature feature);

/** What surrounds scion. */
struct doctor_machine {
	char release[65];
	int yama;            /* kernel.yama.ptrace_scope, -1: no Yama */
	unsigned seccomp;    /* scion's own: 0, 1 strict, 2 filter */
	char container[96];  /* how it shows, "" if nothing does */
	bool user_namespace; /* not the initial one */
	bool root, cap_sys_ptrace, cap_sys_admin;
	bool avx512, amx, shadow_stack, pku;
	size_t xstate_size;
};

struct doctor_facts {
	struct doctor_machine machine;
	int feature[DOCTOR_FEATURES];
	const struct doctor_sample *samples;
	size_t sample_count;
};

/** One thing that scion can do here, or not, and why. */
struct doctor_ability {
	bool can;
	bool needed; /* without it scion can't work rightly */
	const char *what;
	char why[240];
};

#define DOCTOR_ABILITIES 10

/** Fills `out`; returns how many. */
size_t doctor_abilities(const struct doctor_facts *facts,
			struct doctor_ability out[DOCTOR_ABILITIES]);

/** True if everything that is needed is there. */
bool doctor_healthy(const struct doctor_ability *abilities, size_t count);

#endif
